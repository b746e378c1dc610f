"""What a recorder says last: why it has ended, as its supervisor hears it."""

from __future__ import annotations

from collections.abc import Callable

from capture.source import SourceError
from edge_agent import messages as say
from edge_agent.device_words import cause_of
from encoders.encoder import EncoderError
from encoders.segments import DiskProblem


def last_words(run: Callable[[], None], salvage: Callable[[], None]) -> say.Gone:
    """Run to the end; `salvage` keeps what can be kept after an error that is not the disk's."""
    try:
        run()
    except SourceError as error:
        salvage()
        return say.Gone(cause=cause_of(error), reason=error.reason, hint=error.hint)
    except DiskProblem as error:
        return say.Gone(cause=error.cause, reason=error.reason, hint=error.hint)
    except EncoderError as error:
        salvage()
        return say.Gone(cause="encoder", reason=error.reason, hint=error.hint)
    return say.Gone(cause="stopped", reason="asked to stop")
