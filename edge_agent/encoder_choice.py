"""Which encoders the supervisor tells its recorders to use. Loads no codec and waits for nothing.

The verdicts come from a child (`edge_agent.encoder_trials`): at the start from its book, if that is
of this computer; else from trials, once nobody has recorded for a while. Until they are known,
and when nothing else works, it is libx264.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_agent.children import Child
from edge_agent.messages import RecorderSpec, TryEncoders
from edge_agent.rules.health import SECOND
from encoders.headroom import Effort
from encoders.ladder import SOFTWARE as SOFTWARE_OF
from encoders.ladder import Verdict, rungs

#: Trials take the whole processor for some ten seconds: not while a room is getting ready.
IDLE_NS = 30 * SECOND
#: All trials together take far less; a child that takes longer hangs.
PATIENCE_NS = 300 * SECOND
SOFTWARE = "libx264"
H264 = "h264"


class EncoderChoice:
    """`child` None: no trials, software only."""

    def __init__(
        self,
        book: Path,
        memory: Path,
        boot: str,
        child: Child | None,
        codecs: Sequence[str] = (),
        size: tuple[int, int] = (1920, 1080),
    ) -> None:
        """`memory`: a file that keeps what has failed since the PC started; `codecs`: what the
        room's tracks ask for. H.264 is always known, since it stands in for the others.
        `size`: of the largest pictures."""
        self._codecs = [H264, *(codec for codec in codecs if codec != H264)]
        self._size = size
        self._book = book
        self._memory = memory
        self._boot = boot
        self._child = child
        self._began_ns: int | None = None
        self._idle_since_ns: int | None = None
        self._read = self._tried = child is None
        self._verdicts: list[Verdict] = []
        #: How pictures are to be recorded, so that the PC keeps enough of itself free.
        self.effort = Effort()
        self._book_stamp = _stamp(book)
        self._failed = _remembered(memory, boot)
        self._suspected: dict[str, int] = {}

    @property
    def failed(self) -> Mapping[str, str]:
        """Encoders that failed in a recording since the PC started, with their reasons."""
        return self._failed

    @property
    def trying(self) -> bool:
        """Encoders are being tried: nothing else may take the processor from them."""
        return self._began_ns is not None

    def rungs(self, codec: str = H264) -> list[str]:
        """The names to record pictures with, best first; those of H.264 after another codec's."""
        last = rungs(self._verdicts, failed=self._failed)
        return last if codec == H264 else [*rungs(self._verdicts, codec, self._failed), *last]

    def lack(self, codec: str) -> str:
        """Why a track that asks for this codec is recorded in H.264; empty when it is not."""
        if codec == H264 or rungs(self._verdicts, codec, self._failed):
            return ""
        known = any(each.codec == codec for each in self._verdicts)
        why = "no encoder for it works here" if known else "its encoders have not been tried yet"
        more = f"see: edge-agent encoders --codec {codec}"
        return f"{codec} is asked for, and recorded is h264: {why}; {more}"

    def effort_for(self, spec: RecorderSpec) -> dict[str, Any]:
        """What leaves the PC headroom, except for what the configuration says of the track."""
        return {
            "preset": self.effort.preset,
            "sparse": self.effort.sparse and spec.fps is None,
            "small": self.effort.small and spec.size is None,
        }

    def shown(self, opened: str, used: str, codec: str = H264) -> str:
        """What encodes a track, for people: what it uses now, or what it would begin with."""
        return used or (self.rungs(codec)[0] if opened == SOFTWARE else opened)

    def suspect(self, name: str, reason: str) -> None:
        """A recorder has crashed while this encoded. Software is blamed for a second time only:
        more often than not it was something else, and what follows it needs more bytes."""
        self._suspected[name] = self._suspected.get(name, 0) + 1
        if name not in SOFTWARE_OF.values() or self._suspected[name] > 1:
            self.fail(name, reason)

    def fail(self, name: str, reason: str) -> None:
        """Do not use this rung again until the PC restarts. The last one cannot fail for good."""
        if name == SOFTWARE or not any(name in self.rungs(codec) for codec in self._codecs):
            return
        self._failed[name] = reason
        try:
            self._memory.write_text(json.dumps({"boot": self._boot, "failed": self._failed}))
        except OSError:
            return  # a full tmpfs costs the memory over a restart of the agent, no more

    def step(self, now_ns: int, idle: bool) -> None:
        """Call it each round; `idle`: nothing is recorded or finished."""
        self._idle_since_ns = (self._idle_since_ns or now_ns) if idle else None
        if self._child is None:
            return
        if self._began_ns is not None:
            self._hear(self._child, now_ns, idle)
        elif idle and self._read and _stamp(self._book) != self._book_stamp:
            self._book_stamp = _stamp(self._book)
            self._read = False  # people have tried or measured by hand: read it again
        elif not self._read or (not self._tried and self._may_try(now_ns)):
            self._child.start(
                TryEncoders(
                    book=str(self._book),
                    codecs=self._codecs,
                    size=self._size,
                    may_try=self._read,
                )
            )
            self._began_ns = now_ns

    def end(self) -> None:
        """At the agent's end: trials under way are of no use."""
        if self._child is not None:
            self._child.signal(signal.SIGTERM)

    def _may_try(self, now_ns: int) -> bool:
        return self._idle_since_ns is not None and now_ns - self._idle_since_ns >= IDLE_NS

    def _hear(self, child: Child, now_ns: int, idle: bool) -> None:
        assert self._began_ns is not None
        for line in child.lines():
            found = json.loads(line)
            if isinstance(found, dict):
                self.effort = Effort(**found)
            else:
                self._verdicts = [Verdict(**each) for each in found]
        if now_ns - self._began_ns > PATIENCE_NS:
            child.signal(signal.SIGKILL)
        elif not idle and self._read:  # a recording has begun: trials must make room
            child.signal(signal.SIGTERM)
        if child.reap() is None:
            return
        # A trial that was stopped for a recording is made up for; one that found nothing is not.
        late = now_ns - self._began_ns > PATIENCE_NS
        whole = {each.codec for each in self._verdicts} >= set(self._codecs)
        self._tried = whole or late or (self._read and idle)
        self._read, self._began_ns = True, None


def _stamp(book: Path) -> int:
    """When the book was written last; 0 without one."""
    try:
        return book.stat().st_mtime_ns
    except OSError:
        return 0


def _remembered(memory: Path, boot: str) -> dict[str, str]:
    try:
        found = json.loads(memory.read_text())
        return dict(found["failed"]) if found["boot"] == boot else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
