"""Rules of operations that are linear in the jet: reductions, and changes of shape."""

from __future__ import annotations

import numpy as np
from keras import ops

from harness import backend
from harness.laplacian.jet import Jet, Support
from harness.laplacian.rules import RULES, is_jet, rule


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
