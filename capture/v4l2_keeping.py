"""Keeping a camera's controls while it records: what another program has changed is put back.

The driver is asked, not the camera: what a camera forgets while its driver remembers is not seen,
until it is opened again. Whoever goes on changing a control wins: it is not fought over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from capture.source import NS

#: The controls are looked at so often. A look costs microseconds, or a few milliseconds of USB.
EVERY_NS = 5 * NS
#: How often one control is put back.
MOST = 5

#: What the named controls are set to now; those that nobody can tell are left out. Raises OSError.
Read = Callable[[Iterable[str]], Mapping[str, int]]
#: Sets controls; what was refused, in words.
Write = Callable[[Mapping[str, int]], list[str]]


class KeptControls:
    """Of one open camera. Used by one thread."""

    def __init__(self, wanted: Mapping[str, int], read: Read, write: Write) -> None:
        """To be made when they have just been set: a camera may have made other values of them."""
        self._wanted, self._read, self._write = dict(wanted), read, write
        self._left = dict.fromkeys(wanted, MOST)
        self._stands = self._now()
        self._due_ns = 0

    def look(self, now_ns: int) -> str:
        """Call it often. What was put back, in words; mostly nothing."""
        if now_ns < self._due_ns or not self._stands:
            return ""
        first, self._due_ns = self._due_ns == 0, now_ns + EVERY_NS
        changed = [] if first else self._changed()
        if not changed:
            return ""
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
