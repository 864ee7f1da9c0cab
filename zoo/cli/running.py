"""Commands that compute: one run, several, suites of them, and what a step costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.apps import KeyValues, RunFolder, app, suite
from zoo.cli.shared import EXIT_CODES, command_line, output_console, prepare
from zoo.errors import ZooError

if TYPE_CHECKING:
    from harness.config import RunConfig


@app.command(
    help="Train a model on a system, measure its energy, and keep a record.\n\n"
    "Give at least model=NAME and system=NAME. Further keys: model.KEY and system.KEY, which `zoo show NAME` lists; "
    "optimizer=NAME and optimizer.KEY; pretrain.KEY of models that need it; sampler.KEY, train.KEY, evaluate.KEY; "
    "backend, device, devices, precision, seed, protocol and out. With --dry-run they are all printed.",
    epilog="[bold]Examples[/bold]\n"
    "  zoo run model=slater_jastrow system=quantum_dot_n2\n"
    "  zoo run model=sj system=hubbard_4x4 system.u=8 optimizer.learning_rate=0.02 seed=1\n"
    "  zoo run model=sj system=molecule system.atoms='Li 0 0 0; H 0 0 3' --dry-run\n"
    "  zoo run --resume runs/quantum_dot_n2/slater_jastrow/RUN",
)
def run(
    overrides: KeyValues = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the configuration as YAML and stop.")] = False,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Continue the run in that folder.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Folder for this run; if it has begun there, it is continued."),
    ] = None,
) -> int:
    """Train, measure and record; or continue a run."""
    from harness.config import RunConfig, compose, distributed

    processes, keys = distributed(overrides or [])
    if resume is not None:
        if folder is not None:
            raise ZooError(f"--resume {resume} with --folder {folder}: expected one of them")
        config = RunConfig.read(resume, keys)
    else:
        config = compose(keys)
    if dry_run:
        print(config.to_yaml(), end="")
        return 0
    if resume is None and folder is None and processes is None:  # one of several looks when it knows if it writes
        _require_folders(config)
    prepare(config, processes)
    from harness import runs
    from harness.summary import summary

    command = command_line(["run", *(overrides or [])])
    if resume is not None:
        record = runs.resume(resume)
    elif folder is not None:
        record = runs.start_or_resume(folder, config, command)
    else:
        record = runs.start(config, command)
    if record is None:  # the first of several processes has it
        return 0
    output_console().print(summary(record))
    return EXIT_CODES[record.status]


@app.command(
    help="Measure the energy of a trained run again, with its parameters as they are.\n\n"
    "On lattices observables=all, or observables=NAME,NAME, measures and draws more: spin_structure_factor, "
    "charge_structure_factor, momentum_distribution, spin_correlation, charge_correlation and pair_correlation, on "
    "about 50 of the draws, or on every thin-th one.",
    epilog="[bold]Examples[/bold]\n"
    "  zoo evaluate runs/quantum_dot_n2/slater_jastrow/RUN draws=2000 seed=7\n"
    "  zoo evaluate runs/hubbard_4x4/slater_jastrow/RUN observables=all\n"
    "  zoo evaluate runs/hubbard_4x4/slater_jastrow/RUN observables=spin_structure_factor,pair_correlation thin=10",
)
def evaluate(
    run: RunFolder,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE...", help="draws, walkers, seed, observables, thin, devices.", show_default=False
        ),
    ] = None,
) -> int:
    """Measure the energy of a trained run again, and observables of lattices."""
    from harness.config import RunConfig, evaluation

    devices = [override for override in overrides or [] if override.startswith("devices=")]
    config = RunConfig.read(run, devices)
    budget = evaluation([override for override in overrides or [] if override not in devices], config)
    prepare(config)
    from harness import runs
    from harness.summary import summary

    record = runs.evaluate(run, **budget)
    output_console().print(summary(record))
    if budget["observables"]:
        from harness.figures.observables import newest
        from harness.observables import read_observables
        from harness.summary import observables

        path = newest(run)
        output_console().print(observables(read_observables(path)))
        output_console().print(f"figure: {path.with_suffix('.svg')}", soft_wrap=True)
    return EXIT_CODES[record.status]


@app.command(
    help="Run several models on one system, and show what each one gains over the first.\n\n"
    "seeds=N runs each with N seeds. Runs that are below the folder out already are taken as they are, and interrupted "
    "ones go on: the same command, given again, does what is left. Each run is a process of its own; jobs=N runs N at "
    "a time. The page of the comparison has differences with errors, costs, and the share of the correlation energy "
    "that each model recovers.",
    epilog="[bold]Examples[/bold]\n"
    "  zoo compare slater_jastrow slater_jastrow_backflow system=quantum_dot_n6\n"
    "  zoo compare sj sjb nb tb system=hubbard_4x4 seeds=3 jobs=2",
)
def compare(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... KEY=VALUE...", help="Names of models, and settings for all of them; seeds=N, jobs=N."
        ),
    ],
) -> int:
    """Run what is missing, then show."""
    from harness.sweep import Options, comparison

    options, words = Options.take(arguments)
    planned, console = comparison.plan(words), output_console()
    code = comparison.carry_out(planned, options, console)
    from leaderboards.compare import Comparison

    found = Comparison.of([job.folder for job in planned.jobs])
    if found is not None:
        console.print(found.table())
        console.print(f"page: {found.write(planned.page, command_line(['compare', *arguments]))}", soft_wrap=True)
    return code


@app.command(
    help="Run every combination of several values: model=a,b seed=range(0,3).\n\n"
    "All configurations are checked first. Each run is a process of its own, with its log beside its folder; one that "
    "fails does not stop the others. jobs=N runs N at a time, which share the processors, and the GPUs, between them. "
    "launcher=slurm queues them on a cluster (pip install 'backflow-zoo[slurm]'), where slurm.KEY=VALUE are parameters "
    "of submitit, such as slurm.partition=gpu or slurm.timeout_min=120. `zoo leaderboard build SWEEP` gathers them.",
    epilog="[bold]Examples[/bold]\n"
    "  zoo sweep model=sj,sjb system=quantum_dot_n2,helium 'seed=range(0,3)' jobs=2\n"
    "  zoo sweep --list runs/sweeps/SWEEP\n"
    "  zoo sweep --resume runs/sweeps/SWEEP jobs=2",
)
def sweep(
    arguments: KeyValues = None,
    name: Annotated[str | None, typer.Option(help="Of the sweep's folder.", show_default="the time")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="SWEEP", help="Do what is left of a sweep.")] = None,
    show: Annotated[Path | None, typer.Option("--list", metavar="SWEEP", help="Say how far a sweep is.")] = None,
    print_cmd: Annotated[
        bool, typer.Option("--print-cmd", help="Print a command a line, for another scheduler, and run nothing.")
    ] = False,
) -> int:
    """Expand, then run."""
    from harness.sweep import Options, Sweep, command

    options, overrides = Options.take(arguments or [])
    before = resume or show
    if before is None:
        plan = command.new(overrides, name, "local" if print_cmd else options.launcher)
    elif overrides or name:
        raise ZooError(f"{overrides[0] if overrides else f'--name {name}'}: expected no more than the sweep {before}")
    else:
        plan = Sweep.read(before)
    if show is not None:
        output_console().print(command.table(plan))
        return 0
    if print_cmd:
        print(*(job.shell_command for job in plan.unfinished), sep="\n")
        return 0
    return command.carry_out(plan, options, output_console())


@suite.command(
    name="run",
    epilog="[bold]Examples[/bold]\n  zoo suite run laptop\n  zoo suite run laptop jobs=2 out=runs",
)
def suite_run(
    name: Annotated[str, typer.Argument(metavar="SUITE", help="Name of the suite; `zoo suite list` has them.")],
    overrides: KeyValues = None,
) -> int:
    """Do what is left of a suite, the cheapest runs first.

    Finished runs of the same configuration count wherever they lie below out=DIR, and runs that were stopped go on.
    Keys are those of `zoo sweep`, jobs=N and launcher=slurm among them, and those of all runs, such as backend=jax.
    """
    from harness.suite import command

    return command.carry_out(name, overrides or [], output_console())


@suite.command(name="list", epilog="[bold]Example[/bold]\n  zoo suite list")
def suite_list(overrides: KeyValues = None) -> None:
    """List suites, and how far they are."""
    from harness.suite import command

    output_console().print(command.overview(overrides or []))


@suite.command(name="show", epilog="[bold]Example[/bold]\n  zoo suite show laptop")
def suite_show(
    name: Annotated[str, typer.Argument(metavar="SUITE", help="Name of the suite.")],
    overrides: KeyValues = None,
) -> None:
    """Show every run of a suite: how far it is, and its energy."""
    from harness.suite import command, load, progress

    output_console().print(command.show(progress(load(name), overrides or [])))


@app.command(
    help="Measure what a step of training costs, phase by phase: time, memory, and time to compile; with advice.\n\n"
    "Takes the keys of `zoo run`, and writes nothing.",
    epilog="[bold]Examples[/bold]\n"
    "  zoo profile model=transformer_backflow system=quantum_dot_n6\n"
    "  zoo profile model=sj system=hubbard_8x8_half backend=jax device=cpu devices=2",
)
def profile(overrides: KeyValues = None) -> None:
    """Measure what a step of training costs."""
    from harness.config import compose

    config = compose(overrides or [])
    prepare(config)
    from harness.advice import report
    from harness.profiling import measure

    output_console().print(report(measure(config), config))


def _require_folders(config: RunConfig) -> None:
    """Find out whether runs can be kept, and continued from what they name, before anything heavy is loaded."""
    from harness import transfer
    from harness.files import check_writable

    if config.init_from:
        transfer.source(config.init_from)
    check_writable(config.out)
