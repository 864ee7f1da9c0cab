"""The `zoo` command. It sees every package, and imports the heavy ones inside the commands that need them.

Exit codes: 0 done; 1 the run failed or diverged, or a check did not pass; 2 the input cannot be used; 130 and 143
interrupted.
"""

from __future__ import annotations

import shlex
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import zoo
from zoo import registry
from zoo.errors import UnknownNameError, ZooError

if TYPE_CHECKING:
    from rich.console import Console

    from harness.config import RunConfig
    from harness.figures import Request
    from harness.settings import DistributedSettings

EXIT_CODES = {"completed": 0, "running": 1, "diverged": 1, "failed": 1, "interrupted": 130}
BAD_INPUT = 2
CHECKED_ON = {"continuum": ("quantum_dot_n6", "lithium_hydride"), "lattice": ("hubbard_chain_6",)}
"""Systems on which `zoo check` tries a model unless told."""

app = typer.Typer(
    name="zoo",
    help="Fermionic wavefunctions in Keras, scored by variational Monte Carlo.",
    epilog="[bold]Examples[/bold]\n"
    "  zoo run model=slater_jastrow system=quantum_dot_n2\n"
    "  zoo list systems 'hubbard*'\n"
    "  zoo show hubbard_4x4",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
)
leaderboard = typer.Typer(help="Turn records of runs into leaderboards.", no_args_is_help=True)
app.add_typer(leaderboard, name="leaderboard")
plot = typer.Typer(help="Draw what runs have learnt.", no_args_is_help=True)
app.add_typer(plot, name="plot")
suite = typer.Typer(help="Standard sets of runs, such as those of the official boards.", no_args_is_help=True)
app.add_typer(suite, name="suite")


class _ShowUnlessTold(typer.core.TyperGroup):
    """`zoo references SYSTEM` is `zoo references show SYSTEM`."""

    def resolve_command(self, ctx, args):
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


references = typer.Typer(
    help="Energies that are known, with their sources: zoo references SYSTEM, or a command.",
    no_args_is_help=True,
    cls=_ShowUnlessTold,
)
app.add_typer(references, name="references")

KeyValues = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE...", help="Settings, such as seed=1.", show_default=False),
]

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="An .svg or .png file.", show_default="in the first run's folder"),
]
Walker = Annotated[int, typer.Option(help="Which walker of the first run is the configuration, from 0.")]
Plane = Annotated[
    str | None,
    typer.Option(metavar="xy|xz|yz", help="Of a system in three dimensions.", show_default="through nuclei, if any"),
]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    plain_warning = warnings.showwarning

    def show_warning(message, category, *rest):
        if issubclass(category, registry.PluginWarning):
            print(f"zoo: warning: {message}", file=sys.stderr)
        else:
            plain_warning(message, category, *rest)

    with warnings.catch_warnings():
        warnings.simplefilter("always", registry.PluginWarning)
        warnings.showwarning = show_warning
        try:
            code = app(arguments, prog_name="zoo", standalone_mode=False)
        except (ZooError, typer.TyperException) as error:
            print(f"zoo: {_one_line(error)}", file=sys.stderr)
            return error.exit_code if isinstance(error, ZooError) else BAD_INPUT
        except (typer.Abort, KeyboardInterrupt):
            print("zoo: stopped by SIGINT", file=sys.stderr)
            return EXIT_CODES["interrupted"]
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"zoo {zoo.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


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
    _prepare(config, processes)
    from harness import runs
    from harness.summary import summary

    command = _command(["run", *(overrides or [])])
    if resume is not None:
        record = runs.resume(resume)
    elif folder is not None:
        record = runs.start_or_resume(folder, config, command)
    else:
        record = runs.start(config, command)
    if record is None:  # the first of several processes has it
        return 0
    _console().print(summary(record))
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
    _prepare(config)
    from harness import runs
    from harness.summary import summary

    record = runs.evaluate(run, **budget)
    _console().print(summary(record))
    if budget["observables"]:
        from harness.figures.observables import newest
        from harness.observables import read_observables
        from harness.summary import observables

        path = newest(run)
        _console().print(observables(read_observables(path)))
        _console().print(f"figure: {path.with_suffix('.svg')}", soft_wrap=True)
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
    planned, console = comparison.plan(words), _console()
    code = comparison.carry_out(planned, options, console)
    from leaderboards.compare import Comparison

    found = Comparison.of([job.folder for job in planned.jobs])
    if found is not None:
        console.print(found.table())
        console.print(f"page: {found.write(planned.page, _command(['compare', *arguments]))}", soft_wrap=True)
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
        _console().print(command.table(plan))
        return 0
    if print_cmd:
        print(*(job.shell_command for job in plan.unfinished), sep="\n")
        return 0
    return command.carry_out(plan, options, _console())


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

    return command.carry_out(name, overrides or [], _console())


@suite.command(name="list", epilog="[bold]Example[/bold]\n  zoo suite list")
def suite_list(overrides: KeyValues = None) -> None:
    """List suites, and how far they are."""
    from harness.suite import command

    _console().print(command.overview(overrides or []))


@suite.command(name="show", epilog="[bold]Example[/bold]\n  zoo suite show laptop")
def suite_show(
    name: Annotated[str, typer.Argument(metavar="SUITE", help="Name of the suite.")],
    overrides: KeyValues = None,
) -> None:
    """Show every run of a suite: how far it is, and its energy."""
    from harness.suite import command, load, progress

    _console().print(command.show(progress(load(name), overrides or [])))


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
    _prepare(config)
    from harness.advice import report
    from harness.profiling import measure

    _console().print(report(measure(config), config))


@app.command(name="list", epilog="[bold]Examples[/bold]\n  zoo list\n  zoo list models '*backflow*'")
def list_names(
    kind: Annotated[
        str | None, typer.Argument(metavar="models|systems", help="Only these.", show_default=False)
    ] = None,
    pattern: Annotated[
        str | None, typer.Argument(metavar="PATTERN", help="Such as 'hubbard*'.", show_default=False)
    ] = None,
) -> None:
    """List models and systems."""
    from zoo import display

    tables = {"models": display.models, "systems": display.systems}
    if kind is not None and kind not in tables:
        raise UnknownNameError("list", kind, tables)
    console = _console()
    for index, (name, table) in enumerate(tables.items()):
        if kind in (None, name):
            if kind is None and index:
                console.print()
            console.print(table(pattern))


@app.command(
    epilog="[bold]Examples[/bold]\n  zoo show slater_jastrow\n  zoo show hubbard_4x4\n  zoo show square_16_P_5_4"
)
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A model or a system.")]) -> None:
    """Show a model's card and hyperparameters, or a system's parameters and the energies known for it."""
    from harness.format import shorthand
    from zoo import display
    from zoo.systems import varbench

    models = {alias for n in registry.list_models() for alias in (n, *registry.model_spec(n).aliases)}
    if name in models:
        _console().print(display.model(registry.model_spec(name)))
    elif name in registry.list_systems() or varbench.is_name(name):
        _console().print(display.system(registry.system_spec(name), shorthand))
    else:
        raise UnknownNameError("model or system", name, [*models, *registry.list_systems()])


@references.command(
    name="show",
    epilog="[bold]Examples[/bold]\n"
    "  zoo references hubbard_4x4 system.u=8\n"
    "  zoo references quantum_dot_n6 system.omega=0.28\n"
    "  zoo references square_16_P_5_4",
)
def show_references(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Name of a system.")],
    overrides: KeyValues = None,
) -> None:
    """Show every energy known for a system: kind, method, source, and doubts."""
    from harness.format import shorthand
    from zoo.references import command

    _console().print(command.show(system, overrides or [], shorthand))


@references.command(
    name="export",
    epilog="[bold]Examples[/bold]\n"
    "  zoo references export hubbard_4x4 system.u=8 --format varbench\n"
    "  zoo references export --format varbench --output tables",
)
def export_references(
    system: Annotated[
        str | None, typer.Argument(metavar="SYSTEM", help="One system.", show_default="every one")
    ] = None,
    overrides: KeyValues = None,
    form: Annotated[str, typer.Option("--format", metavar="varbench", help="Of the tables.")] = "varbench",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the files.", show_default="printed")
    ] = None,
) -> None:
    """Write energies on record as tables of VarBench, those in doubt left out."""
    from zoo.references import command

    print(command.export(system, overrides or [], form, output), end="")


@references.command(
    name="import", epilog="[bold]Example[/bold]\n  zoo references import Hubbard/square_16_P_5_4.md --write"
)
def import_references(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Tables of VarBench, named as there.")],
    write: Annotated[bool, typer.Option("--write", help="Put them into zoo/references/references.jsonl.")] = False,
) -> int:
    """Read tables of VarBench: print the records that are new, checked against what is known."""
    from zoo.references import command

    text, problems = command.take_in(files, write)
    print(text, end="")
    for problem in problems:
        print(f"zoo: {problem}", file=sys.stderr)
    return 1 if problems else 0


@app.command(
    epilog="[bold]Examples[/bold]\n"
    "  zoo exact system=hubbard_4x4 system.u=8\n"
    "  zoo exact system=hubbard_chain_50 method=bethe\n"
    "  zoo exact system=square_16_P_5_4",
)
def exact(
    overrides: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="system=NAME, keys system.KEY, and method.")
    ],
) -> None:
    """Compute the ground state of a lattice system exactly: energy and double occupancy, beside what is known.

    method=diagonalisation takes sectors of momentum, and up to 10 million states or so in each; method=bethe is for
    Hubbard rings of any size. Without it the cheaper one that applies is taken.
    """
    from zoo.systems import exact_command

    _console().print(exact_command.answer(overrides, lambda line: print(line, file=sys.stderr)))


@leaderboard.command(
    epilog="[bold]Examples[/bold]\n  zoo leaderboard build\n  zoo leaderboard build runs my_record.json --site site"
)
def build(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SOURCES...",
            help="Records, and folders that hold some.",
            show_default="the committed results, and the folder runs",
        ),
    ] = None,
    site: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pages.")] = Path("leaderboards/site"),
) -> None:
    """Rank recorded runs: one Markdown and one HTML page for each system."""
    from leaderboards.board import RESULTS
    from leaderboards.render import build as build_pages

    own = Path("runs")
    try:
        pages = build_pages(sources or [RESULTS, *([own] if own.is_dir() else [])], site)
    except OSError as error:
        raise ZooError(f"--site {site}: {error.strerror}: expected a folder that can be written") from error
    for page in pages:
        print(page)


@leaderboard.command(
    name="check",
    epilog="[bold]Examples[/bold]\n  zoo leaderboard check\n  zoo leaderboard check runs my_record.json --site site",
)
def check_pages(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SOURCES...", help="Records, and folders that hold some.", show_default="the committed results"
        ),
    ] = None,
    site: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the pages.")] = Path("leaderboards/site"),
) -> int:
    """Compare pages with what the records give; names each page that differs.

    Committed results are checked first: names each record, weight file or curve that is not as it must be.
    """
    from leaderboards.board import RESULTS
    from leaderboards.render import check as compare_pages
    from leaderboards.validation import all_problems

    if not sources and (unsound := all_problems(RESULTS)):
        print(*unsound, sep="\n")
        return 1
    problems = compare_pages(sources or [RESULTS], site)
    if problems:
        print(*problems, sep="\n")
        again = shlex.join(["zoo", "leaderboard", "build", *map(str, sources or [RESULTS]), "--site", str(site)])
        print(f"{again} writes them anew")
        return 1
    print(f"{site}: as the records have it")
    return 0


@leaderboard.command(
    epilog="[bold]Example[/bold]\n  zoo leaderboard export runs --format varbench",
)
def export(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SOURCES...", help="Records, and folders that hold some.", show_default="the committed results"
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="varbench", help="Of the tables.")] = "varbench",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the files.", show_default="printed")
    ] = None,
) -> None:
    """Write results of lattices as tables of VarBench, a row for each run."""
    from leaderboards.board import RESULTS, collect
    from leaderboards.varbench import tables
    from zoo.references import command

    command.require_format(form)
    print(command.written(tables(result.record for result in collect(sources or [RESULTS])), output), end="")


@app.command(
    epilog="[bold]Examples[/bold]\n  zoo submit runs/helium/slater_jastrow/RUN\n  zoo submit --suite laptop",
)
def submit(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)
    ] = None,
    suite: Annotated[
        str | None, typer.Option(metavar="SUITE", help="The completed runs of this suite below the folder runs.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to.", show_default="the committed results")
    ] = None,
) -> int:
    """Check runs, and copy what the boards need of them to the committed results.

    A record whose numbers, files, budget or provenance do not hold is refused with the reasons.
    """
    from harness.suite import load, progress
    from leaderboards.board import RESULTS
    from leaderboards.submission import submit as copy

    folders = [*(runs or []), *(progress(load(suite)).finished if suite else [])]
    if not folders:
        raise ZooError("RUN is missing: expected folders of completed runs, or --suite NAME with some")
    outcomes = copy(folders, results or RESULTS)
    for outcome in outcomes:
        _console().print(outcome, soft_wrap=True)
    return 0 if all(outcome.result for outcome in outcomes) else 1


@app.command(
    epilog="[bold]Examples[/bold]\n"
    "  zoo verify runs/helium/slater_jastrow/RUN\n"
    "  zoo verify leaderboards/results/SYSTEM/slater_jastrow/RUN draws=400 seed=1",
)
def verify(
    run: Annotated[Path, typer.Argument(metavar="RUN|RESULT", help="Folder of a run, or of a committed result.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE...", help="draws, walkers, seed.", show_default=False),
    ] = None,
) -> int:
    """Measure the energy of a record's weights anew, and confirm the record's within the errors of both.

    Files, hashes and numbers of the record are checked first. An energy that the weights do not give is refused.
    """
    from leaderboards.verification import verify as confirm

    verdict = confirm(run, overrides or [], _prepare)
    _console().print(verdict, soft_wrap=True)
    return 0 if verdict.confirmed else 1


@app.command(
    epilog="[bold]Examples[/bold]\n  zoo check slater_jastrow\n  zoo check my_model system=hubbard_4x4 backend=jax",
)
def check(
    model: Annotated[str, typer.Argument(metavar="NAME", help="A model, yours included.")],
    overrides: KeyValues = None,
) -> int:
    """Check that a model is what a wavefunction must be: antisymmetric, differentiable, with the right cusps.

    Without system=NAME it is checked on a system of each kind that it covers.
    """
    from harness.config import compose

    keys = [f"model={model}", *(overrides or [])]
    if any(key.startswith("system=") for key in keys):
        configs = [compose(keys)]
    else:
        spaces = registry.model_spec(model).targets
        configs = [compose([*keys, f"system={name}"]) for space in spaces for name in CHECKED_ON[space]]
    _prepare(configs[0])
    from harness.conformance import check_model

    console, passed = _console(), True
    for config in configs:
        report = check_model(config.model_name, config.create_system(), **config.model)
        console.print(report)
        passed = passed and report.passed
    return 0 if passed else 1


@app.command(name="new-model", epilog="[bold]Examples[/bold]\n  zoo new-model my_model")
def new_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the model: letters, digits and underscores.")],
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="New folder for it.", show_default="NAME, here")
    ] = None,
) -> None:
    """Write a package with a working model, its spec, card and test, to start from.

    It is installed with pip and needs no change to this one; docs/contributing-a-model.md goes on from there.
    """
    from zoo.scaffold import new_model as write

    files = write(name, into)
    print(*files, sep="\n")
    print(f"next: pip install -e {shlex.quote(str(into or name))} && zoo check {name}")


@plot.command(
    name="backflow",
    epilog="[bold]Examples[/bold]\n"
    "  zoo plot backflow runs/quantum_dot_n6/transformer_backflow/RUN\n"
    "  zoo plot backflow runs/helium/transformer_backflow/RUN runs/helium/slater_jastrow_backflow/RUN --plane xz",
)
def plot_backflow(
    run: RunFolder,
    beside: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="Another run on the system, to draw beside it.", show_default=False),
    ] = None,
    output: Output = None,
    walker: Walker = 0,
    plane: Plane = None,
) -> None:
    """Draw how a run displaces the electrons of a configuration.

    Beside it, the pairwise displacement against distance and, of a transformer, the attention.
    """
    from harness.figures import Request

    folders = [run] if beside is None else [run, beside]
    request = Request.of(folders, "backflow", output, walker, plane=plane)
    _prepare_to_draw(request)
    from harness.figures.backflow import plot_backflow as draw

    print(draw(request))


@plot.command(
    name="nodes",
    epilog="[bold]Examples[/bold]\n"
    "  zoo plot nodes runs/quantum_dot_n6/slater_jastrow/RUN runs/quantum_dot_n6/transformer_backflow/RUN\n"
    "  zoo plot nodes runs/beryllium/slater_jastrow/RUN --electron 3 --walker 7 --output nodes.png",
)
def plot_nodes(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs on one system.")],
    output: Output = None,
    walker: Walker = 0,
    electron: Annotated[int, typer.Option(help="The electron that moves, from 0, spin up first.")] = 0,
    plane: Plane = None,
) -> None:
    """Draw where Psi changes its sign as one electron moves through a plane.

    All others stay, and all runs are drawn at the same configuration.
    """
    from harness.figures import Request

    request = Request.of(runs, "nodes", output, walker, electron, plane)
    _prepare_to_draw(request)
    from harness.figures.nodes import plot_nodes as draw

    print(draw(request))


@plot.command(
    name="observables",
    epilog="[bold]Examples[/bold]\n"
    "  zoo plot observables runs/hubbard_4x4/slater_jastrow/RUN\n"
    "  zoo plot observables runs/hubbard_4x4/slater_jastrow/RUN runs/hubbard_4x4/neural_backflow/RUN --output s.png",
)
def plot_observables(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of runs on one lattice, or of single evaluations of them."),
    ],
    output: Output = None,
) -> None:
    """Draw the observables that `zoo evaluate RUN observables=all` has measured last.

    Of a single run in two dimensions also maps of the Brillouin zone; several runs share panels of curves.
    """
    from harness.figures.observables import plot_observables as draw

    print(draw(runs, output))


def _prepare(config: RunConfig, processes: DistributedSettings | None = None) -> None:
    from harness.start import prepare

    config.create_system().validate()  # first, as a backend takes much longer to load
    if processes is not None:
        print(f"waiting for all processes at {processes.coordinator}", file=sys.stderr)
    prepare(config.backend, config.device, config.precision, config.devices, processes)


def _prepare_to_draw(request: Request) -> None:
    """A figure takes little work: it is made on the CPU, and to the last digit whatever the precision of the runs."""
    from harness.start import prepare

    request.system.validate()
    prepare(request.configs[0].backend, "cpu", "float64")


def _require_folders(config: RunConfig) -> None:
    """Find out whether runs can be kept, and continued from what they name, before anything heavy is loaded."""
    from harness import transfer
    from harness.files import check_writable

    if config.init_from:
        transfer.source(config.init_from)
    check_writable(config.out)


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)  # a pipe has no width: keep one line for each row
    return console


def _command(arguments: list[str]) -> str:
    return shlex.join(["zoo", *arguments])


def _one_line(error: Exception) -> str:
    text = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
