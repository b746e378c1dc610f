"""What people read of the upload: what it does, why something waits, when it will have arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from edge_agent.commands.upload_hours import _lines
from edge_agent.commands.upload_status import expected_lines, news_lines
from uploader.limits import Limits
from uploader.timetable import week

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC).astimezone()
FREE = {"waits": False, "why": "free", "words": "no limit"}
RECORDING = {"waits": True, "why": "recording", "words": "a lecture is being recorded until 11:30"}


def news(**more: Any) -> dict[str, Any]:
    leave = {
        "first_stages": FREE,
        "full_quality": FREE,
        "metered": False,
        "asked": [],
        "bytes_today": 1 << 20,
        "bytes_this_month": 3 << 30,
        "budget_per_day": None,
        "budget_per_month": None,
    }
    leave |= {key: value for key, value in more.items() if key in leave}
    told = {"sending": None, "leave": leave, "forecast_error": {}}
    return told | {key: value for key, value in more.items() if key not in leave}


def test_a_free_link_is_one_line_and_the_data_another() -> None:
    assert news_lines(news(), {}) == ["now: no limit", "data: 1.0 MiB today, 3.0 GiB this month"]


def test_a_file_on_its_way_is_told_with_its_lecture_its_share_and_its_speed() -> None:
    sending = {
        "lecture": "0193-aaaa",
        "name": "presenter.mp4",
        "destination": "platform",
        "bytes": 4 << 30,
        "done": 1 << 30,
        "bytes_per_second": 512 << 10,
    }
    line = news_lines(news(sending=sending), {"0193-aaaa": "Heat"})[0]
    assert line == "sending presenter.mp4 of Heat to platform: 25% of 4.0 GiB at 512.0 KiB/s"
    slow = news_lines(news(sending={**sending, "bytes_per_second": None, "bytes": 0}), {})[0]
    assert slow == "sending presenter.mp4 of 0193-aaaa to platform: 100% of 0 B"


def test_what_waits_is_told_for_each_stage_with_the_reason() -> None:
    lines = news_lines(news(full_quality=RECORDING, asked=["a"], metered=None), {})
    assert lines[:4] == [
        "now: first stages: no limit",
        "     full quality: waits, a lecture is being recorded until 11:30",
        "lectures asked for by people: 1",
        "metered: unknown (no NetworkManager), so it is taken for not metered",
    ]


def test_data_stands_beside_its_budget_and_an_error_only_when_it_means_something() -> None:
    told = news(budget_per_month=20 << 30, forecast_error={"whole": {"lectures": 4}})
    assert news_lines(told, {})[-1] == "data: 1.0 MiB today, 3.0 GiB this month of 20.0 GiB"
    known = {"whole": {"lectures": 12, "median_share": 0.068}}
    assert news_lines(news(forecast_error=known), {})[-1] == (
        "forecasts of the last 12 lectures were off by 7% of the time (median)"
    )


def delivery(**expected: Any) -> dict[str, Any]:
    known = {"watchable": False, "watchable_utc": None, "whole_utc": None, "why": ""}
    return {"waiting_files": 3, "expected": known | expected}


def test_what_is_expected_is_told_and_what_nobody_knows_has_its_reason() -> None:
    soon = (NOW + timedelta(minutes=4)).isoformat()
    later = (NOW + timedelta(minutes=30)).isoformat()
    told = [
        delivery(watchable_utc=soon, whole_utc=later),
        delivery(watchable=True, why="the link is metered"),
        delivery(),
        {"waiting_files": 3, "expected": None},
        {"waiting_files": 0, "expected": delivery(watchable=True)["expected"]},
    ]
    assert [expected_lines(each, NOW) for each in told] == [
        ["    watchable in about 4 minutes, whole in about 30 minutes"],
        ["    watchable, whole: nobody knows when, the link is metered"],
        ["    whole: not known yet"],
        [],
        [],
    ]


def test_days_that_are_alike_are_one_line_of_the_week() -> None:
    found = _lines(week(Limits.parse("Mon-08:00,256k Fri-18:00,off Sun-12:00,pause")))
    assert [day for day, _ in found] == ["Mon", "Tue-Thu", "Fri", "Sat", "Sun"]
    assert found[1][1] == "00:00-24:00 256.0 KiB/s"
    assert found[4][1] == "00:00-12:00 no limit, 12:00-24:00 nothing"
