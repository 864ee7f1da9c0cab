import keras
import numpy as np
from keras import ops

from harness import backend
from harness import random as random_state


def uniforms(generator):
    return keras.random.uniform((1000,), dtype="float64", seed=generator)


def draw(state):
    values, state = random_state.draw(state, uniforms)
    return ops.convert_to_numpy(values), ops.convert_to_numpy(state)


def state_of(seed: int):
    return ops.convert_to_tensor(random_state.initial_state(seed))


def test_numbers_are_a_function_of_the_state_alone():
    (first, after), (again, after_again) = draw(state_of(3)), draw(state_of(3))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(after, after_again)
    draw(state_of(4))
    np.testing.assert_array_equal(draw(state_of(3))[0], first)


def test_the_next_state_and_another_seed_give_other_numbers():
    first, after = draw(state_of(3))
    second, _ = draw(ops.convert_to_tensor(after))
    other, _ = draw(state_of(4))
    for different in (second, other):
        assert abs(np.corrcoef(first, different)[0, 1]) < 4 / 1000**0.5
        assert not np.any(first == different)


def test_compiled_and_not_compiled_agree():
    compiled = backend.jit(lambda state: random_state.draw(state, uniforms))(state_of(5))
    for found, expected in zip(compiled, draw(state_of(5)), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)


def test_state_is_that_of_a_keras_generator():
    """A stream goes on as `keras.random` would have it."""
    generator = keras.random.SeedGenerator(8)
    state = state_of(8)
    for _ in range(3):
        values, state = random_state.draw(state, uniforms)
        np.testing.assert_array_equal(ops.convert_to_numpy(values), ops.convert_to_numpy(uniforms(generator)))
