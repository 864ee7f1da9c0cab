"""Commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.apps import RunFolder, plot

if TYPE_CHECKING:
    from harness.figures import Request

Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="An .svg or .png file.",
        show_default="in the run's folder; here, of a leaderboard's result",
    ),
]
Walker = Annotated[int, typer.Option(help="Which walker of the first run is the configuration, from 0.")]
Plane = Annotated[
    str | None,
    typer.Option(metavar="xy|xz|yz", help="Of a system in three dimensions.", show_default="through nuclei, if any"),
]


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


def _prepare_to_draw(request: Request) -> None:
    """A figure takes little work: it is made on the CPU, and to the last digit whatever the precision of the runs."""
    from harness.start import prepare

    request.system.validate()
    prepare(request.saved[0].config.backend, "cpu", "float64")
