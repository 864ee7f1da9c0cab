"""Names, plug-ins, and models and systems made by name."""

import dataclasses
import warnings
from importlib import metadata
from types import SimpleNamespace

import pytest

from zoo import registry
from zoo.errors import UnknownNameError, ZooError
from zoo.models.slater_jastrow.spec import SPEC as SLATER_JASTROW
from zoo.registry import ModelSpec, SystemSpec
from zoo.systems.quantum_dot import QuantumDot

LADDER = ["slater_jastrow", "slater_jastrow_backflow", "neural_backflow", "transformer_backflow"]
OTHERS = ["ferminet", "ferminet_published", "psiformer", "psiformer_published"]
OTHERS += ["hidden_fermion", "pfaffian", "projected"]
MODELS = sorted(LADDER + OTHERS)


@dataclasses.dataclass(frozen=True)
class NoHyperparameters:
    """None."""


def spec(name: str = "mine", **changes) -> ModelSpec:
    fields = {
        "summary": "A model", "rung": None, "paper": "none", "card": "A card", "version": "1",
        "targets": {"continuum": "my_package.model:Mine"}, "configs": {"continuum": NoHyperparameters},
    }  # fmt: skip
    return ModelSpec(name=name, **(fields | changes))


def entry(name: str, distribution: str, load) -> SimpleNamespace:
    return SimpleNamespace(name=name, dist=SimpleNamespace(name=distribution), load=load)


@pytest.fixture
def plug_in(monkeypatch):
    """Empty registries, read anew with the entry points given."""

    def install(*models, systems=()):
        groups = {"zoo.models": list(models), "zoo.systems": list(systems)}
        monkeypatch.setattr(metadata, "entry_points", lambda group: groups[group])
        monkeypatch.setattr(registry._MODELS, "_by_name", None)
        monkeypatch.setattr(registry._SYSTEMS, "_by_name", None)

    return install


def test_built_in_models(plug_in):
    plug_in()
    assert registry.list_models() == MODELS


@pytest.mark.parametrize(("name", "width"), [("ferminet", 256), ("psiformer", 256)])
def test_published_sizes_are_presets_of_the_same_model(name, width):
    small, published = registry.model_spec(name), registry.model_spec(f"{name}_published")
    assert published.targets == small.targets and published.version == small.version
    sizes = [registry.hyperparameters(spec.name, "continuum") for spec in (small, published)]
    assert sizes[0].keys() == sizes[1].keys()
    assert sizes[0]["width"] < sizes[1]["width"] == width
    assert (sizes[1]["layers"], sizes[1]["determinants"]) == (4, 16)


def test_only_models_of_the_continuum_are_pretrained():
    lattice = {"lattice": "my_package:Model"}
    with pytest.raises(ZooError, match="needs_pretraining=True: expected a model of the continuum alone"):
        spec(targets=lattice, configs={"lattice": NoHyperparameters}, needs_pretraining=True)


@pytest.mark.parametrize(("alias", "name"), [("sj", LADDER[0]), ("sjb", LADDER[1]), (LADDER[1], LADDER[1])])
def test_aliases(alias, name):
    assert registry.model_spec(alias).name == name


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("*backflow*", sorted(LADDER[1:])), ("slater*", LADDER[:2]), ("sj", []), ("slater_jastrow", LADDER[:1])],
)
def test_patterns(pattern, names):
    assert registry.list_models(pattern) == names


PRESETS = {
    "quantum_dot_n2": ("continuum", 1, 1), "quantum_dot_n6": ("continuum", 3, 3),
    "quantum_dot_n12": ("continuum", 6, 6), "quantum_dot_n20": ("continuum", 10, 10),
    "helium": ("continuum", 1, 1), "beryllium": ("continuum", 2, 2),
    "lithium_hydride": ("continuum", 2, 2), "hydrogen_molecule": ("continuum", 1, 1),
    "hubbard_chain_6": ("lattice", 3, 3), "hubbard_chain_10": ("lattice", 5, 5),
    "hubbard_4x4": ("lattice", 5, 5), "hubbard_4x4_half": ("lattice", 8, 8),
}  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name):
    system = registry.create_system(name)
    assert (system.space, system.n_up, system.n_down) == PRESETS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_reference(name):
    assert registry.create_system(name).references().best is not None


@pytest.mark.parametrize(
    ("name", "energy"),
    [("quantum_dot_n2", 3.0), ("helium", -2.903724377), ("beryllium", -14.66736), ("hydrogen_molecule", -1.1744757142),
     ("lithium_hydride", -8.070548), ("hubbard_chain_6", -3.6687061789), ("hubbard_4x4", -19.5809375)],
)  # fmt: skip
def test_exact_energies_of_presets(name, energy):
    assert registry.create_system(name).references().exact.energy == pytest.approx(energy, abs=1e-5)


@pytest.mark.parametrize("family", ["quantum_dot", "molecule", "hubbard"])
def test_families_are_systems_with_the_defaults_of_the_dataclass(family):
    assert registry.create_system(family) == registry.system_spec(family).system()


def test_parameters_change_a_preset():
    assert registry.create_system("quantum_dot_n6", omega=0.5) == QuantumDot(omega=0.5, n_up=3, n_down=3)


def test_plain_values_take_the_types_of_the_fields():
    system = registry.create_system("hubbard_4x4", extent=[4, 3], u=8, n_up=4)
    assert system.extent == (4, 3) and type(system.u) is float
    assert system.sha256 == registry.create_system("hubbard_4x4", extent=(4, 3), u=8.0, n_up=4).sha256


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: registry.create_system("hubard_4x4"), "unknown system 'hubard_4x4': did you mean 'hubbard_4x4'"),
        (lambda: registry.model_spec("slater_jastro"), "unknown model 'slater_jastro': did you mean 'slater_jastrow'"),
        (lambda: registry.create_system("quantum_dot", omga=1), "unknown key 'system.omga': did you mean 'system"),
        (lambda: registry.create_system("quantum_dot", omega="x"), "system.omega=x: expected a number"),
        (lambda: registry.create_system("quantum_dot", n_up=1.5), "system.n_up=1.5: expected an integer"),
        (lambda: registry.create_system("quantum_dot", n_up=True), "system.n_up=true: expected an integer"),
        (lambda: registry.create_system("hubbard", extent=6), "system.extent=6: expected a list of integers"),
        (lambda: registry.create_system("quantum_dot", omega=-1.0), "system.omega=-1.0: expected a positive"),
        (lambda: registry.hyperparameters("sj", "continuum", jastrow_order=0), "model.jastrow_order=0: expected 1"),
        (lambda: registry.hyperparameters("sj", "continuum", hidden=4), "unknown key 'model.hidden': expected one of"),
        (lambda: registry.create_model("ferminet", registry.create_system("hubbard")),
         "covers continuum systems, not lattice ones: for lattice expected one of hidden_fermion, neural_backflow"),
    ],
)  # fmt: skip
def test_errors_name_the_value_and_what_was_expected(make, message):
    with pytest.raises(ZooError) as caught:
        make()
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hyperparameters_are_filled_in():
    values = registry.hyperparameters("sj", "continuum", jastrow_order=3)
    defaults = dataclasses.asdict(SLATER_JASTROW.configs["continuum"]())
    assert values == defaults | {"jastrow_order": 3}


def test_registered_model_is_found_and_may_not_be_registered_twice(plug_in):
    plug_in()
    registry.register_model(spec(aliases=("m",)))
    assert registry.model_spec("m").name == "mine"
    with pytest.raises(ZooError, match="'mine' is registered twice"):
        registry.register_model(spec())


def test_registered_system_is_created_with_its_defaults(plug_in):
    plug_in()
    registry.register_system(SystemSpec("my_dot", "A dot", QuantumDot, {"omega": 0.25}))
    assert registry.create_system("my_dot", n_up=2) == QuantumDot(omega=0.25, n_up=2)


def test_plug_in_carries_its_distribution(plug_in):
    plug_in(entry("mine", "my-models", lambda: spec()))
    assert registry.model_spec("mine").distribution == "my-models"
    assert registry.model_spec("sj").distribution == "backflow-zoo"


def test_plug_in_may_bring_several_systems(plug_in):
    specs = [SystemSpec(f"dot_{n}", "A dot", QuantumDot, {"n_up": n}) for n in (1, 2)]
    plug_in(systems=[entry("dots", "my-systems", lambda: specs)])
    assert registry.list_systems("dot_*") == ["dot_1", "dot_2"]


@pytest.mark.parametrize("load", [lambda: 1 / 0, lambda: "not a spec", lambda: [None], lambda: spec(name="Not A Name")])
def test_broken_plug_in_gives_one_warning_and_the_rest_works(plug_in, load):
    plug_in(entry("broken", "bad-models", load), entry("mine", "my-models", lambda: spec()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert registry.list_models() == sorted(["mine", *MODELS])
        registry.list_models()
    assert len(caught) == 1 and caught[0].category is registry.PluginWarning
    assert "'broken' of bad-models left out" in str(caught[0].message)


@pytest.mark.parametrize("taken", [{"name": "slater_jastrow"}, {"name": "sj"}, {"name": "new", "aliases": ("sjb",)}])
def test_collision_is_an_error_that_names_both_distributions(plug_in, taken):
    plug_in(entry("mine", "my-models", lambda: spec(**taken)))
    for _ in range(2):
        with pytest.raises(ZooError, match="registered twice, by backflow-zoo and by my-models"):
            registry.list_models()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My model"}, "lower-case"),
        ({"targets": {"plasma": "a.b:C"}}, "plasma"),
        ({"targets": {"lattice": "a.b:C"}}, "configs"),
        ({"targets": {"continuum": "a.b.C"}}, r"'package\.module:Class'"),
        ({"configs": {"continuum": dict}}, "dataclass"),
    ],
)
def test_spec_that_cannot_work_is_refused(changes, message):
    with pytest.raises(ZooError, match=message):
        spec(**changes)


def test_parameter_called_name_is_refused():
    schema = dataclasses.make_dataclass("Schema", [("name", str, "x")], frozen=True)
    with pytest.raises(ZooError, match="'name'"):
        spec(configs={"continuum": schema})


def test_unknown_name_error_lists_what_is_known():
    with pytest.raises(UnknownNameError) as caught:
        registry.model_spec("zzz")
    assert caught.value.kind == "model" and set(MODELS) <= set(caught.value.known)
