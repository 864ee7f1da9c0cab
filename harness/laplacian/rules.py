"""How each Keras operation carries a `Jet` forward: a table from the name of its class to a rule.

A rule takes the operation and its arguments, some of them jets, and returns a jet, or a plain tensor where the result
has no derivative. Elementwise functions and products follow the chain rule

    J' = f' J,   L' = f' L + f'' sum_c J_c^2,      L(ab) = a L(b) + b L(a) + 2 sum_c J_c(a) J_c(b);

linear operations act on value, Jacobian and Laplacian alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from harness.laplacian.jet import Jet, Support, aligned

RULES: dict[str, Callable[..., Any]] = {}


def rule(*names: str):
    """Register a rule for operations of these class names."""

    def register(function):
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def is_jet(value: Any) -> bool:
    return isinstance(value, Jet)


def plain(value: Any) -> Any:
    """The value without derivatives."""
    return value.value if is_jet(value) else value


def squared(jacobian):
    """sum_c J_c^2."""
    return ops.sum(ops.square(jacobian), axis=0)


def elementwise(x: Jet, value, first, second) -> Jet:
    """f(x) from f, f' and f'' at x."""
    return x.replace(
        value=value, jacobian=x.jacobian * first, laplacian=x.laplacian * first + squared(x.jacobian) * second
    )


@rule("Square")
def _square(operation, x):
    return elementwise(x, ops.square(x.value), 2.0 * x.value, 2.0)


@rule("Sqrt")
def _sqrt(operation, x):
    root = ops.sqrt(x.value)
    return elementwise(x, root, 0.5 / root, -0.25 / (root * x.value))


@rule("Rsqrt")
def _rsqrt(operation, x):
    root = ops.rsqrt(x.value)
    return elementwise(x, root, -0.5 * root / x.value, 0.75 * root / ops.square(x.value))


@rule("Exp")
def _exp(operation, x):
    value = ops.exp(x.value)
    return elementwise(x, value, value, value)


@rule("Expm1")
def _expm1(operation, x):
    value = ops.exp(x.value)
    return elementwise(x, ops.expm1(x.value), value, value)


@rule("Log")
def _log(operation, x):
    inverse = 1.0 / x.value
    return elementwise(x, ops.log(x.value), inverse, -ops.square(inverse))


@rule("Log1p")
def _log1p(operation, x):
    inverse = 1.0 / (1.0 + x.value)
    return elementwise(x, ops.log1p(x.value), inverse, -ops.square(inverse))


@rule("Tanh")
def _tanh(operation, x):
    value = ops.tanh(x.value)
    first = 1.0 - ops.square(value)
    return elementwise(x, value, first, -2.0 * value * first)


@rule("Sigmoid")
def _sigmoid(operation, x):
    value = ops.sigmoid(x.value)
    first = value * (1.0 - value)
    return elementwise(x, value, first, first * (1.0 - 2.0 * value))


@rule("Softplus")
def _softplus(operation, x):
    first = ops.sigmoid(x.value)
    return elementwise(x, ops.softplus(x.value), first, first * (1.0 - first))


@rule("Silu")
def _silu(operation, x):
    gate = ops.sigmoid(x.value)
    slope = gate * (1.0 - gate)
    second = slope * (2.0 + x.value * (1.0 - 2.0 * gate))
    return elementwise(x, x.value * gate, gate + x.value * slope, second)


@rule("Sin")
def _sin(operation, x):
    value = ops.sin(x.value)
    return elementwise(x, value, ops.cos(x.value), -value)


@rule("Cos")
def _cos(operation, x):
    value = ops.cos(x.value)
    return elementwise(x, value, -ops.sin(x.value), -value)


@rule("Absolute", "Abs")
def _absolute(operation, x):
    sign = ops.sign(x.value)
    return elementwise(x, ops.abs(x.value), sign, 0.0)


@rule("Reciprocal")
def _reciprocal(operation, x):
    value = 1.0 / x.value
    return elementwise(x, value, -ops.square(value), 2.0 * value * ops.square(value))


@rule("Power")
def _power(operation, x, exponent):
    if not is_jet(x) or is_jet(exponent):
        return NotImplemented
    value = ops.power(x.value, exponent)
    first = exponent * ops.power(x.value, exponent - 1)
    return elementwise(x, value, first, exponent * (exponent - 1) * ops.power(x.value, exponent - 2))


@rule("Negative")
def _negative(operation, x):
    return x.replace(value=-x.value, jacobian=-x.jacobian, laplacian=-x.laplacian)


@rule("Add")
def _add(operation, a, b):
    return _sum(a, b, 1.0)


@rule("Subtract")
def _subtract(operation, a, b):
    return _sum(a, b, -1.0)


def _sum(a, b, sign: float):
    if is_jet(a) and is_jet(b):
        a, b = aligned(*same_rank(a, b))
        return a.replace(
            value=a.value + sign * b.value,
            jacobian=a.jacobian + sign * b.jacobian,
            laplacian=a.laplacian + sign * b.laplacian,
        )
    value = plain(a) + sign * plain(b)
    jet, factor = (a, 1.0) if is_jet(a) else (b, sign)
    jet = broadcast_like(jet, value)
    return jet.replace(value=value, jacobian=jet.jacobian * factor, laplacian=jet.laplacian * factor)


@rule("Multiply")
def _multiply(operation, a, b):
    if is_jet(a) and is_jet(b):
        a, b = aligned(*same_rank(a, b))
        return a.replace(
            value=a.value * b.value,
            jacobian=a.jacobian * b.value + b.jacobian * a.value,
            laplacian=a.laplacian * b.value + b.laplacian * a.value + 2.0 * ops.sum(a.jacobian * b.jacobian, axis=0),
        )
    jet, other = (a, b) if is_jet(a) else (b, a)
    value = jet.value * other
    jet = broadcast_like(jet, value)
    return jet.replace(value=value, jacobian=jet.jacobian * other, laplacian=jet.laplacian * other)


@rule("Divide", "TrueDivide")
def _divide(operation, a, b):
    if not is_jet(b):
        return _multiply(None, a, 1.0 / b)
    return _multiply(None, a, _reciprocal(None, b))


def same_rank(a: Jet, b: Jet) -> tuple[Jet, Jet]:
    """Both jets with the rank and, on the axes of their supports, the size of the broadcast result."""
    rank = max(a.rank, b.rank)
    a, b = (with_rank(x, rank) for x in (a, b))
    return fitting(a, b.value.shape), fitting(b, a.value.shape)


def with_rank(jet: Jet, rank: int) -> Jet:
    """The jet with leading axes of length one, as broadcasting would add them; its column axis stays in front."""
    if jet.rank == rank:
        return jet
    missing = (1,) * (rank - jet.rank)
    shape = tuple(jet.value.shape)
    return jet.replace(
        value=ops.reshape(jet.value, (*missing, *shape)),
        jacobian=ops.reshape(jet.jacobian, (jet.jacobian.shape[0], *missing, *shape)),
        laplacian=ops.reshape(jet.laplacian, (*missing, *shape)),
    )


def fitting(jet: Jet, shape) -> Jet:
    """Dense where broadcasting against ``shape`` would stretch the axis of the support."""
    support = jet.support
    if support is None or len(support.electrons) > 1 or -support.axis > len(shape) or shape[support.axis] == 1:
        return jet
    return jet.dense()


def broadcast_like(jet: Jet, value) -> Jet:
    """The jet broadcast to the shape of ``value``."""
    if tuple(jet.value.shape) == tuple(value.shape):
        return jet
    jet = fitting(with_rank(jet, len(value.shape)), value.shape)
    shape = tuple(value.shape)
    return jet.replace(
        value=ops.broadcast_to(jet.value, shape),
        jacobian=ops.broadcast_to(jet.jacobian, (jet.jacobian.shape[0], *shape)),
        laplacian=ops.broadcast_to(jet.laplacian, shape),
    )


@rule("Where")
def _where(operation, condition, a=None, b=None):
    condition = plain(condition)

    def part(x, y):
        value = ops.where(condition, plain(x), plain(y))
        return value, *(j for j in (x, y) if is_jet(j))

    value, *jets = part(a, b)
    jets = [broadcast_like(jet, value) for jet in jets]
    if len(jets) == 2:
        one, two = aligned(*jets)
        choose = lambda x, y: ops.where(condition, x, y)  # noqa: E731
        return one.replace(
            value=value,
            jacobian=choose(one.jacobian, two.jacobian),
            laplacian=choose(one.laplacian, two.laplacian),
        )
    (jet,) = jets
    keep = condition if is_jet(a) else ops.logical_not(condition)
    zero = lambda x: ops.where(keep, x, ops.zeros_like(x))  # noqa: E731
    return jet.replace(value=value, jacobian=zero(jet.jacobian), laplacian=zero(jet.laplacian))


@rule(
    *("StopGradient", "Sign", "ZerosLike", "OnesLike", "FullLike", "Floor", "Round", "Isfinite", "Isinf", "Isnan"),
    *("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "LogicalNot", "LogicalAnd", "LogicalOr"),
)
def _without_derivative(operation, *arguments, **options):
    return operation(*(plain(a) for a in arguments), **{name: plain(o) for name, o in options.items()})


@rule("Cast")
def _cast(operation, x, *rest, **options):
    dtype = operation.dtype
    return x.replace(
        value=ops.cast(x.value, dtype), jacobian=ops.cast(x.jacobian, dtype), laplacian=ops.cast(x.laplacian, dtype)
    )


@rule("Softmax")
def _softmax(operation, x):
    axis = operation.axis if operation.axis < 0 else operation.axis - x.rank
    if x.support is not None and x.support.axis == axis:
        x = x.dense()
    probability = ops.softmax(x.value, axis=axis)

    def centred(y):
        return y - ops.sum(probability * y, axis=axis, keepdims=True)

    first = centred(x.jacobian)
    curvature = centred(x.laplacian + squared(first))
    return x.replace(value=probability, jacobian=probability * first, laplacian=probability * curvature)


@rule("Slogdet")
def _slogdet(operation, x):
    """log|det M|: J = tr(M^-1 J), L = tr(M^-1 L) - sum_c tr(M^-1 J_c M^-1 J_c)."""
    sign, log_abs = ops.slogdet(x.value)
    inverse = ops.inv(x.value)
    transposed = ops.swapaxes(inverse, -1, -2)
    linear = ops.sum(transposed * x.laplacian, axis=(-2, -1))
    support = x.support
    if support is not None and support.axis == -2 and support.electrons.shape[1] == 1:
        # Each row depends on one electron of its own, so each J_c has a single row.
        rows = ops.sum(transposed * x.jacobian, axis=-1)
        row_of = x.replace(value=x.value[..., 0], support=Support(-1, support.electrons))
        jacobian = row_of.summed_jacobian(rows)
        laplacian = linear - ops.sum(ops.square(rows), axis=(0, -1))
        return sign, x.replace(value=log_abs, jacobian=jacobian, laplacian=laplacian, support=None)
    x = x.dense()
    products = ops.matmul(inverse, x.jacobian)
    jacobian = ops.trace(products, axis1=-2, axis2=-1)
    squares = ops.sum(products * ops.swapaxes(products, -1, -2), axis=(0, -2, -1))
    return sign, x.replace(value=log_abs, jacobian=jacobian, laplacian=linear - squares)
