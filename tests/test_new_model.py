"""`zoo new-model` writes a package that works, and a package of somebody else's gets a row without a change here."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from harness.conformance import check_model
from zoo import create_model, create_system, scaffold
from zoo.cli import main

ROOT = Path(__file__).parents[1]
SYSTEMS = {
    "continuum": create_system("quantum_dot", n_up=2, n_down=1),
    "lattice": create_system("hubbard_chain_6", extent=[4], n_up=2, n_down=1),
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A package that the command has written, to be imported, with the classes of its model."""
    folder = tmp_path_factory.mktemp("models") / "my_wave"
    assert main(["new-model", "my_wave", "--into", str(folder)]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder
        for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_my_wave"]:
            del sys.modules[name]


def made_by(spec, space):
    module, _, name = spec.targets[space].partition(":")
    return getattr(importlib.import_module(module), name)


def test_its_files(generated):
    files = {str(path.relative_to(generated)) for path in generated.rglob("*") if path.is_file()}
    package = {f"zoo_my_wave/{name}.py" for name in ("__init__", "spec", "continuum", "lattice")}
    assert {name for name in files if "pyc" not in name} == {
        *("pyproject.toml", "README.md", "tests/test_my_wave.py"),
        *package,
    }
    for path in generated.rglob("*.py"):
        assert "{{" not in path.read_text()


def test_its_spec_is_light_and_its_entry_point_finds_it(generated):
    import tomllib

    content = tomllib.loads((generated / "pyproject.toml").read_text())
    assert content["project"]["entry-points"] == {"zoo.models": {"my_wave": "zoo_my_wave.spec:SPEC"}}
    code = "import sys; from zoo_my_wave.spec import SPEC; print(SPEC.name, 'keras' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(generated)])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["my_wave", "False"]


@pytest.mark.parametrize("space", SYSTEMS)
def test_it_starts_at_slater_jastrow(generated, space):
    spec = importlib.import_module("zoo_my_wave.spec").SPEC
    plain = {"continuum": {"three_body_order": 0}, "lattice": {"orbitals": "screened"}}[space]
    reference = create_model("slater_jastrow", SYSTEMS[space], **plain)
    model = made_by(spec, space)(SYSTEMS[space])
    configurations = model.sample_configurations(8)
    for found, expected in zip(model(configurations), reference(configurations), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "system"),
    [
        *SYSTEMS.items(),
        ("continuum", create_system("lithium_hydride", basis="6-31g")),
        ("continuum", create_system("electron_gas", dim=2, n_up=5, n_down=1)),
    ],
    ids=lambda value: getattr(value, "family", value),
)
def test_it_passes_the_conformance_kit(generated, space, system):
    spec = importlib.import_module("zoo_my_wave.spec").SPEC
    report = check_model(made_by(spec, space), system)
    assert report.passed, str(report)


@pytest.mark.slow
def test_its_own_test_passes(generated):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(generated)])}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=generated,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Mine"], "Mine: expected lower-case letters, digits and underscores"),
        (["class"], "class: expected lower-case letters"),
        (["../mine"], "../mine: expected lower-case letters"),
        (["slater_jastrow"], "slater_jastrow: there is such a model"),
        (["sj"], "sj: there is such a model"),
        (["mine", "--into", "here"], "here exists: expected a new folder"),
        (["mine", "--into", "file/mine"], "file/mine: cannot write there"),
    ],
)
def test_what_cannot_be_written(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_text("")
    assert main(["new-model", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "here"]


def test_names_in_the_files_follow_the_model(tmp_path):
    files = scaffold.new_model("two_words2", tmp_path / "x")
    assert "class TwoWords2(Wavefunction):" in (tmp_path / "x/zoo_two_words2/lattice.py").read_text()
    assert 'name = "zoo-two-words2"' in files[0].read_text()


# The example package -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_package_of_somebody_else_gets_a_row(tmp_path):
    """Built as a wheel, and installed into a folder of its own: neither this environment nor this checkout changes."""
    source, wheels, target = tmp_path / "source", tmp_path / "wheels", tmp_path / "installed"
    subprocess.run(["cp", "-r", ROOT / "examples/plugin_package", source], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", wheels, source], check=True)
    [wheel] = wheels.glob("zoo_slater_boltzmann-*.whl")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", "--target", target, wheel], check=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(target)])}

    def zoo(*arguments: str) -> str:
        command = [sys.executable, "-m", "zoo.cli", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "slater_boltzmann" in zoo("list", "models") and "(zoo-slater-boltzmann)" in zoo("list", "models")
    assert "Boltzmann machine" in zoo("show", "slater_boltzmann")
    small = ["train.steps=20", "train.walkers=64", "evaluate.draws=40", "evaluate.walkers=64"]
    assert "completed" in zoo("run", "model=slater_boltzmann", "system=hubbard_chain_6", *small)
    zoo("leaderboard", "build", "runs", "--site", "site")
    [page] = (tmp_path / "site").glob("hubbard_chain_6-*.md")
    assert "slater_boltzmann" in page.read_text()
    left_alone = subprocess.run([sys.executable, "-m", "zoo.cli", "list", "models"], capture_output=True, text=True,
                                cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)  # fmt: skip
    assert "slater_boltzmann" not in left_alone.stdout
