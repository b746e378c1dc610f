"""What the encoders of a recording go through, for the ledger and for people."""

from __future__ import annotations

import sys

from edge_agent import messages as say
from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.encoder_choice import EncoderChoice
from edge_agent.ledger import Ledger


class EncoderNews:
    """Each method stores one event; OSError and OperationalError are the caller's to retry."""

    def __init__(self, ledger: Ledger, encoders: EncoderChoice) -> None:
        self._ledger = ledger
        self._encoders = encoders

    def begun(self, recorder: Recorder, lecture: str, now: Now) -> None:
        """A track is about to be recorded: say so if it is not as its codec was asked for."""
        if recorder.opened is None or recorder.opened.encoder == "pass-through":
            return
        lack = self._encoders.lack(recorder.spec.codec)
        if lack:
            self._tell(now, "codec replaced", lack, lecture, recorder.track)

    def failed(self, recorder: Recorder, report: say.EncoderFailed, now: Now) -> None:
        text = f"{report.reason}. {report.next} has taken over"
        self._tell(now, "encoder failed", text, report.lecture, recorder.track)
        recorder.encoder = report.next
        self._encoders.fail(report.name, report.reason)

    def eased(self, recorder: Recorder, report: say.Eased, now: Now) -> None:
        what = report.given_up or "everything is recorded again"
        kind = "overload" if report.more else "overload eases"
        self._tell(now, kind, f"{what}: {report.why}", report.lecture, recorder.track)
        recorder.given_up = report.given_up

    def _tell(self, now: Now, kind: str, text: str, lecture: str, track: str) -> None:
        self._ledger.add_event(now, kind, text, lecture, track)
        print(f"track {track}: {kind}: {text}", file=sys.stderr)
