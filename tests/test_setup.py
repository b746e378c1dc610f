"""`make demo` and `make test` on computers that lack something: one sentence, and what to type."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs that come before the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(script: str, programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TESTS / script), *arguments],
        env=os.environ | {"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_without_python_the_package_is_named(programs: Path, tmp_path: Path) -> None:
    told = run("make-venv", programs, "python9", str(tmp_path / "venv"))
    assert told.returncode == 1
    assert "sudo apt-get install python3 python3-venv" in told.stderr


def test_with_an_old_python_a_newer_one_is_asked_for(programs: Path, tmp_path: Path) -> None:
    program(programs, "python-old", "exit 1")
    told = run("make-venv", programs, "python-old", str(tmp_path / "venv"))
    assert told.returncode == 1
    assert "older than 3.11" in told.stderr


def test_without_venv_the_package_is_named(programs: Path, tmp_path: Path) -> None:
    program(programs, "python-bare", 'case "$2" in *ensurepip*) exit 1;; esac')
    told = run("make-venv", programs, "python-bare", str(tmp_path / "venv"))
    assert told.returncode == 1
    assert "sudo apt-get install python3-venv" in told.stderr


def test_without_the_right_to_install_the_missing_packages_are_named(programs: Path) -> None:
    program(programs, "id", "echo 1000")
    program(programs, "sudo", "exit 1")
    program(
        programs,
        "dpkg-query",
        'for last; do :; done; case "$last" in ffmpeg|gcc) exit 1;; *) echo installed;; esac',
    )
    told = run("install-system-packages", programs)
    assert told.returncode == 1
    assert "sudo apt-get install ffmpeg gcc" in told.stderr


def test_with_everything_installed_nothing_is_done(programs: Path) -> None:
    program(programs, "dpkg-query", "echo installed")
    program(programs, "apt-get", "exit 1")
    told = run("install-system-packages", programs)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_what_is_missing_is_installed_when_that_is_allowed(programs: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(programs, "id", "echo 1000")
    program(programs, "sudo", f'echo "$@" >> {log}')
    program(programs, "apt-get", "exit 1")
    program(
        programs,
        "dpkg-query",
        'for last; do :; done; case "$last" in xvfb) exit 1;; *) echo installed;; esac',
    )
    assert run("install-system-packages", programs).returncode == 0
    installed = log.read_text().splitlines()[-1]
    assert installed.endswith("apt-get install -y -qq --no-install-recommends xvfb")
