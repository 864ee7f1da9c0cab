"""JAX's half of `harness.backend`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
from keras.src.backend.common import dtypes

# The Gram matrices are float64 whatever the precision of the wavefunction.
jax.config.update("jax_enable_x64", True)
# Keras 3.15 on JAX takes the result of an operation on float64 for float32, whatever that setting: it would compute
# means and hyperbolic functions in float32, and round constants of that type when a model is traced.
getattr(dtypes, "BIT64_TO_BIT32_DTYPE", {}).update({"float64": "float64", "complex128": "complex128"})
# Rounding to 10 bits in matrix products, the default on accelerators, would be seen in second derivatives.
jax.config.update("jax_default_matmul_precision", "highest")


def jit(function: Callable) -> Callable:
    return jax.jit(function)


def fuse(function: Callable) -> Callable:
    """Nothing: XLA compiles the whole."""
    return function


def gradient(function: Callable, x):
    return jax.grad(lambda y: jnp.sum(function(y)))(x)


def derivatives(function: Callable, x) -> tuple[Any, Any, Any]:
    """Forward over reverse: the gradient is linearised once and applied to every coordinate."""
    batch, shape = x.shape[0], x.shape[1:]

    def with_value(y):
        value, pullback = jax.vjp(function, y)
        return pullback(jnp.ones_like(value))[0], value

    first, push, value = jax.linearize(with_value, x, has_aux=True)
    coordinates = first[0].size
    directions = jnp.eye(coordinates, dtype=x.dtype).reshape(coordinates, *shape)

    def along(direction):
        tangent = jnp.broadcast_to(direction, x.shape)
        return jnp.sum(push(tangent).reshape(batch, -1) * direction.reshape(1, -1), axis=1)

    diagonal = jax.vmap(along, out_axes=1)(directions)
    return value, first, diagonal.reshape(x.shape)


def directional_derivatives(function: Callable, inputs: list, tangents: list) -> tuple[Any, Any, Any]:
    """Forward over forward."""

    def first(*values):
        return jax.jvp(function, values, tuple(tangents))

    (value, along), (_, second) = jax.jvp(first, tuple(inputs), tuple(tangents))
    return value, along, second


def static_value(tensor) -> Any:
    """The NumPy value of a constant, or None where it is not known while compiling."""
    return None if isinstance(tensor, jax.core.Tracer) else jax.device_get(tensor)


def parameter_gradient(function: Callable, parameters: list):
    return jax.grad(function)(parameters)


def per_sample_jacobian(function: Callable, parameters: list, x):
    def of_sample(sample):
        gradients = jax.grad(lambda p: function(p, sample[None])[0])(parameters)
        return jnp.concatenate([g.reshape(-1) for g in gradients])

    return jax.vmap(of_sample)(x)


def dependence(function: Callable, parameters: list) -> tuple[list, list[list[bool]], Callable]:
    closed = jax.make_jaxpr(function)(parameters)
    again = jax.extend.core.jaxpr_as_fun(closed)

    def pull_back(outputs: list[int], inputs: list[int], cotangents: list) -> list:
        def chosen(values):
            replaced = dict(zip(inputs, values, strict=True))
            results = again(*(replaced.get(i, p) for i, p in enumerate(parameters)))
            return [results[i] for i in outputs]

        _, pull = jax.vjp(chosen, [parameters[i] for i in inputs])
        return jax.vmap(lambda vectors: pull(vectors)[0])(cotangents)

    return again(*parameters), _dependence(closed.jaxpr), pull_back


def _dependence(jaxpr) -> list[list[bool]]:
    """For each output whether it depends on each input; inner functions count as mixing all that they are given."""
    inputs: dict[Any, frozenset[int]] = {variable: frozenset([i]) for i, variable in enumerate(jaxpr.invars)}

    def of(variables) -> frozenset[int]:
        known = (inputs.get(v, frozenset()) for v in variables if isinstance(v, jax.extend.core.Var))
        return frozenset().union(*known)

    for equation in jaxpr.eqns:
        mixed = frozenset() if equation.primitive.name == "stop_gradient" else of(equation.invars)
        smooth = (v for v in equation.outvars if jnp.issubdtype(v.aval.dtype, jnp.inexact))
        inputs.update(dict.fromkeys(smooth, mixed))
    return [[i in of([variable]) for i in range(len(jaxpr.invars))] for variable in jaxpr.outvars]


def tapped_gradients(function: Callable, parameters: list) -> tuple[list, Any, list[bool]]:
    tapped: list = []

    def untapped(values):
        tapped.clear()

        def record(x):
            tapped.append((x.shape, x.dtype))
            return x

        return function(values, record)[0]

    (connected,) = _dependence(jax.make_jaxpr(untapped)(parameters).jaxpr)

    def total(added):
        remaining = iter(added)
        value, others = function(parameters, lambda x: x + next(remaining))
        return jnp.sum(value), others

    gradients, others = jax.grad(total, has_aux=True)([jnp.zeros(*of) for of in tapped])
    return gradients, others, connected


def ordered_sum(function: Callable, count: int, total):
    if count == 1:
        return total + function(0)
    return jax.lax.fori_loop(0, count, lambda i, t: t + function(i), total)


def in_turn(function: Callable, pieces, results: int) -> tuple:
    return jax.lax.map(function, pieces)


def on_accelerator() -> bool:
    return jax.default_backend() != "cpu"


def coordinates_at_once() -> int:
    return 65536 if on_accelerator() else 256


def cholesky(matrix):
    return jnp.linalg.cholesky(matrix)


def apply_keras_optimizer(optimizer, variables: list, buffers: list, gradients: list, parameters: list):
    parameters, buffers = optimizer.stateless_apply(buffers, gradients, parameters)
    return list(parameters), list(buffers)


def version() -> str:
    return jax.__version__
