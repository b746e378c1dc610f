"""Laws of the pipes between the processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from edge_agent.messages import BadMessage, Beat, Level, parse_report
from edge_agent.pipes import Inlet, Outlet

LEVEL = Level(peak=-3.0, rms=-20.0)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    yield reading, writing
    for fd in (reading, writing):
        try:
            os.close(fd)
        except OSError:
            continue


def beat(number: int) -> Beat:
    return Beat(recording="L" * 200, durable_ns=number)


def test_lines_arrive_whole_and_in_order(pipe: tuple[int, int]) -> None:
    inlet, outlet = Inlet(pipe[0]), Outlet(pipe[1])
    for number in range(20):
        outlet.send(beat(number))
    assert [parse_report(line) for line in inlet.lines()] == [beat(n) for n in range(20)]


def test_half_a_line_waits_for_its_other_half(pipe: tuple[int, int]) -> None:
    inlet = Inlet(pipe[0])
    os.write(pipe[1], b'{"a":')
    assert inlet.lines() == []
    os.write(pipe[1], b'1}\n{"b"')
    assert inlet.lines() == [b'{"a":1}']


def test_one_line_can_be_taken_and_the_others_stay(pipe: tuple[int, int]) -> None:
    inlet = Inlet(pipe[0])
    os.write(pipe[1], b"first\nsecond\n")
    assert inlet.line(1.0) == b"first"
    assert inlet.lines() == [b"second"]


def test_the_end_of_the_other_side_is_seen(pipe: tuple[int, int]) -> None:
    inlet = Inlet(pipe[0])
    os.write(pipe[1], b"last\n")
    os.close(pipe[1])
    assert inlet.lines() == [b"last"]
    assert inlet.ended
    assert inlet.line(1.0) == b""


def test_a_reader_that_sleeps_blocks_nobody_and_misses_nothing_but_levels(
    pipe: tuple[int, int],
) -> None:
    inlet, outlet = Inlet(pipe[0]), Outlet(pipe[1])
    sent = 1000  # some 250 kB into a pipe of 64 kB
    for number in range(sent):
        outlet.send(beat(number))
        outlet.send_or_drop(LEVEL)
    got = []
    while len(got) < sent:
        lines = inlet.lines()
        assert lines, "a line was lost"
        got += [r for r in map(parse_report, lines) if isinstance(r, Beat)]
        outlet.send_or_drop(LEVEL)  # any call goes on sending what waits
    assert got == [beat(n) for n in range(sent)]


def test_a_reader_that_is_gone_raises_nothing(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    os.close(pipe[0])
    outlet.send(beat(1))
    outlet.send_or_drop(LEVEL)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"null", b"\xff\xfe", b'{"kind":"beat"}', b'{"kind":"nope"}', b"[" * 5000]
)
def test_a_line_that_is_no_message_says_so(line: bytes) -> None:
    with pytest.raises(BadMessage):
        parse_report(line)
