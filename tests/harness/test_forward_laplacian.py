"""Every rule of the forward Laplacian against nested differentiation, with and without locality."""

import keras
import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.laplacian import forward_laplacian, gradient_and_laplacian
from harness.laplacian.contraction_rules import contract
from harness.laplacian.forward import interpret
from harness.laplacian.jet import NOBODY, Jet, Support, positions_jet, union
from harness.laplacian.rules import RULES
from zoo.layers.distance_features import ElectronDistances
from zoo.layers.features import PairFeatures
from zoo.layers.pairs import all_pairs, spin_pairs
from zoo.registry import create_model, create_system

BATCH, ELECTRONS, DIM = 5, 4, 3
random = np.random.default_rng(3)
WEIGHTS = random.normal(size=(DIM, 6))
MIXING = random.normal(size=(ELECTRONS, ELECTRONS))
MASK = random.random((1, ELECTRONS, 6)) < 0.5
PAIRS = all_pairs(ELECTRONS)


def tensor(array):
    return ops.convert_to_tensor(array, dtype="float64")


def features(x):
    """Of each electron alone: ``(batch, electrons, 6)``, entries between 0.3 and 1.7."""
    return 0.3 + 1.4 * ops.sigmoid(ops.matmul(x, tensor(WEIGHTS)))


def mixed(x):
    """Of all electrons: ``(batch, electrons, 6)``."""
    return ops.einsum("ij,bjk->bik", tensor(MIXING), features(x))


def of_pairs(x):
    """Of two electrons each: ``(batch, pairs)``."""
    return PAIRS.distances(x)


def outer(x):
    """Products of features: ``(batch, electrons, 6, 6)``."""
    return ops.einsum("bik,bil->bikl", features(x), ops.exp(features(x)))


CASES = {
    "positions": lambda x: x,
    "square": lambda x: ops.square(features(x)),
    "sqrt": lambda x: ops.sqrt(features(x)),
    "rsqrt": lambda x: ops.rsqrt(features(x)),
    "exp": lambda x: ops.exp(features(x)),
    "expm1": lambda x: ops.expm1(features(x)),
    "log": lambda x: ops.log(features(x)),
    "log1p": lambda x: ops.log1p(features(x)),
    "tanh": lambda x: ops.tanh(mixed(x)),
    "sigmoid": lambda x: ops.sigmoid(mixed(x)),
    "softplus": lambda x: ops.softplus(mixed(x)),
    "silu": lambda x: ops.silu(mixed(x)),
    "sin": lambda x: ops.sin(mixed(x)),
    "cos": lambda x: ops.cos(mixed(x)),
    "absolute": lambda x: ops.abs(mixed(x)),
    "negative": lambda x: ops.negative(mixed(x)),
    "reciprocal": lambda x: ops.reciprocal(features(x)),
    "power": lambda x: ops.power(features(x), 3),
    "power of a power": lambda x: ops.power(features(x), -1.5),
    "add local to mixed": lambda x: features(x) + mixed(x),
    "add a constant": lambda x: features(x) + tensor(WEIGHTS[0]),
    "add, broadcast over electrons": lambda x: features(x) + ops.sum(features(x), axis=1, keepdims=True),
    "subtract": lambda x: mixed(x) - features(x),
    "constant minus": lambda x: 2.0 - features(x),
    "multiply": lambda x: features(x) * mixed(x),
    "multiply local by local": lambda x: features(x) * ops.exp(-features(x)),
    "multiply by a constant": lambda x: features(x) * tensor(WEIGHTS[1]),
    "multiply pairs of electrons": lambda x: ops.expand_dims(features(x), 1) * ops.expand_dims(features(x), 2),
    "divide": lambda x: features(x) / (3.0 + mixed(x) ** 2),
    "divide by a constant": lambda x: features(x) / tensor(1.0 + WEIGHTS[2] ** 2),
    "constant over": lambda x: 1.0 / features(x),
    "where": lambda x: ops.where(mixed(x) > 0, features(x), mixed(x)),
    "where, one side constant": lambda x: ops.where(tensor(MASK) > 0.5, ops.zeros_like(features(x)), features(x)),
    "stop gradient": lambda x: features(x) * ops.stop_gradient(mixed(x)),
    "sign": lambda x: features(x) * ops.sign(mixed(x)),
    "cast": lambda x: ops.cast(features(x), "float64") * 2.0,
    "softmax": lambda x: ops.softmax(mixed(x), axis=-1),
    "softmax over electrons": lambda x: ops.softmax(features(x), axis=1),
    "sum over features": lambda x: ops.sum(features(x), axis=-1),
    "sum over electrons": lambda x: ops.sum(features(x), axis=1),
    "sum over electrons, kept": lambda x: ops.sum(features(x), axis=1, keepdims=True),
    "sum over both": lambda x: ops.sum(features(x), axis=(1, 2)),
    "mean over electrons": lambda x: ops.mean(features(x), axis=-2),
    "mean over features, kept": lambda x: ops.mean(features(x), axis=-1, keepdims=True),
    "product over features": lambda x: ops.prod(features(x), axis=-1),
    "product over electrons": lambda x: ops.prod(features(x), axis=1),
    "squeeze": lambda x: ops.squeeze(ops.sum(features(x), axis=-1, keepdims=True), axis=-1),
    "expand dims before": lambda x: ops.expand_dims(features(x), 1) * 2.0,
    "expand dims behind": lambda x: ops.expand_dims(features(x), -1) * tensor([1.0, 2.0]),
    "reshape, electrons kept": lambda x: ops.reshape(features(x), (-1, ELECTRONS, 2, 3)),
    "reshape, electrons mixed in": lambda x: ops.reshape(features(x), (-1, ELECTRONS * 6)),
    "transpose": lambda x: ops.transpose(features(x), (0, 2, 1)),
    "swap axes": lambda x: ops.swapaxes(features(x), 1, 2),
    "slice of electrons": lambda x: features(x)[:, 1:3],
    "one electron": lambda x: features(x)[:, 2],
    "slice of features": lambda x: features(x)[..., 1:4],
    "one feature": lambda x: features(x)[:, :, 0],
    "new axis": lambda x: features(x)[:, None, :, 1:2],
    "take electrons": lambda x: ops.take(features(x), np.array([3, 0, 0]), axis=1),
    "take features": lambda x: ops.take(mixed(x), np.array([5, 2]), axis=-1),
    "concatenate": lambda x: ops.concatenate([features(x), ops.square(features(x))], axis=-1),
    "concatenate electrons": lambda x: ops.concatenate([features(x), mixed(x)], axis=1),
    "concatenate a constant": lambda x: ops.concatenate([features(x), ops.ones_like(features(x))], axis=-1),
    "stack": lambda x: ops.stack([features(x), ops.exp(features(x))], axis=-1),
    "stack in front": lambda x: ops.stack([features(x), mixed(x)], axis=1),
    "matmul with a constant": lambda x: ops.matmul(features(x), tensor(WEIGHTS.T)),
    "matmul with a vector": lambda x: ops.matmul(features(x), tensor(WEIGHTS[0])),
    "matmul from the left": lambda x: ops.matmul(tensor(MIXING), features(x)),
    "matmul of two": lambda x: ops.matmul(features(x), ops.swapaxes(mixed(x), 1, 2)),
    "matmul of two local": lambda x: ops.matmul(features(x), ops.swapaxes(features(x), 1, 2)),
    "einsum of two local": lambda x: ops.einsum("bik,bik->bi", features(x), ops.exp(features(x))),
    "einsum over electrons": lambda x: ops.einsum("bik,bil->bkl", features(x), mixed(x)),
    "einsum of one": lambda x: ops.einsum("bik->bki", features(x)),
    "einsum, one product for each electron": lambda x: ops.einsum("bik,bikl->bil", features(x), outer(x)),
    "einsum, rows and columns": lambda x: ops.einsum("bikl,bkjl->bjil", outer(x), ops.swapaxes(outer(x), 1, 2)),
    "einsum, an axis of one operand summed": lambda x: ops.einsum("bik,bjk->bi", features(x), mixed(x)),
    "einsum, diagonal": lambda x: ops.einsum("biik,bik->bk", outer(x)[:, :, :ELECTRONS], features(x)),
    "einsum with ellipsis": lambda x: ops.einsum("...ik,kl->...il", features(x), tensor(WEIGHTS.T)),
    "pairs": of_pairs,
    "sum over pairs": lambda x: ops.sum(ops.exp(-of_pairs(x)), axis=-1),
    "electrons at pairs": lambda x: (
        ops.einsum("pi,bik->bpk", tensor(PAIRS.first), features(x)) * ops.expand_dims(of_pairs(x), -1)
    ),
    "both electrons of pairs": lambda x: (
        ops.einsum("pi,bik->bpk", tensor(PAIRS.first), features(x))
        * ops.einsum("pi,bik->bpk", tensor(PAIRS.second), features(x))
    ),
    "pairs back to electrons": lambda x: ops.einsum("pn,bpd->bnd", tensor(PAIRS.incidence), PAIRS.differences(x) ** 2),
    "slogdet of local rows": lambda x: ops.slogdet(features(x)[:, :, :ELECTRONS] + tensor(np.eye(4)))[1],
    "slogdet of mixed rows": lambda x: ops.slogdet(mixed(x)[:, :, :ELECTRONS] + tensor(np.eye(4)))[1],
    "slogdet of columns": lambda x: ops.slogdet(ops.swapaxes(features(x)[:, :, :4], 1, 2) + tensor(np.eye(4)))[1],
    "no rule: erf": lambda x: ops.erf(mixed(x)),
    "no rule: cumulative sum": lambda x: ops.cumsum(features(x), axis=1),
    "no rule: log-sum-exp": lambda x: ops.logsumexp(mixed(x), axis=-1),
}
if keras.config.backend() == "jax":  # TensorFlow refuses it
    CASES["einsum, an axis stretched"] = lambda x: ops.einsum("b...k,b...k->b...", mixed(x), mixed(x)[:, :1])


@pytest.mark.parametrize("name", CASES)
def test_a_rule_equals_nested_differentiation(name):
    call = CASES[name]
    positions = tensor(random.normal(size=(BATCH, ELECTRONS, DIM)))
    symbol = keras.KerasTensor((None, ELECTRONS, DIM), dtype="float64")
    jet = interpret(call, [positions_jet(positions)], [symbol]).dense()
    value = call(positions)
    np.testing.assert_allclose(ops.convert_to_numpy(jet.value), ops.convert_to_numpy(value), atol=1e-12)
    # Derivatives of several random projections of the result onto one number for each sample
    axes = tuple(range(1, len(value.shape)))
    for _ in range(3):
        weights = tensor(random.normal(size=value.shape[1:]))
        gradient, laplacian = gradient_and_laplacian(lambda x, w=weights: ops.sum(call(x) * w, axis=axes), positions)
        jacobian = ops.sum(jet.jacobian * weights, axis=tuple(a + 1 for a in axes))
        found = ops.convert_to_numpy(ops.transpose(jacobian)).reshape(gradient.shape)
        scale = 1.0 + np.abs(ops.convert_to_numpy(laplacian)).max()
        np.testing.assert_allclose(found, ops.convert_to_numpy(gradient), atol=1e-10 * scale)
        found = ops.convert_to_numpy(ops.sum(jet.laplacian * weights, axis=axes))
        np.testing.assert_allclose(found, ops.convert_to_numpy(laplacian), atol=1e-10 * scale)


def test_every_rule_is_among_the_cases():
    """Each rule is reached by a case; rules for predicates and constants have no derivative to compare."""
    reached = set()
    for call in CASES.values():
        symbol = keras.KerasTensor((None, ELECTRONS, DIM), dtype="float64")
        result = call(symbol)
        if result is symbol:
            continue
        function = keras.Function(symbol, result)
        reached |= {type(node.operation).__name__ for nodes in function._nodes_by_depth.values() for node in nodes}
    without = {"ZerosLike", "OnesLike", "FullLike", "Floor", "Round", "Isfinite", "Isinf", "Isnan", "Equal", "NotEqual"}
    without |= {"Less", "LessEqual", "GreaterEqual", "LogicalNot", "LogicalAnd", "LogicalOr"}
    aliases = {"Abs", "TrueDivide", "Divide", "Absolute"}
    assert set(RULES) - without - aliases <= reached


def columns(call):
    symbol = keras.KerasTensor((None, ELECTRONS, DIM), dtype="float64")
    jet = interpret(call, [positions_jet(tensor(random.normal(size=(BATCH, ELECTRONS, DIM))))], [symbol])
    return jet.jacobian.shape[0] // DIM


def test_features_carry_only_the_columns_of_the_electrons_that_they_depend_on():
    assert columns(features) == 1
    assert columns(lambda x: ops.reshape(ops.square(features(x)), (-1, ELECTRONS, 2, 3))) == 1
    assert columns(of_pairs) == 2
    assert columns(CASES["electrons at pairs"]) == 2
    assert columns(CASES["both electrons of pairs"]) == 2
    assert columns(mixed) == columns(CASES["sum over pairs"]) == ELECTRONS


@pytest.mark.parametrize("layer", [PairFeatures, ElectronDistances, lambda system: all_pairs(5).differences])
def test_pairs_keep_to_their_electrons_while_compiled(layer):
    call, found = layer(create_system("electron_gas", n_up=3, n_down=2)), set()
    call = call.call if isinstance(call, keras.Layer) else call

    def of_piece(x):
        jet = interpret(call, [positions_jet(x)], [keras.KerasTensor((None, 5, DIM), dtype="float64")])
        found.add(jet.jacobian.shape[0] // DIM)
        return jet.value, jet.laplacian

    positions = tensor(random.normal(size=(2, 3, 5, DIM)))
    backend.jit(lambda x: backend.in_turn(of_piece, x, results=2))(positions)
    assert found == {2}


def test_union_of_supports():
    one, two = np.array([[0, 1], [2, NOBODY]]), np.array([[1], [0]])
    np.testing.assert_array_equal(union(one, two), [[0, 1], [0, 2]])
    np.testing.assert_array_equal(union(two, np.array([[1], [NOBODY]])), [[1], [0]])


def test_a_support_that_is_widened_keeps_its_values():
    positions = tensor(random.normal(size=(BATCH, ELECTRONS, DIM)))
    jet = positions_jet(positions)
    wide = jet.widened(np.array([[0, 1], [0, 1], [2, 3], [2, 3]]))
    assert wide.jacobian.shape[0] == 2 * DIM
    for one, two in ((jet.dense(), wide.dense()), (wide.dense(), wide.dense().dense())):
        np.testing.assert_array_equal(ops.convert_to_numpy(one.jacobian), ops.convert_to_numpy(two.jacobian))
    identity = ops.convert_to_numpy(jet.dense().jacobian).reshape(ELECTRONS * DIM, BATCH, ELECTRONS * DIM)
    np.testing.assert_array_equal(identity[:, 0], np.eye(ELECTRONS * DIM))


def test_a_known_sparse_matrix_passes_the_support_on_and_an_unknown_one_does_not():
    positions = tensor(random.normal(size=(BATCH, ELECTRONS, DIM)))
    pairs = contract("pn,bnd->bpd", tensor(PAIRS.incidence), positions_jet(positions))
    assert isinstance(pairs, Jet)
    assert isinstance(pairs.support, Support)
    np.testing.assert_array_equal(pairs.support.electrons, np.transpose(np.triu_indices(ELECTRONS, 1)))
    assert contract("pn,bnd->bpd", tensor(MIXING), positions_jet(positions)).support is None


@pytest.mark.parametrize("model", ["slater_jastrow", "slater_jastrow_backflow"])
@pytest.mark.parametrize(
    ("system", "parameters"),
    [
        ("quantum_dot_n2", {}),
        ("quantum_dot", {"n_up": 1, "n_down": 0}),
        ("quantum_dot", {"n_up": 3, "n_down": 1}),
        ("quantum_dot", {"dim": 3, "n_up": 2, "n_down": 2}),
        ("lithium_hydride", {}),
        ("molecule", {"atoms": "B 0 0 0", "spin": 1, "basis": "cc-pVDZ"}),
        ("electron_gas", {"rs": 2.0, "n_up": 3, "n_down": 2}),
        ("electron_gas", {"dim": 2, "n_up": 5, "n_down": 0}),
        ("electron_gas", {"n_up": 1, "n_down": 1}),
    ],
)
def test_wavefunctions_of_the_zoo(model, system, parameters):
    wavefunction = create_model(model, create_system(system, **parameters))
    weights = [
        tensor(ops.convert_to_numpy(v.value) + 0.05 * random.normal(size=v.shape))
        for v in wavefunction.trainable_variables
    ]
    positions = tensor(wavefunction.sample_configurations(6, seed=1))
    found = backend.jit(forward_laplacian(wavefunction))(weights, positions)
    expected = gradient_and_laplacian(lambda x: wavefunction.stateless_call(weights, [], x)[0][1], positions)
    for one, two in zip(found, expected, strict=True):
        one, two = ops.convert_to_numpy(one), ops.convert_to_numpy(two)
        np.testing.assert_allclose(one, two, atol=1e-10 * (1 + np.abs(two).max()))


class Stock(keras.Model):
    """A transformer from stock Keras layers, none of which the rules know by name."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Dense(8, activation="gelu")
        self.attention = keras.layers.MultiHeadAttention(2, 4)
        self.normalisation = keras.layers.LayerNormalization()
        self.out = keras.layers.EinsumDense("bif,fk->bik", (None, 4))

    def call(self, x):
        h = self.embedding(x)
        h = self.normalisation(h + self.attention(h, h))
        return ops.slogdet(self.out(h))


def test_layers_of_keras_are_opened():
    model = Stock()
    positions = tensor(random.normal(size=(3, ELECTRONS, DIM)))
    model(positions)
    weights = [ops.copy(v.value) for v in model.trainable_variables]
    gradient, laplacian = forward_laplacian(model)(weights, positions)
    expected = gradient_and_laplacian(lambda x: model.stateless_call(weights, [], x)[0][1], positions)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), ops.convert_to_numpy(expected[0]), atol=1e-9)
    scale = 1 + np.abs(ops.convert_to_numpy(expected[1])).max()
    np.testing.assert_allclose(ops.convert_to_numpy(laplacian), ops.convert_to_numpy(expected[1]), atol=1e-10 * scale)


class Shifted(keras.layers.Layer):
    """Adds to its features what does not depend on the electrons."""

    def call(self, features, constant):
        return constant + features * constant


class WithConstant(keras.Model):
    def __init__(self):
        super().__init__()
        self.shifted = Shifted()

    def call(self, x):
        value = ops.tanh(self.shifted(features(x), ops.ones_like(features(x))))
        log_abs = ops.sum(value, axis=(1, 2))
        return ops.ones_like(log_abs), log_abs


def test_a_layer_may_be_given_what_depends_on_no_electron():
    """JAX refuses to add a tensor to a symbolic one, so both must be symbolic inside."""
    model = WithConstant()
    x = tensor(random.normal(size=(BATCH, ELECTRONS, DIM)))
    model(x)
    expected = gradient_and_laplacian(lambda y: model(y)[1], x)
    for found, wanted in zip(forward_laplacian(model)([], x), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_an_operation_without_a_rule_is_named_at_debug_level(caplog):
    symbol = keras.KerasTensor((None, ELECTRONS, DIM), dtype="float64")
    with caplog.at_level("DEBUG", logger="harness.laplacian.forward"):
        interpret(ops.erf, [positions_jet(tensor(np.zeros((1, ELECTRONS, DIM))))], [symbol])
    assert "no rule for Erf" in caplog.text


def test_a_factor_that_is_not_known_while_compiling_is_named_at_debug_level(caplog):
    def differences(incidence):
        return contract("pn,bnd->bpd", incidence, positions_jet(tensor(np.zeros((1, ELECTRONS, DIM))))).value

    with caplog.at_level("DEBUG", logger="harness.laplacian.contraction_rules"):
        differences(PAIRS.incidence)
        assert not caplog.records
        backend.jit(differences)(tensor(PAIRS.incidence))
    assert "bnd,pn->bpd: a factor that is not known while compiling" in caplog.text


def test_groups_of_pairs_cover_all_pairs():
    groups = spin_pairs(2, 2)
    assert sum(len(group.first) for group in groups) == len(PAIRS.first)
