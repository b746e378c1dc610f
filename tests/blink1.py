"""A blink(1) as its maker's firmware has it (todbot/blink1, hardware/firmware_mk2/main.c).

Only what is sent to it here, and without fading: a line of its pattern shows its colour at once.
"""

from __future__ import annotations

from device_profiles.lights.patterns import DARK, Rgb

LINES = 32
VERSION = b"25"


class Blink1:
    """Its memory and its LED. Times are seconds of any clock that only goes on."""

    def __init__(self) -> None:
        self._color: Rgb = DARK
        self._lines: dict[int, tuple[Rgb, float]] = {}
        #: When it begins to play by itself; None while nobody has asked for that.
        self._patience_ends_s: float | None = None
        self._playing_since_s: float | None = None
        self._range = 0, LINES
        self._answer = b""

    def command(self, report: bytes, now_s: float) -> None:
        """A feature report: {1, letter, six arguments}."""
        self.shows(now_s)  # what was due before
        letter, arguments = chr(report[1]), report[2:8]
        self._answer = report
        match letter:
            case "n" | "c":
                self._playing_since_s = None
                self._color = _rgb(arguments)
            case "P":
                ticks = arguments[3] << 8 | arguments[4]
                self._lines[arguments[5]] = _rgb(arguments), ticks / 100
            case "D":
                self._tickle(arguments, now_s)
            case "v":
                self._answer = report[:3] + VERSION + report[5:]

    def answer(self) -> bytes:
        """What it says when it is asked: the last command, with its result."""
        return self._answer

    def shows(self, now_s: float) -> Rgb:
        """The colour of its LED."""
        if self._patience_ends_s is not None and now_s > self._patience_ends_s:
            self._playing_since_s, self._patience_ends_s = self._patience_ends_s, None
        if self._playing_since_s is not None:
            self._color = self._played(now_s - self._playing_since_s)
        return self._color

    def _tickle(self, arguments: bytes, now_s: float) -> None:
        on, high, low, keep, first, last = arguments
        self._range = first, min(last + 1, LINES)
        self._patience_ends_s = now_s + (high << 8 | low) / 100 if on else None
        if not keep:
            self._playing_since_s = None
            self._color = DARK

    def _played(self, seconds: float) -> Rgb:
        lines = [self._lines[at] for at in range(*self._range) if at in self._lines]
        left = seconds % (sum(stay for _, stay in lines) or 1.0)
        for color, stay in lines:
            if left < stay:
                return color
            left -= stay
        return DARK


def _rgb(arguments: bytes) -> Rgb:
    return arguments[0], arguments[1], arguments[2]
