"""What hypothesis draws: arguments of runs, from the schemas themselves, so that a new key is drawn at once."""

import typing

from hypothesis import strategies as st

from harness import settings
from harness.keys import sections_of
from zoo import registry

SMALL: dict[str, dict[str, str]] = {
    "quantum_dot": {"n_up": "1", "n_down": "1"},
    "electron_gas": {"n_up": "1", "n_down": "1"},
    "molecule": {"atoms": "He", "basis": "sto-3g"},
    "hubbard": {"extent": "[4]", "n_up": "2", "n_down": "1"},
    "t_v": {"extent": "[4]", "n_up": "2"},
}
"""Keys that make each family of systems small."""
TINY = {
    "hidden": "2", "width": "4", "layers": "1", "heads": "1", "channels": "2", "rounds": "1", "determinants": "1",
    "pair_width": "2", "hidden_fermions": "2",
}  # fmt: skip
"""Keys that make models small."""
INTEGERS = st.sampled_from([-1, 0, 1, 2, 3, 5])
NUMBERS = st.sampled_from([-1.0, 0.0, 1e-300, 1e-3, 0.3, 1.0, 2.0, 7.5, 100.0, 1e6, 1e300, float("nan"), float("inf")])
LATTICES = ["chain", "ladder", "square", "rectangle", "triangular", "honeycomb", "P", "A", "O", "PP", "PO", "AA"]
NAMES = [
    "none",
    "auto",
    "screened",
    "opposite",
    "any",
    "general",
    "slater_jastrow",
    "neural_backflow",
    "pfaffian",
    "d4",
]
ATOMS = ["He", "sto-3g", "cc-pVDZ", "H 0 0 0", "H 0 0 0; H 0 0 1.4", "H 0 0 0; H 0 0 0", "Xx 0 0 0", "H 0 0", ""]
WORDS = st.sampled_from([*LATTICES, *NAMES, *ATOMS])


def text_of(hint: typing.Any) -> st.SearchStrategy[str]:
    """Values of a type as the command line takes them, some of which are out of range."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is bool:
        return st.sampled_from(["true", "false"])
    if hint is int:
        return INTEGERS.map(str)
    if hint is float:
        return NUMBERS.map(repr)
    if hint is str:
        return WORDS
    if origin is tuple:
        return st.lists(text_of(arguments[0]), min_size=0, max_size=3).map(lambda items: f"[{','.join(items)}]")
    if hint is dict or origin is dict:
        return st.sampled_from(["{}", "{beta_1: 0.5}", "{hidden: 2}", "{x: [1,2]}"])
    if arguments:
        return st.one_of([text_of(a) if a is not type(None) else st.just("null") for a in arguments])
    return st.one_of(INTEGERS.map(str), WORDS, st.just("[1,0]"))


@st.composite
def configurations(draw, models: list[str] | None = None, changes: int = 3) -> list[str]:
    """Arguments of a small run, of which up to ``changes`` keys are anything of their type."""
    family = draw(st.sampled_from(sorted(SMALL)))
    space = registry.system_spec(family).space
    usable = [name for name in models or registry.list_models() if space in registry.model_spec(name).targets]
    model = draw(st.sampled_from(usable or ["slater_jastrow"]))
    optimizer = draw(st.sampled_from([*settings.NATURAL_GRADIENTS, *settings.KERAS_OPTIMIZERS]))
    sections = sections_of({"model": model, "system": family, "optimizer": optimizer})
    keys = [(section, key) for section in ("system", "model", "optimizer", "sampler") for key in sections[section]]
    values = {f"system.{key}": text for key, text in SMALL[family].items()}
    values |= {f"model.{key}": text for key, text in TINY.items() if key in sections["model"]}
    values |= {"train.walkers": "4", "sampler.moves": "2", "train.clip": draw(st.sampled_from("05"))}
    for section, key in draw(st.lists(st.sampled_from(keys), max_size=changes, unique=True)):
        values[f"{section}.{key}"] = draw(text_of(sections[section][key].hint))
    return [f"model={model}", f"system={family}", f"optimizer={optimizer}", *(f"{k}={v}" for k, v in values.items())]


def keys_and_values() -> st.SearchStrategy[str]:
    """Anything that a hand, or a script gone wrong, could put onto the command line."""
    schema = sections_of({"model": "slater_jastrow", "system": "quantum_dot", "optimizer": "spring"})
    known = [f"{section}.{key}" if section else key for section, fields in schema.items() for key in fields]
    choices = ["model", "system", "optimizer", "train", "hydra", "hydra.run.dir", "+a", "~b"]
    key = st.one_of(st.sampled_from([*known, *choices]), st.text(max_size=8))
    odd = ["", " ", "null", "true", "${oc.env:HOME}", "${model}", "${", "$", "[1,2", "{a: 1", "'", '"', "\\", "a=b"]
    odd += [
        "1,2",
        "range(0,3)",
        "choice(1,2)",
        "glob(*)",
        "int(x)",
        "!!python/object:os.system",
        "&a [*a]",
        "*a",
        "1e999",
    ]
    odd += [
        "-0",
        "0x10",
        "1_000",
        "nan",
        "inf",
        "-inf",
        "9" * 400,
        "[" * 60 + "]" * 60,
        "{" * 40,
        "a\nb",
        "a\0b",
        "../x",
    ]
    value = st.one_of(st.sampled_from(odd), st.text(max_size=12), st.integers().map(str), st.floats().map(repr))
    return st.one_of(st.tuples(key, value).map("=".join), st.text(max_size=20))
