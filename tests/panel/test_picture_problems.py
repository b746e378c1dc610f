"""What is wrong with pictures and power reaches the panel under a key that it has words for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from edge_agent.clock import Now
from edge_agent.panel import state as show
from edge_agent.panel.problems import problems
from edge_agent.panel.reading import Reading
from edge_agent.rules.pictures import ADVICE, COVERED, FROZEN, NO_SLIDES
from tools.catalogues import keys

NOW = Now(10**12, datetime(2026, 11, 22, tzinfo=UTC), "boot", "synchronised")


def shown(
    role: show.SourceRole, warning: str, state: show.SourceState, on_battery: bool = False
) -> list[show.Problem]:
    status: dict[str, Any] = {
        "on_battery": on_battery,
        "tracks": {
            "it": {"warning": warning, "given_up": "", "reason": "", "hint": ""},
            "mic": {"warning": "", "given_up": "", "reason": "", "hint": ""},
        },
        "spool": {"free_bytes": 2**40, "trouble": ""},
    }
    sources = [
        show.Source(number=0, track="it", media="video", role=role, state=state),
        show.Source(number=1, track="mic", media="audio", role="microphone", state="ok"),
    ]
    space = show.Space(hours=40)
    return problems(Reading(NOW, status), status, "recording", sources, "ok", "mic", 0, space)


@pytest.mark.parametrize(
    ("role", "warning", "key"),
    [
        ("camera", COVERED, "cam.covered"),
        ("camera", FROZEN, "cam.frozen"),
        ("slides", NO_SLIDES, "slides.none"),
    ],
)
def test_each_warning_is_a_problem_with_words_and_a_next_step(
    role: show.SourceRole, warning: str, key: str
) -> None:
    (found,) = shown(role, warning, "recording")
    assert (found.key, found.severity, found.source) == (key, "warning", 0)
    assert {key, f"{key}.do"} <= set(keys())
    assert shown(role, "", "recording") == []


def test_no_warning_of_a_picture_is_without_a_problem() -> None:
    assert all(shown("camera", warning, "recording") for warning in ADVICE)


def test_a_computer_on_its_battery_is_told_with_the_next_step() -> None:
    (found,) = shown("camera", "", "recording", on_battery=True)
    assert (found.key, found.severity) == ("power.battery", "warning")
    assert {"power.battery", "power.battery.do"} <= set(keys())


def test_a_camera_that_is_gone_is_told_as_gone() -> None:
    assert [each.key for each in shown("camera", COVERED, "lost")] == ["cam.none"]
