"""From ``key=value`` arguments to a configuration, and back."""

import concurrent.futures
import dataclasses

import pytest

from harness.config import RunConfig, compose, evaluation
from harness.settings import PROTOCOLS, KerasOptimizerSettings, PretrainSettings, SpringSettings
from zoo.errors import UnknownNameError, ZooError

DOT = ["model=slater_jastrow", "system=quantum_dot_n2"]
LATTICE = ["model=slater_jastrow", "system=hubbard_4x4"]
MOLECULE = ["model=slater_jastrow", "system=molecule"]


def test_defaults():
    config = compose(DOT)
    assert config.system == {"dim": 2, "omega": 1.0, "n_up": 1, "n_down": 1, "coulomb": True}
    assert config.optimizer == SpringSettings()
    assert (config.backend, config.device, config.precision) == ("tensorflow", "auto", "float64")
    assert (config.seed, config.protocol, config.out) == (0, "laptop", "runs")


def test_hyperparameters_are_those_of_the_space_of_the_system():
    assert "jastrow_order" in compose(DOT).model
    assert "orbitals" in compose(LATTICE).model


def test_pretraining_has_keys_only_for_models_that_need_it():
    config = compose(["model=psiformer", DOT[1], "pretrain.steps=7"])
    assert config.pretrain == PretrainSettings(steps=7)
    assert config.to_dict()["pretrain"] == {"steps": 7, "walkers": 256, "learning_rate": 0.01}
    assert RunConfig.from_dict(config.to_dict()) == config
    assert compose(DOT).pretrain is None and "pretrain" not in compose(DOT).to_dict()
    message = r"^pretrain\.steps: this model starts from the mean field: expected it with ferminet, .*psiformer"
    with pytest.raises(ZooError, match=message):
        compose([*DOT, "pretrain.steps=7"])
    with pytest.raises(ZooError, match=message):
        RunConfig.from_dict({**compose(DOT).to_dict(), "pretrain": {"steps": 7}})
    with pytest.raises(ZooError, match=r"pretrain\.walkers=2: expected 4 or more"):
        compose(["model=psiformer", DOT[1], "pretrain.walkers=2"])


def test_alias_becomes_the_name():
    assert compose(["model=sj", *DOT[1:]]) == compose(DOT)


def test_values_reach_their_places():
    config = compose(
        [*LATTICE, "system.extent=[4,3]", "system.boundary=AP", "system.u=8", "system.n_up=4", "model.orbitals=free",
         "optimizer.learning_rate=0.02", "sampler.moves=7", "train.clip=0", "evaluate.equilibration=3", "seed=5",
         "out=my runs/a; b"]
    )  # fmt: skip
    assert config.system["extent"] == [4, 3] and config.system["boundary"] == "AP" and config.system["u"] == 8.0
    assert config.create_system().extent == (4, 3)
    assert config.model["orbitals"] == "free"
    assert config.optimizer == SpringSettings(learning_rate=0.02)
    assert (config.sampler.moves, config.train.clip, config.evaluate.equilibration) == (7, 0.0, 3)
    assert (config.seed, config.out) == (5, "my runs/a; b")


@pytest.mark.parametrize(
    "typed", ["Li 0 0 0; H 0 0 3", "'Li 0 0 0; H 0 0 3'", '"Li 0 0 0; H 0 0 3"', "Li 0 0 0;H 0 0 3.0"]
)
def test_geometry_survives_as_the_shell_hands_it_over(typed):
    expected = compose([*MOLECULE, "system.atoms=Li 0 0 0; H 0 0 3"]).create_system()
    system = compose([*MOLECULE, f"system.atoms={typed}"]).create_system()
    assert system.symbols == ("Li", "H") and system == expected


@pytest.mark.parametrize("text", ["it's", "a\\b", "100%", "C:\\x\\", "null", "1e3", "true", "#1", "a b", "[x]", "{x"])
def test_text_is_kept_to_the_letter(text):
    assert compose([*DOT, f"out={text}"]).out == text


def test_options_of_a_projected_model():
    words = ["model=projected", "system=hubbard_chain_6", "model.base=nb"]
    assert compose([*words, "model.options={hidden:32}"]).model["options"] == {"hidden": 32}
    with pytest.raises(ZooError, match=r"model\.options=\{hiden: 3\}: .*did you mean 'model.hidden'"):
        compose([*words, "model.options={hiden:3}"])
    with pytest.raises(ZooError, match=r"model\.base=nbb.*unknown model 'nbb'"):
        compose([*words[:2], "model.base=nbb"])


def test_keras_optimizer_with_options():
    config = compose([*DOT, "optimizer=adam", "optimizer.learning_rate=1e-2", "optimizer.options={beta_1: 0.8}"])
    assert config.optimizer == KerasOptimizerSettings("adam", 0.01, {"beta_1": 0.8})


def test_value_may_refer_to_another():
    assert compose([*DOT, "evaluate.walkers=${train.walkers}", "train.walkers=64"]).evaluate.walkers == 64


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocol_fixes_the_budget(name):
    config, protocol = compose([*DOT, f"protocol={name}"]), PROTOCOLS[name]
    assert config.protocol == name
    assert (config.train.steps, config.train.walkers) == (protocol.train_steps, protocol.train_walkers)
    assert (config.evaluate.draws, config.evaluate.walkers) == (protocol.evaluate_draws, protocol.evaluate_walkers)


@pytest.mark.parametrize("key", PROTOCOLS["smoke"].budget())
def test_another_budget_is_an_open_one(key):
    value = PROTOCOLS["smoke"].budget()[key]
    assert compose([*DOT, "protocol=smoke", f"{key}={value}"]).protocol == "smoke"
    config = compose([*DOT, "protocol=smoke", f"{key}={value + 1}"])
    assert config.protocol == "open"
    assert config.train.steps in (20, 21)  # the rest of the budget is still the protocol's


def test_other_settings_leave_the_protocol_alone():
    assert compose([*DOT, "optimizer.learning_rate=0.1", "sampler.moves=5", "train.clip=3"]).protocol == "laptop"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "model=NAME is missing: expected one of"),
        (["model=sj"], "system=NAME is missing: expected one of"),
        (["model=slatter_jastrow", "system=helium"], "unknown model 'slatter_jastrow': did you mean 'slater_jastrow'"),
        (["model=sj", "system=quantm_dot"], "unknown system 'quantm_dot': did you mean 'quantum_dot'"),
        (["model=sj,sjb", "system=helium"], "model=sj,sjb: expected one model"),
        (["model=ferminet", "system=hubbard_4x4"], "model=ferminet covers continuum systems, not lattice"),
        ([*DOT, "optimizer=adm"], "unknown optimizer 'adm': did you mean 'adam'"),
        ([*DOT, "optimizer.learning_rat=0.1"],
         "unknown key 'optimizer.learning_rat': did you mean 'optimizer.learning_rate'?"),
        ([*DOT, "optimiser.damping=1"], "unknown key 'optimiser.damping': did you mean 'optimizer.damping'?"),
        ([*DOT, "learning_rate=0.1"], "unknown key 'learning_rate': did you mean 'optimizer.learning_rate'?"),
        ([*DOT, "optimizer=adam", "optimizer.optimizer=sgd"], "unknown key 'optimizer.optimizer'"),
        ([*DOT, "hydra.run.dir=x"], "unknown key 'hydra.run.dir': expected one of backend"),
        ([*DOT, "model.orbitals=free"], "unknown key 'model.orbitals': expected one of model."),
        ([*DOT, "train=3"], "train is a group of keys: expected train.KEY=VALUE"),
        ([*DOT, "+seed=1"], "+seed=1: keys cannot be added"),
        ([*DOT, "++train.steps=1"], "++train.steps=1: keys cannot be added"),
        ([*DOT, "~optimizer"], "~optimizer: keys cannot be added or deleted"),
        ([*DOT, "train.steps"], "train.steps: expected KEY=VALUE"),
        ([*DOT, "=3"], "=3: expected KEY=VALUE"),
        ([*DOT, "seed=1", "seed=2"], "seed=1 and seed=2: expected one value"),
        ([*DOT, "system.omega=0.5,1"], "system.omega=0.5,1: expected one value"),
        ([*DOT, "seed=range(3)"], "seed=range(3): expected one value"),
        ([*DOT, "backend=tensorflow,jax"], "backend=tensorflow,jax: expected one value"),
        ([*DOT, "system.omega=abc"], "system.omega=abc: expected a number"),
        ([*DOT, "system.omega=-1"], "system.omega=-1.0: expected a positive"),
        ([*DOT, "system.omega=nan"], "system.omega=nan: expected a positive"),
        ([*DOT, "system.coulomb=7"], "system.coulomb=7: expected true or false"),
        ([*DOT, "train.steps=1.5"], "train.steps=1.5: expected an integer"),
        ([*DOT, "train.steps="], "train.steps=: expected an integer"),
        ([*DOT, "train.steps=(1)"], "train.steps=(1): expected an integer"),
        ([*DOT, "train.steps=[1"], "train.steps=[1: expected an integer"),
        ([*DOT, "train.steps=${nothing}"], "train.steps: "),
        ([*DOT, "train.walkers=1"], "train.walkers=1: expected 4 or more"),
        ([*LATTICE, "system.extent=4"], "system.extent=4: expected a list of integers"),
        ([*LATTICE, "system.n_up=17"], "system.n_up=17: expected 0 to 16"),
        ([*MOLECULE, "system.atoms=Xx"], "unknown element 'Xx'"),
        ([*DOT, "backend=torch"], "unknown backend 'torch': expected one of jax, tensorflow"),
        ([*DOT, "device=gpus"], "unknown device 'gpus': did you mean 'gpu'"),
        ([*DOT, "precision=float16"], "unknown precision 'float16': did you mean"),
        ([*DOT, "protocol=laptp"], "unknown protocol 'laptp': did you mean 'laptop'?"),
        ([*DOT, "seed=-1"], "seed=-1: expected an integer from 0"),
        ([*DOT, "out="], "out=: expected"),
        ([*DOT, ""], "'': expected KEY=VALUE"),
        ([*DOT, "device=tpu"], "device=tpu: expected backend=jax"),
        ([*DOT, "train.walkers=10000000000"], "train.walkers=10000000000: expected 4 to 1000000000"),
        ([*DOT, "train.checkpoint_every=inf"], "train.checkpoint_every=inf: expected 0 or more seconds"),
        ([*DOT, "optimizer.norm_constraint=inf"], "optimizer.norm_constraint=inf: expected 0 or a positive number"),
        ([*DOT, "model.jastrow_order=1000000"], "model.jastrow_order=1000000: expected 1 to 100"),
        ([*DOT, "model.three_body_order=11"], "model.three_body_order=11: expected 0 to 10"),
        (["model=sjb", DOT[1], "model.backflow_order=0"], "model.backflow_order=0: expected 1 to 100"),
        ([*DOT, "system.n_up=100000000000000000000"], "system.n_up=100000000000000000000: expected"),
        (["model=sj", "system=hubbard", "system.extent=[100000000]"], "system.extent=[100000000]: expected at most"),
        ([*DOT, "seed=é"], "seed=é: expected an integer"),
        ([*MOLECULE, "system.atoms=Ω 0 0 0"], "unknown element 'Ω'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_that_names_it(arguments, message):
    with pytest.raises(ZooError) as caught:
        compose(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


ROUND_TRIPS = [
    DOT,
    [*DOT, "protocol=smoke", "seed=4"],
    [*LATTICE, "system.extent=[4,3]", "optimizer=sr"],
    [*MOLECULE, "system.atoms=Li 0 0 0; H 0 0 3", "optimizer=lion", "optimizer.options={beta_1: 0.8}"],
    [*DOT, "out=a: b # c", "optimizer.damping=1e-7"],
]


@pytest.mark.parametrize("arguments", ROUND_TRIPS)
def test_plain_values_round_trip(arguments):
    config = compose(arguments)
    assert RunConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("arguments", ROUND_TRIPS)
def test_yaml_round_trips(arguments, tmp_path):
    config = compose(arguments)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert RunConfig.read(tmp_path) == config


def test_edited_budget_does_not_keep_the_protocol():
    values = compose(DOT).to_dict()
    values["train"]["steps"] += 1
    assert RunConfig.from_dict(values).protocol == "open"


def test_what_is_left_out_takes_its_default():
    config = RunConfig.from_dict({"model": {"name": "sj"}, "system": {"name": "quantum_dot_n6"}, "protocol": "open"})
    assert config.system["n_up"] == 3 and config.optimizer == SpringSettings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected the folder of a run"),
        ("", "model=NAME is missing"),
        ("[1, 2]", "expected a mapping"),
        ("a: [", "not readable as YAML"),
        ("model: {name: sj}", "system=NAME is missing"),
        ("model: sj", "model=sj: expected a mapping"),
        ("model: {name: sj}\nsystem: {name: helium}\nsteps: 3", "unknown key 'steps': did you mean 'train.steps'?"),
        ("model: {name: sj, order: 3}\nsystem: {name: helium}", "unknown key 'model.order'"),
        ("model: {name: sj}\nsystem: {name: helium, basis: 6}", "system.basis=6: expected text"),
        ("model: {name: sj}\nsystem: {name: helium}\noptimizer: {name: adam, optimizer: sgd}", "unknown key"),
    ],
)
def test_folder_that_is_no_run(content, message, tmp_path):
    if content is not None:
        (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ZooError) as caught:
        RunConfig.read(tmp_path)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_hash_depends_on_what_is_computed_and_not_on_where_it_is_kept():
    config = compose(DOT)
    assert compose([*DOT, "out=elsewhere"]).sha256 == config.sha256
    assert compose([*DOT, "seed=1"]).sha256 != config.sha256
    assert dataclasses.replace(config, model={"jastrow_order": 1}).sha256 != config.sha256


def test_composes_from_many_threads_at_once():
    def one(seed: int) -> tuple[int, int]:
        electrons = (2, 6, 12, 20)[seed % 4]
        config = compose(["model=sj", f"system=quantum_dot_n{electrons}", f"seed={seed}"])
        return 2 * config.system["n_up"] - electrons, config.seed - seed

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(12))) == {(0, 0)}


def test_leaves_another_use_of_hydra_alone(tmp_path):
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    (tmp_path / "theirs.yaml").write_text("a: 1")
    with hydra.initialize_config_dir(str(tmp_path), version_base="1.3"):
        compose(DOT)
        assert GlobalHydra.instance().is_initialized()
        assert hydra.compose("theirs").a == 1


def test_writes_nothing_and_leaves_logging_alone(tmp_path, monkeypatch):
    import logging

    monkeypatch.chdir(tmp_path)
    before = list(logging.getLogger().handlers), logging.getLogger().level
    compose(DOT)
    assert list(tmp_path.iterdir()) == []
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before


def test_evaluation_takes_its_budget_from_the_run():
    config = compose([*DOT, "seed=3"])
    energy_alone = {"thin": 0, "observables": ()}
    assert evaluation([], config) == {"draws": 200, "walkers": 512, "seed": 3, **energy_alone}
    assert evaluation(["draws=50", "seed=9"], config) == {"draws": 50, "walkers": 512, "seed": 9, **energy_alone}


@pytest.mark.parametrize(
    "names", ["[spin_structure_factor,momentum_distribution]", "spin_structure_factor,'momentum_distribution'"]
)
def test_evaluation_takes_names_of_observables(names):
    budget = evaluation([f"observables={names}", "thin=5"], compose(["model=sj", "system=hubbard_chain_6"]))
    assert budget["observables"] == ("spin_structure_factor", "momentum_distribution")
    assert budget["thin"] == 5


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("draw=5", "unknown key 'draw': did you mean 'draws'?"),
        ("draws=5", "evaluate.draws=5: expected 8 or more"),
        ("draws=x", "draws=x: expected an integer"),
        ("seed=-1", "seed=-1: expected an integer from 0"),
        ("draws=10,20", "draws=10,20: expected one value"),
        ("thin=2", "thin=2: expected observables=... beside it"),
        ("observable=all", "unknown key 'observable': did you mean 'observables'?"),
        ("observables=all", "these are observables of lattices, and quantum_dot is a system in continuous space"),
        ("observables=spin_structure_facto", "unknown observable 'spin_structure_facto': did you mean"),
    ],
)
def test_bad_evaluation_is_one_line(argument, message):
    with pytest.raises(ZooError) as caught:
        evaluation([argument], compose(DOT))
    assert message in str(caught.value)


def test_unknown_name_keeps_what_is_known():
    with pytest.raises(UnknownNameError) as caught:
        compose(["model=zzz", "system=helium"])
    assert "slater_jastrow" in caught.value.known
