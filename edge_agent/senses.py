"""What is known of one track's sound and picture, and what people have been told of it.

Fed with the recorder's beats; what is wrong is decided in `rules.guards`, `rules.voices` and
`rules.pictures`, whose memories lie here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.messages import Beat, Sight
from edge_agent.rules.guards import Guard
from edge_agent.rules.panel import HEARD_NS
from edge_agent.rules.pictures import Viewer
from edge_agent.rules.voices import Listener


@dataclass(slots=True)
class Senses:
    """Times are monotonic nanoseconds."""

    guard: Guard = field(default_factory=Guard)
    listener: Listener = field(default_factory=Listener)
    viewer: Viewer = field(default_factory=Viewer)
    #: What the latest picture is like, until somebody has looked at it.
    sight: Sight | None = None
    #: When a voice was heard; and when that or something that moved showed that a lecture goes on.
    spoke_ns: int | None = None
    lively_ns: int | None = None
    #: The warning that people have been told of, and the lecture that it stands in.
    told: tuple[str, str | None] = ("", None)
    #: Since when it has been gone, while that may not last.
    gone_ns: int | None = None

    def take(self, beat: Beat, now_ns: int) -> None:
        self.sight = beat.sight or self.sight
        speaking = beat.sound is not None and beat.sound.speaking
        if speaking:
            self.spoke_ns = now_ns
        if speaking or beat.moved:
            self.lively_ns = now_ns

    def tell_again(self) -> None:
        """What stands is not known any more: the ledger was lost."""
        self.told, self.gone_ns = ("", None), None

    def spoke_lately(self, now_ns: int) -> bool:
        """Within the last minute: who speaks takes breath."""
        return self.spoke_ns is not None and now_ns - self.spoke_ns < HEARD_NS

    @property
    def warning(self) -> str:
        """What is wrong, the worst of it."""
        return self.guard.warning or self.listener.warning or self.viewer.warning

    @property
    def since_ns(self) -> int:
        """Since when there has been the reason for the warning."""
        if self.guard.warning:
            return self.guard.since_ns
        return self.listener.since_ns if self.listener.warning else self.viewer.since_ns
