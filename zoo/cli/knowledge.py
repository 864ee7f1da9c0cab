"""Commands that say what there is and what is known: models, systems, reference energies, exact solutions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo import registry
from zoo.cli.apps import KeyValues, app, references
from zoo.cli.shared import output_console
from zoo.errors import UnknownNameError, ZooError


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
    console = output_console()
    for index, (name, table) in enumerate(tables.items()):
        if kind in (None, name):
            if kind is None and index:
                console.print()
            console.print(table(pattern))


@app.command(
    epilog="[bold]Examples[/bold]\n"
    "  zoo show slater_jastrow\n"
    "  zoo show hubbard_4x4 system.u=8\n"
    "  zoo show square_16_P_5_4"
)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model or a system.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE...", help="Of a system, such as system.u=8.", show_default=False),
    ] = None,
) -> None:
    """Show a model's card and hyperparameters, or a system's parameters and the energies known for it."""
    from harness.format import shorthand
    from zoo import display
    from zoo.systems import arguments, varbench

    models = {alias for n in registry.list_models() for alias in (n, *registry.model_spec(n).aliases)}
    if name in models:
        if overrides:
            raise ZooError(f"{overrides[0]}: expected no keys with {name}, a model; systems take keys system.KEY")
        output_console().print(display.model(registry.model_spec(name)))
    elif name in registry.list_systems() or varbench.is_name(name):
        _, system, _ = arguments.read([f"system={name}", *(overrides or [])])
        output_console().print(display.system(registry.system_spec(name), system, shorthand))
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

    output_console().print(command.show(system, overrides or [], shorthand))


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

    output_console().print(exact_command.answer(overrides, lambda line: print(line, file=sys.stderr)))
