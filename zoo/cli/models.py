"""Commands for authors of models."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zoo import registry
from zoo.cli.apps import KeyValues, app
from zoo.cli.shared import output_console, prepare

CHECKED_ON = {"continuum": ("quantum_dot_n6", "lithium_hydride"), "lattice": ("hubbard_chain_6",)}
"""Systems on which `zoo check` tries a model unless told."""


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
    prepare(configs[0])
    from harness.conformance import check_model

    console, passed = output_console(), True
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
