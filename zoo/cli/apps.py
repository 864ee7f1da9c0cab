"""The command line's groups of commands, which the modules beside this one fill, and arguments that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
