"""How long a recorder may be silent, and how hard it is pressed to end: ask, insist, kill.

Deadlines are in nanoseconds of the monotonic clock. Start-up has its own, longer grace: opening a
camera and importing the codecs of a cold disk take seconds on a cheap PC, and a deadline that fits
the steady state was seen to kill slow starters for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

SECOND = 1_000_000_000


class Phase(StrEnum):
    """What a recorder is doing, as far as the supervisor knows."""

    ABSENT = "absent"
    STARTING = "starting"
    ARMED = "armed"
    RECORDING = "recording"
    FINISHING = "finishing"
    QUITTING = "quitting"
    #: Killed, and held by a driver that hangs: it records no more, and cannot be replaced yet.
    WEDGED = "wedged"


class Pressure(IntEnum):
    """How far the ending of a process has gone."""

    NONE = 0
    ASKED = 1
    INSISTED = 2
    KILLED = 3


#: A phase may last this long without a word from the recorder.
SILENCE_LIMIT_NS = {
    Phase.STARTING: 20 * SECOND,
    # Beats come each second; a loaded PC was seen to delay a healthy process by 0.3 s.
    Phase.ARMED: 5 * SECOND,
    Phase.RECORDING: 5 * SECOND,
    # The disk thread drains its queue here, and a slow disk needs its time.
    Phase.FINISHING: 15 * SECOND,
    Phase.QUITTING: 8 * SECOND,
}
#: From asking to insisting (SIGTERM), and from insisting to SIGKILL.
ASK_NS = SECOND
INSIST_NS = SECOND
#: From SIGKILL to giving up waiting: only the kernel can still hold the process, and it never comes
#: back to its own code. What it left is taken care of; another is started when it has ended.
WEDGED_NS = 2 * SECOND
#: Phases in which a track has no recorder that does anything.
GONE = (Phase.ABSENT, Phase.WEDGED)
#: A failing recorder is tried again after 0.5, 1, 2, then every 3 s: a device that comes back is
#: in the lecture again within 5 s.
RETRY_FIRST_NS = SECOND // 2
RETRY_MOST_NS = 3 * SECOND
#: A finisher reads the whole lecture at each try.
FINISHER_MOST_NS = 30 * SECOND


def silent(phase: Phase, heard_ns: int, now_ns: int, slow_starts: int = 0) -> bool:
    """Whether a recorder has been silent for longer than its phase allows.

    Each start that was ended for its silence doubles the patience with the next one, up to four
    times: on an overloaded PC the same deadline again would end every start, for ever.
    """
    limit = SILENCE_LIMIT_NS.get(phase)
    if limit is not None and phase is Phase.STARTING:
        limit <<= min(slow_starts, 2)
    return limit is not None and now_ns - heard_ns > limit


def next_pressure(pressure: Pressure, since_ns: int, now_ns: int) -> Pressure:
    """How hard to press now, given how hard and since when it was pressed.

    KILLED is final: a process in uninterruptible sleep cannot be ended by any signal, and waiting
    for it must not stop anything else.
    """
    if pressure is Pressure.NONE:
        return Pressure.ASKED
    patience = {Pressure.ASKED: ASK_NS, Pressure.INSISTED: INSIST_NS}.get(pressure)
    if patience is None or now_ns - since_ns < patience:
        return pressure
    return Pressure(pressure + 1)


def retry_delay_ns(failures: int) -> int:
    """How long to wait before the next start after so many failures in a row (1 or more)."""
    return int(min(RETRY_FIRST_NS << min(failures - 1, 10), RETRY_MOST_NS))


@dataclass(frozen=True, slots=True)
class Retries:
    """When a recorder that has ended is started again. Times are monotonic nanoseconds."""

    #: Failures in a row.
    failures: int = 0
    due_ns: int = 0
    #: The same without those before a device was plugged in: the waits grow with it.
    waits: int = 0
    started_ns: int = 0

    def started(self, now_ns: int) -> Retries:
        return replace(self, started_ns=now_ns)

    def failed(self, now_ns: int, proven: bool) -> Retries:
        """`proven`: it had worked well for a while, so this failure is its first."""
        before = Retries(started_ns=self.started_ns) if proven else self
        waits = before.waits + 1
        return replace(
            before,
            failures=before.failures + 1,
            waits=waits,
            due_ns=now_ns + retry_delay_ns(waits),
        )

    def device_came(self, now_ns: int) -> Retries:
        """It is worth a try at once, and a short wait after that if it needs a moment.

        A plug that makes and breaks contact a hundred times starts no more than two a second.
        """
        soon_ns = max(now_ns, self.started_ns + RETRY_FIRST_NS)
        return replace(self, waits=0, due_ns=min(self.due_ns, soon_ns))


def finisher_delay_ns(failures: int) -> int:
    """The same for a finisher, which nobody waits for."""
    return int(min(RETRY_FIRST_NS << min(failures - 1, 10), FINISHER_MOST_NS))


def may_try_again(failed: tuple[int, int], now_ns: int) -> bool:
    """Whether such a process is due. `failed`: how often in a row, and when the last time was."""
    count, last_ns = failed
    return count == 0 or now_ns - last_ns >= finisher_delay_ns(count)
