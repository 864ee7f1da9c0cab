"""Which package may import which, and what the light parts do without."""

import ast
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("zoo", "harness", "leaderboards")
"""Each may import those before it."""
HEAVY = {"keras", "tensorflow", "jax", "pyscf", "matplotlib"}
CLI = Path("zoo/cli")


def imported(path: Path) -> set[str]:
    """Absolute names of every module that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def sources() -> list[Path]:
    return [path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_point_one_way(path):
    later = PACKAGES[PACKAGES.index(path.parts[0]) + 1 :]
    wrong = {name for name in imported(ROOT / path) if name.partition(".")[0] in later}
    if CLI not in path.parents:
        assert not wrong


@pytest.mark.parametrize("path", sources(), ids=str)
def test_nothing_imports_the_command_line(path):
    names = imported(ROOT / path)
    assert CLI in path.parents or not any(name == "zoo.cli" or name.startswith("zoo.cli.") for name in names)


def loaded_by(statement: str) -> set[str]:
    """Heavy packages in a fresh interpreter after a statement."""
    script = f"import sys, json\n{statement}\nprint(json.dumps(sorted(set({sorted(HEAVY)}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["--help"],
        ["run", "--help"],
        ["show", "slater_jastrow"],
        ["show", "lithium_hydride"],
        ["references", "hubbard_4x4"],
        ["run", "model=slater_jastrow", "system=lithium_hydride", "--dry-run"],
        ["run", "model=slater_jastrow", "system=hubbard_4x4", "system.n_up=99"],
    ],
    ids=" ".join,
)
def test_light_commands_load_no_backend(arguments, record_property):
    start = time.perf_counter()
    assert loaded_by(f"import zoo.cli; zoo.cli.main({arguments})") == set()
    record_property("seconds", time.perf_counter() - start)  # into a JUnit report; what it takes depends on the machine


@pytest.mark.parametrize(
    "module",
    ["zoo", "zoo.registry", "zoo.references", "zoo.systems.presets", "zoo.display", "zoo.cli", "harness",
     "harness.config", "harness.record", "harness.settings", "harness.summary", "harness.suite.command",
     "leaderboards.board"],
)  # fmt: skip
def test_light_modules_load_no_backend(module):
    assert loaded_by(f"import {module}") == set()
