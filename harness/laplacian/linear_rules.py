"""Rules of operations that are linear in the jet: contractions, reductions, and changes of shape."""

from __future__ import annotations

import logging

import numpy as np
from keras import ops

from harness import backend
from harness.laplacian.jet import NOBODY, Jet, Support, padded, union
from harness.laplacian.rules import RULES, is_jet, plain, rule

logger = logging.getLogger(__name__)


def negative_axes(axis, rank: int) -> tuple[int, ...]:
    """Axes counted from the end; all of them for None."""
    if axis is None:
        return tuple(range(-rank, 0))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(a - rank if a >= 0 else a for a in axes)


@rule("Sum")
def _sum(operation, x):
    axes = negative_axes(operation.axis, x.rank)
    keep, support, jacobian = operation.keepdims, x.support, x.jacobian
    if support is not None and support.axis in axes:
        jacobian = ops.expand_dims(x.summed_jacobian(jacobian), support.axis)
        support = None
    if support is not None and not keep:
        support = Support(support.axis + sum(a > support.axis for a in axes), support.electrons)
    return x.replace(
        value=ops.sum(x.value, axis=axes, keepdims=keep),
        jacobian=ops.sum(jacobian, axis=axes, keepdims=keep),
        laplacian=ops.sum(x.laplacian, axis=axes, keepdims=keep),
        support=support,
    )


@rule("Mean")
def _mean(operation, x):
    """The sum over the number of entries; on JAX `keras.ops.mean` itself would round to float32."""
    total = _sum(operation, x)
    share = 1.0 / float(np.prod([x.value.shape[a] for a in negative_axes(operation.axis, x.rank)]))
    return total.mapped(lambda y: y * share, total.support)


@rule("Prod")
def _prod(operation, x):
    """A product over an axis as repeated multiplication: axes are short."""
    if operation.axis is None:
        return NotImplemented
    (axis,) = negative_axes(operation.axis, x.rank)
    if x.support is not None and x.support.axis == axis:
        x = x.dense()
    result = None
    for index in range(x.value.shape[axis]):
        key = (Ellipsis, slice(index, index + 1), *([slice(None)] * (-axis - 1)))
        factor = _getitem(None, x, key)
        result = factor if result is None else RULES["Multiply"](None, result, factor)
    return result if operation.keepdims else _squeeze_axis(result, axis)


def _squeeze_axis(x: Jet, axis: int) -> Jet:
    support = x.support
    if support is not None and axis > support.axis:
        support = Support(support.axis + 1, support.electrons)
    elif support is not None and axis == support.axis:
        x, support = x.dense(), None
    return x.mapped(lambda y: ops.squeeze(y, axis), support)


@rule("Squeeze")
def _squeeze(operation, x):
    if operation.axis is None:
        return NotImplemented
    for axis in sorted(negative_axes(operation.axis, x.rank)):
        x = _squeeze_axis(x, axis)
    return x


@rule("ExpandDims")
def _expand_dims(operation, x):
    axes = operation.axis if isinstance(operation.axis, (list, tuple)) else [operation.axis]
    if len(axes) > 1:
        return NotImplemented
    axis = axes[0] if axes[0] < 0 else axes[0] - x.rank - 1
    support = x.support
    if support is not None and axis >= support.axis:
        support = Support(support.axis - 1, support.electrons)
    return x.mapped(lambda y: ops.expand_dims(y, axis), support)


@rule("Reshape")
def _reshape(operation, x):
    batch = int(x.value.shape[0])
    target = tuple(operation.newshape)[1:]
    support = x.support
    if support is not None:
        before = [int(n) for n in x.value.shape[1 : x.rank + support.axis]]
        after = [int(n) for n in x.value.shape[x.rank + support.axis + 1 :]]
        size = len(support.electrons)
        place = _axis_kept(before, size, after, list(target))
        if place is None:
            x, support = x.dense(), None
        else:
            support = Support(place - len(target), support.electrons)
    return x.replace(
        value=ops.reshape(x.value, (batch, *target)),
        jacobian=ops.reshape(x.jacobian, (x.jacobian.shape[0], batch, *target)),
        laplacian=ops.reshape(x.laplacian, (batch, *target)),
        support=support,
    )


def _axis_kept(before: list[int], size: int, after: list[int], target: list[int]) -> int | None:
    """Where an axis stands in the target shape, if the reshape leaves it whole."""
    if -1 in target:
        known = int(np.prod([n for n in target if n != -1]))
        target = [int(np.prod([*before, size, *after])) // known if n == -1 else n for n in target]
    for place, length in enumerate(target):
        same_front = np.prod(target[:place], initial=1) == np.prod(before, initial=1)
        if length == size and same_front and np.prod(target[place + 1 :], initial=1) == np.prod(after, initial=1):
            return place
    return None


@rule("Transpose")
def _transpose(operation, x):
    axes = operation.axes if operation.axes is not None else tuple(reversed(range(x.rank)))
    axes = [a % x.rank for a in axes]
    if axes[0] != 0:
        return NotImplemented
    support = x.support
    if support is not None:
        support = Support(axes.index(x.rank + support.axis) - x.rank, support.electrons)
    return x.replace(
        value=ops.transpose(x.value, axes),
        jacobian=ops.transpose(x.jacobian, (0, *(a + 1 for a in axes))),
        laplacian=ops.transpose(x.laplacian, axes),
        support=support,
    )


@rule("Swapaxes")
def _swapaxes(operation, x):
    one, two = negative_axes((operation.axis1, operation.axis2), x.rank)
    support = x.support
    if support is not None and support.axis in (one, two):
        support = Support(two if support.axis == one else one, support.electrons)
    return x.mapped(lambda y: ops.swapaxes(y, one, two), support)


@rule("GetItem")
def _getitem(operation, x, key):
    key = key if isinstance(key, tuple) else (key,)
    if any(not (k is None or k is Ellipsis or isinstance(k, (int, slice))) for k in key):
        return NotImplemented
    used = sum(k is not None and k is not Ellipsis for k in key)
    fill = [slice(None)] * (x.rank - used)
    if Ellipsis in key:
        place = key.index(Ellipsis)
        key = (*key[:place], *fill, *key[place + 1 :])
    else:
        key = (*key, *fill)
    if not key or key[0] != slice(None):
        return NotImplemented
    support = x.support
    if support is not None:
        source, result, kept = 0, 0, None
        for k in key:
            if k is not None:
                if source == x.rank + support.axis:
                    kept = (k, result)
                source += 1
            result += not isinstance(k, int)
        index, place = kept
        if isinstance(index, int):
            x, support = x.dense(), None
        else:
            support = Support(place - result, support.electrons[index])
    return x.replace(
        value=x.value[key], jacobian=x.jacobian[(slice(None), *key)], laplacian=x.laplacian[key], support=support
    )


@rule("Take")
def _take(operation, x, indices):
    if is_jet(indices) or operation.axis is None:
        return NotImplemented
    axis = operation.axis if operation.axis < 0 else operation.axis - x.rank
    places = backend.static_value(indices)
    if places is None or np.ndim(places) != 1 or axis == -x.rank:
        return NotImplemented
    support = x.support
    if support is not None and support.axis == axis:
        support = Support(axis, support.electrons[np.asarray(places)])
    return x.mapped(lambda y: ops.take(y, indices, axis=axis), support)


@rule("Concatenate", "Stack")
def _join(operation, parts):
    jets = [part for part in parts if is_jet(part)]
    join = ops.concatenate if type(operation).__name__ == "Concatenate" else ops.stack
    rank = jets[0].rank + (join is ops.stack)
    axis = operation.axis if operation.axis < 0 else operation.axis - rank
    support = jets[0].support
    # A new axis behind the support's moves it one to the left.
    along = support is not None and join is ops.concatenate and axis == support.axis
    same = all(jet.support is not None and support is not None and support.equals(jet.support) for jet in jets)
    if along or not same:
        jets, support = [jet.dense() for jet in jets], None
    elif support is not None and join is ops.stack and axis >= support.axis:
        support = Support(support.axis - 1, support.electrons)
    ready = iter(jets)
    full = [next(ready) if is_jet(part) else _constant_jet(part, jets[0]) for part in parts]
    return full[0].replace(
        value=join([part.value for part in full], axis=axis),
        jacobian=join([part.jacobian for part in full], axis=axis),
        laplacian=join([part.laplacian for part in full], axis=axis),
        support=support,
    )


def _constant_jet(value, like: Jet) -> Jet:
    value = ops.convert_to_tensor(value, dtype=like.value.dtype)
    columns = like.jacobian.shape[0]
    zeros = ops.zeros_like(value)
    jacobian = ops.broadcast_to(ops.expand_dims(zeros, 0), (columns, *value.shape))
    return Jet(value, jacobian, zeros, like.space, like.support)


@rule("Matmul")
def _matmul(operation, a, b):
    rank = max(len(plain(a).shape), len(plain(b).shape))
    if len(plain(b).shape) == 1:
        if len(plain(a).shape) < 2:
            return NotImplemented
        return contract("...k,k->...", a, b)
    if len(plain(a).shape) == 1:
        return contract("k,...kj->...j", a, b)
    batched = "".join(chr(ord("A") + i) for i in range(rank - 2))
    left, right = (batched[rank - len(plain(x).shape) :] for x in (a, b))
    if any(plain(a).shape[i] != plain(b).shape[i] for i in range(-min(len(left), len(right)) - 2, -2)):
        return NotImplemented
    return contract(f"{left}yk,{right}kz->{batched}yz", a, b)


@rule("Einsum")
def _einsum(operation, *operands):
    if len(operands) == 1:
        return contract_one(operation.subscripts, operands[0])
    if len(operands) != 2:
        return NotImplemented
    return contract(operation.subscripts, *operands)


def contract_one(subscripts: str, x: Jet):
    """An einsum of one operand: sums and permutations."""
    x = x.dense()
    source, result = _labels(subscripts, (x,))
    form = f"{source[0]}->{result}"
    return x.replace(
        value=ops.einsum(form, x.value),
        jacobian=ops.einsum(f"T{source[0]}->T{result}", x.jacobian),
        laplacian=ops.einsum(form, x.laplacian),
    )


def contract(subscripts: str, a, b):
    """An einsum of two operands, one or both of them jets; the columns travel under the label T."""
    (left, right), result = _labels(subscripts, (a, b))
    form = f"{left},{right}->{result}"
    if is_jet(a) and is_jet(b):
        a, b, support = _contracted_support_of_both(a, b, left, right, result)
        value = product(left, right, result, a.value, b.value)
        jacobian = product(f"T{left}", right, f"T{result}", a.jacobian, b.value)
        jacobian = jacobian + product(left, f"T{right}", f"T{result}", a.value, b.jacobian)
        laplacian = product(left, right, result, a.laplacian, b.value)
        laplacian = laplacian + product(left, right, result, a.value, b.laplacian)
        laplacian = laplacian + 2.0 * product(f"T{left}", f"T{right}", result, a.jacobian, b.jacobian)
        return Jet(value, jacobian, laplacian, a.space, support)
    jet, other, of_jet, of_other = (a, b, left, right) if is_jet(a) else (b, a, right, left)
    form = f"{of_jet},{of_other}->{result}"
    jet, jacobian, support = _contracted_columns(jet, other, of_jet, of_other, result)
    return Jet(ops.einsum(form, jet.value, other), jacobian, ops.einsum(form, jet.laplacian, other), jet.space, support)


def product(left: str, right: str, result: str, x, y):
    """An einsum of two operands as matrix products, one for each entry of the axes that all three have.

    The backends would first bring the columns T to one matrix, and so copy the largest arrays there are: here T stays
    in front, and the small factor is multiplied to each column. Without common axes it is one matrix product for all.
    """
    batch = [label for label in left if label in right and label in result]
    if not batch or not _plain(left, right, result, x, y):
        return ops.einsum(f"{left},{right}->{result}", x, y)
    columns = "T" if "T" in result else ""
    summed = "T" if "T" in left and "T" in right else ""
    inner = [label for label in left if label in right and label not in result and label != "T"]
    rows = [label for label in left if label not in right and label != "T"]
    outer = [label for label in right if label not in left and label != "T"]
    sizes = dict(zip(left + right, (*x.shape, *y.shape), strict=True))
    first = _arranged(left, [batch, rows, inner], sizes, x)
    second = _arranged(right, [batch, inner, outer], sizes, y)
    found = ops.matmul(first, second)
    if summed:
        found = ops.sum(found, axis=0)
    order = [*columns, *batch, *rows, *outer]
    found = ops.reshape(found, [sizes[label] for label in order])
    return _transposed(found, order, result)


def _plain(left: str, right: str, result: str, x, y) -> bool:
    """Whether no label stands twice in a term, no axis of one operand alone is summed, and none is stretched."""
    once = all(len(set(labels)) == len(labels) for labels in (left, right))
    kept = all(label in result for label in set(left) ^ set(right))
    lengths = dict(zip(left, x.shape, strict=True))
    return once and kept and all(lengths.get(label, n) == n for label, n in zip(right, y.shape, strict=True))


def _arranged(labels: str, groups: list[list[str]], sizes: dict, x):
    """Axes in the order of the three groups, each group one axis; the columns, if any, in front."""
    front = ["T"] if "T" in labels else []
    batch, rows, columns = groups
    # Rows and columns are exchanged last: compilers let the matrix product do that, and the last axis is not torn.
    exchanged = labels[-1] in rows
    order = [*front, *batch, *(columns + rows if exchanged else rows + columns)]
    shape = [int(np.prod([sizes[label] for label in group], initial=1)) for group in (batch, rows, columns)]
    if exchanged:
        shape[1:] = shape[:0:-1]
    found = ops.reshape(_transposed(x, labels, order), [*(sizes[label] for label in front), *shape])
    return ops.swapaxes(found, -1, -2) if exchanged else found


def _transposed(x, labels, order):
    axes = [list(labels).index(label) for label in order]
    return x if axes == sorted(axes) else ops.transpose(x, axes)


def _labels(subscripts: str, operands) -> tuple[list[str], str]:
    """Labels of each operand and of the result, with an ellipsis spelled out in capitals."""
    inputs, result = subscripts.replace(" ", "").split("->")
    sources = inputs.split(",")
    spread = ""
    for labels, operand in zip(sources, operands, strict=True):
        if "..." in labels:
            count = len(plain(operand).shape) - len(labels.replace("...", ""))
            spread = max(spread, "ZYXWVUSRQP"[:count][::-1], key=len)
    expanded = []
    for labels, operand in zip(sources, operands, strict=True):
        count = len(plain(operand).shape) - len(labels.replace("...", ""))
        expanded.append(labels.replace("...", spread[len(spread) - count :] if count else ""))
    return expanded, result.replace("...", spread)


def _contracted_support_of_both(a: Jet, b: Jet, left: str, right: str, result: str):
    """Both operands with the same columns, and the support of the result."""
    one, two = a.support, b.support
    if one is not None and two is not None and left[one.axis] == right[two.axis] and left[one.axis] in result:
        electrons = union(one.electrons, two.electrons)
        if electrons.shape[1] < a.space.n_electrons:
            place = result.index(left[one.axis]) - len(result)
            return a.widened(electrons), b.widened(electrons), Support(place, electrons)
    return a.dense(), b.dense(), None


def _contracted_columns(jet: Jet, other, of_jet: str, of_other: str, result: str):
    """Jacobian of the contraction with a constant, and its support.

    Where the constant mixes the entries of the support's axis by a matrix that is known and sparse, such as the
    incidence of pairs, the support goes through the matrix: a pair depends on its two electrons.
    """
    support = jet.support
    plain_form = f"T{of_jet},{of_other}->T{result}"
    if support is None:
        return jet, ops.einsum(plain_form, jet.jacobian, other), None
    label = of_jet[support.axis]
    if label in result:
        moved = Support(result.index(label) - len(result), support.electrons)
        return jet, ops.einsum(plain_form, jet.jacobian, other), moved
    matrix = backend.static_value(other)
    if matrix is None:
        logger.debug("%s,%s->%s: a factor that is not known while compiling; locality ends", of_jet, of_other, result)
    if matrix is None or len(of_other) != 2 or label not in of_other:
        return _dense_columns(jet, other, plain_form)
    new = of_other.replace(label, "")
    if len(new) != 1 or new not in result or new in of_jet:
        return _dense_columns(jet, other, plain_form)
    matrix = np.asarray(matrix) if of_other[0] == new else np.asarray(matrix).T  # (new, old)
    electrons = _through(matrix, support.electrons)
    if electrons.shape[1] >= jet.space.n_electrons:
        return _dense_columns(jet, other, plain_form)
    # For each new entry the old ones that it is made of; weights[p, m, k, l]: entry p takes column k of its m-th old
    # entry as its column l.
    sources, factors = _rows(matrix)
    into = (support.electrons[sources][..., None] == electrons[:, None, None, :]) & (electrons != NOBODY)[:, None, None]
    weights = factors[..., None, None] * into
    old_count, new_count, dim = support.electrons.shape[1], electrons.shape[1], jet.space.dim
    place = jet.rank + support.axis
    columns = ops.take(jet.jacobian, sources.reshape(-1), axis=1 + place)
    shape = [int(n) for n in jet.jacobian.shape[1:]]
    columns = ops.reshape(columns, (old_count, dim, *shape[:place], *sources.shape, *shape[place + 1 :]))
    form = f"KD{of_jet.replace(label, new + label)},{new}{label}KL->LD{result}"
    moved = ops.einsum(form, columns, ops.convert_to_tensor(weights, dtype=jet.value.dtype))
    jacobian = ops.reshape(moved, (new_count * dim, *moved.shape[2:]))
    return jet, jacobian, Support(result.index(new) - len(result), electrons)


def _rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of the entries of each row that are not zero, filled up with entries that are."""
    width = max(1, int((matrix != 0).sum(axis=1).max()))
    places = np.argsort(matrix == 0, axis=1, kind="stable")[:, :width]
    return places, np.take_along_axis(matrix, places, axis=1)


def _dense_columns(jet: Jet, other, form: str):
    jet = jet.dense()
    return jet, ops.einsum(form, jet.jacobian, other), None


def _through(matrix: np.ndarray, electrons: np.ndarray) -> np.ndarray:
    """Electrons that each row of a constant matrix times the entries depends on."""
    return padded([{int(e) for n in np.flatnonzero(row) for e in electrons[n]} for row in matrix])
