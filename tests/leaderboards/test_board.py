"""Ranking and pages, from records made up here."""

import html.parser
import json
import re

import pytest

from harness.record import RunRecord, write_record
from leaderboards.board import boards, budget, collect, gate, rank
from leaderboards.render import build
from zoo.errors import ZooError

DIGEST = "a" * 64
EXACT = {
    "energy": -2.0,
    "uncertainty": 1e-10,
    "kind": "exact",
    "citation": "someone | PRL <1>; code: https://example.org/x",
}


def run(model="model_a", mean=-1.9, stderr=0.001, *, system="lattice_x", sha256=DIGEST, seed=1, **changes) -> RunRecord:
    """A completed run on a made-up lattice; ``changes`` replace top-level fields, ``energy`` is merged."""
    energy = {
        "mean": mean,
        "stderr": stderr,
        "per_particle": mean / 4,
        "draws": 200,
        "walkers": 64,
        "ess": 5000.0,
        "tau": 2.0,
        "rhat": 1.001,
        "acceptance": 0.5,
        "drift_z": 0.3,
    }
    record = {
        "status": "completed",
        "model": {
            "name": model,
            "space": "lattice",
            "version": "1",
            "distribution": "backflow-zoo",
            "config": {},
            "parameters": 1234,
        },
        "system": {
            "name": system,
            "family": "hubbard",
            "parameters": {"lattice": "chain", "extent": [4], "u": 4.0},
            "n_up": 1,
            "n_down": 1,
            "sha256": sha256,
        },
        "protocol": {"name": "open", "version": "1"},
        "variance": 0.1,
        "v_score": 0.0123,
        "reference": EXACT,
        "error": {"absolute": mean + 2.0, "relative": (mean + 2.0) / 2.0, "correlation_recovered": 0.9},
        "compute": {
            "backend": "jax",
            "device": "cpu",
            "precision": "float64",
            "train_steps": 300,
            "train_seconds": 1000.0,
            "evaluate_seconds": 234.0,
            "seconds_per_step": 3.0,
            "peak_memory_bytes": None,
        },
        "provenance": {
            "zoo_version": "0",
            "git_commit": "c" * 40,
            "dirty": True,
            "python": "3.11",
            "keras": "3",
            "tensorflow": None,
            "jax": "0.10",
            "command": f"zoo run model={model} seed={seed}",
            "config_sha256": "b" * 64,
            "seed": seed,
            "started_utc": "2025-01-01T00:00:00Z",
        },
    }
    replaced = changes.pop("energy", {})
    record["energy"] = None if replaced is None else {**energy, **replaced}
    return RunRecord(**{**record, **changes})


def failed(status="diverged", message="energy is NaN after step 3") -> RunRecord:
    nothing = dict.fromkeys(("variance", "v_score", "reference", "error"))
    return run(energy=None, status=status, message=message, **nothing)


def save(folder, *records: RunRecord) -> None:
    for number, record in enumerate(records):
        path = folder / "system" / "model" / f"run-{number}"
        path.mkdir(parents=True)
        write_record(path / "record.json", record)


def test_gate_passes_sound_statistics():
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
def test_gate_says_what_is_wrong(energy, reason):
    assert gate(run(energy=energy)) == [reason]


def test_run_without_energy_fails_the_gate():
    assert gate(failed()) == ["no energy"]


def test_budget_of_a_protocol_is_kept():
    laptop = {"name": "laptop", "version": "2"}
    assert budget(run()) == []
    assert budget(run(protocol=laptop, energy={"draws": 200, "walkers": 512})) == []
    short = run(protocol=laptop, energy={"draws": 100, "walkers": 512})
    assert budget(short) == ["evaluate.draws 100, protocol laptop has 200"]
    assert [row.rank for row in rank([short])] == [None]


def test_ranks_go_by_energy_and_ties_share_one():
    rows = rank(
        [
            run("third", -1.9000, 0.0003),
            run("second", -1.9498, 0.0003),  # 0.47 standard errors of the difference above the first
            run("first", -1.9500, 0.0003),
            run("last", -1.8000, 0.0003),
        ]
    )
    assert [(row.record.model.name, row.rank) for row in rows] == [
        ("first", 1),
        ("second", 1),
        ("third", 3),
        ("last", 4),
    ]


def test_ties_are_with_the_leader_and_do_not_chain():
    """b ties with a, and c with b but not with a: c gets a rank of its own."""
    rows = rank([run("a", -2.0, 0.01), run("b", -1.98, 0.01), run("c", -1.96, 0.01)])
    assert [row.rank for row in rows] == [1, 1, 3]


def test_unsound_rows_are_shown_without_a_rank():
    rows = rank([run("lucky", -3.0, energy={"ess": 10.0}), run("sound", -1.9), failed()])
    assert [(row.record.model.name, row.rank) for row in rows] == [("sound", 1), ("lucky", None), ("model_a", None)]
    assert rows[1].reasons == ("ESS 10, needs >= 1000",)
    assert rows[2].reasons == ("diverged: energy is NaN after step 3",)


def test_systems_and_protocols_are_not_compared():
    records = [
        run("a"),
        run("b", mean=-1.95, sha256="d" * 64),
        run("c", mean=-1.96, protocol={"name": "open", "version": "2"}),
        run("d", mean=-1.97, system="another_name"),
    ]
    found = boards(records)
    assert [(board.name, board.runs) for board in found] == [("another_name", 3), ("lattice_x", 1)]
    tables = {table.version: [row.record.model.name for row in table.rows] for table in found[0].tables}
    assert tables == {"1": ["d", "a"], "2": ["c"]}


def test_collect_finds_runs_and_results_once(tmp_path):
    save(tmp_path / "runs", run("a"), run("b"))
    results = tmp_path / "results"
    results.mkdir()
    write_record(results / "copy.json", run("a"))
    write_record(results / "other.json", run("c"))
    names = sorted(record.model.name for record in collect([tmp_path / "runs", results, results / "other.json"]))
    assert names == ["a", "b", "c"]


def test_collect_refuses_what_is_no_record(tmp_path):
    with pytest.raises(ZooError, match="expected a folder of runs or a record"):
        collect([tmp_path / "missing"])
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(ZooError, match=r"result\.json: schema_version=None"):
        collect([tmp_path])


def test_build_writes_an_index_and_two_pages_a_system(tmp_path):
    save(tmp_path / "runs", run("a"), run("b", sha256="d" * 64, system="other"))
    pages = build([tmp_path / "runs"], tmp_path / "site")
    names = [page.name for page in pages]
    assert names[:2] == ["index.md", "index.html"]
    assert sorted(names[2:]) == [
        "lattice_x-aaaaaaaa.html",
        "lattice_x-aaaaaaaa.md",
        "other-dddddddd.html",
        "other-dddddddd.md",
    ]
    assert all(page.is_file() for page in pages)
    assert "lattice_x-aaaaaaaa.html" in pages[1].read_text(encoding="utf-8")


def test_same_records_give_the_same_bytes(tmp_path):
    records = [run("a"), run("b", mean=-1.95), failed(), run("c", sha256="d" * 64)]
    save(tmp_path / "first", *records)
    save(tmp_path / "second", *reversed(records))
    first = build([tmp_path / "first"], tmp_path / "site-1")
    second = build([tmp_path / "second"], tmp_path / "site-2")
    assert [page.name for page in first] == [page.name for page in second]
    assert [page.read_bytes() for page in first] == [page.read_bytes() for page in second]


def test_build_without_runs(tmp_path):
    (tmp_path / "runs").mkdir()
    pages = build([tmp_path / "runs"], tmp_path / "site")
    assert [page.name for page in pages] == ["index.md", "index.html"]
    assert "No runs yet." in pages[0].read_text(encoding="utf-8")


def test_reference_stands_at_its_place_in_the_markdown_table(tmp_path):
    save(tmp_path / "runs", run("above", -1.9), run("below", -2.1), failed())
    page = build([tmp_path / "runs"], tmp_path / "site")[2].read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert [re.split(r"(?<!\\)\|", row)[1].strip() for row in rows[2:]] == ["1", "**ref**", "2", "–"]
    assert len({len(re.split(r"(?<!\\)\|", row)) for row in rows}) == 1  # every row has every column
    assert "-1.9000(10)" in page
    assert "+0.1000(10)" in page
    assert "90.00 %" in page
    assert "1.23e-02" in page
    assert "diverged: energy is NaN after step 3" in page
    assert "someone \\| PRL &lt;1>" in page


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the tags that were left open."""

    VOID = ("meta", "br")

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_pages_are_well_formed_self_contained_and_accessible(tmp_path):
    save(tmp_path / "runs", run("<script>alert(1)</script>"), run("b", mean=-2.5), failed())
    for path in build([tmp_path / "runs"], tmp_path / "site")[1::2]:
        text = path.read_text(encoding="utf-8")
        page = Page(text)
        assert page.open == []
        names = [tag for tag, _ in page.tags]
        assert not {"script", "link", "img", "iframe"} & set(names)
        assert names.count("caption") == names.count("table") > 0
        assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
        assert page.tags[0] == ("html", {"lang": "en"})
        regions = [attributes for tag, attributes in page.tags if attributes.get("role") == "region"]
        assert all("aria-label" in r or "aria-labelledby" in r for r in regions)
        identifiers = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        assert all(a["aria-labelledby"] in identifiers for _, a in page.tags if "aria-labelledby" in a)
        assert "prefers-color-scheme: dark" in text


def test_html_rows_of_references_and_of_unranked_runs_differ(tmp_path):
    save(tmp_path / "runs", run("a"), failed())
    text = build([tmp_path / "runs"], tmp_path / "site")[3].read_text(encoding="utf-8")
    classes = [attributes.get("class") for tag, attributes in Page(text).tags if tag == "tr"]
    assert classes == [None, "reference", None, "unranked"]
    assert 'href="https://example.org/x"' in text


def test_two_references_of_one_system_are_both_shown(tmp_path):
    newer = {**EXACT, "energy": -2.05, "citation": "newer"}
    save(tmp_path / "runs", run("a"), run("b", mean=-1.8, reference=newer))
    page = build([tmp_path / "runs"], tmp_path / "site")[2].read_text(encoding="utf-8")
    assert page.count("**ref**") == 2
    assert "+0.1000(10) from -2" in page


def test_record_files_are_what_is_read(tmp_path):
    """A row shows what its record says, and nothing else."""
    save(tmp_path / "runs", run("a"))
    path = next((tmp_path / "runs").rglob("record.json"))
    data = json.loads(path.read_text())
    data["energy"]["mean"] = -1.7
    path.write_text(json.dumps(data))
    page = build([tmp_path / "runs"], tmp_path / "site")[2].read_text(encoding="utf-8")
    assert "-1.7000(10)" in page
