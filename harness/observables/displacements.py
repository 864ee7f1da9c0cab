"""Pairs of sites by the class of their displacement: correlations in real space, with any boundary."""

from __future__ import annotations

import numpy as np
from keras import ops

from zoo.systems.base import LatticeSystem


class Displacements:
    """Classes of displacements that the geometry makes equal (`LatticeSystem.displacement_classes`), by distance.

    Attributes:
        distances: Of each class, the shortest way round, ``(count,)``, in distances of nearest neighbours.
        pairs: Ordered pairs of sites in each class, ``(count,)``.
    """

    def __init__(self, system: LatticeSystem):
        lattice = system.geometry
        classes = system.displacement_classes()
        self.ids = classes.ravel().astype("int32")
        squared = lattice.squared_lengths(lattice.places[None, :] - lattice.places[:, None]).ravel()
        bond = np.array(lattice.definition.nearest[0])
        of_bond = bond @ np.array(lattice.definition.metric) @ bond
        first = np.unique(self.ids, return_index=True)[1]
        self.distances = np.sqrt(squared[first] / of_bond)
        self.pairs = np.bincount(self.ids)

    def mean_from(self, origins, values):
        """Means over the pairs of each class, ``(batch, count)``, estimated from those that begin at some sites.

        Args:
            origins: Sites of each configuration, whole numbers ``(batch, some)``; each site equally often on average.
            values: Of the pairs of an origin and any site, ``(batch, some, n_sites)``.
        """
        batch, some, n_sites = values.shape
        count = len(self.pairs)
        table = ops.convert_to_tensor(self.ids.reshape(n_sites, n_sites))
        classes = ops.reshape(ops.take(table, ops.reshape(origins, (batch * some,)), axis=0), (batch, some * n_sites))
        own = classes + count * ops.expand_dims(ops.arange(batch, dtype="int32"), 1)
        flat = ops.reshape(values, (batch * some * n_sites,))
        sums = ops.segment_sum(flat, ops.reshape(own, (batch * some * n_sites,)), num_segments=batch * count)
        weights = n_sites / (some * self.pairs)
        return ops.reshape(sums, (batch, count)) * ops.convert_to_tensor(weights, dtype=values.dtype)

    def mean(self, matrix):
        """Means over the pairs of each class, ``(batch, count)``, of ``(batch, n_sites, n_sites)``."""
        count = len(self.pairs)
        flat = ops.transpose(ops.reshape(matrix, (matrix.shape[0], len(self.ids))))
        sums = ops.transpose(ops.segment_sum(flat, ops.convert_to_tensor(self.ids), num_segments=count))
        return sums / ops.convert_to_tensor(self.pairs, dtype=matrix.dtype)
