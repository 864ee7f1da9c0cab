"""Reference energies: what is found, what is chosen, and that the file does not contradict itself."""

import dataclasses
import json
import math
import subprocess
import sys

import pytest

from zoo import references
from zoo.references.records import PATH, Reference


def record(**changes) -> Reference:
    """A made-up Hubbard record at whose key nothing else is known."""
    values = {
        "key": "hubbard/3x1/P/1-1/U4",
        "system": "",
        "n_up": 1,
        "n_down": 1,
        "parameters": {"U": 4},
        "boundary": "",
        "energy": -2.0,
        "uncertainty": 1e-10,
        "units": "t",
        "method": "ED",
        "kind": "exact",
        "exact": True,
        "status": "computed",
        "source": "test",
        "note": "",
    }
    made = Reference(**{**values, **changes})
    return made if "hamiltonian" in changes else dataclasses.replace(made, hamiltonian=made.expected_hamiltonian)


def published(**changes) -> Reference:
    return record(**{"method": "VMC", "kind": "variational", "exact": False, "status": "cited", **changes})


def best_of(*records: Reference) -> Reference | None:
    return references.ReferenceSet("key", records).best


def test_known_exact_energies():
    assert references.find("dot2d/1-1/w1").exact.energy == 3.0
    assert references.find("dot2d/1-1/w1/6").exact.energy == pytest.approx(2 / 3, abs=1e-12)
    assert references.find("dot3d/1-1/w0.5").exact.energy == pytest.approx(2.0, abs=1e-12)
    assert references.find("dot3d/2-0/w0.25").exact.energy == pytest.approx(1.25, abs=1e-12)
    assert references.find("atom/H").exact.energy == -0.5
    ring = references.find("hubbard/4x1/P/1-1/U4").exact
    assert ring.energy == pytest.approx(two_electron_ring(4, 4.0), abs=1e-9)


def two_electron_ring(sites: int, u: float) -> float:
    """Singlet of zero total momentum: the lowest root of 1/U = mean over q of 1 / (E + 4 cos q)."""
    momenta = [2 * math.pi * n / sites for n in range(sites)]
    low, high = -4 + 1e-12, -4 * math.cos(momenta[1]) - 1e-12
    for _ in range(200):
        middle = (low + high) / 2
        excess = sum(1 / (middle + 4 * math.cos(q)) for q in momenta) / sites - 1 / u
        low, high = (middle, high) if excess > 0 else (low, middle)
    return low


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("dot2d/1-1/w1", "dot2d/1-1/w1"),
        ("dot2d/1-1/w1.0", "dot2d/1-1/w1"),
        (f"dot2d/1-1/w{1 / 6!r}", "dot2d/1-1/w1/6"),
        ("dot2d/1-1/w0.1666666666", "dot2d/1-1/w1/6"),
        (f"dot3d/1-1/w{1 / 20:g}", "dot3d/1-1/w1/20"),
        ("hubbard/4x4/PP/5-5/U4.0", "hubbard/4x4/PP/5-5/U4"),
        ("hubbard/6x1/P/3-3/U4", "hubbard/6x1/P/3-3/U4"),
        ("heg3d/7-7/rs5.0", "heg3d/7-7/rs5"),
        ("mol/LiH", "mol/LiH"),
    ],
)
def test_keys_compare_as_numbers(spelling, key):
    found = references.find(spelling)
    assert found
    assert found.key == key


@pytest.mark.parametrize("key", [None, "", "dot2d/1-1/w0.166667", "dot2d/1-1/w1/0", "dot2d/1-1/w1.2.3", "atom/Xx"])
def test_unknown_keys_give_an_empty_set(key):
    found = references.find(key)
    assert not found
    assert found.key == key
    assert (found.best, found.exact, found.hartree_fock, found.noninteracting) == (None, None, None, None)


def test_choice_goes_down_the_classes():
    computed = record(uncertainty=1e-6)
    cited = record(status="cited", uncertainty=1e-12)
    dmrg = published(method="DMRG (bond dimension 100)", energy=-1.9)
    vmc = published(energy=-1.95)
    assert best_of(vmc, dmrg, cited, computed) is computed
    assert best_of(vmc, dmrg, cited) is cited
    assert best_of(vmc, dmrg) is dmrg
    assert best_of(vmc) is vmc
    assert best_of(record(uncertainty=1e-3), computed) is computed


@pytest.mark.parametrize(
    "unfit",
    [
        {"kind": "mean_field"},
        {"kind": "noninteracting"},
        {"status": "recalled"},
        {"note": "SUSPECT: a copy"},
        {"note": "DOUBTFUL"},
        {"note": "low trust: origin unknown"},
    ],
)
def test_some_records_are_never_the_reference(unfit):
    assert best_of(published(**unfit)) is None


def test_no_chosen_reference_breaks_the_rule():
    for key in {r.key for r in references.load()}:
        best = references.find(key).best
        if best is not None:
            assert best.trusted
            assert best.status != "recalled"
            assert best.kind not in ("mean_field", "noninteracting")


def test_dots_of_six_electrons_use_diffusion_monte_carlo():
    best = references.find("dot2d/3-3/w1").best
    assert (best.energy, best.kind, best.method) == (20.15932, "projected", "DMC")
    assert references.find("dot2d/3-3/w1").exact is None


def test_rounded_u_of_published_tables_is_not_trusted():
    best = references.find("hubbard/4x4/PP/5-5/U3.5981").best
    assert best.energy == pytest.approx(-19.88822918)  # the exact diagonalisation listed there is for U = 3.59381366


def test_hartree_fock_and_noninteracting():
    lattice = references.find("hubbard/4x4/PP/5-5/U4")
    assert lattice.noninteracting.energy == pytest.approx(-24.0)
    assert lattice.hartree_fock.energy == pytest.approx(-24.0 + 4 * 5 * 5 / 16)
    assert references.find("atom/Be").hartree_fock.energy == pytest.approx(-14.573023168)  # not the lower UHF energy
    assert references.find("mol/LiH").hartree_fock.method == "HF/CBS"
    assert references.find("mol/H2").hartree_fock.parameters["basis"] == "cc-pv5z"
    assert references.find("dot2d/3-3/w0.1").hartree_fock.method == "RHF"


def test_correlation_lowers_the_energy():
    """Exact <= restricted Hartree-Fock for every key that has both."""
    compared = 0
    for key in {r.key for r in references.load()}:
        known = references.find(key)
        if known.exact is not None and known.hartree_fock is not None:
            assert known.exact.energy <= known.hartree_fock.energy + 1e-6, key
            compared += 1
    assert compared > 200


def test_the_file_is_consistent():
    report = references.validate()
    assert report.problems == ()
    # Excused: VarBench's 6x6 row that is a copy of its 8x8 row, and energies that were published without an error.
    excused = {line.split(":")[0]: line for line in report.excused}
    assert "below the non-interacting" in excused.pop("hubbard/6x6/PA/18-18/U2")
    assert len(excused) == 10 and all("sampled and has no error" in line for line in excused.values())


@pytest.mark.parametrize(
    ("records", "finding"),
    [
        ([published(energy=-2.1, uncertainty=0.01), record()], "below the exact"),
        ([published(energy=-2.1, kind="mean_field", uncertainty=None), record()], "below the exact"),
        ([published(energy=-4.5), published(kind="noninteracting", energy=-4.0)], "below the non-interacting"),
        ([record(), record(energy=-2.001)], "contradicts"),
        ([record(energy=math.nan)], "not finite"),
        ([record(parameters={"U": 8})], "key says"),
        ([record(kind="variational")], "contradicts kind"),
        ([record(uncertainty=None)], "without an uncertainty"),
        ([record(source=" ")], "no source"),
        ([record(hamiltonian="")], "hash of the Hamiltonian missing"),
        ([record(hamiltonian="0" * 16)], "hash of the Hamiltonian 0000000000000000: key and parameters give"),
        ([record(), record(parameters={"U": 4, "t": 2})], "is not the"),
        ([published(uncertainty=None)], "sampled and has no error"),
        ([published(uncertainty=None, method="DMC", kind="projected")], "sampled and has no error"),
        ([published(kind="estimate", energy=-1.9, uncertainty=0.01), record()], "contradicts"),
        ([published(kind="noninteracting", energy=e) for e in (-4.0, -4.1)], "contradicts"),
        ([published(kind="mean_field", method="RHF", energy=e) for e in (-1.5, -1.6)], "contradicts"),
        ([record(key="dot2d/1-1/w1", parameters={"dimension": 2, "omega": 1.0}, energy=1.9)], "non-interacting"),
    ],
)
def test_validation_refuses(records, finding):
    report = references.validate(records)
    assert any(finding in line for line in report.problems), report
    assert report.excused == ()


def test_validation_allows_three_standard_deviations():
    assert references.validate([published(energy=-2.02, uncertainty=0.01), record()]).problems == ()


@pytest.mark.parametrize(
    "excuse",
    [
        {"kind": "extrapolated", "method": "CCSD(T)/CBS", "uncertainty": None},
        {"kind": "estimate", "method": "unknown", "uncertainty": None},
        {"kind": "variational", "energy": -1.9, "uncertainty": None, "note": "no error published"},
        {"kind": "projected", "method": "CP AFQMC"},
        {"note": "SUSPECT: a copy"},
    ],
)
def test_validation_says_what_it_excuses(excuse):
    report = references.validate([published(**{"energy": -2.1, **excuse}), record()])
    assert report.problems == ()
    assert len(report.excused) == 1


def test_a_note_may_say_that_two_records_disagree():
    disagreeing = published(
        kind="estimate", energy=-2.1, uncertainty=0.01, note="disagrees with the exact value by 0.1"
    )
    report = references.validate([disagreeing, record()])
    assert report.problems == () and "its note says that it disagrees" in report.excused[-1]
    assert references.validate([record(), record(energy=-2.001, note="disagrees with ours")]).problems == ()


def test_hashes_tell_hamiltonians_apart():
    records = references.load()
    by_key: dict[str, set[str]] = {}
    for r in records:
        by_key.setdefault(r.key, set()).add(r.hamiltonian)
    assert all(len(hashes) == 1 for hashes in by_key.values())
    assert len(set.union(*by_key.values())) == len(by_key)


def test_fixed_node_energies_are_not_excused():
    fixed_node = published(energy=-2.1, kind="projected", method="DMC")
    assert references.validate([fixed_node, record()]).problems


def test_records_are_plain_json_without_nan():
    def refuse(constant):
        raise AssertionError(constant)

    fields = [f.name for f in dataclasses.fields(Reference)]
    for line in PATH.read_text(encoding="utf-8").splitlines():
        names = list(json.loads(line, parse_constant=refuse))
        assert names == [name for name in fields if name in names] and set(fields) - set(names) <= {"variance"}


def test_importing_and_loading_needs_no_heavy_library():
    code = (
        "import sys; from zoo import references; references.load();"
        "print([m for m in ('keras', 'tensorflow', 'jax', 'pyscf', 'pandas', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
