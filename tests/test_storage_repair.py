"""Laws of `edge-agent storage check --repair`: dry by default, the agent's own recovery, exit 5."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_agent import lecture_file
from edge_agent.clock import SystemClock
from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.rows import Lecture, Track
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Runtime, Spool
from tests.lecture_maker import record_sound
from tests.published import answer_of


class Place:
    """A spool with a lecture of which the ledger knows, and files of which it does not."""

    def __init__(self, root: Path) -> None:
        self.spool, self.runtime = Spool(root / "spool"), Runtime(root / "run")
        self.spool.lectures.mkdir(parents=True)
        self.config = root / "config.toml"
        self.config.write_text(
            f'[storage]\nspool = "{self.spool.root}"\nruntime = "{self.runtime.root}"\n'
        )
        now = SystemClock().now()
        lecture = Lecture("L1", State.FINISHING, now.utc_text, now.trust, now.boot, -START_NS)
        track = Track("L1", "microphone", "presenter/source", "audio")
        lecture_file.write(self.spool.facts("L1"), lecture, [track])
        ledger = Ledger.create(self.spool.ledger)
        ledger.add_lecture(lecture, [track])
        ledger.close()
        folder = self.spool.track("L1", "microphone")
        record_sound(folder, 0, 12)
        torn = folder / "000002.mp4"
        torn.rename(folder / "000002.mp4.part")
        with (folder / "000002.mp4.part").open("ab") as file:
            file.write(b"\0\0\x10\0moof, half")
        (folder / "notes.txt").write_text("foreign")
        (self.spool.root / "holiday.jpg").write_text("foreign")

    def check(self, *words: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "edge_agent.cli", "--config", str(self.config)]
        done = subprocess.run(
            [*command, "storage", "check", "--json", *words], capture_output=True, timeout=60
        )
        return done.returncode, answer_of(done.stdout)

    def files(self) -> dict[str, bytes]:
        found = sorted(self.spool.root.rglob("*"))
        return {str(p): p.read_bytes() for p in found if p.is_file() and "ledger" not in p.name}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def what(answer: dict[str, Any]) -> dict[str, str]:
    return {each["where"].split("/")[-1]: each["what"] for each in answer["data"]["repairs"]}


WANTED = {
    "holiday.jpg": "known to nobody: set aside",
    "000001.mp4": "adopted",
    "000002.mp4.part": "cut at its last whole fragment and adopted",
    "notes.txt": "holds no whole fragment: set aside",
}


def test_without_repair_it_says_what_it_would_do_and_changes_nothing(place: Place) -> None:
    before = place.files()
    code, answer = place.check()
    assert code == 3
    assert what(answer) == WANTED
    assert not any(each["done"] for each in answer["data"]["repairs"])
    assert place.files() == before


def test_a_repair_does_what_was_said_and_then_all_is_well(place: Place) -> None:
    code, answer = place.check("--repair")
    assert (code, answer["data"]["findings"]) == (0, [])
    assert what(answer) == WANTED
    kept = sorted(path.name for path in place.spool.aside.iterdir())
    assert kept == ["L1-microphone-notes.txt", "holiday.jpg"]
    ledger = Ledger.read(place.spool.ledger)
    assert [row.name for row in ledger.segments("L1")] == ["000001.mp4", "000002.mp4"]
    ledger.close()
    assert place.check() == (0, {**place.check()[1]})
    assert place.check()[1]["data"]["repairs"] == []


def test_a_repair_builds_a_lost_ledger_anew(place: Place) -> None:
    place.spool.ledger.unlink()
    code, answer = place.check("--repair")
    assert (code, answer["data"]["findings"]) == (0, [])
    assert what(answer)["L1"] == "adopted from the disk, with its segments"
    ledger = Ledger.read(place.spool.ledger)
    assert len(ledger.segments("L1")) == 2
    ledger.close()


def test_while_the_agent_runs_a_repair_is_refused(place: Place) -> None:
    with only_one(place.runtime.agent_lock, "agent"):
        before = place.files()
        code, answer = place.check("--repair")
        assert (code, answer["ok"]) == (5, False)
        assert place.files() == before
