"""The panel's own pure modules, asked in a browser: what was said, how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.panel.looking import SIZES, Onlooker, onlooker

LOCALE = Path(__file__).parents[2] / "edge_agent" / "panel" / "static" / "locale"


@pytest.fixture(scope="module")
def looking(browser: Browser) -> Iterator[Onlooker]:
    with onlooker(browser, SIZES["phone"]) as found:
        yield found


def call(looking: Onlooker, module: str, expression: str, *given: Any) -> Any:
    """An expression in which `it` is the module and `given` the arguments."""
    script = f"async ([path, given]) => {{ const it = await import(path); return {expression}; }}"
    return looking.page.evaluate(script, [f"/js/{module}.js", list(given)])


def received(looking: Onlooker, *messages: dict[str, Any]) -> dict[str, Any]:
    """What is held after the messages, and the last answer."""
    script = (
        "given[0].reduce((last, m) => it.received(last.held, m, 1000),"
        " {held: it.NOTHING, reply: null})"
    )
    return dict(call(looking, "store", script, list(messages)))


SNAPSHOT = {"type": "snapshot", "ms": 5000, "role": "view", "state": {"rev": 7, "word": "ready"}}


def patch(rev: int, **changes: Any) -> dict[str, Any]:
    return {"type": "patch", "ms": 5000, "rev": rev, "changes": changes}


def test_a_patch_changes_what_it_names_and_nothing_else(looking: Onlooker) -> None:
    found = received(looking, SNAPSHOT, patch(8, muted=True))
    assert found["held"]["state"] == {"rev": 8, "word": "ready", "muted": True}
    assert found["reply"] is None


def test_a_patch_that_leaves_a_gap_is_not_applied_but_a_snapshot_asked_for(
    looking: Onlooker,
) -> None:
    found = received(looking, SNAPSHOT, patch(9, word="recording"))
    assert found["held"]["state"]["word"] == "ready"
    assert found["reply"] == {"type": "snapshot"}


@pytest.mark.parametrize("messages", [[SNAPSHOT, patch(7, word="x")], [patch(1, word="x")]])
def test_an_old_patch_and_one_before_any_snapshot_are_nothing(
    looking: Onlooker, messages: list[dict[str, Any]]
) -> None:
    found = received(looking, *messages)
    assert (found["held"]["state"] or SNAPSHOT["state"])["word"] == "ready"
    assert found["reply"] is None


def test_a_message_of_a_newer_server_is_left_alone(looking: Onlooker) -> None:
    assert received(looking, SNAPSHOT, {"type": "new", "ms": 1})["held"]["state"]["rev"] == 7


def test_a_running_timer_goes_on_and_a_held_one_stands(looking: Onlooker) -> None:
    timers = [{"ms": 1000, "at_ms": 50, "running": running} for running in (True, False)]
    assert call(looking, "store", "given[0].map(t => it.elapsed(t, 550))", timers) == [1500, 1000]


def test_without_contact_no_old_word_is_shown(looking: Onlooker) -> None:
    known = {"contact": "lost", "role": "control", "refused": False, "state": {"word": "recording"}}
    assert call(looking, "screen", "it.look(given[0]).screen", known) == "lost"
    signed_out = {**known, "contact": "yes", "refused": True}
    assert call(looking, "screen", "it.look(given[0]).screen", signed_out) == "sign_in"


def test_every_problem_and_refusal_that_the_server_knows_is_answered_or_left_to_it(
    looking: Onlooker,
) -> None:
    from typing import get_args

    from edge_agent.panel.state import Arrival, MicState, ProblemKey, Word

    for_it = {"computer.busy", "clock.unsure"}
    assert (
        set(call(looking, "screen", "Object.keys(it.PROBLEMS)"))
        == set(get_args(ProblemKey)) - for_it
    )
    assert set(call(looking, "screen", "Object.keys(it.MIC)")) == set(get_args(MicState))
    assert set(call(looking, "screen", "Object.keys(it.ARRIVALS)")) == set(get_args(Arrival))
    known = {"contact": "yes", "role": "view", "refused": False}
    for word in get_args(Word):
        state = {**known, "state": {"word": word}}
        assert call(looking, "screen", "it.look(given[0]).screen", state) == word


#: 2026-11-22 09:05 UTC, seen at UTC+7: (day, 83 minutes, digits of the timer)
WRITTEN = {
    "en": ("Sun, Nov 22", "1 hour 23 minutes"),
    "fr": ("dim. 22 nov.", "1\u00a0heure 23 minutes"),
    "ar": ("الأحد، 22 نوفمبر", "ساعة 23 دقيقة"),
    "zh-Hans": ("11月22日周日", "1小时 23分钟"),
    "km": ("អាទិត្យ 22 វិច្ឆិកា", "1 ម៉ោង 23 នាទី"),
    "mn": ("11-р сарын 22. Ня", "1 цаг 23 минут"),
    "sw": ("Jumapili, 22 Nov", "saa 1 dakika 23"),
}


@pytest.mark.parametrize("tag", WRITTEN)
def test_days_and_durations_are_written_as_the_language_does(looking: Onlooker, tag: str) -> None:
    catalogue = json.loads((LOCALE / f"{tag}.json").read_text())
    script = (
        "(w => [w.formats.day('2026-11-22T09:05:00Z', 420), w.formats.duration(4980),"
        " w.formats.time('2026-11-22T09:05:00Z', 420)])(new it.Words(given[0]))"
    )
    assert call(looking, "i18n", script, catalogue) == [*WRITTEN[tag], "16:05"]


def test_digits_are_latin_unless_the_room_wants_the_languages_own(looking: Onlooker) -> None:
    catalogue = json.loads((LOCALE / "km.json").read_text())
    script = "given[1].map(d => new it.Words(given[0], d).formats.timer(2537000))"
    found = call(looking, "i18n", script, catalogue, ["latin", "native"])
    assert found == ["00:42:17", "០០:៤២:១៧"]


@pytest.mark.parametrize(("n", "text"), [(1, "محاضرة واحدة"), (2, "محاضرتان"), (3, "3 محاضرات")])
def test_arabic_counts_in_its_own_way(looking: Onlooker, n: int, text: str) -> None:
    catalogue = json.loads((LOCALE / "ar.json").read_text())
    said = call(looking, "i18n", "new it.Words(given[0]).n('queue.wait', given[1])", catalogue, n)
    assert said.startswith(text)
