"""What others wrote and we carry: whole, unchanged, with its licence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "edge_agent/panel/static/vendor", ROOT / "tests/panel/vendor"]


def listed(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_vendored_file_is_what_the_vendor_script_made(folder: Path) -> None:
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == listed(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_each_vendored_thing_has_its_licence_beside_it(folder: Path) -> None:
    names = set(listed(folder))
    things = {name for name in names if not name.endswith(".LICENSE")}
    licences = {name.removesuffix(".LICENSE") for name in names - things}
    assert [t for t in things if not any(t.startswith(licence) for licence in licences)] == []


def test_nothing_vendored_asks_for_anything_from_another_site() -> None:
    static = ROOT / "edge_agent/panel/static"
    fetched = [
        (path.name, line)
        for path in [*static.rglob("*.css"), *static.rglob("*.html"), *static.glob("js/**/*.js")]
        for line in path.read_text().splitlines()
        if "//" in line.replace("http://www.w3.org", "") and "http" in line.split("//")[0][-6:]
    ]
    assert fetched == []
