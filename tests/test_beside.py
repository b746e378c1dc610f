"""Work beside a recording is the last to come and the first to go."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.beside import (
    CALM_NS,
    FREE_TO_BEGIN,
    FREE_TO_GO_ON,
    MOST_PATIENCE_NS,
    PATIENCE_NS,
    Leave,
    Scene,
    Track,
    look,
)
from edge_agent.rules.health import SECOND

CAMERA, MICROPHONE = Track("camera", well=True), Track("microphone", well=True)
CALM = Scene((CAMERA, MICROPHONE), processors=2, free=0.5)
STEP_NS = 2 * SECOND

#: What says nothing about the time to spare: the work goes, and comes back as soon as before.
HINDRANCES = {
    "nothing is recorded": replace(CALM, tracks=()),
    "a single processor": replace(CALM, processors=1),
    "on battery": replace(CALM, on_battery=True),
    "the disk is short": replace(CALM, enough_space=False),
    "another lecture is finished": replace(CALM, others=True),
    "a device is away": replace(CALM, tracks=(replace(CAMERA, well=False), MICROPHONE)),
}
#: What does: then it stays away for long.
STRAINS = {
    "a recorder steps down": replace(
        CALM, tracks=(replace(CAMERA, given_up="the preview is off"), MICROPHONE)
    ),
    "pictures wait": replace(CALM, tracks=(replace(CAMERA, backlog=0.1), MICROPHONE)),
    "sound waits": replace(CALM, tracks=(CAMERA, replace(MICROPHONE, backlog=0.1))),
    "a sample was lost": replace(CALM, tracks=(replace(CAMERA, dropped=1), MICROPHONE)),
    "the processors are too hot": replace(CALM, throttled=1),
    "hardly anything is free": replace(CALM, free=FREE_TO_GO_ON - 0.01),
}
SCENES = st.sampled_from(
    [CALM, CALM, CALM, replace(CALM, free=None), *HINDRANCES.values(), *STRAINS.values()]
)


def watched(leave: Leave, scene: Scene, for_ns: int, from_ns: int = 0) -> tuple[Leave, int]:
    """Looks every two seconds; when the last one was."""
    now_ns = from_ns
    for now_ns in range(from_ns, from_ns + for_ns + 1, STEP_NS):
        leave = look(leave, now_ns, scene)
    return leave, now_ns


def granted(for_ns: int = CALM_NS) -> Leave:
    leave, _ = watched(Leave(), CALM, for_ns)
    assert leave.granted
    return leave


def test_it_begins_after_a_minute_of_calm() -> None:
    leave, now_ns = watched(Leave(), CALM, CALM_NS - STEP_NS)
    assert not leave.granted
    assert look(leave, now_ns + STEP_NS, CALM).granted


@pytest.mark.parametrize("free", [0.0, FREE_TO_BEGIN - 0.01])
def test_it_does_not_begin_where_little_is_free(free: float) -> None:
    leave, _ = watched(Leave(), replace(CALM, free=free), 10 * CALM_NS)
    assert not leave.granted
    assert leave.why


def test_what_was_enough_to_go_on_is_not_enough_to_begin() -> None:
    little = replace(CALM, free=FREE_TO_GO_ON)
    assert look(granted(), 2 * CALM_NS, little).granted
    assert not watched(Leave(), little, 10 * CALM_NS)[0].granted


def test_what_is_not_known_begins_nothing_and_ends_nothing() -> None:
    unknown = replace(CALM, free=None)
    assert look(granted(), 2 * CALM_NS, unknown).granted
    assert not watched(Leave(), unknown, 10 * CALM_NS)[0].granted


@pytest.mark.parametrize("scene", [*HINDRANCES.values(), *STRAINS.values()],
                         ids=[*HINDRANCES, *STRAINS])  # fmt: skip
def test_it_goes_at_the_first_sign_and_says_why(scene: Scene) -> None:
    leave = look(granted(), 2 * CALM_NS, scene)
    assert not leave.granted
    assert leave.why


@pytest.mark.parametrize("scene", HINDRANCES.values(), ids=HINDRANCES)
def test_what_was_only_in_the_way_costs_a_minute(scene: Scene) -> None:
    leave = look(granted(), 2 * CALM_NS, scene)
    assert watched(leave, CALM, CALM_NS, 3 * CALM_NS)[0].granted


@pytest.mark.parametrize("scene", STRAINS.values(), ids=STRAINS)
def test_after_a_strain_it_stays_away_longer_each_time(scene: Scene) -> None:
    calm = replace(CALM, throttled=scene.throttled, tracks=tuple(
        replace(track, given_up="", backlog=0.0) for track in scene.tracks))  # fmt: skip
    leave, now_ns = granted(), CALM_NS
    for patience_ns in (PATIENCE_NS, 2 * PATIENCE_NS, 4 * PATIENCE_NS):
        leave = replace(leave, dropped=0, throttled=0)
        leave = look(leave, now_ns + STEP_NS, scene)
        assert leave.patience_ns == patience_ns
        leave, now_ns = watched(leave, calm, patience_ns - STEP_NS, now_ns + 2 * STEP_NS)
        assert not leave.granted
        leave, now_ns = watched(leave, calm, STEP_NS, now_ns + STEP_NS)
        assert leave.granted


@given(st.lists(st.tuples(SCENES, st.integers(1, 100)), max_size=40))
def test_whatever_happens_it_is_never_at_work_beside_a_strain(
    story: list[tuple[Scene, int]],
) -> None:
    leave, now_ns, gone_ns = Leave(), 0, -MOST_PATIENCE_NS
    for scene, seconds in story:
        before = leave
        now_ns += seconds * SECOND
        leave = look(before, now_ns, scene)
        news = scene in STRAINS.values() and (
            scene not in (STRAINS["a sample was lost"], STRAINS["the processors are too hot"])
            or (scene.throttled > before.throttled)
            or sum(track.dropped for track in scene.tracks) > before.dropped
        )
        if scene in HINDRANCES.values() or news:
            assert not leave.granted
        if leave.granted and not before.granted:
            assert now_ns - gone_ns >= PATIENCE_NS
        if before.granted and news:
            gone_ns = now_ns
        assert leave.patience_ns <= MOST_PATIENCE_NS
