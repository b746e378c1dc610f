"""What a room did, month by month."""

from __future__ import annotations

import csv
import json
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.clock import SystemClock
from edge_agent.commands.statistics import COLUMNS
from edge_agent.config import to_toml
from edge_agent.ledger import Ledger
from edge_agent.rows import Gap, Lecture, Track
from edge_agent.rules.lecture import State
from edge_agent.rules.statistics import NOTHING_CAME, Held, months

HOUR_NS = 3_600_000_000_000
PHNOM_PENH = timezone(timedelta(hours=7))


def test_a_lecture_belongs_to_the_month_in_which_it_began_by_the_rooms_clock() -> None:
    held = [Held("2026-10-31T18:00:00Z", State.DELIVERED, 3600.0)]
    assert [each.month for each in months(held, PHNOM_PENH)] == ["2026-11"]
    assert [each.month for each in months(held, UTC)] == ["2026-10"]


def test_what_came_counts_and_what_failed_is_told_apart() -> None:
    start = "2026-11-02T02:00:00Z"
    [month] = months(
        [
            Held(start, State.DELIVERED, 5400.0, "km", 1, 36.0, 1000),
            Held(start, State.PURGED, 1800.0, "en", 0, 0.0, 500),
            Held(start, State.PACKAGED, 3600.0, "km"),
            Held(start, State.FAILED, 900.0, "fr", 3, 900.0),
            Held(start, State.MISSED, 0.0),
        ],
        UTC,
    )
    assert (month.lectures, month.failed, month.delivered) == (3, 2, 2)
    assert month.hours == pytest.approx(3.0)
    assert month.gaps == 1
    assert month.gap_hours == pytest.approx(0.01)
    assert month.delivered_bytes == 1500
    assert month.languages == {"en": 1, "km": 2}


any_lecture = st.builds(
    Held,
    started_utc=st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    state=st.sampled_from(State),
    duration_s=st.floats(0, 1e5),
    language=st.sampled_from(["", "km", "ar", "zh-Hans"]),
    delivered_bytes=st.integers(0, 2**40),
)


@given(st.lists(any_lecture, max_size=30))
def test_every_lecture_is_in_one_month(held: list[Held]) -> None:
    found = months(held, UTC)
    assert [each.month for each in found] == sorted({each.month for each in found})
    assert sum(each.lectures + each.failed for each in found) == len(held)
    came = [it for it in held if it.state not in NOTHING_CAME]
    assert sum(each.delivered_bytes for each in found) == sum(it.delivered_bytes for it in came)
    assert all(sum(each.languages.values()) == each.lectures for each in found)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Of a room with one lecture of an hour, in which the camera was away for a tenth of it."""
    spool, file = tmp_path / "spool", tmp_path / "config.toml"
    spool.mkdir()
    folders = {"spool": str(spool), "runtime": str(tmp_path / "run")}
    file.write_text(to_toml({"storage": folders, "room": {"name": "Salle 2, Bât. A"}}))
    ledger, now = Ledger.create(spool / "ledger.db"), SystemClock().now()
    lecture = Lecture("0193-aaaa", State.PACKAGED, "2026-11-02T02:00:00.000Z", now.trust, "b", 0)
    ledger.add_lecture(lecture, [Track("0193-aaaa", "camera", "presenter/source", "video")])
    ledger.set_lecture("0193-aaaa", duration_s=3600.0, end_ns=HOUR_NS, language="km")
    ledger.add_gap(Gap(0, "0193-aaaa", "camera", 0, HOUR_NS // 10, "device lost"))
    ledger.add_gap(Gap(1, "0193-aaaa", None, 0, HOUR_NS, "paused"))
    ledger.close()
    return file


def said(configuration: Path, *words: str) -> tuple[int, str]:
    command = ["--config", str(configuration), "lectures", "statistics", *words]
    result = CliRunner().invoke(app, command)
    return result.exit_code, result.stdout


def test_the_sheet_can_be_read_by_any_program(configuration: Path) -> None:
    code, text = said(configuration, "--csv")
    [line] = csv.DictReader(text.splitlines())
    assert code == 0
    assert tuple(line) == COLUMNS
    assert line["room"] == "Salle 2, Bât. A"
    assert (line["lectures"], line["hours"], line["gap_hours"]) == ("1", "1.0", "0.1")
    assert (line["gaps"], line["languages"]) == ("1", "km:1")


def test_one_month_can_be_asked_for(configuration: Path) -> None:
    code, text = said(configuration, "--month", "2026-10", "--json")
    assert (code, json.loads(text)["data"]["months"]) == (0, [])
    code, text = said(configuration, "--month", "2026-11", "--json")
    assert [each["lectures"] for each in json.loads(text)["data"]["months"]] == [1]


def test_a_month_that_is_none_is_refused(configuration: Path) -> None:
    code, text = said(configuration, "--month", "2026-13", "--json")
    assert (code, json.loads(text)["error"]["code"]) == (2, "bad-month")
