"""What the pages for people say about commands, settings, files and code is so."""

import ast
import dataclasses
import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer

from harness import settings
from harness.config import General, RunConfig, compose, distributed, evaluation
from harness.settings import KERAS_OPTIMIZERS, NATURAL_GRADIENTS, PROTOCOLS
from harness.sweep import Options, comparison
from zoo import cli, parameters, registry

ROOT = Path(__file__).parents[1]
README, RUNNING, PHYSICS = ROOT / "README.md", ROOT / "docs" / "running.md", ROOT / "docs" / "physics.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "zoo/references/README.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
OF_A_READER = {"my_model": "neural_backflow"}
"""Names that a reader's own package would bring, with what stands for them here."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT)) if isinstance(page, Path) else str(page)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> list[str]:
    """Every `zoo` command in the shell blocks of the pages."""
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    parts = [part.strip().removeprefix(".venv/bin/") for line in lines for part in line.split("&&")]
    return sorted({part for part in parts if part.startswith("zoo ")})


def examples_in_help() -> list[str]:
    """The commands below `--help`."""
    helps = [command.epilog for command in cli.app.registered_commands]
    groups = [group.typer_instance for group in cli.app.registered_groups]
    helps += [command.epilog for group in groups for command in group.registered_commands]
    return sorted({line.strip() for text in helps for line in (text or "").splitlines() if line.strip()[:4] == "zoo "})


def every_key() -> set[str]:
    """Every SECTION.KEY that some choice of model, system and optimiser allows."""
    optimizers = [*NATURAL_GRADIENTS.values(), settings.KerasOptimizerSettings]
    schemas = [("optimizer", schema) for schema in optimizers]
    schemas += [("sampler", settings.SamplerSettings), ("train", settings.TrainSettings)]
    schemas += [("evaluate", settings.EvaluateSettings), ("pretrain", settings.PretrainSettings)]
    schemas += [("system", registry.system_spec(n).system) for n in registry.list_systems()]
    schemas += [("model", schema) for n in registry.list_models() for schema in registry.model_spec(n).configs.values()]
    return {f"{section}.{p.name}" for section, schema in schemas for p in parameters.parameters(schema)}


def rows(page: Path, first: str) -> dict[str, list[str]]:
    """Rows of the table whose head begins with that cell, by their own first cell; Markdown's marks taken off."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table: dict[str, list[str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        table[cells[0]] = cells[1:]
    return table


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        found = (page.parent / path).resolve() if path else page
        assert found.exists() and found.is_relative_to(ROOT), f"{target}: no such file"
        assert not anchor or anchor in anchors(found), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    named = re.findall(r"`((?:zoo|harness|leaderboards|tests|benchmarks|docs)/[\w/.]*)`", prose(page))
    if page == PHYSICS:  # says that its test modules are relative to tests/
        named = [f"tests/{n}" if Path(n).name.startswith("test_") else n for n in named]
    missing = [n for n in named if not (ROOT / n).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_keys_that_are_named_exist(page):
    known = every_key()
    pattern = r"(?<![\w./])(?:model|system|optimizer|sampler|pretrain|train|evaluate)\.[a-z_]+"
    text = "\n".join([*re.findall(r"`([^`\n]+)`", prose(page)), *blocks(page, "sh")])
    assert not set(re.findall(pattern, text)) - known - {"train.jsonl"}


@pytest.mark.parametrize("command", [*commands(), *examples_in_help()])
def test_commands_work(command, tmp_path, monkeypatch, capsys):
    """Cheap commands are run, of the others every word is checked."""
    monkeypatch.chdir(tmp_path)
    for theirs, ours in OF_A_READER.items():
        command = re.sub(rf"(?<![\w/]){theirs}\b", ours, command)
    _, verb, *words = shlex.split(command, comments=True)
    _, keys = distributed([word for word in words if "=" in word])
    names = [word for word in words if "=" not in word and not word.startswith("-")]
    if verb in ("list", "show") or (verb == "references" and names[0] not in ("export", "import")):
        assert cli.main([verb, *words]) == 0
    elif verb == "run" and "--resume" not in words:
        assert cli.main(["run", *words, "--dry-run"]) == 0
        assert RunConfig.from_dict(compose(keys).to_dict()) == compose(keys)
    else:
        parses(verb, words)
    if verb == "evaluate":
        evaluation(keys, compose(["model=sj", f"system={Path(names[0]).parts[1]}"]))
    elif verb == "profile":
        compose(keys)
    elif verb == "compare":
        assert {config.model_name for _, config in comparison.runs([*names, *Options.take(keys)[1]])}
    elif verb == "check":
        system = [] if any(key.startswith("system=") for key in keys) else ["system=quantum_dot_n2"]
        compose([f"model={names[0]}", *system, *keys])


def parses(verb: str, words: list[str]) -> None:
    """The options and arguments exist; nothing is run."""
    command, arguments = typer.main.get_command(cli.app), [verb, *words]
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context("zoo", arguments)


def test_there_are_commands_to_check():
    """The blocks are found: an example of every command is on some page."""
    verbs = {shlex.split(command)[1] for command in commands()}
    assert verbs == {command.name or command.callback.__name__ for command in cli.app.registered_commands} | {
        group.name for group in cli.app.registered_groups
    }


def test_the_error_that_is_shown_is_the_error(capsys):
    [shown] = [block for block in blocks(RUNNING, "text") if block.startswith("$ zoo")]
    command, message = shown.splitlines()
    assert cli.main(shlex.split(command)[2:]) == 2
    assert capsys.readouterr().err == message + "\n"


def test_every_setting_is_explained():
    explained = re.findall(r"`([\w.]+)(?:=NAME)?`", " ".join(rows(RUNNING, "keys")))
    general = {field.name for field in dataclasses.fields(General)}
    own = {key for key in every_key() if not key.startswith(("model.", "system."))} - {"optimizer.optimizer"}
    assert set(explained) == own | general | {"optimizer", "model.KEY", "system.KEY"}
    optimizers = re.findall(r"`(\w+)`", rows(RUNNING, "keys")["`optimizer=NAME`"][0])
    assert set(optimizers) == {*NATURAL_GRADIENTS, *KERAS_OPTIMIZERS}


def test_protocols_are_those_of_the_code():
    table = rows(RUNNING, "protocol")
    assert len(table) == len(PROTOCOLS)
    for label, cells in table.items():
        protocol = PROTOCOLS[re.findall(r"`(\w+)`", label)[0]]
        assert [int(cell) for cell in cells[1:]] == list(protocol.budget().values())


def test_exit_codes_are_those_of_the_code():
    documented = {int(code) for code in rows(RUNNING, "code")}
    assert documented == {*cli.EXIT_CODES.values(), cli.BAD_INPUT, 128 + 15}


def test_events_are_those_of_the_code():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "harness").glob("*.py"))
    raised = set(re.findall(r"(?:_event|\.note)\([^\"()]*\"(\w+)\"", source))
    assert {label.strip("`") for label in rows(RUNNING, "`kind`")} == raised


CODE = [(page, code) for page in PAGES for code in blocks(page, "python")]


@pytest.mark.parametrize(("page", "code"), CODE, ids=lambda value: name(value).partition("\n")[0])
def test_python_compiles_and_its_imports_exist(page, code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.util.find_spec(f"{node.module}.{alias.name}")


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    """The example on the front page, with the least work and on the backend of the tests."""
    import keras

    monkeypatch.chdir(tmp_path)
    [code] = blocks(README, "python")
    for pattern, replacement in (
        (r"backend=\"\w+\"", f'backend="{keras.config.backend()}"'),
        (r"quantum_dot_n6", "quantum_dot_n2"),
        (r"walkers=\d+", "walkers=8"),
        (r"steps=\d+", "steps=1"),
        (r"draws=\d+", "draws=8"),
    ):
        code, count = re.subn(pattern, replacement, code)
        assert count == 1
    exec(compile(code, str(README), "exec"), {})
    assert re.search(r"\d ± \d", capsys.readouterr().out)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=name)
def test_pages_are_about_the_program_and_no_machine(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.])/(?:home|work|tmp|root|Users|mnt)/\w*", text)
    assert not re.findall(r"(?i)\bsessions?\b|\bissue trackers?\b|\bsandbox", text)


def test_the_ladder_on_the_front_page_is_that_of_the_registry():
    table = rows(README, "rung")
    specs = {spec.rung: spec for spec in map(registry.model_spec, registry.list_models()) if spec.rung is not None}
    assert {int(rung) for rung in table} == set(specs)
    for rung, (label, _, *spaces) in table.items():
        spec = specs[int(rung)]
        assert re.findall(r"`(\w+)`", label) == [spec.name, *spec.aliases]
        assert [cell == "yes" for cell in spaces] == [space in spec.targets for space in registry.SPACES]
