"""Figures for Prometheus: what it reads is what the room is; the alert rules know their names."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.clock import SystemClock, rfc3339
from edge_agent.exposition import Metric, text
from edge_agent.rows import BookingRow
from edge_agent.rules.bookings import Outcome
from tests.panel.served import HandMade, track

RULES = Path(__file__).parents[1] / "docs/prometheus"
Labels = frozenset[tuple[str, str]]


def read(words: str) -> dict[tuple[str, Labels], float]:
    """As Prometheus's own library reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(words)
        for sample in family.samples
    }


# ---------------------------------------------------------------- the format


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), st.text()),
    st.floats(allow_nan=False),
    st.text(),
)
def test_whatever_a_room_is_called_prometheus_reads_what_was_written(
    labels: Mapping[str, str], value: float, words: str
) -> None:
    written = text([Metric("x", words, samples=[(labels, value)])])
    assert read(written) == {("x", frozenset(labels.items())): value}


def test_what_has_no_figure_is_left_out() -> None:
    assert text([Metric("x", "Nothing.")]) == ""


# ---------------------------------------------------------------- the room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[HandMade]:
    (tmp_path / "config.toml").write_text(
        f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\nleast_free_mib = 0\n'
        '[room]\nname = "B-204 \\"big\\""\n'
    )
    room = HandMade(tmp_path)
    yield room
    room.ledger.close()


def figures(room: HandMade, *words: str) -> dict[tuple[str, Labels], float]:
    config = room.spool.root.parent / "config.toml"
    done = CliRunner().invoke(app, ["--config", str(config), "metrics", *words])
    assert done.exit_code == 0, done.output
    return read(done.stdout)


def of(found: Mapping[tuple[str, Labels], float], name: str, **labels: str) -> float | None:
    return found.get((f"edge_agent_{name}", frozenset(labels.items())))


def test_a_room_at_rest_in_figures(room: HandMade) -> None:
    with room.alive():
        found = figures(room)
    assert of(found, "up") == 1
    assert of(found, "recording_active") == 0
    assert of(found, "disk_free_bytes") == 1 << 40
    assert of(found, "source_lost", source="camera") == 0
    assert of(found, "audio_loudness_lufs", source="microphone") == -70
    assert [of(found, "alert", alert=name) for name in ALERTS] == [0, 0, 0]
    assert of(found, "lectures", state="failed") == 0
    assert "B-204" in str(found)


ALERTS = ("device_offline", "missing_audio", "missed_capture")


def test_without_an_agent_old_figures_are_not_told_as_if_they_were_facts(room: HandMade) -> None:
    with room.alive():
        pass
    found = figures(room)
    assert of(found, "up") == 0
    assert of(found, "alert", alert="device_offline") == 1
    for name in ("disk_free_bytes", "record_hours_left"):
        assert of(found, name) is None
    assert "source_lost" not in str(found)


def test_a_lost_camera_is_a_source_not_a_room(room: HandMade) -> None:
    lost = track("video", phase="absent", reason="unplugged")
    with room.alive():
        room.say(tracks={"camera": lost, "microphone": track("audio")})
        found = figures(room)
    assert of(found, "source_lost", source="camera") == 1
    assert of(found, "alert", alert="device_offline") == 0


def test_the_file_is_replaced_as_a_whole_until_it_is_told_to_stop(
    room: HandMade, tmp_path: Path
) -> None:
    file = tmp_path / "edge-agent.prom"
    with room.alive():
        assert figures(room, "--to", str(file)) == {}
        assert of(read(file.read_text()), "up") == 1
    assert [it.name for it in tmp_path.glob("*.prom*")] == ["edge-agent.prom"]


def test_again_and_again_needs_a_file(room: HandMade) -> None:
    config = room.spool.root.parent / "config.toml"
    done = CliRunner().invoke(app, ["--config", str(config), "metrics", "--every", "15"])
    assert done.exit_code == 2


def test_a_booking_that_was_missed_calls_somebody_and_is_counted_for_ever(room: HandMade) -> None:
    now = SystemClock().now()
    ended = rfc3339(now.utc - timedelta(hours=1))
    row = BookingRow("campus|1", ended, ended, str(Outcome.MISSED), reason="the PC was off")
    room.ledger.note_booking(row)
    room.ledger.add_event(now, "booking missed", "the booking was missed: the PC was off")
    with room.alive():
        found = figures(room)
    assert of(found, "missed_bookings_total") == 1
    assert of(found, "alert", alert="missed_capture") == 1


# ---------------------------------------------------------------- the rules


def test_the_rules_speak_of_figures_that_a_room_writes(room: HandMade) -> None:
    with room.alive():
        written = {name for name, _ in figures(room)}
    asked = set(re.findall(r"\bedge_agent_\w+", (RULES / "edge-agent.rules.yml").read_text()))
    assert asked <= written
    assert {f"edge_agent_{name}" for name in ("alert", "missed_bookings_total")} <= asked


def test_the_three_alerts_that_people_pay_for_have_rules() -> None:
    named = set(re.findall(r'alert="(\w+)"', (RULES / "edge-agent.rules.yml").read_text()))
    assert named == set(ALERTS)


@pytest.mark.parametrize(
    "words", [("check", "rules", "edge-agent.rules.yml"), ("test", "rules", "edge-agent.test.yml")]
)
def test_prometheus_takes_the_rules_and_calls_when_it_should(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *words], cwd=RULES, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
