"""Wavefunctions as pure functions of their weights."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.complex_numbers import phase


def log_psi(model: keras.Model, parameters: list, configurations):
    """``(sign, log_abs)``, each ``(batch,)``, with the given values of the trainable weights."""
    fixed = [variable.value for variable in model.non_trainable_variables]
    return model.stateless_call(parameters, fixed, configurations)[0]


def is_complex(model: keras.Model) -> bool:
    """Whether Psi has a phase in place of a sign; see `zoo.wavefunction.Wavefunction`."""
    return getattr(model, "is_complex", False)


def twice(model: keras.Model, configurations):
    """What `derived` takes: the configurations, of a complex model twice, one after the other."""
    return ops.concatenate([configurations, configurations], axis=0) if is_complex(model) else configurations


def derived(model: keras.Model, sign, log_abs):
    """Numbers whose derivatives a gradient needs, ``(batch,)``: log|Psi|.

    Of a complex model, log|Psi| of the first half of the samples and the phase of the second half, so that one backward
    pass over a batch that is there twice gives the real and the imaginary part of d log Psi.
    """
    if not is_complex(model):
        return log_abs
    half = log_abs.shape[0] // 2
    return ops.concatenate([log_abs[:half], phase(sign[half:])], axis=0)


def low_rank_factors(model: keras.Model, parameters: list) -> dict:
    """The ``factors`` of `zoo.layers.low_rank.LowRank`, with the given values of the trainable weights."""
    with keras.StatelessScope(state_mapping=list(zip(model.trainable_variables, parameters, strict=True))):
        return model.low_rank_factors()
