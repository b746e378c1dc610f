"""Keeping a camera's controls while it records: what another program has changed is put back.

The driver is asked, not the camera: it answers from its memory, and what a camera forgets behind it
is not seen. So where cameras forget, at the start of the stream and when pictures come again after
a break, all are set once more, seen or not. uvcvideo sends each value it is given, also one that it
believes to be set (uvc_ctrl_set in drivers/media/usb/uvc/uvc_ctrl.c): some milliseconds of USB. A
driver that compares with its memory first sends nothing, and nothing is lost. Whoever goes on
changing a control wins: it is not fought over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from capture.source import NS

#: The controls are looked at so often. A look costs microseconds, or a few milliseconds of USB.
EVERY_NS = 5 * NS
#: How often one control is put back.
MOST = 5
#: Without pictures for so long a camera may have begun anew. The slowest mode gives one a second.
BREAK_NS = 3 * NS

#: What the named controls are set to now; those that nobody can tell are left out. Raises OSError.
Read = Callable[[Iterable[str]], Mapping[str, int]]
#: Sets controls; what was refused, in words.
Write = Callable[[Mapping[str, int]], list[str]]


class KeptControls:
    """Of one open camera. Used by one thread."""

    def __init__(self, wanted: Mapping[str, int], read: Read, write: Write) -> None:
        self._wanted, self._read, self._write = dict(wanted), read, write
        self._left = dict.fromkeys(wanted, MOST)
        self._stands: Mapping[str, int] = {}
        self._seen_ns: int | None = None
        self._due_ns = 0

    def look(self, now_ns: int) -> str:
        """Call it before each picture. What was put back, in words; mostly nothing."""
        seen_ns, self._seen_ns = self._seen_ns, now_ns
        if seen_ns is None or now_ns - seen_ns >= BREAK_NS:
            self._set_all(now_ns)
            return ""
        if now_ns < self._due_ns or not self._stands:
            return ""
        self._due_ns = now_ns + EVERY_NS
        return self._put_back(changed) if (changed := self._changed()) else ""

    def _set_all(self, now_ns: int) -> None:
        """What is refused was told at the opening. A camera may make other values of them."""
        self._write({name: value for name, value in self._wanted.items() if self._left[name]})
        self._stands, self._due_ns = self._now(), now_ns + EVERY_NS

    def _put_back(self, changed: list[str]) -> str:
        for name in changed:
            self._left[name] -= 1
        refused = self._write({name: self._wanted[name] for name in changed})
        words = ", ".join(f"{name}={self._wanted[name]}" for name in changed)
        given_up = [name for name in changed if not self._left[name]]
        return (
            f"changed by another program, set again: {words}"
            + (f"; refused: {', '.join(refused)}" if refused else "")
            + (f"; from now on left alone: {', '.join(given_up)}" if given_up else "")
        )

    def _changed(self) -> list[str]:
        now = self._now()
        return [
            name
            for name, value in self._stands.items()
            if self._left[name] and now.get(name, value) != value
        ]

    def _now(self) -> dict[str, int]:
        try:
            return dict(self._read(self._wanted))
        except OSError:  # the camera itself: reading its pictures will tell
            return {}
