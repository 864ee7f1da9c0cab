"""From the taps of a wavefunction to the blocks of its Jacobian."""

from __future__ import annotations

import functools
import logging
import operator
from collections import defaultdict
from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend, stateless
from harness.optimizers.blocks import LARGEST, ExplicitBlock, FactoredBlock, Layout
from harness.optimizers.jacobian import Jacobian
from harness.optimizers.taps import Taps, Use, tap
from zoo.layers.complex_numbers import phase

logger = logging.getLogger(__name__)


def log_abs_jacobian(model: keras.Model, parameters: list, walkers) -> Jacobian:
    """The derivatives of log|Psi| of each sample with respect to the trainable weights of ``model``.

    If Psi is complex, those of the phase of each sample follow as further rows.

    Weights that multiply something as matrices do are known by the inputs of these products and the gradients at their
    outputs; their columns are made only where that is cheaper and they are few. The columns of other weights are
    stored. Weights that enter in a way that is not recognised cost a backward pass for each sample.

    Args:
        model: A wavefunction.
        parameters: Values of its trainable weights.
        walkers: Configurations ``(batch, ...)``.
    """
    walkers = stateless.twice(model, walkers)
    return assemble(model, parameters, walkers, tap(model, parameters, walkers), LARGEST)


def assemble(model: keras.Model, parameters: list, walkers, taps: Taps, space: int) -> Jacobian:
    """The derivatives from what a backward pass found; at most ``space`` entries of columns are stored by choice."""
    columns = _of_hidden(model, parameters, walkers, taps)
    visible = [weight for weight in range(len(parameters)) if weight not in columns]
    pulled = _of_constants(taps, visible)
    groups: dict[tuple, list[tuple[Layout, list[Use]]]] = defaultdict(list)
    for weight in visible:
        uses = [use for use in taps.uses if taps.weight_of[use.constant] == weight]
        layouts = {_layout(weight, tuple(parameters[weight].shape), use) for use in uses}
        layout = layouts.pop() if len(layouts) == 1 else None
        if weight not in pulled and layout is not None:
            inputs = tuple((use.others, use.product.of_other) for use in uses)
            groups[inputs].append((layout, uses))
        elif uses or weight in pulled:
            columns[weight] = _sum([*(_flat(_derivative(use, taps)) for use in uses), *pulled.get(weight, [])])
    blocks: list[ExplicitBlock | FactoredBlock] = []
    for members in groups.values():
        block = _factored(members, taps)
        if block.explicit_is_cheaper and block.entries <= space:
            columns |= block.columns()
            space -= block.entries
        else:
            blocks.append(block)
    if columns:
        blocks.insert(0, ExplicitBlock(dict(sorted(columns.items()))))
    precision = keras.backend.standardize_dtype(parameters[0].dtype)
    sizes, parts = [int(np.prod(p.shape)) for p in parameters], 2 if stateless.is_complex(model) else 1
    return Jacobian(blocks, sizes, walkers.shape[0], precision, parts)


def _of_hidden(model: keras.Model, parameters: list, walkers, taps: Taps) -> dict[int, Any]:
    """Columns of the weights that have uses which are not recognised, by a backward pass for each sample."""
    hidden = [weight for weight, found in enumerate(taps.hidden) if found]
    if not hidden:
        return {}
    names = ", ".join(model.trainable_variables[weight].path for weight in hidden)
    logger.debug("differentiated sample by sample, as not all of their uses are recognised: %s", names)

    def log_psi(values: list, configurations):
        replaced = dict(zip(hidden, values, strict=True))
        full = [replaced.get(weight, value) for weight, value in enumerate(parameters)]
        return stateless.log_psi(model, full, configurations)

    def log_abs(values: list, configurations):
        return log_psi(values, configurations)[1]

    chosen = [parameters[weight] for weight in hidden]
    if stateless.is_complex(model):
        once = walkers[: walkers.shape[0] // 2]
        of_phase = lambda values, configurations: phase(log_psi(values, configurations)[0])  # noqa: E731
        parts = [backend.per_sample_jacobian(function, chosen, once) for function in (log_abs, of_phase)]
        matrix = ops.concatenate(parts, axis=0)
    else:
        matrix = backend.per_sample_jacobian(log_abs, chosen, walkers)
    sizes = [int(np.prod(parameters[weight].shape)) for weight in hidden]
    ends = np.cumsum(sizes).tolist()
    return {w: matrix[:, end - size : end] for w, end, size in zip(hidden, ends, sizes, strict=True)}


def _of_constants(taps: Taps, visible: list[int]) -> dict[int, list]:
    """Columns of weights by the constants that are made of them, as a list of at most one for each weight."""
    found: dict[int, list] = defaultdict(list)
    for use in taps.uses:
        if taps.weight_of[use.constant] is None:
            found[use.constant].append(_derivative(use, taps))
    weights = [weight for weight in visible if any(taps.depends[number][weight] for number in found)]
    if not weights:
        return {}

    cotangents = [_sum(parts) for parts in found.values()]
    pulled = taps.pull_back(list(found), weights, cotangents)
    return {weight: [_flat(part)] for weight, part in zip(weights, pulled, strict=True)}


def _derivative(use: Use, taps: Taps):
    """Derivatives of each sample with respect to an operand, ``(batch, *shape of the operand)``."""
    if use.contraction is not None:
        others = [taps.inputs[number] for number in use.others]
        return ops.einsum(use.contraction.derivative(use.position), *others, use.gradient)
    shape, rank = taps.shapes[use.constant], len(use.gradient.shape)
    aligned = (1,) * (rank - len(shape)) + shape
    broadcast = [axis for axis in range(1, rank) if aligned[axis] == 1]
    summed = ops.sum(use.gradient, axis=broadcast) if broadcast else use.gradient
    return ops.reshape(summed * use.factor, (use.gradient.shape[0], *shape))


def _layout(weight: int, shape: tuple[int, ...], use: Use) -> Layout | None:
    """How the weight is a stack of matrices in a product; None if it is not in one of two factors."""
    if use.roles is None:
        return None
    axes, ends = use.roles.axes, np.cumsum([len(use.roles.stack), len(use.roles.inputs)])
    stack, inputs, outputs = (int(np.prod([shape[axis] for axis in part])) for part in np.split(axes, ends))
    return Layout(weight, shape, axes, (stack, inputs, outputs))


def _factored(members: list[tuple[Layout, list[Use]]], taps: Taps) -> FactoredBlock:
    """The block of weights that multiply the same inputs."""
    stack, inputs, _ = members[0][0].sizes
    batch = members[0][1][0].gradient.shape[0]

    def sorted_axes(equation: str, tensor, last: int):
        return ops.reshape(ops.einsum(equation, tensor), (stack, -1, batch, last))

    def tokens(parts: list):
        return ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    block_inputs = tokens([sorted_axes(u.product.sort_other, taps.inputs[u.others[0]], inputs) for u in members[0][1]])
    gradients = [
        tokens([sorted_axes(use.product.sort_output, use.gradient, layout.sizes[2]) for use in uses])
        for layout, uses in members
    ]
    return FactoredBlock(block_inputs, gradients, [layout for layout, _ in members])


def _flat(part):
    return ops.reshape(part, (part.shape[0], -1))


def _sum(parts: list):
    return functools.reduce(operator.add, parts)
