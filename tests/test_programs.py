"""Programs that the commands ask: whatever they do, there is an answer in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.commands.programs import Answer, answer

#: A program's end is waited for, however busy the PC is.
PATIENT_S = 60.0


def test_what_a_program_says_is_the_answer() -> None:
    assert answer(["printf", "fine"], PATIENT_S) == Answer("fine")


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo first >&2; echo the reason >&2; exit 3", "the reason"),
        ("echo said aloud; exit 3", "said aloud"),
        ("exit 3", "sh ended with status 3"),
        ("kill -9 $$", "sh ended with status -9"),
    ],
)
def test_a_program_that_fails_tells_its_last_word(script: str, fault: str) -> None:
    assert answer(["sh", "-c", script], PATIENT_S) == Answer(fault=fault)


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert answer(["printf", r"\377"], PATIENT_S).output == "�"


def test_a_program_that_asks_gets_nothing_to_read() -> None:
    assert answer(["cat"], PATIENT_S) == Answer()


def test_a_program_that_is_not_there_or_not_for_us(tmp_path: Path) -> None:
    assert answer(["no-such-thing"], PATIENT_S).fault == "there is no no-such-thing on this PC"
    (tmp_path / "text").touch(mode=0o644)
    mine = str(tmp_path / "text")
    assert answer([mine], PATIENT_S).fault == f"this user may not run {mine}"


def test_a_program_that_hangs_is_ended() -> None:
    assert answer(["sleep", "600"], 0.1).fault == "sleep took more than 0.1 s"
