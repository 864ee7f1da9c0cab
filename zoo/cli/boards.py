"""Commands about leaderboards: pages from records, and how records get there."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.apps import app, leaderboard
from zoo.cli.shared import output_console, prepare
from zoo.errors import ZooError


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
        output_console().print(outcome, soft_wrap=True)
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

    verdict = confirm(run, overrides or [], prepare)
    output_console().print(verdict, soft_wrap=True)
    return 0 if verdict.confirmed else 1
