"""Laws of what lights show and of the bytes that carry it."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.lights.known import candidates, choose, load_known
from device_profiles.lights.patterns import (
    AMBER,
    BLUE,
    DARK,
    GREEN,
    RED,
    SECOND,
    WHITE,
    Look,
    Mood,
    Scheme,
    look,
    mood_of,
)
from device_profiles.lights.protocols import FEATURE, OUTPUT, PROTOCOLS, channels, farewell, kuando
from device_profiles.lights.reports import READERS, Key

MS = SECOND // 1000


def levels(mood: Mood, scheme: Scheme = Scheme.RED) -> list[float]:
    """What is left of a pattern without its colours, each twentieth of a second."""
    return [look(mood, at * 50 * MS, scheme).level for at in range(160)]


# ---------------------------------------------------------------- patterns


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize(("one", "other"), list(combinations(Mood, 2)))
def test_every_state_can_be_told_without_seeing_colours(
    one: Mood, other: Mood, scheme: Scheme
) -> None:
    differ = [abs(a - b) for a, b in zip(levels(one, scheme), levels(other, scheme), strict=True)]
    # By a fifth of full brightness at least, for a tenth of the time at least.
    assert sum(difference >= 0.199 for difference in differ) >= 16


@pytest.mark.parametrize("mood", Mood)
def test_nothing_flashes_faster_than_once_a_second(mood: Mood) -> None:
    shown = [look(mood, at * 50 * MS) for at in range(400)]
    rises = [at for at, (a, b) in enumerate(pairwise(shown)) if b.level > a.level]
    jumps = [at for at in rises if shown[at + 1].level - shown[at].level > 0.3]
    assert all(later - sooner >= 20 for sooner, later in pairwise(jumps))


def test_the_schemes_differ_in_the_colour_of_a_recording_alone() -> None:
    for mood in Mood:
        red = [look(mood, at * 100 * MS, Scheme.RED) for at in range(40)]
        green = [look(mood, at * 100 * MS, Scheme.GREEN) for at in range(40)]
        assert [it.level for it in red] == [it.level for it in green]
        if mood in (Mood.RECORDING, Mood.WARNING):
            assert {it.color for it in green} - {DARK} == {GREEN}
        else:
            assert red == green


@given(st.integers(0, 10**15), st.sampled_from(list(Mood)), st.sampled_from(list(Scheme)))
def test_at_any_moment_a_look_is_one_that_a_light_can_show(
    since_ns: int, mood: Mood, scheme: Scheme
) -> None:
    found = look(mood, since_ns, scheme)
    assert 0 <= found.level <= 1
    assert all(0 <= part <= 255 for part in found.rgb)
    for protocol in PROTOCOLS.values():
        assert protocol.show(found)


def test_ready_is_never_green_and_only_a_recording_is_steady_and_bright() -> None:
    steady = [mood for mood in Mood if set(levels(mood)) == {1.0}]
    assert steady == [Mood.RECORDING]
    assert look(Mood.READY, 0, Scheme.GREEN).color == BLUE


@pytest.mark.parametrize(
    ("word", "worst", "ask", "mood"),
    [
        ("ready", "", "", Mood.READY),
        ("ready", "critical", "", Mood.READY),
        ("ready", "", "late_start", Mood.LATE),
        ("not_ready", "critical", "", Mood.UNABLE),
        ("starting", "", "", Mood.WORKING),
        ("start_failed", "critical", "", Mood.CRITICAL),
        ("recording", "", "", Mood.RECORDING),
        ("recording", "notice", "", Mood.RECORDING),
        ("recording", "warning", "ending", Mood.WARNING),
        ("recording", "critical", "", Mood.CRITICAL),
        ("paused", "warning", "", Mood.PAUSED),
        ("paused", "", "pause_talking", Mood.TALKING),
        ("saving", "", "", Mood.WORKING),
        ("saved", "", "", Mood.SAVED),
        ("a word of a later version", "", "", Mood.UNABLE),
    ],
)
def test_the_rooms_word_becomes_a_mood(word: str, worst: str, ask: str, mood: Mood) -> None:
    assert mood_of(word, worst, ask) is mood


# ---------------------------------------------------------------- bytes

FULL, OFF = Look(RED, 1.0), Look(DARK, 0.0)
CASES = [
    ("blink1", FULL, FEATURE, 1, ["016eff0000000000"]),
    ("blink1", Look(BLUE, 0.2), FEATURE, 1, ["016e000833000000"]),
    ("luxafor", FULL, OUTPUT, 0, ["01ffff0000000000"]),
    ("luxafor", OFF, OUTPUT, 0, ["01ff000000000000"]),
    # Red is pin 1, and a pin is lit by resetting it.
    ("delcom", FULL, FEATURE, 101, ["6522016400000000", "650c02fd00000000"]),
    ("delcom", Look(BLUE, 0.2), FEATURE, 101, ["6522021400000000", "650c04fb00000000"]),
    ("delcom", OFF, FEATURE, 101, ["650c00ff00000000"]),
    ("blinkstick", Look(AMBER, 1.0), FEATURE, 1, ["01ff6e00"]),
    ("blinkstick-leds", Look(AMBER, 1.0), FEATURE, 6, ["0600" + "6eff00" * 8]),
    ("muteme", Look(AMBER, 1.0), OUTPUT, 0, ["0300000000000000"]),
    ("muteme", Look(BLUE, 0.2), OUTPUT, 0, ["1400000000000000"]),
    ("muteme", OFF, OUTPUT, 0, ["0000000000000000"]),
    # Red, blue, green in this order.
    ("blynclight", Look(AMBER, 1.0), OUTPUT, 0, ["ff006e000000ff22"]),
    ("blynclight", OFF, OUTPUT, 0, ["000000010000ff22"]),
]


@pytest.mark.parametrize(("name", "shown", "kind", "report", "bytes_"), CASES)
def test_a_look_in_bytes(name: str, shown: Look, kind: int, report: int, bytes_: list[str]) -> None:
    writes = PROTOCOLS[name].show(shown)
    assert [write.data.hex() for write in writes] == bytes_
    assert {(write.kind, write.report) for write in writes} == {(kind, report)}


def test_a_numbered_report_begins_with_its_number() -> None:
    for protocol in PROTOCOLS.values():
        for write in (*protocol.greet, *protocol.feed, *protocol.show(FULL), *farewell(protocol)):
            assert write.report in (0, write.data[0])


def test_a_kuando_program_has_64_bytes_and_the_sum_of_the_others_at_its_end() -> None:
    (write,) = PROTOCOLS["kuando"].show(FULL)
    assert write.data.hex() == "1000640000000000" + "00" * 48 + "000000000fff" + "0182"
    assert write.data[-2:] == (0x10 + 100 + 0x0F + 0xFF).to_bytes(2, "big")


@given(st.binary(min_size=0, max_size=8))
def test_a_kuando_checksum_is_right_for_any_step(step: bytes) -> None:
    data = kuando(step).data
    assert len(data) == 64
    assert int.from_bytes(data[-2:], "big") == sum(data[:-2])


def test_a_light_with_a_watchdog_is_fed_well_within_its_patience() -> None:
    blink1, busylight = PROTOCOLS["blink1"], PROTOCOLS["kuando"]
    # {1, 'D', on, ticks of 10 ms, keep the colour, first line, last line}
    assert blink1.feed[0].data.hex() == "014401019001000b"
    assert blink1.feed_ns * 3 < 4 * SECOND
    assert busylight.feed[0].data[0] == 0x80 | 8
    assert busylight.feed_ns * 2 < 8 * SECOND


def test_what_blink1_plays_alone_is_not_what_a_recording_looks_like() -> None:
    lines = [write.data for write in PROTOCOLS["blink1"].greet if write.data[1:2] == b"P"]
    assert [line[7] for line in lines] == list(range(12))
    assert {tuple(line[2:5]) for line in lines} == {BLUE, DARK}
    assert not [w for w in PROTOCOLS["blink1"].greet if w.data[1:2] == b"W"], "its flash wears out"


def test_left_alone_a_light_is_dark_and_waits_for_nobody() -> None:
    assert [w.data.hex() for w in farewell(PROTOCOLS["blink1"])] == [
        "0144000000000000",
        "016e000000000000",
    ]
    for protocol in PROTOCOLS.values():
        assert farewell(protocol)[-1:] == protocol.show(OFF)[-1:]


@pytest.mark.parametrize(
    ("color", "on"),
    [
        (RED, (True, False, False)),
        (GREEN, (False, True, False)),
        (BLUE, (False, False, True)),
        (AMBER, (True, True, False)),
        (WHITE, (True, True, True)),
    ],
)
def test_lights_that_only_switch_still_show_colours_apart(
    color: tuple[int, int, int], on: tuple[bool, bool, bool]
) -> None:
    assert channels(Look(color, 0.2)) == on
    assert channels(Look(color, 0.0)) == (False, False, False)


# ---------------------------------------------------------------- keys

REPORTS = [
    ("keyboard", "0000680000000000", {Key.GO}),
    ("keyboard", "0000690000000000", {Key.PAUSE}),
    ("keyboard", "00006a6b00000000", {Key.STOP, Key.MARK}),
    ("keyboard", "0000050000000000", {Key.ONE}),  # as the maker left it: the letter b
    ("keyboard", "0100000000000000", {Key.ONE}),  # Ctrl alone
    ("keyboard", "0000000000000000", set()),
    ("keyboard", "0000010101010101", None),  # too many keys: it does not know which
    ("keyboard", "0000", None),
    ("luxafor", "8300000000000000", {Key.ONE}),
    ("luxafor", "8301000000000000", set()),
    ("luxafor", "4200000000000000", None),
    ("muteme", "0000000400000000", {Key.ONE}),
    ("muteme", "0000000100000000", {Key.ONE}),
    ("muteme", "0000000200000000", set()),
    ("muteme", "0000000000000000", set()),
    ("delcom", "fefd000000000000", {Key.ONE}),
    ("delcom", "fffd000000000000", set()),
    ("streamdeck-pedal", "01000300010000", {Key.GO}),
    ("streamdeck-pedal", "01000300000101", {Key.PAUSE, Key.STOP}),
    ("streamdeck-pedal", "01000300000000", set()),
    ("streamdeck-pedal", "010003", None),
]


@pytest.mark.parametrize(("name", "report", "down"), REPORTS)
def test_a_report_tells_the_keys_that_are_down(
    name: str, report: str, down: set[Key] | None
) -> None:
    found = READERS[name](bytes.fromhex(report))
    assert found == (None if down is None else frozenset(down))


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=64))
def test_no_report_is_too_strange(name: str, report: bytes) -> None:
    found = READERS[name](report)
    assert found is None or found <= frozenset(Key)


# ---------------------------------------------------------------- the table


def test_every_known_device_can_be_spoken_to() -> None:
    for each in load_known():
        assert each.light in {"", *PROTOCOLS}
        assert each.button in {"", *READERS}
        assert each.light or each.button, each.name
        for usb in each.usb:
            assert len(usb) == 9
            assert int(usb[:4], 16)
            assert int(usb[5:], 16)


def test_nothing_in_the_table_is_hidden_behind_a_broader_entry() -> None:
    seen: set[tuple[str, str, str]] = set()
    for each in load_known():
        for usb in each.usb:
            assert (usb, "", "") not in seen, each.name
            seen.add((usb, each.product, each.serial))


@pytest.mark.parametrize(
    ("usb", "product", "serial", "name"),
    [
        ("04d8:f372", "LUXAFOR MUTE", "", "Luxafor Mute"),
        ("04d8:f372", "LUXAFOR FLAG", "", "Luxafor Flag or Orb"),
        ("20a0:41e5", "BlinkStick", "BS000123-3.1", "BlinkStick Square, Strip, Nano or Flex"),
        ("20a0:41e5", "BlinkStick", "BS000123-1.4", "BlinkStick"),
        ("16c0:27db", "My own keyboard", "", None),
        ("16c0:27db", "MuteMe", "", "MuteMe (first series)"),
        ("046d:c31c", "Keyboard K120", "", None),
    ],
)
def test_a_device_is_known_by_its_numbers_and_by_its_name_where_others_share_them(
    usb: str, product: str, serial: str, name: str | None
) -> None:
    found = choose(candidates(usb, load_known()), product, serial)
    assert (found.name if found else None) == name
