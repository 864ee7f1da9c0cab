"""Wavefunctions as pure functions of their weights."""

from __future__ import annotations

import keras


def log_psi(model: keras.Model, parameters: list, configurations):
    """``(sign, log_abs)``, each ``(batch,)``, with the given values of the trainable weights."""
    fixed = [variable.value for variable in model.non_trainable_variables]
    return model.stateless_call(parameters, fixed, configurations)[0]


def low_rank_factors(model: keras.Model, parameters: list) -> dict:
    """The ``factors`` of `zoo.layers.low_rank.LowRank`, with the given values of the trainable weights."""
    with keras.StatelessScope(state_mapping=list(zip(model.trainable_variables, parameters, strict=True))):
        return model.low_rank_factors()
