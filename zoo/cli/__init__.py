"""The `zoo` command. It sees every package, and imports the heavy ones inside the commands that need them.

Commands lie in the modules of this folder, and register themselves on `zoo.cli.apps.app` when these are imported.

Exit codes: 0 done; 1 the run failed or diverged, or a check did not pass; 2 the input cannot be used; 130 and 143
interrupted.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Annotated

import typer

import zoo
from zoo import registry
from zoo.cli.apps import app
from zoo.cli.shared import EXIT_CODES
from zoo.errors import ZooError

BAD_INPUT = 2

for _module in ("running", "knowledge", "boards", "models", "figures"):  # the order of commands in `zoo --help`
    importlib.import_module(f"zoo.cli.{_module}")


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


def _one_line(error: Exception) -> str:
    text = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    return " ".join(text.split())
