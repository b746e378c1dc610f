"""A package is verified byte by byte; each kind of damage has its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.finisher import finish
from edge_agent.verify import Problem, file_sha256, verify_package
from tests.lecture_maker import job, record_sound


@pytest.fixture
def package(tmp_path: Path) -> Path:
    record_sound(tmp_path / "tracks" / "mic", 0, 2)
    finish(job(tmp_path, [("mic", "presenter/source", "audio")], end_s=2), lambda _m: None)
    return tmp_path / "package"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def spoil_manifest(package: Path) -> None:
    """Another manifest with right checksums: only its contents are wrong."""
    _rewrite(package, lambda data: data.update(encoding="none"))


def lie_about_size(package: Path) -> None:
    _rewrite(package, lambda data: data["encoding"][0].update(contentSize=1))


def _rewrite(package: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = package / "manifest.json"
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))
    sums = package / "manifest-sha256.txt"
    lines = [line for line in sums.read_text().splitlines() if "manifest.json" not in line]
    sums.write_text("\n".join([*lines, f"{file_sha256(path)}  manifest.json"]) + "\n")


def test_a_fresh_package_has_no_problem(package: Path) -> None:
    assert verify_package(package) == []


@pytest.mark.parametrize(
    ("damage", "file", "word"),
    [
        (lambda p: flip(p / "audio.m4a"), "audio.m4a", "another content"),
        (lambda p: flip(p / "dublincore.xml"), "dublincore.xml", "another content"),
        (lambda p: (p / "audio.m4a").unlink(), "audio.m4a", "missing"),
        (lambda p: (p / "extra.txt").write_text("x"), "extra.txt", "not listed"),
        (lambda p: (p / "manifest-sha256.txt").unlink(), "manifest-sha256.txt", "cannot be read"),
        (lambda p: (p / "manifest-sha256.txt").write_text("x\n"), "manifest-sha256.txt", "line 1"),
        (
            lambda p: (p / "manifest-sha256.txt").write_text("0" * 64 + "  ../../etc/passwd\n"),
            "manifest-sha256.txt",
            "line 1",
        ),
        (lambda p: (p / "manifest.json").unlink(), "manifest.json", "missing"),
        (spoil_manifest, "manifest.json", "not a manifest of version 1: encoding"),
        (lie_about_size, "audio.m4a", "another size"),
    ],
)
def test_damage_is_found_and_named(
    package: Path, damage: Callable[[Path], object], file: str, word: str
) -> None:
    damage(package)
    problems = verify_package(package)
    assert any(problem.file == file and word in problem.what for problem in problems), problems


def test_a_folder_that_is_not_there_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    (problem,) = verify_package(tmp_path / "nowhere")
    assert isinstance(problem, Problem)
    assert "No such file" in problem.what


def test_verifying_changes_nothing(package: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in package.iterdir()}
    verify_package(package)
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in package.iterdir()} == before
