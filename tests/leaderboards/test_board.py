"""Rules and ranks, from records made up here."""

import math

import pytest

from leaderboards import rules
from leaderboards.board import Result, boards, collect, rank
from leaderboards.commands import reproduce, settings
from leaderboards.rules import budget, gate, outcome, recipe
from zoo import registry
from zoo.errors import ZooError

LAPTOP = {"name": "laptop", "version": "2"}


def ranked(*records):
    return rank([Result(record) for record in records])


def found(*records):
    return boards([Result(record) for record in records])


# Gate and budget -----------------------------------------------------------------------------------------------------


def test_gate_passes_sound_statistics(run):
    assert gate(run()) == []
    assert gate(run(energy={"ess": 1000.0, "tau": 10.0, "drift_z": -2.99, "rhat": 1.09})) == []


@pytest.mark.parametrize(
    ("energy", "reason"),
    [
        ({"ess": 999.0}, "ESS 999, needs >= 1000"),
        ({"tau": 10.1}, "draws / tau 19.8, needs >= 20"),
        ({"drift_z": -3.0}, "|drift z| 3, needs < 3"),
        ({"rhat": 1.2}, "R-hat 1.2, needs < 1.1"),
    ],
)
def test_gate_says_what_is_wrong(energy, reason, run):
    assert gate(run(energy=energy)) == [reason]


def test_run_without_energy_fails_the_gate(failed):
    assert gate(failed()) == ["no energy"]


def test_budget_of_a_protocol_is_kept(run):
    assert budget(run()) == []
    assert budget(run(protocol=LAPTOP, energy={"draws": 200, "walkers": 512})) == []
    short = run(protocol=LAPTOP, energy={"draws": 100, "walkers": 512})
    assert budget(short) == ["evaluate.draws 100, protocol laptop has 200"]
    assert [row.rank for row in ranked(short)] == [None]


def test_budget_includes_the_walkers_of_training(run):
    few = run(protocol=LAPTOP, energy={"draws": 200, "walkers": 512}, config={"train": {"walkers": 64}})
    assert budget(few) == ["train.walkers 64, protocol laptop has 512"]


def test_a_failure_for_lack_of_memory_is_called_so(failed):
    assert outcome(failed("failed", "ResourceExhaustedError: OOM when allocating tensor")) == rules.OUT_OF_MEMORY
    assert outcome(failed("failed", "RuntimeError: RESOURCE_EXHAUSTED: Out of memory")) == rules.OUT_OF_MEMORY
    assert outcome(failed("failed", "ValueError: no")) == "failed"
    assert outcome(failed("running", None)) == "unfinished"


# Ranks ---------------------------------------------------------------------------------------------------------------


def test_ranks_go_by_energy_and_ties_share_one(run):
    rows = ranked(
        run("third", -1.9000, 0.0003),
        run("second", -1.9498, 0.0003),  # 0.47 standard errors of the difference above the first
        run("first", -1.9500, 0.0003),
        run("last", -1.8000, 0.0003),
    )
    assert [(row.record.model.name, row.rank) for row in rows] == [
        ("first", 1),
        ("second", 1),
        ("third", 3),
        ("last", 4),
    ]


def test_ties_are_with_the_leader_and_do_not_chain(run):
    """b ties with a, and c with b but not with a: c gets a rank of its own."""
    rows = ranked(run("a", -2.0, 0.01), run("b", -1.98, 0.01), run("c", -1.96, 0.01))
    assert [row.rank for row in rows] == [1, 1, 3]


def test_unsound_rows_are_shown_without_a_rank(run, failed):
    rows = ranked(run("lucky", -3.0, energy={"ess": 10.0}), run("sound", -1.9), failed())
    assert [(row.record.model.name, row.rank) for row in rows] == [("sound", 1), ("lucky", None), ("model_a", None)]
    assert rows[1].reasons == ("ESS 10, needs >= 1000",)
    assert rows[2].reasons == ("diverged: energy is NaN after step 3",)


def test_systems_protocols_and_versions_are_not_compared(run):
    boards_ = found(
        run("a"),
        run("b", mean=-1.95, sha256="d" * 64),
        run("c", mean=-1.96, protocol={"name": "open", "version": "2"}),
        run("d", mean=-1.97, system="another_name"),
        run("e", mean=-1.98, provenance={"zoo_version": "0.2.0"}),
        run("f", mean=-1.98, provenance={"zoo_version": "0.10.0"}),
    )
    assert [(board.name, board.runs) for board in boards_] == [("another_name", 5), ("lattice_x", 1)]
    tables = [(t.version, t.zoo_version, [row.record.model.name for row in t.rows]) for t in boards_[0].tables]
    assert tables == [("1", "0.10.0", ["f"]), ("1", "0.2.0", ["e"]), ("1", "0.1.0", ["d", "a"]), ("2", "0.1.0", ["c"])]


# Seeds ---------------------------------------------------------------------------------------------------------------


def test_seeds_of_one_recipe_are_one_row_with_their_mean(run):
    [row] = ranked(run(mean=-1.90, seed=0), run(mean=-1.92, seed=1), run(mean=-1.94, seed=2))
    assert row.rank == 1 and [record.provenance.seed for record in row.records] == [0, 1, 2]
    assert row.energy == pytest.approx(-1.92)
    assert row.stderr == pytest.approx(0.02 / math.sqrt(3))  # the scatter of the seeds, not 0.001 / sqrt(3)


def test_error_is_never_below_that_of_the_measurements(run):
    [row] = ranked(run(mean=-1.9, stderr=0.003, seed=0), run(mean=-1.9, stderr=0.004, seed=1))
    assert row.stderr == pytest.approx(0.0025)


def test_more_seeds_buy_no_better_rank(run):
    """The minimum over many equal seeds would win against one seed; the mean does not."""
    many = [run("many", -1.9 + 0.001 * (seed % 7 - 3), 0.002, seed=seed) for seed in range(21)]
    rows = ranked(*many, run("one", -1.9004, 0.0001))
    assert min(record.energy.mean for record in many) < -1.9004
    assert [(row.record.model.name, row.rank) for row in rows] == [("one", 1), ("many", 1)]
    assert rows[1].energy == pytest.approx(-1.9)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_changes": {"config": {"width": 64}}},
        {"model_changes": {"version": "2"}},
        {"compute": {"backend": "jax"}},
        {"compute": {"device": "gpu"}},
        {"compute": {"devices": 2}},
        {"config": {"optimizer": {"learning_rate": 0.1}}},
    ],
)
def test_other_recipes_are_other_rows(changes, run):
    assert len(ranked(run(seed=0), run(seed=1, **changes))) == 2


def test_folder_and_seed_are_no_part_of_a_recipe(run):
    config = {"seed": 0, "out": "runs", "device": "auto", "train": {"steps": 3, "checkpoint_every": 30.0}}
    other = {
        "seed": 1,
        "out": "elsewhere",
        "devices": 1,
        "device": "cpu",
        "train": {"steps": 3, "checkpoint_every": 1.0},
    }
    assert recipe(run(config=config)) == recipe(run(config=other, seed=1))
    assert recipe(run(config=config)) != recipe(run(config={**other, "train": {"steps": 4}}))


def test_seeds_that_do_not_count_are_counted_and_shown(run, failed):
    rows = ranked(run(seed=0), run(seed=1, mean=-2.5, energy={"ess": 5.0}), failed(seed=2))
    assert [(row.rank, row.missing, len(row.results)) for row in rows] == [(1, 2, 1), (None, 0, 1), (None, 0, 1)]
    assert rows[0].energy == -1.9


def test_of_a_repeated_seed_the_newest_counts_blind_to_its_energy(run):
    later = {"started_utc": "2025-02-01T00:00:00Z"}
    rows = ranked(run(mean=-1.95), run(mean=-1.90, provenance=later))
    assert [(row.rank, row.energy, row.missing) for row in rows] == [(1, -1.90, 0), (None, -1.95, 0)]
    assert rows[1].reasons == ("seed 1 again: the run of 2025-02-01T00:00:00Z counts",)


def test_a_run_repeated_with_success_is_no_missing_seed(run, failed):
    rows = ranked(run(provenance={"started_utc": "2025-02-01T00:00:00Z"}), failed())
    assert [(row.rank, row.missing) for row in rows] == [(1, 0), (None, 0)]


def test_costs_are_of_processors_where_all_records_have_them(run):
    [row] = ranked(run(seed=0), run(seed=1, compute={"train_cpu_seconds": 2100.0}))
    assert row.cost == row.cpu_seconds == 2000.0
    [row] = ranked(run(seed=0), run(seed=1, compute={"train_cpu_seconds": None}))
    assert row.cpu_seconds is None and row.cost == row.clock_seconds == 1000.0
    [row] = ranked(run(pretraining={"steps": 10, "loss": 0.1, "seconds": 50.0}))
    assert (row.cpu_seconds, row.clock_seconds) == (1950.0, 1050.0)


# References ----------------------------------------------------------------------------------------------------------


def test_published_values_are_those_of_the_same_hamiltonian(run_on):
    [board] = found(run_on("quantum_dot_n6", "a", 20.2, 0.01, 0))
    assert board.published.key == "dot2d/3-3/w1" and board.reference.kind == "projected"
    assert board.recovered(board.reference.energy) == 1.0
    assert board.recovered(board.hartree_fock) == 0.0


def test_a_name_says_nothing_about_the_hamiltonian(run_on):
    """Another hash, or another frequency under the name of a preset, finds nothing of it."""
    record = run_on("quantum_dot_n6", "a", 20.2, 0.01, 0)
    [board] = found(record.updated(system={**dict(record.system), "sha256": "e" * 64}))
    assert board.published is None and board.hartree_fock is None
    assert board.reference == record.reference
    parameters = {**record.system.parameters, "omega": 0.28}
    [board] = found(record.updated(system={**dict(record.system), "parameters": parameters}))
    assert board.published is None


def test_an_unknown_family_keeps_the_reference_of_its_newest_record(run):
    newer = {"energy": -2.05, "uncertainty": 1e-10, "kind": "exact", "citation": "newer"}
    later = {"started_utc": "2025-02-01T00:00:00Z"}
    [board] = found(run("a"), run("b", mean=-1.8, reference=newer, provenance=later))
    assert board.published is None and board.reference.energy == -2.05
    assert board.error(-1.9) == pytest.approx(0.15)


def test_a_changed_preset_says_what_was_changed(run_on):
    record = run_on("hubbard_chain_6", "a", -3.6, 0.01, 0)

    def under(name, **changes):
        system = registry.create_system("hubbard_chain_6", **changes)
        return record.updated(
            system={
                **dict(record.system),
                "name": name,
                "parameters": system.parameters(),
                "sha256": system.sha256,
            }
        )

    names = {board.name for board in found(under("hubbard_chain_6"), under("hubbard_chain_6", u=8.0))}
    assert names == {"hubbard_chain_6", "hubbard_chain_6 u=8"}
    [board] = found(under("hubbard"), under("hubbard_chain_6"), under("hubbard_chain_8"))
    assert board.name == "hubbard_chain_6" and board.slug == "hubbard_chain_6-1b6d1cba"
    [board] = found(under("hubbard_chain_6", u=8.0, boundary="A"))
    assert board.name == "hubbard_chain_6 boundary=A u=8" and board.slug.startswith("hubbard_chain_6-")


# Commands ------------------------------------------------------------------------------------------------------------


def test_one_command_makes_all_seeds_again(run):
    first = run(seed=0, system="helium", protocol=LAPTOP, arguments="model.width=64")
    second = run(seed=1, system="helium", protocol=LAPTOP, arguments="model.width=64")
    assert reproduce([first]) == ("zoo run model=model_a system=helium model.width=64 protocol=laptop seed=0",)
    assert reproduce([first, second]) == (
        "zoo sweep model=model_a system=helium model.width=64 protocol=laptop seed=0,1",
    )
    assert settings(first) == "model.width=64"


def test_commands_that_differ_stay_apart(run):
    assert reproduce([run(seed=0), run(seed=1, arguments="train.steps=3")]) == (
        "zoo run model=model_a system=lattice_x seed=0",
        "zoo run model=model_a system=lattice_x train.steps=3 seed=1",
    )


@pytest.mark.parametrize("command", ["python mine.py", "zoo run 'unclosed", "zoo run --resume there"])
def test_other_commands_are_shown_as_they_are(command, run):
    record = run(provenance={"command": command})
    assert reproduce([record]) == (command,) and settings(record) == ""


# Collecting ----------------------------------------------------------------------------------------------------------


def test_collect_finds_runs_and_results_once(tmp_path, run, save):
    save(tmp_path / "runs", run("a"), run("b"))
    results = tmp_path / "results"
    results.mkdir()
    (results / "copy.json").write_text(run("a").to_json())
    (results / "other.json").write_text(run("c").to_json())
    collected = collect([tmp_path / "runs", results, results / "other.json"])
    assert sorted(result.record.model.name for result in collected) == ["a", "b", "c"]


def test_collect_takes_the_copy_that_has_a_curve(tmp_path, run, save, standard):
    curve = standard[0].curve
    save(tmp_path / "a", run())
    save(tmp_path / "b", Result(run(), curve))
    save(tmp_path / "c", run())
    [result] = collect([tmp_path])
    assert result.curve == curve


def test_collect_refuses_what_is_no_record(tmp_path):
    with pytest.raises(ZooError, match="expected a folder of runs or a record"):
        collect([tmp_path / "missing"])
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(ZooError, match=r"result\.json: schema_version=None"):
        collect([tmp_path])
