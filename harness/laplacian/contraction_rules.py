"""Rules of contractions: products of matrices and einsums, of one or two jets."""

from __future__ import annotations

import logging

import numpy as np
from keras import ops

from harness import backend
from harness.laplacian.jet import NOBODY, Jet, Support, padded, union
from harness.laplacian.rules import is_jet, plain, rule

logger = logging.getLogger(__name__)


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
    inner = [label for label in left if label in right and label not in result and label != "T"]
    rows = [label for label in left if label not in right and label != "T"]
    outer = [label for label in right if label not in left and label != "T"]
    sizes = dict(zip(left + right, (*x.shape, *y.shape), strict=True))
    found = ops.matmul(_arranged(left, batch, rows, inner, sizes, x), _arranged(right, batch, inner, outer, sizes, y))
    if "T" in left and "T" in right:
        found = ops.sum(found, axis=0)
    order = [*("T" if "T" in result else ""), *batch, *rows, *outer]
    return _transposed(ops.reshape(found, [sizes[label] for label in order]), order, result)


def _plain(left: str, right: str, result: str, x, y) -> bool:
    """Whether no label stands twice in a term, no axis of one operand alone is summed, and none is stretched."""
    once = all(len(set(labels)) == len(labels) for labels in (left, right))
    kept = all(label in result for label in set(left) ^ set(right))
    lengths = dict(zip(left, x.shape, strict=True))
    return once and kept and all(lengths.get(label, n) == n for label, n in zip(right, y.shape, strict=True))


def _arranged(labels: str, batch: list[str], rows: list[str], columns: list[str], sizes: dict[str, int], x):
    """The axes of each group as one, in the order of the groups, behind the columns T where there are any."""
    # Rows and columns are exchanged last: compilers let the matrix product do that, and the last axis is not torn.
    exchanged = labels[-1] in rows
    groups = [["T"] if "T" in labels else [], batch, *([columns, rows] if exchanged else [rows, columns])]
    x = _transposed(x, labels, [label for group in groups for label in group])
    shape = [int(np.prod([sizes[label] for label in group], initial=1)) for group in groups]
    x = ops.reshape(x, shape if groups[0] else shape[1:])
    return ops.swapaxes(x, -1, -2) if exchanged else x


def _transposed(x, labels, order):
    """Axes named by ``labels`` in another order."""
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
