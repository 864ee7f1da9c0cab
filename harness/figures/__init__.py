"""Figures of runs: the training, what the backflow does to a configuration, and where the nodes are.

Importing this loads neither matplotlib nor a backend.
"""

from harness.figures.request import Request
from harness.figures.training import TrainingLog, energy_figure, read_training_log, running_mean

__all__ = ["Request", "TrainingLog", "energy_figure", "read_training_log", "running_mean"]
