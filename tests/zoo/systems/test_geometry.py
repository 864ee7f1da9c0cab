"""Geometries from text and from XYZ files."""

import pytest
from scipy import constants

from zoo.errors import ZooError
from zoo.systems.geometry import ANGSTROM, canonical, parse

WATER = """3
water, lengths in Å
O  0.0       0.0      0.0
H  0.756950  0.585880 0.0
h -0.756950  0.585880 0.0
"""
X, Y = 0.75695 * ANGSTROM, 0.58588 * ANGSTROM
IN_BOHR = f"O 0 0 0; H {X!r} {Y!r} 0; H {-X!r} {Y!r} 0"


def file(folder, text: str, name: str = "molecule.xyz", encoding: str = "utf-8") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return str(path)


def test_the_angstrom_is_that_of_the_bohr_radius():
    assert pytest.approx(constants.physical_constants["Bohr radius"][0] * 1e10, rel=1e-9) == 1 / ANGSTROM


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("be", "Be 0 0 0"),
        ("li 0.0 -0.0 -1.50750\n H 0 0 1.5075 ;", "Li 0 0 -1.5075; H 0 0 1.5075"),
        ("H 0 0 0; H 0 0 1.4; bohr", "H 0 0 0; H 0 0 1.4"),
        ("H 0 0 0; H 0 0 0.5; Angstrom", f"H 0 0 0; H 0 0 {0.5 * ANGSTROM!r}"),
        ("O; angstrom", "O 0 0 0"),
    ],
)
def test_text_is_kept_in_canonical_form(text, expected):
    assert canonical(text) == expected == canonical(expected)


def test_numbers_keep_every_digit():
    (_, (x, _, _)), _ = parse(canonical("H 0.1234567890123456 0 0; H 0 0 3"))
    assert x == 0.1234567890123456


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "symbol x y z"),
        ("angstrom", "symbol x y z"),
        ("water.txt", "water.txt.*the path of a file .xyz"),
        ("Li 0 0 a", "'Li 0 0 a': expected three numbers"),
        ("Li 0 0 1 2", "'Li 0 0 1 2': expected 'symbol x y z'"),
        ("H 0 0 0; angstrom; H 0 0 1", "'angstrom'"),
        (3, "system.atoms=3: expected 'symbol x y z'"),
    ],
)
def test_text_that_is_no_geometry_is_refused(text, message):
    with pytest.raises(ZooError, match=message):
        canonical(text)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (WATER, "utf-8"),
        (WATER, "latin-1"),
        (WATER, "utf-8-sig"),
        (WATER.replace("\n", "\r\n"), "utf-8"),
        (WATER.rstrip("\n"), "utf-8"),
        (WATER + "\n  \n\n", "utf-8"),
        (WATER.replace(" 0.0\n", " 0.0 17 x\n"), "utf-8"),
    ],
)
def test_an_xyz_file_is_read_in_angstrom(tmp_path, text, encoding):
    assert canonical(file(tmp_path, text, encoding=encoding)) == IN_BOHR


@pytest.mark.parametrize("name", ["two words/wässer ö.xyz", "WATER.XYZ", "a;b.xyz"])
def test_a_path_may_hold_anything_that_a_name_may(tmp_path, name):
    assert canonical(file(tmp_path, WATER, name)) == IN_BOHR


def test_a_path_is_relative_to_the_working_folder_or_to_home(tmp_path, monkeypatch):
    file(tmp_path, WATER, "water.xyz")
    monkeypatch.chdir(tmp_path)
    assert canonical(" water.xyz ") == IN_BOHR
    monkeypatch.setenv("HOME", str(tmp_path))
    assert canonical("~/water.xyz") == IN_BOHR


def test_columns_of_the_extended_format_are_found_by_name(tmp_path):
    text = '2\nProperties=id:I:1:pos:R:3:species:S:1:forces:R:3 pbc="F F F"\n1 0 0 0 Li 9 9 9\n2 0 0 1 H 9 9 9\n'
    assert canonical(file(tmp_path, text)) == f"Li 0 0 0; H 0 0 {ANGSTROM!r}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "number of nuclei on line 1, not ''"),
        ("O 0 0 0\n", "number of nuclei on line 1, not 'O 0 0 0'"),
        ("0\n\n", "number of nuclei on line 1, not '0'"),
        ("2.0\n\nH 0 0 0\nH 0 0 1\n", "number of nuclei on line 1, not '2.0'"),
        ("3", "expected the 3 nuclei that line 1 announces, found 0"),
        ("3\n\nH 0 0 0\nH 0 0 1\n\n", "expected the 3 nuclei that line 1 announces, found 2"),
        ("1\n\nH 0 0 0\nH 0 0 1\n", "line 4, 'H 0 0 1': expected nothing after the 1 nuclei"),
        ("1\n\nH 0 0 0\n1\n\nH 0 0 1\n", "line 4, '1': expected nothing after the 1 nuclei"),
        ("2\n\nH 0 0 0\n\nH 0 0 1\n", "line 4, '': expected 'symbol x y z' in angstrom"),
        ("2\nH 0 0 0\nH 0 0 1\n", "expected the 2 nuclei that line 1 announces, found 1"),
        ("1\n\nXx 0 0 0\n", "line 3, 'Xx 0 0 0': unknown element 'Xx'"),
        ("1\n\n8 0 0 0\n", "line 3, '8 0 0 0': unknown element '8'"),
        ("1\n\nO 0 0\n", "line 3, 'O 0 0': expected 'symbol x y z'"),
        ("1\n\nO 0 0 1.0D0\n", "line 3.*expected three numbers"),
        ("1\n\nO 0 0 inf\n", "line 3, 'O 0 0 inf': expected finite coordinates"),
        ('1\nLattice="5 0 0 0 5 0 0 0 5"\nO 0 0 0\n', "line 2 makes it periodic"),
        ('1\npbc="F F T"\nO 0 0 0\n', "line 2 makes it periodic"),
        ("1\nProperties=Z:I:1:pos:R:3\n8 0 0 0\n", "line 2: expected columns species and pos"),
        ("\0\1" * 200, "number of nuclei on line 1"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, text, message):
    path = file(tmp_path, text)
    with pytest.raises(ZooError, match=message) as error:
        canonical(path)
    assert str(error.value).startswith(f"system.atoms={path}: ") and "\n" not in str(error.value)
    assert len(str(error.value)) < len(path) + 200


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    (tmp_path / "folder.xyz").mkdir()
    for name in ("missing.xyz", "folder.xyz"):
        with pytest.raises(ZooError, match=f"{name}: .*: expected an XYZ file that can be read"):
            canonical(str(tmp_path / name))
