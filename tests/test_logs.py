"""The log for people: both sources in the order of time, and whatever is missing is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands import finding
from edge_agent.commands.logs import (
    Line,
    Span,
    journal_command,
    journal_lines,
    moment,
    sentence,
)
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from tests.fixed_clock import FixedClock
from tests.published import answer_of

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def entry(seconds: float, message: Any, unit: str = "edge-agent.service") -> str:
    micros = int((AT + timedelta(seconds=seconds)).timestamp() * 1e6)
    found = {"__REALTIME_TIMESTAMP": str(micros), "MESSAGE": message, "_SYSTEMD_UNIT": unit}
    return json.dumps(found) + "\n"


class Hall:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.spool = folder / "config.toml", folder / "spool"
        self.file.write_text(f'[storage]\nspool = "{self.spool}"\nruntime = "{folder}/run"\n')
        self.journal: str | None = ""
        self.asked: list[list[str]] = []
        monkeypatch.setattr(finding, "ask", self._ask)

    def _ask(self, command: list[str]) -> str | None:
        self.asked.append(command)
        return self.journal

    def events(self) -> None:
        """One at 10:00:00 of the room, one five seconds later of a lecture."""
        self.spool.mkdir()
        clock, ledger = FixedClock(), Ledger.create(self.spool / "ledger.db")
        now = clock.now()
        lecture = Lecture("0193-aaaa", State.FAILED, now.utc_text, now.trust, now.boot, now.mono_ns)
        ledger.add_lecture(lecture, [])
        ledger.add_event(now, "agent started", "version 1")
        ledger.add_event(clock.pass_time(5), "device lost", "unplugged", "0193-aaaa", "camera")
        ledger.close()

    def __call__(self, *words: str) -> tuple[int, Any]:
        done = CliRunner().invoke(app, ["--config", str(self.file), "logs", *words, "--json"])
        return done.exit_code, answer_of(done.stdout)

    def texts(self, *words: str) -> list[str]:
        code, answer = self(*words)
        assert code == 0
        return [f"{each['source']} {each['text']}" for each in answer["data"]]


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hall:
    return Hall(tmp_path, monkeypatch)


def test_journal_and_events_are_one_story(hall: Hall) -> None:
    hall.events()
    hall.journal = entry(7, "track camera: back", "edge-agent.service")
    hall.journal += entry(2, "sent 3 files", "edge-agent-upload.service")
    hall.journal += entry(1, "Started edge-agent.", "init.scope")
    assert hall.texts() == [
        "event agent started: version 1",
        "systemd Started edge-agent.",
        "edge-agent-upload sent 3 files",
        "event device lost: unplugged",
        "edge-agent track camera: back",
    ]
    assert hall.texts("--lines", "2") == [
        "event device lost: unplugged",
        "edge-agent track camera: back",
    ]


def test_of_one_lecture_its_events_and_the_journal_of_its_time_are_shown(hall: Hall) -> None:
    hall.events()
    assert hall.texts("--lecture", "aaaa") == ["event device lost: unplugged"]
    assert f"--since=@{int(AT.timestamp())}" in hall.asked[-1]
    assert not [word for word in hall.asked[-1] if word.startswith("--until")]


def test_what_is_older_than_asked_for_is_left_out(hall: Hall) -> None:
    hall.events()
    assert hall.texts("--since", "2026-11-22T10:00:03+00:00") == ["event device lost: unplugged"]


def test_without_a_journal_the_events_are_shown_and_it_says_so(hall: Hall) -> None:
    hall.events()
    hall.journal = None
    code, answer = hall()
    assert (code, len(answer["data"])) == (0, 2)
    assert "sudo edge-agent logs" in answer["warnings"][0]


def test_before_the_first_start_the_journal_is_shown(hall: Hall) -> None:
    hall.journal = entry(0, "it cannot start")
    code, answer = hall()
    assert (code, answer["data"][0]["text"]) == (0, "it cannot start")
    assert "there are no lectures yet" in answer["warnings"][0]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["--since", "yesterday"], 2, "bad-time"),
        (["--since", "25:00"], 2, "bad-time"),
        (["--since", "9999999999d"], 2, "bad-time"),
        (["--lecture", "bbbb"], 4, "no-such-lecture"),
    ],
)
def test_what_cannot_be_found_is_told_with_the_next_step(
    hall: Hall, words: list[str], code: int, reason: str
) -> None:
    hall.events()
    got, answer = hall(*words)
    assert (got, answer["error"]["code"]) == (code, reason)
    assert answer["error"]["hint"]


ZONE = timezone(timedelta(hours=7))
NOW = datetime(2026, 11, 22, 10, 30, 5, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("9:15", datetime(2026, 11, 22, 9, 15, tzinfo=ZONE)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=ZONE)),
        ("2026-11-20T08:00:00+00:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_length_a_time_of_today_or_a_date(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


def test_the_journal_is_asked_for_our_units_and_the_span_only() -> None:
    command = journal_command(Span(AT, AT + timedelta(seconds=60)), 7)
    second = int(AT.timestamp())
    assert {f"--since=@{second}", f"--until=@{second + 61}", "--lines=7"} < set(command)
    assert {"--unit=edge-agent", "--unit=edge-agent-upload"} < set(command)


@pytest.mark.parametrize(
    ("message", "text"),
    [("ok", "ok"), (list("é".encode()), "é"), ([255, 65], "�A"), (None, "(too long to be shown)")],
)
def test_a_message_may_be_bytes_or_missing(message: Any, text: str) -> None:
    [line] = journal_lines(entry(0, message))
    assert line.text == text


@pytest.mark.parametrize(
    "damage", [lambda s: s[:-5], lambda s: "[1]", lambda s: "{}", lambda s: '"x"', lambda s: ""]
)
def test_a_torn_line_of_the_journal_costs_only_itself(damage: Callable[[str], str]) -> None:
    good = entry(0, "before")
    text = good + damage(good) + "\n" + entry(1, "after")
    assert [line.text for line in journal_lines(text)] == ["before", "after"]


@given(st.text())
def test_nothing_in_a_line_can_command_the_terminal(text: str) -> None:
    shown = sentence(Line("2026-11-22T10:00:00.000Z", "event", text, "0193-aaaa", "camera"))
    assert shown.isprintable()
    assert shown.endswith("(0193-aaaa camera)")
