"""A real recorder on a computer on which nothing encodes."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from capture.source import NS
from edge_agent.children import Recorder
from edge_agent.messages import Gone, Message, Opened, Record, RecorderSpec
from tests.hardware_fixtures import DEADLINE_S, wait_for


def heard(recorder: Recorder, kind: type[Message]) -> Message:
    """The first of this kind that it says."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for report in recorder.reports(time.monotonic_ns()):
            if isinstance(report, kind):
                return report
        time.sleep(0.02)
    raise AssertionError(f"the recorder did not say {kind.__name__}")


def ended(recorder: Recorder) -> bool:
    recorder.reports(time.monotonic_ns())
    return recorder.process.reap() is not None


@pytest.mark.parametrize("encoders", [["h264_nvenc"], ["h264_nvenc", "h264_amf"]])
def test_a_recorder_without_any_encoder_says_why_and_ends(
    encoders: list[str], tmp_path: Path
) -> None:
    spec = RecorderSpec(
        track="camera",
        media="video",
        kind="synthetic",
        options={"stream": "video"},
        size=(320, 180),
        preview=str(tmp_path / "camera.jpg"),
        lock=str(tmp_path / "camera.lock"),
    )
    recorder = Recorder(spec)
    recorder.start(time.monotonic_ns(), muted=False)
    try:
        heard(recorder, Opened)
        now_ns = time.monotonic_ns()
        folder = tmp_path / "tracks"
        recorder.tell(
            Record(
                lecture="x",
                directory=str(folder),
                epoch_ns=now_ns - NS,
                start_mono_ns=now_ns,
                encoders=encoders,
            )
        )
        gone = heard(recorder, Gone)
        assert isinstance(gone, Gone)
        assert gone.cause == "encoder"
        assert encoders[-1] in gone.reason
        assert gone.hint, "and what to do"
        assert not list(folder.glob("*")), "no file that holds nothing"
    finally:
        recorder.process.signal(signal.SIGKILL)
        wait_for(lambda: ended(recorder), "its end")
