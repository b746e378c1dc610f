"""`edge-agent demo`: the newcomer's first minute, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.rules.lecture import State
from edge_agent.verify import verify_package
from tests.hardware_fixtures import wait_for

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "edge_agent.cli", "demo"]


def demo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, "--to", str(home), *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_a_demo_ends_with_a_verified_lecture_and_a_second_one_adds_another(tmp_path: Path) -> None:
    home = tmp_path / "out"
    for count in (1, 2):
        told = demo(home, "--synthetic", "--seconds", "3")
        assert told.returncode == 0, told.stderr
        assert "Verified at the destination" in told.stdout
        lectures = sorted((home / "platform").iterdir())
        assert len(lectures) == count
        assert verify_package(lectures[-1]) == []
        assert f"Look:   {lectures[-1]}" in told.stdout
        assert "Panel:  http://127.0.0.1:" in told.stdout
    assert {"presenter.mp4", "presentation.mp4", "audio.m4a"} <= {
        file.name for file in lectures[-1].iterdir()
    }


def test_a_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    home = tmp_path / "out"
    assert demo(home, "--synthetic", "--seconds", "3").returncode == 0
    for lock in (home / "run").glob("*.lock"):
        with only_one(lock, "left behind"):
            pass


def test_a_demo_that_was_interrupted_loses_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    home = tmp_path / "out"
    status = home / "run/status.json"
    with subprocess.Popen(
        # A shell's background jobs, and what they start, are born deaf to the interrupt.
        ["env", "--default-signal=INT", *DEMO, "--to", str(home), "--synthetic"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as child:
        wait_for(
            lambda: status.exists() and '"state": "recording"' in status.read_text(),
            "the recording",
            60,
        )
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    assert demo(home, "--synthetic", "--seconds", "3").returncode == 0
    ledger = Ledger.read(home / "spool/ledger.db")
    assert [lecture.state for lecture in ledger.lectures()][-1] is State.DELIVERED
    assert ledger.active() is None
    assert len(ledger.lectures()) == 2
    ledger.close()


def test_a_second_demo_at_the_same_place_is_refused(tmp_path: Path) -> None:
    with only_one(tmp_path / "out/run/agent.lock", "demo"):
        told = demo(tmp_path / "out", "--synthetic", "--seconds", "3")
    assert told.returncode == 5
    assert "choose another folder with --to" in told.stderr


def test_a_demo_that_cannot_work_shows_what_the_agent_said(tmp_path: Path) -> None:
    home = tmp_path / "out"
    home.mkdir()
    (home / "spool").write_text("in the way")
    told = demo(home, "--synthetic", "--seconds", "3")
    assert told.returncode == 1
    assert "the agent process ended with status 7" in told.stderr
    assert "agent: error:" in told.stderr
