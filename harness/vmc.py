"""Variational Monte Carlo: the state, and the loops over `harness.steps`."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend, rescue, statistics
from harness import random as random_state
from harness.evaluation import Evaluation, energies_of, round_summary, summarise_draws, v_score
from harness.local_energy.hops import hop_ratios
from harness.observables import choose, measurements
from harness.observables.measurement import Observer
from harness.optimizers import create_optimizer
from harness.pretraining import Pretrained, pretrain
from harness.sampling import create_sampler
from harness.settings import OptimizerSettings, PretrainSettings, SamplerSettings, TrainSettings
from harness.state import State, flatten, tensors, unflatten
from harness.steps import Steps
from zoo.errors import ZooError
from zoo.wavefunction import Wavefunction

ROUND = 20
"""Draws in one round of equilibration."""
NEWER = frozenset({"optimizer.damping"})
"""Parts of the state that those saved by version 0.1.0 lack: they begin at their first values."""


class Diverged(RuntimeError):
    """Training met values that are not finite, or walkers that stand still, whatever was tried three times.

    The state is the last good one.
    """


class LearningRate:
    """What callbacks such as `keras.callbacks.LearningRateScheduler` see as ``model.optimizer``: the state's rate."""

    def __init__(self, vmc: VMC):
        self._vmc = vmc

    @property
    def learning_rate(self) -> float:
        return float(ops.convert_to_numpy(self._vmc.state["learning_rate"]))

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._vmc.state = {**self._vmc.state, "learning_rate": ops.convert_to_tensor(value, dtype="float64")}


class VMC:
    """Optimises and measures a wavefunction: ``VMC(model).compile(...).fit(...)``, then ``evaluate``.

    Everything that changes is in `state`, a nested dictionary of tensors; `steps` has the pure functions of it.

    Args:
        model: A wavefunction of the zoo's contract.
        system: The Hamiltonian; by default that of the model.
        seed: Seed of every random number.
    """

    MAX_RETRIES = 3

    def __init__(self, model: Wavefunction, system=None, seed: int = 0):
        self.model, self.seed = model, seed
        self.system: Any = system or model.system
        self.state: State = {}
        self.events: list[dict[str, Any]] = []
        self.stop_requested = False

    def compile(
        self,
        optimizer: str | OptimizerSettings | keras.optimizers.Optimizer = "spring",
        walkers: int = 1024,
        clip: float | None = None,
        sampler: SamplerSettings | None = None,
    ) -> VMC:
        """Choose optimiser and sampler, and set the first state.

        Args:
            optimizer: Name, settings, or a Keras optimiser.
            walkers: Markov chains.
            clip: See `harness.settings.TrainSettings`.
            sampler: Settings of the Markov chains.

        Raises:
            ZooError: The devices (`harness.start.prepare`) cannot have equal shares of the walkers.
        """
        settings = TrainSettings(walkers=walkers, clip=clip)
        require_shares("walkers", walkers)
        self.optimizer = create_optimizer(optimizer)
        self.sampler = create_sampler(self.system, sampler or SamplerSettings())
        on_lattice = self.system.space == "lattice"
        limit = (0.0 if on_lattice else 5.0) if settings.clip is None else settings.clip
        self.steps = Steps(self.model, self.system, self.optimizer, self.sampler, limit)
        self._compile_functions()
        self.state = self._initial_state(settings.walkers)
        return self

    def _compile_functions(self) -> None:
        steps = self.steps
        self._step, self._settle, self._measure = map(backend.over_devices, (steps.step, steps.settle, steps.measure))
        self._sampled_log_abs = backend.over_devices(
            lambda parameters, walkers: backend.share(steps.sampled_log_abs, parameters, [(walkers, 0)])
        )

    # State -------------------------------------------------------------------------------------------------------

    def _initial_state(self, walkers: int) -> State:
        precision = keras.config.floatx()
        variables = self.model.trainable_variables
        state = {
            "parameters": [ops.copy(v.value) for v in variables],
            "optimizer": tensors(self.optimizer.initial_buffers(variables)),
            "walkers": ops.convert_to_tensor(self._initial_walkers(walkers)),
            "seed": ops.convert_to_tensor(random_state.initial_state(self.seed)),
            "width": ops.convert_to_tensor(self.sampler.initial_width, dtype=precision),
            "learning_rate": ops.convert_to_tensor(self.optimizer.learning_rate, dtype="float64"),
            "step": ops.convert_to_tensor(0, dtype="int32"),
        }
        return state

    def _initial_walkers(self, walkers: int, number: int = 0) -> np.ndarray:
        """Configurations at which the wavefunction is not zero; others for another ``number``."""
        found: list[np.ndarray] = []
        parameters = [ops.copy(v.value) for v in self.model.trainable_variables]
        for attempt in range(100):
            candidates = self.model.sample_configurations(walkers, seed=self.seed + number + 7919 * attempt)
            log_abs = ops.convert_to_numpy(self._sampled_log_abs(parameters, ops.convert_to_tensor(candidates)))
            found.append(candidates[np.isfinite(log_abs)])
            if sum(map(len, found)) >= walkers:
                return np.concatenate(found)[:walkers]
        raise ZooError(f"{type(self.model).__name__}: log|Psi| is not finite at {walkers * 100} random configurations")

    def sync_model(self) -> None:
        """Write the parameters of the state into the model's variables."""
        for variable, value in zip(self.model.trainable_variables, self.state["parameters"], strict=True):
            variable.assign(value)

    def read_model(self) -> None:
        """Take up the model's weights: a callback may have changed them, as EarlyStopping does to restore the best."""
        parameters = [ops.copy(v.value) for v in self.model.trainable_variables]
        self.state = {**self.state, "parameters": parameters}

    def arrays(self) -> dict[str, np.ndarray]:
        """The state as flat NumPy arrays: what a checkpoint holds."""
        return {name: np.array(ops.convert_to_numpy(value)) for name, value in flatten(self.state)}

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take up a state that `arrays` gave, for a model and an optimiser of the same kind.

        Raises:
            ZooError: A name or a shape does not fit; nothing is changed.
        """
        expected = dict(flatten(self.state))
        arrays = {name: np.asarray(ops.convert_to_numpy(expected[name])) for name in expected.keys() & NEWER} | arrays
        if expected.keys() != arrays.keys():
            odd = sorted(expected.keys() ^ arrays.keys())
            raise ZooError(f"the saved state does not fit this run: {', '.join(odd[:3])} on one side only")
        for name, value in expected.items():
            if name != "walkers" and tuple(value.shape) != arrays[name].shape:
                raise ZooError(f"saved {name} has shape {arrays[name].shape}: expected {tuple(value.shape)}")
        self.state = unflatten(self.state, {name: ops.convert_to_tensor(a) for name, a in arrays.items()})
        self.sync_model()

    def share_state(self) -> None:
        """Take up the state of the first process, where several compute together."""
        if backend.process_count() > 1:
            self.load_arrays(keras.tree.map_structure(np.asarray, backend.from_first_process(self.arrays())))

    @property
    def current_step(self) -> int:
        return int(ops.convert_to_numpy(self.state["step"]))

    # Loops -------------------------------------------------------------------------------------------------------

    def pretrain(
        self, settings: PretrainSettings | None = None, on_round: Callable[[int, float], None] | None = None
    ) -> Pretrained:
        """Fit the orbitals of a model that needs it to those of the system, before the first step.

        Args:
            settings: Steps, walkers and learning rate; the defaults unless given.
            on_round: Called every 20 steps with their number so far and their loss.

        Raises:
            ZooError: The model starts from the mean field, training has begun, or values are not finite.
        """
        if not self.state or self.current_step:
            raise ZooError("call pretrain() after compile() and before fit()")
        parameters, result = pretrain(self.model, settings or PretrainSettings(), self.seed, on_round)
        self.state = {**self.state, "parameters": parameters}
        self.sync_model()
        return result

    def equilibrate(self, rounds: int = 20) -> bool:
        """Sample until two successive rounds of log|Psi| agree within their errors.

        Returns:
            Whether they did, within that many rounds of 20 draws.
        """
        blocks: list[np.ndarray] = []
        for _ in range(rounds):
            draws = []
            for _ in range(ROUND):
                self.state, log_abs = self._settle(self.state)
                draws.append(log_abs)
            blocks.append(np.stack([np.asarray(ops.convert_to_numpy(d)) for d in draws]))
            if np.isfinite(blocks[-2:]).all() and statistics.stationary(blocks[-2:]):
                return True
        return False

    def fit(
        self,
        steps: int,
        callbacks: list[keras.callbacks.Callback] | None = None,
        read_every: int = 10,
        equilibration: int = 20,
        verbose: int = 0,
    ) -> keras.callbacks.History:
        """Optimise until ``steps`` steps have been made in all.

        An epoch of the callbacks is ``read_every`` steps, a batch is one step; the host reads metrics, and the
        model's variables are brought up to date, once an epoch. Logs of a step hold ``energy``, ``stderr``,
        ``variance`` and ``acceptance``, those of an epoch their means and ``step``.

        Args:
            steps: Total number of steps; a state that has made some already makes the rest.
            callbacks: Keras callbacks.
            read_every: Steps in an epoch.
            equilibration: Most rounds of equilibration before the first step.
            verbose: 1 adds Keras's progress bar.

        Raises:
            Diverged: Values are not finite, or hardly a move is accepted, also after three repairs (`harness.rescue`).
        """
        if not self.state:
            raise ZooError("call compile() before fit()")
        epochs = -(-steps // read_every)
        run = keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose > 0,
            model=self.model,
            epochs=epochs,
            steps=read_every,
            verbose=verbose,
        )
        self.model.stop_training = False
        self.model.optimizer = LearningRate(self)
        run.on_train_begin()
        if self.current_step == 0 and steps > 0 and not self.equilibrate(equilibration):
            self._event(0, "not_equilibrated", f"log|Psi| still drifted after {equilibration} rounds of {ROUND} draws")
        logs: dict[str, Any] = {}
        for epoch, first, count in self._epochs(steps, read_every):
            run.on_epoch_begin(epoch)
            logs = self._run_epoch(run, first, count)
            run.on_epoch_end(epoch, logs)
            self.read_model()
            if self.model.stop_training or self.stop_requested:
                break
        run.on_train_end(logs)
        self.read_model()
        return self.model.history

    def _epochs(self, steps: int, read_every: int) -> Iterator[tuple[int, int, int]]:
        """``(epoch, first step, number of steps)`` from the current step on."""
        while (done := self.current_step) < steps:
            yield done // read_every, done, min(read_every - done % read_every, steps - done)

    def _run_epoch(self, run: keras.callbacks.CallbackList, first: int, count: int) -> dict[str, Any]:
        for retry in range(self.MAX_RETRIES + 1):
            state, metrics = self.state, []
            for _ in range(count):
                state, one = self._step(state)
                metrics.append(one)
            rows = read_metrics(metrics)
            broken = next((first + i + 1 for i, row in enumerate(rows) if not row.pop("finite")), None)
            mended = [first + i + 1 for i, row in enumerate(rows) if row.pop("mended")]
            if broken is None and not self._stands_still(rows):
                break
            self.sync_model()
            if broken is not None:
                self._go_back(first, broken, retry)
            else:
                self._draw_walkers_anew(first, retry)
        if mended:
            matrices = f"the Gram matrix of {len(mended)} of {count} steps"
            self._event(mended[0], "gram_not_positive", f"{matrices} was not positive: more was added to its diagonal")
        self.state = state
        self.sync_model()
        for index, row in enumerate(rows):
            run.on_train_batch_begin(index)
            run.on_train_batch_end(index, {"step": first + index + 1, **row})
        mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        mean["stderr"] = float(np.sqrt(np.mean([row["stderr"] ** 2 for row in rows]) / len(rows)))
        return {**mean, "step": first + count}

    def _go_back(self, first: int, broken: int, retry: int) -> None:
        """Have an epoch repeated that met values which are not finite, with other walkers or a smaller step."""
        if retry == self.MAX_RETRIES:
            message = f"values were not finite at step {broken}, also with the step halved {retry} times"
            self._event(broken, "diverged", message)
            raise Diverged(message)
        state = self.state
        for _ in range(broken - first - 1):
            state, _ = self._step(state)
        lost = ~np.isfinite(energies_of([self._measure(state)[1]])[0])
        if rescue.is_mendable(lost):
            arrays = self.arrays()
            self.load_arrays({**arrays, "walkers": arrays["walkers"][rescue.in_place_of(lost)]})
            message = f"{np.count_nonzero(lost)} of {lost.size} walkers had no finite energy: others took their places"
            self._event(broken, "walkers_replaced", f"went back to step {first}: {message}")
        else:
            self.state = {**self.state, "learning_rate": self.state["learning_rate"] * 0.5}
            self._event(broken, "not_finite", f"went back to step {first} and halved the step")

    def _stands_still(self, rows: list[dict[str, float]]) -> bool:
        """Whether the walkers of an epoch stood still for no reason but the width of their moves."""
        proposals = len(rows) * self.state["walkers"].shape[0] * self.sampler.moves * (1.0 - self.sampler.exchange)
        return self.sampler.adapts and rescue.collapsed(float(np.mean([r["acceptance"] for r in rows])), proposals)

    def _draw_walkers_anew(self, first: int, retry: int) -> None:
        """Have an epoch repeated in which hardly a move was accepted, with first walkers and the first width."""
        message = f"fewer than 1 in {round(1 / rescue.LEAST_ACCEPTANCE)} moves were accepted after step {first}"
        if retry == self.MAX_RETRIES:
            self._event(first, "diverged", f"{message}, also with walkers drawn anew")
            raise Diverged(f"{message}, also with walkers drawn anew")
        arrays = self.arrays()
        walkers = self._initial_walkers(len(arrays["walkers"]), first + retry + 1)
        width = np.asarray(self.sampler.initial_width, dtype=arrays["width"].dtype)
        self.load_arrays({**arrays, "walkers": walkers.astype(arrays["walkers"].dtype), "width": width})
        self.equilibrate(self.MAX_RETRIES)
        self._event(first, "acceptance_collapsed", f"{message}: walkers were drawn anew, with the first width of moves")

    def _event(self, step: int, kind: str, message: str) -> None:
        self.events.append({"step": step, "kind": kind, "message": message})

    def evaluate(
        self,
        draws: int = 200,
        walkers: int | None = None,
        equilibration: int = 20,
        on_round: Callable[[int, dict[str, float]], None] | None = None,
        observables: str | Sequence[str] = (),
        thin: int = 0,
    ) -> Evaluation:
        """Measure the energy with the parameters fixed, after equilibrating anew, and further observables on request.

        The state that training goes on from is left as it was.

        Args:
            draws: Local energies of each walker.
            walkers: Markov chains; by default those of the training.
            equilibration: Most rounds of equilibration.
            on_round: Called every 20 draws with their number so far, and ``energy``, ``stderr``, ``variance`` and
                ``acceptance`` of the latest ones; also after each measurement of observables.
            observables: On lattices: names of `harness.observables.NAMES`, or ``"all"`` for those that the system has.
                They do not change the energies, which are those of the same seed without them.
            thin: Observables are measured on every ``thin``-th draw; by default so that about 50 draws are.

        Raises:
            ZooError: A local energy or an observable is not finite, the system does not have an observable, or the
                devices cannot have equal shares of the walkers.
        """
        if not self.state:
            raise ZooError("call compile() before evaluate()")
        names = choose(observables, self.system).names
        times, thin = measurements(draws, thin) if names else (0, 1)
        require_shares("walkers", walkers or self.state["walkers"].shape[0])
        started = time.perf_counter()
        before = self.state
        try:
            if walkers is not None and walkers != before["walkers"].shape[0]:
                index = np.arange(walkers) % before["walkers"].shape[0]
                self.state = {**before, "walkers": ops.take(before["walkers"], index, axis=0)}
            equilibrated = self.equilibrate(equilibration)
            if not equilibrated:
                message = f"log|Psi| still drifted after {equilibration} rounds of {ROUND} draws before evaluation"
                self._event(self.current_step, "not_equilibrated", message)
            state, measured = self.state, []
            observer = self._observer(names, times) if names else None
            for number in range(1, draws + 1):
                state, draw = self._measure(state)
                measured.append(draw)
                observed = observer is not None and number % thin == 0
                if observer is not None and observed:
                    observer.measure(state["parameters"], state["walkers"])
                if on_round is not None and (number % ROUND == 0 or number == draws or observed):
                    on_round(number, round_summary(measured[-ROUND:]))
        finally:
            self.state = before
        fields = summarise_draws(measured)
        return Evaluation(
            **fields,
            v_score=v_score(self.system, fields["energy"], fields["observables"]),
            equilibrated=equilibrated,
            seconds=time.perf_counter() - started,
            profiles=observer.profiles() if observer is not None else {},
            measurements=times,
            thin=thin,
        )

    def _observer(self, names: Sequence[str], draws: int) -> Observer:
        ratios = functools.partial(hop_ratios, self.model)
        return Observer(names, self.system, ratios, draws, self.state["walkers"].shape[0])


def read_metrics(steps: list[dict[str, Any]]) -> list[dict[str, float]]:
    """The metrics of some steps, on the host."""
    return [{name: float(ops.convert_to_numpy(value)) for name, value in metrics.items()} for metrics in steps]


def require_shares(key: str, walkers: int) -> None:
    """Refuse a number of walkers of which the devices cannot have equal shares."""
    devices = backend.device_count()
    if walkers % devices:
        raise ZooError(f"{key}={walkers} on {devices} devices: expected a multiple of {devices}")
