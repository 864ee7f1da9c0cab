"""Message passing between electrons."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.activations import tanh
from zoo.layers.constants import matrix
from zoo.layers.determinant import derivatives_wanted
from zoo.layers.features import OneElectronFeatures, PairFeatures


class MessagePassing(keras.layers.Layer):
    r"""Features of each electron in the presence of all others, equivariant under permutations of equal spins.

    With x_i and e_ij the features of `zoo.layers.features`:

        h_i = A x_i,     m_ij = w(e_ij) * (V h_j),     h_i <- h_i + tanh(W [h_i, sum_j m_ij] + b)

    with sums over equal and over opposite spins apart, divided by sqrt(N - 1), and w a network of the pair with one
    hidden layer. In the first round each feature of a message has a filter w of its own; it costs little, since m_ij
    depends on two electrons only. In further rounds ``channels`` filters are shared by equally many groups of
    features. After continuous-filter convolutions: Schuett et al., NeurIPS 2017, and Hermann, Schaetzle and Noe,
    Nature Chemistry 12, 891 (2020).

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        width: Features of each electron.
        rounds: Rounds of messages.
        channels: Filters in the rounds after the first; divides ``width``.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch, n_electrons, width)``.
    """

    def __init__(self, system, width: int, rounds: int, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.n_electrons, self.width, self.channels = system.n_electrons, width, channels
        self.electrons, self.pairs = OneElectronFeatures(system, name="electrons"), PairFeatures(system, name="pairs")
        self.neighbours = _neighbours(system.n_up, system.n_down)
        kinds = len(self.neighbours)
        dense = keras.layers.Dense
        self.embedding = dense(width, name="embedding")
        self.updates = [dense(width, name=f"update_{r}") for r in range(rounds)]
        if kinds:
            self.hidden = [dense(width, name=f"hidden_{r}") for r in range(rounds)]
            self.filters = [dense(channels * kinds if r else width, name=f"filter_{r}") for r in range(rounds)]
            self.senders = [dense(width, use_bias=False, name=f"sender_{r}") for r in range(rounds)]

    def build(self, input_shape):
        width, kinds = self.width, len(self.neighbours)
        self.embedding.build((None, None, self.electrons.size))
        for update in self.updates:
            update.build((None, None, width * (1 + kinds)))
        if kinds:
            for hidden, filters, sender in zip(self.hidden, self.filters, self.senders, strict=True):
                hidden.build((None, None, self.pairs.size))
                filters.build((None, None, width))
                sender.build((None, None, width))

    def call(self, positions):
        pairs = self.pairs(positions)
        features = self.embedding(self.electrons(positions))
        for number, update in enumerate(self.updates):
            received = []
            if self.neighbours:
                filters = self.filters[number](tanh(self.hidden[number](pairs)))
                sent = self.senders[number](features)
                received = (self._further if number else self._first)(filters, sent)
            features = features + tanh(update(ops.concatenate([features, *received], axis=-1)))
        return features

    def _first(self, filters, sent) -> list:
        """Sums of each kind; filters ``(batch, pairs, width)``, what is sent ``(batch, electrons, width)``."""
        n = self.n_electrons
        if not derivatives_wanted():  # half the time; but a matrix of pairs has long derivatives
            weights = ops.convert_to_tensor(np.stack(self.neighbours, axis=1), dtype=sent.dtype)  # (n, kinds, n)
            sums = ops.matmul(weights, ops.reshape(filters, (-1, n, n, self.width)) * ops.expand_dims(sent, 1))
            return [sums[:, :, kind] for kind in range(len(self.neighbours))]
        group = self.pairs.group
        messages = filters * ops.einsum("pn,bnf->bpf", matrix(group.second, sent.dtype), sent)
        sums = [group.first.T * weights.reshape(n * n) for weights in self.neighbours]
        return [ops.einsum("np,bpf->bnf", matrix(s, sent.dtype), messages) for s in sums]

    def _further(self, filters, sent) -> list:
        """As `_first`, with filters ``(batch, pairs, kinds * channels)``."""
        n, channels = self.n_electrons, self.channels
        sent = ops.transpose(ops.reshape(sent, (-1, n, channels, self.width // channels)), (0, 2, 1, 3))
        # Pairs become a matrix last: before, each depends on two electrons, and its derivatives are short.
        filters = ops.transpose(filters, (0, 2, 1))
        received = []
        for kind, weights in enumerate(self.neighbours):
            of_kind = filters[:, kind * channels : (kind + 1) * channels]
            of_kind = of_kind * ops.convert_to_tensor(weights.reshape(n * n), dtype=sent.dtype)
            sums = ops.matmul(ops.reshape(of_kind, (-1, channels, n, n)), sent)
            received.append(ops.reshape(ops.transpose(sums, (0, 2, 1, 3)), (-1, n, self.width)))
        return received


def _neighbours(n_up: int, n_down: int) -> list[np.ndarray]:
    """For equal and for opposite spins, as far as there are any: 1 / sqrt(N - 1) at all pairs i != j, else 0."""
    n_electrons = n_up + n_down
    up = np.arange(n_electrons) < n_up
    same = up[:, None] == up
    kinds = [same & ~np.eye(n_electrons, dtype=bool), ~same]
    return [kind / (n_electrons - 1) ** 0.5 for kind in kinds if kind.any()]
