"""One update against the formulas, worked out densely in NumPy.

The first wavefunction is log|Psi| = sum over parameters of theta times features, so the derivatives are the features.
"""

import keras
import numpy as np
import pytest
from keras import ops

from harness import backend, stateless
from harness.optimizers import create_optimizer
from harness.optimizers.assembly import log_abs_jacobian
from harness.settings import KerasOptimizerSettings, MinSRSettings, SpringSettings, SRSettings, optimizer_settings
from zoo.errors import UnknownNameError, ZooError
from zoo.registry import create_model, create_system

SHAPES = [(3, 2), (), (5,)]
N_PARAMETERS = 12
UNLIMITED = {"norm_constraint": 0.0, "decay_steps": 0.0, "degrees_of_freedom": 0.0}


class Linear(keras.Model):
    """log|Psi| = features . theta, of features ``(batch, 12)``."""

    def __init__(self):
        super().__init__()
        random = np.random.default_rng(1)
        for index, shape in enumerate(SHAPES):
            values = keras.initializers.Constant(random.normal(size=shape))
            setattr(self, f"theta_{index}", self.add_weight(shape=shape, initializer=values, name=f"theta_{index}"))
        self(keras.KerasTensor((None, N_PARAMETERS), dtype="float64"))

    def call(self, features):
        flat = ops.concatenate([ops.reshape(theta, (-1,)) for theta in (self.theta_0, self.theta_1, self.theta_2)])
        log_abs = ops.matmul(features, flat)
        return ops.ones_like(log_abs), log_abs


def flat(parameters) -> np.ndarray:
    return np.concatenate([np.reshape(ops.convert_to_numpy(p), -1) for p in parameters])


def samples(batch: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features, and local energies minus their mean."""
    random = np.random.default_rng(seed)
    energies = random.normal(size=batch)
    return random.normal(size=(batch, N_PARAMETERS)), energies - energies.mean()


class Run:
    """An optimiser and its explicit state."""

    def __init__(self, choice):
        self.optimizer = create_optimizer(choice)
        self.model = Linear()
        start = self.model.trainable_variables
        self.parameters = [ops.copy(v.value) for v in start]
        self.buffers = keras.tree.map_structure(ops.convert_to_tensor, self.optimizer.initial_buffers(start))
        self.rate, self.steps = self.optimizer.learning_rate, 0
        self.compiled = backend.jit(lambda *a: self.optimizer.update(self.model, *a))

    def update(self, features, residuals) -> np.ndarray:
        """The change of the parameters, flat."""
        before = flat(self.parameters)
        self.parameters, self.buffers, _ = self.compiled(
            self.parameters,
            self.buffers,
            ops.convert_to_tensor(features),
            ops.convert_to_tensor(residuals),
            ops.convert_to_tensor(self.rate, dtype="float64"),
            ops.convert_to_tensor(self.steps, dtype="int32"),
        )
        self.steps += 1
        return flat(self.parameters) - before


def dense_direction(features, residuals, previous, damping, momentum) -> np.ndarray:
    """Goldshlager, Abrahamsen, Lin, eq. for phi_k, in the space of samples and with their 1 1^T / B."""
    batch = len(features)
    centred = (features - features.mean(axis=0)) / batch**0.5
    gram = centred @ centred.T + damping * np.eye(batch) + np.ones((batch, batch)) / batch
    target = residuals / batch**0.5 - momentum * centred @ previous
    return centred.T @ np.linalg.solve(gram, target) + momentum * previous


@pytest.mark.parametrize("batch", [6, 12, 40], ids=["parameters > batch", "equal", "parameters < batch"])
@pytest.mark.parametrize(
    "settings",
    [
        SpringSettings(damping=0.01, momentum=0.9, **UNLIMITED),
        MinSRSettings(damping=0.01, **UNLIMITED),
        SRSettings(damping=0.01, **UNLIMITED),
    ],
    ids=lambda s: s.name,
)
def test_updates_are_those_of_the_formula(settings, batch):
    """Three of them, so that momentum counts; both spaces of the solve are within the cases."""
    run, previous, momentum = Run(settings), np.zeros(N_PARAMETERS), getattr(settings, "momentum", 0.0)
    for step in range(3):
        features, residuals = samples(batch, seed=step)
        change = run.update(features, residuals)
        previous = dense_direction(features, residuals, previous, 0.01, momentum)
        np.testing.assert_allclose(change, -settings.learning_rate * previous, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch", [6, 40])
def test_reconfiguration_and_minsr_are_one_update(batch):
    features, residuals = samples(batch)
    one, other = (Run(s(damping=0.02, **UNLIMITED)).update(features, residuals) for s in (SRSettings, MinSRSettings))
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


class Attention(keras.Model):
    """log|Psi| of positions ``(batch, 3, 2)`` by one head of attention and a table of places; 143 parameters."""

    def __init__(self):
        super().__init__()
        keras.utils.set_random_seed(0)
        self.embed, self.project, self.out = (keras.layers.Dense(n, name=f"dense_{n}") for n in (5, 15, 1))
        self.places = self.add_weight(shape=(3, 5), initializer="random_normal", name="places")
        self.log_scale = self.add_weight(shape=(), initializer="random_normal", name="log_scale")
        self(keras.KerasTensor((None, 3, 2), dtype="float64"))

    def call(self, x):
        features = self.embed(x * ops.exp(self.log_scale)) + self.places
        query, key, value = ops.split(self.project(features), 3, axis=-1)
        weights = ops.softmax(ops.einsum("bid,bjd->bij", query, key), axis=-1)
        log_abs = ops.sum(self.out(ops.sigmoid(ops.matmul(weights, value)))[..., 0], axis=-1)
        return ops.ones_like(log_abs), log_abs

    def sample_configurations(self, batch, seed):
        return np.random.default_rng(seed).normal(size=(batch, 3, 2))


WAVEFUNCTIONS = {
    "dot": lambda: create_model("slater_jastrow_backflow", create_system("quantum_dot_n2", n_up=2, n_down=1)),
    "molecule": lambda: create_model("slater_jastrow", create_system("helium", basis="6-31g")),
    "lattice": lambda: create_model(
        "slater_jastrow", create_system("hubbard", extent=[4], boundary="A", n_up=2, n_down=2)
    ),
    "attention": Attention,
}


@pytest.mark.parametrize("batch", [10, 150], ids=["parameters > batch", "parameters < batch"])
@pytest.mark.parametrize("case", WAVEFUNCTIONS)
def test_directions_of_wavefunctions_are_those_of_the_dense_formula(case, batch):
    """With the matrix of derivatives made sample by sample; the optimiser makes none if the batch is smaller."""
    model = WAVEFUNCTIONS[case]()
    random, parameters = np.random.default_rng(3), []
    for variable in model.trainable_variables:
        parameters.append(ops.convert_to_numpy(variable.value) + 0.1 * random.normal(size=variable.shape))
    previous = 0.1 * random.normal(size=sum(p.size for p in parameters))
    residuals = random.normal(size=batch)
    residuals -= residuals.mean()
    optimizers = [create_optimizer(s(damping=0.01)) for s in (SpringSettings, MinSRSettings, SRSettings)]

    def compute(parameters, walkers, previous, residuals):
        jacobian = log_abs_jacobian(model, parameters, walkers)
        log_abs = lambda p, x: stateless.log_psi(model, p, x)[1]  # noqa: E731
        plain = backend.per_sample_jacobian(log_abs, parameters, walkers)
        damping = ops.convert_to_tensor(0.01, dtype="float64")
        return [optimizer.direction(jacobian, residuals, previous, damping)[0] for optimizer in optimizers], plain

    walkers = model.sample_configurations(batch, seed=3)
    inputs = keras.tree.map_structure(ops.convert_to_tensor, [parameters, walkers, previous, residuals])
    directions, jacobian = keras.tree.map_structure(ops.convert_to_numpy, backend.jit(compute)(*inputs))
    for optimizer, direction in zip(optimizers, directions, strict=True):
        expected = dense_direction(jacobian, residuals, previous, 0.01, optimizer.momentum)
        assert np.abs(expected).max() > 1e-2
        np.testing.assert_allclose(direction, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_spring_without_momentum_is_minsr():
    spring, minsr = Run(SpringSettings(momentum=0.0)), Run(MinSRSettings())
    for step in range(3):
        np.testing.assert_array_equal(spring.update(*samples(8, step)), minsr.update(*samples(8, step)))


def test_a_constant_added_to_log_psi_changes_nothing():
    features, residuals = samples(8)
    plain, shifted = (Run(SpringSettings()).update(f, residuals) for f in (features, features + 3.0))
    np.testing.assert_allclose(shifted, plain, rtol=1e-9, atol=1e-12)


def test_the_step_is_cut_to_the_norm_constraint():
    features, residuals = samples(8)
    free = Run(SpringSettings(**UNLIMITED)).update(features, residuals)
    length = np.linalg.norm(free)
    for constraint, expected in ((length**2 / 9, free / 3), (4 * length**2, free)):
        limited = Run(SpringSettings(norm_constraint=constraint, decay_steps=0.0)).update(features, residuals)
        np.testing.assert_allclose(limited, expected, rtol=1e-12)


def test_the_rate_halves_after_decay_steps():
    run = Run(MinSRSettings(**{**UNLIMITED, "decay_steps": 2.0}))
    changes = [run.update(*samples(8)) for _ in range(5)]  # the same samples: only the rate differs
    for step, change in enumerate(changes):
        np.testing.assert_allclose(change, changes[0] / (1 + step / 2.0), rtol=1e-9)


def test_the_decay_also_shortens_steps_that_the_norm_constraint_limits():
    settings = {"norm_constraint": 1e-8, "decay_steps": 2.0, "degrees_of_freedom": 0.0}
    run = Run(MinSRSettings(**settings))
    lengths = [np.linalg.norm(run.update(*samples(8))) for _ in range(4)]
    np.testing.assert_allclose(lengths, 1e-4 / (1 + np.arange(4) / 2.0), rtol=1e-9)


@pytest.mark.parametrize("batch", [6, 12, 40], ids=["parameters > batch", "equal", "parameters < batch"])
def test_damping_grows_until_the_directions_are_few_enough(batch):
    """The effective number of directions, from eigenvalues; the estimate of its trace is within some percent."""
    share, features, residuals = 0.2, *samples(batch)
    centred = (features - features.mean(axis=0)) / batch**0.5
    eigenvalues = np.linalg.eigvalsh(centred @ centred.T)
    run = Run(MinSRSettings(damping=1e-6, learning_rate=1e-12, degrees_of_freedom=share))
    for _ in range(60):
        run.update(features, residuals)
    damping = float(run.buffers["damping"])
    directions = np.sum(eigenvalues / (eigenvalues + damping))
    assert directions < 0.9 * np.sum(eigenvalues / (eigenvalues + 1e-6))
    np.testing.assert_allclose(directions, share * batch, rtol=0.35)


def test_damping_stays_where_the_directions_are_few():
    run = Run(MinSRSettings(damping=1e3))
    for step in range(3):
        run.update(*samples(8, step))
    assert float(run.buffers["damping"]) == 1e3


def test_the_rate_is_that_of_the_state():
    """Halving the learning rate of the state halves the step of every optimiser."""
    for choice in ("minsr", "sgd", "adam"):
        full, half = (Run(optimizer_settings(choice, learning_rate=2.0**-10)) for _ in range(2))
        half.rate *= 0.5
        np.testing.assert_allclose(half.update(*samples(8)), 0.5 * full.update(*samples(8)), rtol=1e-9)


def singular_samples(kind: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    features, residuals = samples(batch)
    if kind == "identical samples":
        features = np.repeat(features[:1], batch, axis=0)
    elif kind == "dead parameters":
        features[:, ::2] = 0.0
    elif kind == "parameters in step":
        features[:] = features[:, :1] * 1e6
    return features, residuals


@pytest.mark.parametrize("kind", ["identical samples", "dead parameters", "parameters in step"])
@pytest.mark.parametrize("batch", [6, 40])
@pytest.mark.parametrize("name", ["spring", "minsr", "sr"])
def test_singular_gram_matrices_give_finite_updates(name, batch, kind):
    run = Run(name)
    for _ in range(2):
        features, residuals = singular_samples(kind, batch)
        change = run.update(features, residuals)
        assert np.isfinite(change).all()
        assert np.linalg.norm(change) <= 0.1 + 1e-12  # the square root of the norm constraint
        if kind == "identical samples":
            np.testing.assert_allclose(change, 0.0, atol=1e-12)
        if kind == "dead parameters":
            np.testing.assert_allclose(change[::2], 0.0, atol=1e-12)


@pytest.mark.parametrize("batch", [6, 40])
@pytest.mark.parametrize("name", ["spring", "sr", "sgd"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["features", "residuals"])
def test_values_that_are_not_finite_show_in_the_update(name, batch, bad, where):
    """An exception would keep the harness from going back to its last good state."""
    features, residuals = samples(batch)
    if where == "features":
        features[2, 3] = bad
    else:
        residuals[2] = bad
    assert not np.isfinite(Run(name).update(features, residuals)).all()


def test_keras_optimisers_follow_the_gradient_of_the_energy():
    """SGD with momentum, three steps by hand: g = 2 <(E - <E>) O>, v = m v - rate g, theta += v."""
    # Keras keeps rates, and on TensorFlow decay constants, in float32: take such as are exact there.
    run, velocity = Run(keras.optimizers.SGD(0.125, momentum=0.75)), np.zeros(N_PARAMETERS)
    for step in range(3):
        features, residuals = samples(8, step)
        velocity = 0.75 * velocity - 0.125 * 2.0 * np.mean(residuals[:, None] * features, axis=0)
        np.testing.assert_allclose(run.update(features, residuals), velocity, rtol=1e-12, atol=1e-14)


def test_adam_by_hand():
    adam = keras.optimizers.Adam(2.0**-10, beta_1=0.875, beta_2=0.96875, epsilon=2.0**-20)
    run, first, second = Run(adam), np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS)
    for step in range(1, 4):
        features, residuals = samples(8, step)
        gradient = 2.0 * np.mean(residuals[:, None] * features, axis=0)
        first += 0.125 * (gradient - first)
        second += 0.03125 * (gradient**2 - second)
        corrected = (1 - 0.96875**step) ** 0.5 / (1 - 0.875**step)
        expected = -(2.0**-10) * corrected * first / (second**0.5 + 2.0**-20)
        np.testing.assert_allclose(run.update(features, residuals), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["spring", "adam"])
def test_updates_are_pure(name):
    """From the same state comes the same update, whatever was computed between."""
    run = Run(name)
    run.update(*samples(8, 0))
    parameters, buffers = run.parameters, run.buffers
    first = run.update(*samples(8, 1))
    run.update(*samples(8, 2))
    run.parameters, run.buffers, run.steps = parameters, buffers, 1
    np.testing.assert_array_equal(run.update(*samples(8, 1)), first)


def test_unknown_optimisers_and_options_are_refused():
    with pytest.raises(UnknownNameError, match="spring"):
        create_optimizer("sprint")
    with pytest.raises(ZooError, match="expected a name"):
        create_optimizer(3)
    with pytest.raises(ZooError, match="beta_9"):
        create_optimizer(KerasOptimizerSettings("adam", options={"beta_9": 0.1}))
