"""Derivatives of log|Psi| of each sample by one backward pass, against those by a backward pass for each."""

import keras
import numpy as np
import pytest
from keras import ops

from harness import backend, stateless
from harness.optimizers import assembly, blocks
from harness.optimizers.blocks import LARGEST, FactoredBlock, Layout
from harness.optimizers.taps import tap
from zoo.registry import create_model, create_system

BATCH, TOKENS, WIDTH = 4, 4, 3
"""As many samples as tokens, so that axes that are taken for one another show only in the values."""


class Toy(keras.Model):
    """log|Psi| is the sum of what the subclass makes of positions ``(batch, 4, 3)``."""

    def __init__(self):
        super().__init__()
        self.create()
        self(keras.KerasTensor((None, TOKENS, WIDTH), dtype="float64"))
        random = np.random.default_rng(3)
        for variable in self.trainable_variables:
            variable.assign(0.5 * random.normal(size=variable.shape))

    def weight(self, *shape):
        return self.add_weight(shape=shape, name=f"weight_{len(self.trainable_variables)}")

    def create(self):
        raise NotImplementedError

    def features(self, x):
        raise NotImplementedError

    def call(self, x):
        features = ops.sigmoid(self.features(x))
        log_abs = ops.sum(ops.reshape(features, (-1, int(np.prod(features.shape[1:])))), axis=-1)
        return ops.ones_like(log_abs), log_abs


def toy(create, features, hidden=0, factored=0):
    """A class from two functions.

    Args:
        create: Makes weights and layers of a model.
        features: Of the model and the positions.
        hidden: Weights that are to be differentiated sample by sample.
        factored: Weights of which no columns are stored as long as these are costly.
    """
    methods = {"create": create, "features": features, "hidden": hidden, "factored": factored}
    return type("Toy", (Toy,), methods)


def add(**made):
    """A function that gives a model the attributes, from functions of the model."""

    def create(self):
        for name, value in made.items():
            setattr(self, name, value(self) if callable(value) and not isinstance(value, keras.Layer) else value)

    return create


def w(*shape):
    return lambda self: self.weight(*shape)


TOYS = {
    "product": toy(add(w=w(3, 2)), lambda s, x: ops.matmul(x, s.w), factored=1),
    "product with a vector": toy(add(w=w(3)), lambda s, x: ops.matmul(x, s.w), factored=1),
    "weight on the left": toy(add(w=w(5, 4)), lambda s, x: ops.matmul(s.w, x), factored=1),
    "stack of products": toy(add(w=w(4, 3, 2)), lambda s, x: ops.matmul(x[:, :, None], s.w), factored=1),
    "stack that is broadcast": toy(add(w=w(1, 3, 2)), lambda s, x: ops.matmul(x, s.w), hidden=1),
    "dense with bias": toy(lambda s: setattr(s, "d", keras.layers.Dense(5)), lambda s, x: s.d(x), factored=1),
    "two layers": toy(
        lambda s: setattr(s, "d", keras.Sequential([keras.layers.Dense(5, "sigmoid"), keras.layers.Dense(2)])),
        lambda s, x: s.d(x) + s.d(2.0 * x),
        factored=2,
    ),
    "same inputs": toy(
        add(q=w(3, 4), k=w(3, 2)),
        lambda s, x: ops.concatenate([ops.matmul(x, s.q), ops.matmul(x, s.k)], axis=-1),
        factored=2,
    ),
    "used twice": toy(add(w=w(3, 3)), lambda s, x: ops.matmul(ops.exp(0.1 * ops.matmul(x, s.w)), s.w), factored=1),
    "used twice, once transposed": toy(
        add(w=w(3, 3)), lambda s, x: ops.matmul(ops.matmul(x, s.w), ops.transpose(s.w))
    ),
    "used twice, in both directions": toy(
        add(w=w(3, 3)), lambda s, x: ops.einsum("bti,oi->bto", ops.einsum("bti,io->bto", x, s.w), s.w)
    ),
    "product and exponential": toy(add(w=w(3, 3)), lambda s, x: ops.matmul(x, s.w) * ops.exp(s.w[0])),
    "product and scale": toy(
        add(w=w(4, 3)), lambda s, x: ops.matmul(s.w, ops.transpose(x, (0, 2, 1))) + (x * s.w)[..., :1]
    ),
    "arms of where": toy(add(a=w(3), b=w()), lambda s, x: ops.where(x > 0, s.a * 1.0, s.b * 1.0) * x),
    "where of weights alone": toy(
        add(a=w(3), b=w(3)), lambda s, x: x * ops.where(ops.exp(s.a) > 1, s.a * 1.0, s.b * 1.0)
    ),
    "made of two weights": toy(
        add(a=w(3, 2), b=w(3, 2)), lambda s, x: ops.matmul(x, ops.concatenate([s.a, ops.square(s.b)], axis=1))
    ),
    "shape of a weight": toy(add(w=w(6)), lambda s, x: ops.matmul(x, ops.reshape(s.w, (3, 2)))),
    "einsum with dots": toy(add(w=w(3, 2)), lambda s, x: ops.einsum("...i,io->...o", x, s.w), factored=1),
    "heads": toy(add(w=w(4, 3, 2)), lambda s, x: ops.einsum("bhi,hio->bho", x, s.w), factored=1),
    "heads and tokens": toy(
        add(w=w(2, 3, 3)), lambda s, x: ops.einsum("bthi,oih->bhto", x[..., None] * x[:, :, None], s.w), factored=1
    ),
    "sum over an axis of the input": toy(add(w=w(3, 2)), lambda s, x: ops.einsum("bti,io->bo", x, s.w), factored=1),
    "sum over an axis of the weight": toy(add(w=w(3, 2)), lambda s, x: ops.einsum("bti,io->bti", x, s.w), hidden=1),
    "three factors": toy(add(a=w(3, 2), b=w(2, 5)), lambda s, x: ops.einsum("bti,io,op->btp", x, s.a, s.b)),
    "einsum dense": toy(
        lambda s: setattr(s, "d", keras.layers.EinsumDense("abc,cde->abde", output_shape=(4, 2, 3), bias_axes="de")),
        lambda s, x: s.d(x),
        factored=1,
    ),
    "elementwise": toy(
        add(a=w(3), b=w(4, 1), c=w(1, 4, 3), d=w()),
        lambda s, x: ops.maximum(x * s.a - s.b, x / (ops.square(x) + s.c)) + (x + s.d) / ops.exp(s.d),
    ),
    "powers": toy(add(a=w(3), b=w(3)), lambda s, x: ops.power(ops.exp(s.a), x) + ops.power(ops.exp(x), s.b)),
    "more axes than the walkers": toy(add(w=w(2, 4, 3)), lambda s, x: x[:, None] * s.w),
    "axis before the samples": toy(
        add(w=w(2, 1, 1, 1)), lambda s, x: ops.sum(ops.square(x + s.w), axis=0)[..., :2], hidden=1
    ),
    "normalisation": toy(
        lambda s: setattr(s, "n", keras.layers.LayerNormalization(dtype="float64")), lambda s, x: s.n(x)
    ),
    "normalisation of two axes": toy(
        lambda s: setattr(s, "n", keras.layers.LayerNormalization(axis=[1, 2])), lambda s, x: s.n(x), hidden=2
    ),
    "table": toy(
        add(w=w(5, 2)),
        lambda s, x: ops.take(s.w, ops.cast(x > 0, "int32") - ops.cast(x > 1, "int32") * 2, axis=0),
        factored=1,
    ),
    "embedding": toy(
        lambda s: setattr(s, "e", keras.layers.Embedding(3, 2)), lambda s, x: s.e(ops.cast(x > 0, "int32")), factored=1
    ),
    "convolution": toy(lambda s: setattr(s, "c", keras.layers.Conv1D(2, 2)), lambda s, x: s.c(x), hidden=1),
    "samples on the second axis": toy(
        add(w=w(3, 2)), lambda s, x: ops.transpose(ops.matmul(ops.transpose(x, (1, 0, 2)), s.w), (1, 0, 2)), hidden=1
    ),
    "samples back on the first axis": toy(
        add(w=w(3, 2)), lambda s, x: ops.matmul(ops.transpose(ops.transpose(x, (1, 0, 2)), (1, 0, 2)), s.w), factored=1
    ),
    "samples and tokens on one axis": toy(
        add(w=w(3, 2)), lambda s, x: ops.reshape(ops.matmul(ops.reshape(x, (-1, 3)), s.w), (-1, 4, 2)), hidden=1
    ),
    "samples in another order": toy(
        add(w=w(3, 2)),
        lambda s, x: ops.transpose(
            ops.reshape(ops.matmul(ops.reshape(ops.transpose(x, (1, 0, 2)), (-1, 4, 3)), s.w), (4, -1, 2)), (1, 0, 2)
        ),
        hidden=1,
    ),
    "twice as many samples": toy(
        add(w=w(3, 2)), lambda s, x: _halves(ops.matmul(ops.concatenate([x, ops.sigmoid(x)], axis=0), s.w)), hidden=1
    ),
    "unused weights": toy(add(a=w(3, 2), b=w(2), c=w(3)), lambda s, x: x * s.c),
    "weight without effect": toy(add(a=w(3), b=w(3)), lambda s, x: ops.stop_gradient(x * s.a) + x * s.b),
    "constant of a frozen weight": toy(
        lambda s: (add(a=w(3, 3), b=w(3, 3))(s), setattr(s.a, "trainable", False)),
        lambda s, x: ops.matmul(ops.matmul(x, s.a), s.b),
        factored=1,
    ),
}  # fmt: skip


def _halves(x):
    first, second = ops.split(x, 2, axis=0)
    return first * second


def tensors(model: keras.Model) -> list:
    return [ops.copy(variable.value) for variable in model.trainable_variables]


class Comparison:
    """What one compiled function finds of a model: the algebra with and without stored columns, and the plain columns.

    Attributes:
        hidden: Weights that were differentiated sample by sample.
        factored: Weights whose columns were not stored where none had to be.
    """

    def __init__(self, model: keras.Model, parameters: list, walkers):
        random, count = np.random.default_rng(5), sum(int(np.prod(p.shape)) for p in parameters)
        self.direction, self.vector = random.normal(size=count), random.normal(size=walkers.shape[0])
        inputs = (parameters, walkers, ops.convert_to_tensor(self.direction), ops.convert_to_tensor(self.vector))
        found = backend.jit(lambda *inputs: self._compute(model, *inputs))(*inputs)
        self.found, self.expected = keras.tree.map_structure(ops.convert_to_numpy, found)

    def _compute(self, model: keras.Model, parameters: list, walkers, direction, vector):
        taps, found = tap(model, parameters, walkers), []
        self.hidden = sum(taps.hidden)
        for largest in (LARGEST, 0):
            jacobian = assembly.assemble(model, parameters, walkers, taps, largest)
            found.append((jacobian.dense(), jacobian.gram(), jacobian.apply(direction), jacobian.adjoint(vector)))
        self.factored = sum(len(b.weights) for b in jacobian.blocks if isinstance(b, FactoredBlock))
        log_abs = lambda values, x: stateless.log_psi(model, values, x)[1]  # noqa: E731
        return found, backend.per_sample_jacobian(log_abs, parameters, walkers)

    def check(self, tolerance: float = 1e-10) -> None:
        matrix = self.expected
        expected = matrix, matrix @ matrix.T, matrix @ self.direction, self.vector @ matrix
        assert np.abs(matrix).max() > 1e-3
        for found in self.found:
            for value, wanted in zip(found, expected, strict=True):
                np.testing.assert_allclose(value, wanted, rtol=0, atol=tolerance * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("case", TOYS)
def test_every_way_in_which_weights_enter(case):
    """The columns are right, and are found in the way that is meant."""
    model = TOYS[case]()
    walkers = ops.convert_to_tensor(np.random.default_rng(4).normal(size=(BATCH, TOKENS, WIDTH)))
    comparison = Comparison(model, tensors(model), walkers)
    assert (comparison.hidden, comparison.factored) == (model.hidden, model.factored)
    comparison.check()


def test_stock_attention():
    model = toy(
        lambda s: setattr(s, "a", keras.layers.MultiHeadAttention(2, 3)), lambda s, x: s.a(x, x) + s.a(x, 2.0 * x)
    )()
    walkers = ops.convert_to_tensor(np.random.default_rng(4).normal(size=(BATCH, TOKENS, WIDTH)))
    comparison = Comparison(model, tensors(model), walkers)
    assert (comparison.hidden, comparison.factored) == (0, 4)
    comparison.check(1e-10)


ZOO = {
    "dot": ("slater_jastrow_backflow", "quantum_dot_n2", {"n_up": 2, "n_down": 1}),
    "molecule": ("slater_jastrow", "helium", {"basis": "6-31g"}),
    "lattice": ("slater_jastrow", "hubbard", {"extent": [4], "boundary": "A", "n_up": 2, "n_down": 2}),
}


@pytest.mark.parametrize("case", ZOO)
def test_models_of_the_zoo(case):
    """No weight of theirs needs a backward pass for each sample."""
    name, system, options = ZOO[case]
    model = create_model(name, create_system(system, **options))
    random = np.random.default_rng(7)
    weights = [
        ops.convert_to_tensor(ops.convert_to_numpy(p) + 0.1 * random.normal(size=p.shape)) for p in tensors(model)
    ]
    comparison = Comparison(model, weights, ops.convert_to_tensor(model.sample_configurations(9, seed=3)))
    assert comparison.hidden == 0
    comparison.check()


@pytest.mark.parametrize("largest", [1, 100, 2**24], ids=["one by one", "in chunks", "at once"])
@pytest.mark.parametrize(("stack", "tokens"), [(1, 1), (1, 5), (3, 4)])
def test_both_ways_to_the_gram_matrix(stack, tokens, largest, monkeypatch):
    """By columns and by pairs of tokens, in as many parts as memory asks for; also of some samples with all."""
    monkeypatch.setattr(blocks, "LARGEST", largest)
    random, batch, inputs, outputs = np.random.default_rng(2), 6, 4, (3, 2)
    a = random.normal(size=(stack, tokens, batch, inputs))
    gradients = [random.normal(size=(stack, tokens, batch, count)) for count in outputs]
    layouts = [Layout(i, (stack, inputs, count), (0, 1, 2), (stack, inputs, count)) for i, count in enumerate(outputs)]
    explicit = [np.einsum("stbi,stbo->bsio", a, g).reshape(batch, -1) for g in gradients]
    expected = 1.0 + sum(columns @ columns.T for columns in explicit)

    def compute(a, *gradients):
        block, start = FactoredBlock(a, list(gradients), layouts), ops.ones((batch, batch), dtype="float64")
        some = block.with_tensors([x[:, :, 1:3] for x in block.tensors])
        whole = block._products_of_columns(start, block), block._gram_of_pairs(start)
        return whole, (some._products_of_columns(start[1:3], block), some._products_of_pairs(start[1:3], block))

    for wanted, results in zip(
        (expected, expected[1:3]),
        backend.jit(compute)(*(ops.convert_to_tensor(x) for x in (a, *gradients))),
        strict=True,
    ):
        for found in results:
            np.testing.assert_allclose(ops.convert_to_numpy(found), wanted, rtol=1e-12, atol=1e-12)


def test_results_are_the_same_bit_for_bit():
    """Also of another trace of the same model: runs that are resumed end where uninterrupted ones do."""
    model = TOYS["two layers"]()
    parameters = tensors(model)
    walkers = ops.convert_to_tensor(np.random.default_rng(4).normal(size=(BATCH, TOKENS, WIDTH)))
    one, other = (Comparison(model, parameters, walkers) for _ in range(2))
    keras.tree.map_structure(np.testing.assert_array_equal, one.found, other.found)
