"""Which encoders the supervisor tells its recorders to use, and when it has them tried."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict
from pathlib import Path

import pytest

from edge_agent.encoder_choice import IDLE_NS, PATIENCE_NS, EncoderChoice
from edge_agent.messages import TryEncoders
from edge_agent.pipes import Line
from encoders.headroom import Effort
from encoders.ladder import Verdict

VERDICTS = [Verdict("h264_qsv", "h264", True), Verdict("libx264", "h264", True)]


class Trials:
    """A child that answers when told to."""

    def __init__(self) -> None:
        self.started: list[TryEncoders] = []
        self.signals: list[int] = []
        self.effort = Effort()
        self._said: list[bytes] = []
        self._status: int | None = None

    def start(self, first: Line, whole: bool = False) -> None:
        assert isinstance(first, TryEncoders)
        self.started.append(first)
        self._status = None

    def answer(self, verdicts: list[Verdict]) -> None:
        self._said.append(json.dumps([asdict(each) for each in verdicts]).encode())
        self._said.append(json.dumps(asdict(self.effort)).encode())
        self._status = 0

    def fileno(self) -> int:
        return -1

    def send(self, line: Line) -> None:
        raise AssertionError("it is told once")

    def lines(self) -> list[bytes]:
        said, self._said = self._said, []
        return said

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)
        self._status = -number

    def reap(self) -> int | None:
        return self._status


@pytest.fixture
def trials() -> Trials:
    return Trials()


@pytest.fixture
def choice(trials: Trials, tmp_path: Path) -> EncoderChoice:
    return EncoderChoice(tmp_path / "book", tmp_path / "failed", "boot", trials)


def test_until_something_is_known_it_is_software(choice: EncoderChoice) -> None:
    assert choice.rungs() == ["libx264"]


def test_a_known_computer_needs_no_trial_even_while_recording(
    choice: EncoderChoice, trials: Trials
) -> None:
    choice.step(1, idle=False)
    assert [each.may_try for each in trials.started] == [False]
    trials.answer(VERDICTS)
    choice.step(2, idle=False)
    choice.step(3 + IDLE_NS, idle=True)
    choice.step(3 + 2 * IDLE_NS, idle=True)
    assert choice.rungs() == ["h264_qsv", "libx264"]
    assert len(trials.started) == 1


def test_an_unknown_computer_is_tried_once_when_nobody_has_recorded_for_a_while(
    choice: EncoderChoice, trials: Trials
) -> None:
    choice.step(1, idle=True)
    trials.answer([])
    choice.step(2, idle=True)
    choice.step(3, idle=True)
    assert len(trials.started) == 1, "the room is getting ready"
    choice.step(1 + IDLE_NS, idle=True)
    assert [each.may_try for each in trials.started] == [False, True]
    trials.answer(VERDICTS)
    choice.step(2 + IDLE_NS, idle=True)
    choice.step(3 + 3 * IDLE_NS, idle=True)
    assert choice.rungs() == ["h264_qsv", "libx264"]
    assert len(trials.started) == 2


def test_a_recording_ends_the_trials_and_they_are_made_up_for(
    choice: EncoderChoice, trials: Trials
) -> None:
    choice.step(1, idle=True)
    trials.answer([])
    choice.step(2, idle=True)
    choice.step(1 + IDLE_NS, idle=True)
    choice.step(2 + IDLE_NS, idle=False)
    assert trials.signals == [signal.SIGTERM]
    choice.step(3 + 2 * IDLE_NS, idle=False)
    assert len(trials.started) == 2
    choice.step(4 + 2 * IDLE_NS, idle=True)
    choice.step(4 + 3 * IDLE_NS, idle=True)
    assert len(trials.started) == 3


def test_trials_that_hang_are_killed_and_not_begun_again(
    choice: EncoderChoice, trials: Trials
) -> None:
    choice.step(1, idle=True)
    trials.answer([])
    choice.step(2, idle=True)
    choice.step(1 + IDLE_NS, idle=True)
    choice.step(2 + IDLE_NS + PATIENCE_NS, idle=True)
    assert trials.signals == [signal.SIGKILL]
    choice.step(3 + 9 * PATIENCE_NS, idle=True)
    assert len(trials.started) == 2
    assert choice.rungs() == ["libx264"]


def test_what_people_have_measured_counts_from_then_on(
    choice: EncoderChoice, trials: Trials, tmp_path: Path
) -> None:
    choice.step(1, idle=True)
    trials.answer(VERDICTS)
    choice.step(2, idle=True)
    assert choice.effort == Effort()
    (tmp_path / "book").write_text("by hand")
    choice.step(3, idle=False)
    assert len(trials.started) == 1, "nothing is read while somebody records"
    choice.step(4, idle=True)
    choice.step(5, idle=True)
    trials.effort = Effort("ultrafast", sparse=True)
    trials.answer(VERDICTS)
    choice.step(6, idle=True)
    choice.step(7, idle=True)
    assert [each.may_try for each in trials.started] == [False, False]
    assert choice.effort == Effort("ultrafast", sparse=True)
    assert choice.rungs() == ["h264_qsv", "libx264"]


def test_what_failed_in_a_recording_is_not_used_again_until_the_computer_restarts(
    choice: EncoderChoice, trials: Trials, tmp_path: Path
) -> None:
    choice.step(1, idle=True)
    trials.answer(VERDICTS)
    choice.step(2, idle=True)
    choice.fail("h264_qsv", "it stalled")
    assert choice.rungs() == ["libx264"]
    same_boot = EncoderChoice(tmp_path / "book", tmp_path / "failed", "boot", None)
    assert same_boot.failed == {"h264_qsv": "it stalled"}
    next_boot = EncoderChoice(tmp_path / "book", tmp_path / "failed", "another", None)
    assert next_boot.failed == {}


def test_another_codec_comes_before_h264_once_it_is_known_to_work(
    trials: Trials, tmp_path: Path
) -> None:
    choice = EncoderChoice(tmp_path / "book", tmp_path / "failed", "boot", trials, ["av1", "h264"])
    assert choice.rungs("av1") == ["libx264"]
    assert "not been tried yet" in choice.lack("av1")
    choice.step(1, idle=True)
    assert trials.started[0].codecs == ["h264", "av1"]
    trials.answer(VERDICTS)  # a book from before the track asked for it
    choice.step(2, idle=True)
    choice.step(1 + IDLE_NS, idle=True)
    assert [each.may_try for each in trials.started] == [False, True]
    trials.answer([*VERDICTS, Verdict("libsvtav1", "av1", True)])
    choice.step(2 + IDLE_NS, idle=True)
    assert choice.rungs("av1") == ["libsvtav1", "h264_qsv", "libx264"]
    assert choice.rungs() == ["h264_qsv", "libx264"]
    assert choice.lack("av1") == choice.lack("h264") == ""
    assert choice.shown("libx264", "", "av1") == "libsvtav1"
    choice.fail("libsvtav1", "it stalled")
    assert choice.rungs("av1") == ["h264_qsv", "libx264"]
    assert "no encoder for it works" in choice.lack("av1")


def test_a_crash_is_blamed_on_hardware_at_once_and_on_software_at_the_second_time(
    trials: Trials, tmp_path: Path
) -> None:
    choice = EncoderChoice(tmp_path / "book", tmp_path / "failed", "boot", trials, ["av1"])
    choice.step(1, idle=True)
    trials.answer([*VERDICTS, Verdict("libsvtav1", "av1", True)])
    choice.step(2, idle=True)
    for name in ("libsvtav1", "h264_qsv", "libx264", "libx264"):
        choice.suspect(name, "the recorder was ended by SIGSEGV")
    assert choice.rungs("av1") == ["libsvtav1", "libx264"]
    choice.suspect("libsvtav1", "the recorder was ended by SIGSEGV")
    assert choice.rungs("av1") == ["libx264"]


@pytest.mark.parametrize("name", ["", "libx264", "aac", "pass-through"])
def test_software_and_what_is_no_rung_do_not_fail_for_good(
    choice: EncoderChoice, name: str
) -> None:
    choice.fail(name, "anything")
    assert choice.failed == {}


def test_people_see_what_encodes_now_or_would_begin(choice: EncoderChoice, trials: Trials) -> None:
    choice.step(1, idle=True)
    trials.answer(VERDICTS)
    choice.step(2, idle=True)
    assert choice.shown("libx264", "") == "h264_qsv"
    assert choice.shown("libx264", "h264_vaapi") == "h264_vaapi"
    assert choice.shown("pass-through", "") == "pass-through"
    assert choice.shown("aac", "") == "aac"
