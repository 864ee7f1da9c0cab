"""A new model as a package of its own, from templates: `zoo new-model`. Imports no Keras."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from zoo import registry
from zoo.errors import ZooError

TEMPLATES = Path(__file__).parent / "templates" / "new_model"


def new_model(name: str, folder: Path | None = None) -> list[Path]:
    """Write an installable package with a working model of that name.

    Args:
        name: Of the model in the registry.
        folder: New folder for it; by default of the model's name.

    Returns:
        The files.

    Raises:
        ZooError: The name cannot be used or is taken, or the folder is there already or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ZooError(f"{name}: expected lower-case letters, digits and underscores, such as my_model")
    taken = {alias for known in registry.list_models() for alias in (known, *registry.model_spec(known).aliases)}
    if name in taken:
        raise ZooError(f"{name}: there is such a model: expected another name")
    folder = Path(name) if folder is None else folder
    if folder.exists():
        raise ZooError(f"{folder} exists: expected a new folder")
    package = f"zoo_{name}"
    texts = {
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "README.md.j2",
        f"{package}/__init__.py": "",
        f"{package}/spec.py": "spec.py.j2",
        f"{package}/continuum.py": "continuum.py.j2",
        f"{package}/lattice.py": "lattice.py.j2",
        f"tests/test_{name}.py": "test.py.j2",
    }
    words = {
        "name": name,
        "package": package,
        "distribution": package.replace("_", "-"),
        "title": name.replace("_", " ").capitalize(),
        "class_name": "".join(word.capitalize() for word in name.split("_")),
    }
    return _write(folder, {path: _render(template, words) for path, template in texts.items()})


def _render(template: str, words: dict[str, str]) -> str:
    import jinja2

    if not template:
        return f'"""{words["title"]}: a wavefunction for the backflow zoo."""\n'
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(template).render(words)


def _write(folder: Path, texts: dict[str, str]) -> list[Path]:
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ZooError(f"{folder}: cannot write there: {error.strerror}") from error
    return [folder / name for name in texts]
