"""Numbers, times and tables as people read them; the status screen."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from edge_agent.commands.lectures import _sound_line
from edge_agent.commands.status import screen
from edge_agent.commands.words import clock, duration, level, loudness, size, table, until

ICT = timezone(timedelta(hours=7))
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=ICT)


@pytest.mark.parametrize(
    ("short_term", "speaking", "speech_s", "heard_s", "text"),
    [
        (-70.0, False, 0.0, 5.0, "no voice"),
        (-23.4, True, 4.0, 59.9, "-23 LUFS, voice"),
        (-23.4, True, 45.0, 60.0, "-23 LUFS, voice, speech 75%"),
    ],
)
def test_loudness_speaks_of_a_share_only_after_a_minute(
    short_term: float, speaking: bool, speech_s: float, heard_s: float, text: str
) -> None:
    sound = {"short_term": short_term, "speaking": speaking}
    assert loudness({**sound, "speech_s": speech_s, "heard_s": heard_s}) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 * 1024, "1.5 MiB"),
        (5e15, "4547.5 TiB"),
    ],
)
def test_sizes_are_in_iec_units(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (-0.1, "00:00:00"), (59.9, "00:00:59"), (90061, "25:01:01")]
)
def test_durations_count_hours_beyond_a_day(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("dbfs", "text"), [(None, "no level"), (-120.0, "digital silence"), (-20.4, "-20 dBFS")]
)
def test_a_level_tells_digital_silence_from_a_quiet_room(dbfs: float | None, text: str) -> None:
    assert level(dbfs) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16:30", datetime(2026, 11, 22, 16, 30, tzinfo=ICT)),
        ("09:00", datetime(2026, 11, 23, 9, 0, tzinfo=ICT)),
        ("12:00", datetime(2026, 11, 23, 12, 0, tzinfo=ICT)),
    ],
)
def test_a_planned_end_is_the_next_time_the_clock_shows_it(text: str, expected: datetime) -> None:
    assert until(text, NOON) == expected


@pytest.mark.parametrize("text", ["", "9", "25:00", "12:61", "12:00:00", "noon"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        until(text, NOON)


def test_columns_stay_aligned_with_wide_letters_and_combining_marks() -> None:
    lines = table(("A", "B"), [("热力学", "x"), ("café́", "y")])
    assert lines == ["A       B", "热力学  x", "café́    y"]


# ---------------------------------------------------------------- the screen

TRACK: dict[str, Any] = {
    "phase": "armed",
    "media": "video",
    "width": 1920,
    "height": 1080,
    "fps": 25.0,
    "encoder": "libx264",
    "durable_s": None,
    "dropped": 0,
    "peak": None,
    "rms": None,
    "reason": "",
    "hint": "",
    "restarts": 0,
}
FACTS: dict[str, Any] = {
    "room": "B-204",
    "version": "0.1.0",
    "clock_trust": "synchronised",
    "lecture": None,
    "tracks": {"camera": TRACK},
    "finishing": None,
    "spool": {"free_bytes": 312 << 30, "trouble": ""},
}
LECTURE: dict[str, Any] = {
    "state": "recording",
    "elapsed_s": 2537.4,
    "title": "Thermodynamics 2",
    "lecturer": "Dr Sok",
    "until_utc": None,
}


def test_a_ready_room_says_that_it_is_not_recording() -> None:
    assert screen("B-204", FACTS, None) == [
        "Room B-204   agent 0.1.0",
        "○ READY, not recording",
        "  camera  armed      1920×1080 25/s libx264",
        "Disk       312.0 GiB free",
    ]


def test_a_recording_room_says_what_is_on_the_disk() -> None:
    camera = TRACK | {"phase": "recording", "durable_s": 2536.9, "dropped": 3}
    lines = screen("B-204", FACTS | {"lecture": LECTURE, "tracks": {"camera": camera}}, None)
    assert lines[1] == "● RECORDING  00:42:17  Thermodynamics 2  Dr Sok"
    assert lines[2].endswith("00:42:16 on disk  3 dropped")


def test_a_device_in_trouble_is_shown_with_reason_and_next_step() -> None:
    missing = TRACK | {
        "phase": "absent",
        "width": 0,
        "reason": "there is no /dev/video0",
        "hint": "plug it in",
        "restarts": 4,
    }
    lines = screen("B-204", FACTS | {"tracks": {"camera": missing}}, None)
    assert lines[2:5] == [
        "  camera  absent     4 restarts",
        "          there is no /dev/video0",
        "          next: plug it in",
    ]


def test_states_differ_by_word_and_mark_not_by_colour() -> None:
    paused = screen("B", FACTS | {"lecture": LECTURE | {"state": "paused"}}, None)[1]
    assert paused.startswith("‖ PAUSED")
    assert screen("B", None, None)[1] == "○ NOT RUNNING"


def test_a_clock_that_nobody_set_is_told() -> None:
    assert "Clock      unset: not set by the network" in screen(
        "B", FACTS | {"clock_trust": "unset"}, None
    )


def test_the_queue_shows_what_waits_and_what_needs_people() -> None:
    queue = {"files": 2, "bytes": 3 << 20, "troubled": 1, "failed_lectures": 1}
    assert screen("B", None, queue)[2:] == [
        "Queue      2 files, 3.0 MiB, 1 with trouble",
        "Failed     1 lectures; see: edge-agent lectures list --state failed",
    ]


def test_the_queue_says_why_it_waits() -> None:
    queue = {"files": 2, "bytes": 5, "troubled": 0, "failed_lectures": 0}
    lines = screen("B-204", None, {**queue, "waits_for": "the link is metered"})
    assert "           the link is metered" in lines


def test_what_is_not_known_of_a_track_is_not_shown() -> None:
    names = ("loudness_lufs", "true_peak_dbtp", "speech_ratio", "drift_ppm")
    assert _sound_line(dict.fromkeys(names)) == ""
    known = dict(zip(names, (-23.06, -3.0, 0.0, -1400.4), strict=True))
    assert _sound_line(known) == "-23.1 LUFS, peak -3.0 dBTP, speech 0%, clock -1400 ppm"


@pytest.mark.parametrize(
    ("text", "hours"), [("2h", 2), ("90m", 1.5), ("1h30m", 1.5), ("1d12h", 36), ("2d", 48)]
)
def test_a_length_of_time_is_read_as_it_is_said(text: str, hours: float) -> None:
    assert duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "2", "0h", "h", "2 h", "-1h", "30m1h", "1.5h", "99999999999999h", "40000d"]
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        duration(text)
