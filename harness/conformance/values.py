"""Checks of the values themselves: shapes, finiteness, signs, samples kept apart."""

from __future__ import annotations

import numpy as np

from harness.conformance.report import Result, at_most
from harness.conformance.subject import Subject, difference


def shapes_and_types(subject: Subject) -> Result:
    """Both outputs are float64 ``(batch,)``, also for one sample, and so is every weight float64."""
    faults = []
    for batch in (3, 1):
        outputs = subject.outputs(subject.candidates[:batch])
        if len(outputs) != 2:
            faults.append(f"the call returns {len(outputs)} values, expected sign and log_abs")
            break
        for name, array in zip(("sign", "log_abs"), outputs, strict=True):
            if array.shape != (batch,):
                faults.append(f"{name} of {batch} samples has shape {array.shape}, expected ({batch},)")
            kind = np.complex128 if name == "sign" and subject.model.is_complex else np.float64
            if array.dtype != kind:
                faults.append(f"{name} is {array.dtype}, expected {np.dtype(kind)}: a cast or a constant is float32")
    for variable in subject.model.trainable_variables:
        if variable.dtype != "float64":
            faults.append(f"weight {variable.path} is {variable.dtype}, expected float64")
    return at_most(len(faults), 0, "; ".join(faults[:3]))


def finite_values(subject: Subject) -> Result:
    """No plausible configuration gives NaN or +inf; on a lattice Psi may vanish at some, but not at all."""
    faulty = 0
    for weights in (subject.initial, subject.perturbed):
        log_abs = subject.log_abs(weights, subject.candidates)
        vanishes = log_abs == -np.inf
        wrong = ~np.isfinite(log_abs) & ~vanishes
        if subject.continuum or vanishes.all():
            wrong |= vanishes
        faulty = max(faulty, int(wrong.sum()))
    return at_most(
        faulty, 0, f"log|Psi| is not finite at {faulty} of {len(subject.candidates)} configurations: look for a "
        "logarithm, root or quotient of zero, and for an exponential that overflows"
    )  # fmt: skip


def sign_values(subject: Subject) -> Result:
    """The sign is -1 or 1, or complex of modulus one, and 0 exactly where log|Psi| is -inf."""
    faulty = 0
    for weights in (subject.initial, subject.perturbed):
        sign, log_abs = subject.values(weights, subject.candidates)
        unit = np.abs(np.abs(sign) - 1) < 1e-12 if subject.model.is_complex else np.abs(sign) == 1
        faulty += int(np.sum(~(np.where(log_abs == -np.inf, sign == 0, unit))))
    return at_most(faulty, 0, "return sign = -1 or 1, and 0 where log|Psi| = -inf; put amplitudes into log|Psi|")


def batch_independence(subject: Subject) -> Result:
    """The value of a sample is the same among other samples, in another place of the batch, and alone."""
    weights, batch = subject.initial, subject.candidates
    others = subject.model.sample_configurations(len(batch), seed=3)
    kept = len(batch) // 4
    mixed = np.concatenate([others[kept:], batch[:kept]])
    expected = subject.log_abs(weights, batch)
    among_others = difference(subject.log_abs(weights, mixed)[-kept:], expected[:kept])
    alone = difference(subject.outputs(batch[:1])[1], expected[:1])
    return at_most(
        max(among_others, alone), 1e-10, "a value depends on the other samples of the batch: reduce over no batch "
        "axis, and use no batch normalisation"
    )  # fmt: skip


def local_energy(subject: Subject) -> Result:
    """Local energies are finite; on a lattice they are those of a plain sum over the bonds."""
    x = subject.configurations
    found = subject.local_energies(subject.perturbed, x)
    if subject.continuum:
        faulty = int(np.sum(~np.isfinite(found)))
        return at_most(faulty, 0, f"{faulty} of {len(x)} local energies are not finite: see the checks of derivatives")
    expected = np.array([_lattice_energy(subject, occupations) for occupations in x])
    return at_most(
        difference(found, expected), 1e-9, "Psi(n') depends on the batch it is evaluated in, or on more than the "
        "occupations"
    )  # fmt: skip


def _lattice_energy(subject: Subject, occupations: np.ndarray) -> float:
    """Real part of H_nn + sum over hops of -hopping (-1)^(electrons between) Psi(n') / Psi(n), by the definition."""
    hopped: list[np.ndarray] = [occupations]
    elements: list[float | complex] = [0.0]
    for i, j, hopping in subject.system.bonds:
        for spin in (0, 1):
            if occupations[spin, i] != occupations[spin, j]:
                after = occupations.copy()
                after[spin, [i, j]] = after[spin, [j, i]]
                hopped.append(after)
                low, high = min(i, j), max(i, j)
                element = hopping if occupations[spin, i] else hopping.conjugate()
                elements.append(-element * (-1.0) ** occupations[spin, low + 1 : high].sum())
    sign, log_abs = subject.values(subject.perturbed, np.array(hopped))
    ratios = sign * np.conj(sign[0]) * np.exp(log_abs - log_abs[0])
    return float(subject.system.interaction(occupations)) + float(np.sum(np.array(elements) * ratios).real)
