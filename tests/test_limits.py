"""How fast may be sent, by weekday and hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploader.limits import UNLIMITED, Limit, Limits, LimitsError, amount_of

#: A Monday.
MONDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo("Asia/Phnom_Penh"))
KI, MI = 1 << 10, 1 << 20
moments = st.integers(0, 7 * 24 * 3600 - 1).map(lambda s: MONDAY + timedelta(seconds=s))


def at(text: str, day: int, hour: int, minute: int = 0) -> int | None:
    return Limits.parse(text).at(MONDAY + timedelta(days=day, hours=hour, minutes=minute)).rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("512", 512 * KI),
        ("512k", 512 * KI),
        ("1.5M", 1536 * KI),
        ("2MiB", 2 * MI),
        ("100B", 100),
        ("off", None),
        ("0", None),
        ("pause", 0),
        ("256k:off", 256 * KI),
        ("off:256k", None),
    ],
)
def test_a_single_rate_holds_always(text: str, rate: int | None) -> None:
    assert at(text, 3, 12) == rate


def test_an_entry_without_a_day_holds_every_day_from_its_hour_to_the_next() -> None:
    text = "08:00,256k 18:00,off"
    for day in range(7):
        assert at(text, day, 7, 59) is None
        assert at(text, day, 8) == 256 * KI
        assert at(text, day, 17, 59) == 256 * KI
        assert at(text, day, 18) is None


def test_an_entry_with_a_day_holds_until_the_next_entry_of_the_week() -> None:
    text = "Mon-08:00,pause Fri-18:00,off Sat-10:00,1M"
    assert at(text, 0, 7, 59) == MI, "last Saturday's entry goes on over the end of the week"
    assert at(text, 0, 8) == 0
    assert at(text, 4, 17, 59) == 0
    assert at(text, 4, 18) is None
    assert at(text, 6, 23, 59) == MI


def test_days_may_be_written_out_and_entries_parted_by_semicolons() -> None:
    assert Limits.parse("monday-08:00,1M;FRI-18:00,off") == Limits.parse(
        "Mon-08:00,1M Fri-18:00,off"
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "off"),
        ("fast", "512k"),
        ("25:00,1M", "25:00"),
        ("Mon-12:60,1M", "12:60"),
        ("Moo-12:00,1M", "Mon, Tue"),
        ("08:00,1X", "'1X'"),
        ("08:00", "08:00,512k"),
        ("1M 08:00,2M", "'1M'"),
        ("-5", "'-5'"),
        ("2000000G", "write off"),
        ("9" * 400, "write off"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, word: str) -> None:
    with pytest.raises(LimitsError, match=word):
        Limits.parse(text)


def test_the_next_change_is_when_another_limit_begins() -> None:
    limits = Limits.parse("Mon-08:00,pause Tue-08:00,pause Fri-18:00,off")
    assert limits.next_change(MONDAY + timedelta(hours=9)) == MONDAY + timedelta(days=4, hours=18)
    assert limits.next_change(MONDAY + timedelta(days=4, hours=18)) == MONDAY + timedelta(
        days=7, hours=8
    )
    assert Limits.parse("1M").next_change(MONDAY) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 7 * 24 * 60 - 1), st.sampled_from([None, 0, 1024, 5 * MI])),
        min_size=1,
        max_size=12,
        unique_by=lambda entry: entry[0],
    ),
    moments,
)
def test_nothing_changes_before_the_next_change(
    entries: list[tuple[int, int | None]], now: datetime
) -> None:
    entries.sort()
    limits = Limits(tuple(m for m, _ in entries), tuple(Limit(rate) for _, rate in entries))
    holds, change = limits.at(now), limits.next_change(now)
    if change is None:
        assert set(limits.limits) == {holds}
        return
    assert now < change <= now + timedelta(days=7)
    assert limits.at(change) != holds
    assert limits.at(change - timedelta(minutes=1)) == holds


def test_a_limit_reads_as_it_is_written() -> None:
    for text in ("off", "pause", "512k", "3M", "100B", "1G"):
        assert str(Limits.parse(text).at(MONDAY)) == text
    assert UNLIMITED.rate is None


@pytest.mark.parametrize(
    ("text", "rate"),
    [("off", None), ("08:00,off 09:00,2M", 2 * MI), ("Mon-08:00,pause Fri-18:00,off 10:00,1k", 0)],
)
def test_when_the_time_is_not_known_the_strictest_holds(text: str, rate: int | None) -> None:
    assert Limits.parse(text).strictest().rate == rate


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("500M", 500 * MI),
        ("20G", 20 << 30),
        ("1.5k", 1536),
        ("7B", 7),
        ("off", None),
        ("OFF", None),
    ],
)
def test_an_amount_of_data_is_written_like_a_rate(text: str, amount: int | None) -> None:
    assert amount_of(text) == amount


@pytest.mark.parametrize("text", ["", "much", "-1G", "0", "pause", "20 G", "9" * 400])
def test_an_amount_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(LimitsError, match="write 500M, 20G or off"):
        amount_of(text)
