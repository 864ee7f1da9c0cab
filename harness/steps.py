"""What one step of variational Monte Carlo is: pure functions of a state, to be compiled."""

from __future__ import annotations

import dataclasses
from typing import Any

from keras import ops

from harness import backend, stateless
from harness.laplacian import forward_laplacian
from harness.local_energy import local_energy_function
from harness.local_energy.hops import hop_ratios
from harness.local_energy.lattice import IMAGINARY
from harness.sampling.amplitudes import Following
from harness.state import State
from zoo.wavefunction import Wavefunction


@dataclasses.dataclass
class Steps:
    """Pure functions of a `harness.state.State`, or of parts of one.

    Attributes:
        model: The wavefunction.
        system: The Hamiltonian.
        optimizer: See `harness.optimizers.create_optimizer`.
        sampler: See `harness.sampling.create_sampler`.
        clip: See `clip_energies`.
    """

    model: Wavefunction
    system: Any
    optimizer: Any
    sampler: Any
    clip: float

    def log_psi(self, parameters: list, configurations):
        """``(sign, log_abs)`` of configurations with the given values of the trainable weights."""
        return stateless.log_psi(self.model, parameters, configurations)

    def log_abs(self, parameters: list, configurations):
        return self.log_psi(parameters, configurations)[1]

    def local_energy(self, parameters: list, configurations):
        """Local energies ``(batch,)`` and a dictionary of further local values."""
        derivatives = forward_laplacian(self.model) if self.system.space == "continuum" else None
        return local_energy_function(
            self.system,
            lambda x: self.log_psi(parameters, x),
            derivatives and (lambda x: derivatives(parameters, x)),
            hop_ratios(self.model, parameters),
        )(configurations)

    def step(self, state: State) -> tuple[State, dict[str, Any]]:
        """One optimisation step, ``state -> (state, metrics)``."""
        parameters = state["parameters"]
        walkers, _, seed, acceptance = self.sample(state)
        energies, observables = self.shared_local_energy(parameters, walkers)
        mean = mean_of(energies)
        variance = mean_of(ops.square(energies - mean))
        parts = [energies]
        if stateless.is_complex(self.model):  # of mean zero, but for statistics
            parts.append(observables[IMAGINARY])
            variance = variance + mean_of(ops.square(observables[IMAGINARY]))
        residuals, *imaginary = (_residuals(part, self.clip) for part in parts)
        if imaginary:
            residuals = ops.concatenate([residuals, *imaginary])
        updated, buffers, mended = self.optimizer.update(
            self.model,
            parameters,
            state["optimizer"],
            walkers,
            residuals / self.system.energy_scale,
            state["learning_rate"],
            state["step"],
        )
        finite = ops.isfinite(mean) & ops.isfinite(variance)
        for value in updated:
            finite = finite & ops.all(ops.isfinite(value))
        metrics = {
            "energy": mean,
            "stderr": ops.sqrt(variance / energies.shape[0]),
            "variance": variance,
            "acceptance": acceptance,
            **{name: mean_of(value) for name, value in observables.items()},
            "finite": finite,
            "mended": mended,
        }
        state = {
            **state,
            "parameters": updated,
            "optimizer": buffers,
            "walkers": walkers,
            "seed": seed,
            "width": self.sampler.adapt(state["width"], acceptance),
            "step": state["step"] + 1,
        }
        return state, metrics

    def settle(self, state: State) -> tuple[State, Any]:
        """Sample and adapt the width; returns the state and log|Psi| of the walkers."""
        walkers, log_abs, seed, acceptance = self.sample(state)
        width = self.sampler.adapt(state["width"], acceptance)
        return {**state, "walkers": walkers, "seed": seed, "width": width}, log_abs

    def measure(self, state: State) -> tuple[State, dict[str, Any]]:
        """One draw with everything fixed: samples, then local values of every walker."""
        walkers, _, seed, acceptance = self.sample(state)
        energies, observables = self.shared_local_energy(state["parameters"], walkers)
        draw = {"energy": energies, "acceptance": acceptance, "observables": observables}
        return {**state, "walkers": walkers, "seed": seed}, draw

    def sample(self, state: State):
        """Walkers, their log|Psi|, the next random state and the acceptance; each device moves its own walkers."""
        sampler, walkers = self.sampler, state["walkers"]
        options: dict[str, Any] = {"follows": True} if self.model.low_rank is not None else {}
        draws, seed = sampler.draw(walkers, state["seed"], **options)

        def advance(whole, walkers, *numbers):
            parameters, width = whole
            return sampler.advance(self._amplitudes(parameters), width, walkers, *numbers)

        whole = state["parameters"], state["width"]
        joined = (0, 0, 0, 0)
        walkers, log_abs, accepted, tried = backend.share(advance, whole, [(walkers, 0), *draws], joined)
        return walkers, log_abs, seed, sampler.acceptance(accepted, tried)

    def shared_local_energy(self, parameters: list, walkers):
        """`local_energy`, on each device that of its own walkers."""
        return backend.share(self.local_energy, parameters, [(walkers, 0)], (0, 0))

    def _amplitudes(self, parameters: list) -> Any:
        """What the sampler needs to know of the wavefunction."""
        if self.model.low_rank is None:
            return lambda x: self.log_abs(parameters, x)
        return self._following(parameters)

    def sampled_log_abs(self, parameters: list, configurations):
        """log|Psi| as the sampler sees it: -inf also where it is zero in all but rounding, if ratios are followed."""
        if self.model.low_rank is None:
            return self.log_abs(parameters, configurations)
        return self._following(parameters).keep(configurations)["log_abs"]

    def _following(self, parameters: list) -> Following:
        return Following(self.model.low_rank, stateless.low_rank_factors(self.model, parameters))


def _residuals(energies, clip: float):
    """Clipped energies minus their mean."""
    clipped = clip_energies(energies, clip)
    return clipped - mean_of(clipped)


def mean_of(values):
    """Mean over the walkers. `keras.ops.mean` and `var` compute in float32 on JAX, whatever the precision."""
    return ops.sum(values) / values.shape[0]


def clip_energies(energies, clip: float):
    """Energies limited to median +- clip x mean absolute deviation from it; ``clip`` = 0 leaves them alone."""
    if clip == 0:
        return energies
    centre = ops.median(energies)
    width = clip * mean_of(ops.abs(energies - centre))
    return ops.clip(energies, centre - width, centre + width)
