"""The process of lights and buttons: shows what the room does, and passes presses on to the agent.

Not part of the recording: it may hang or die, and no lecture minds. Looking at the room and asking
the agent happen in threads, since both may wait for a disk; a look that takes too long is none, and
then the light says that nothing can be recorded rather than something that was true once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from device_profiles.lights.patterns import Mood, Rgb, Scheme, look, mood_of
from device_profiles.lights.protocols import PROTOCOLS, Protocol, farewell
from device_profiles.lights.reports import NONE, READERS, Keys
from edge_agent.rules.button import Fingers, Tap, step
from edge_agent.stopping import Stop
from edge_agent.usb_hid import Gone, Hid, Plugged, UsbLights, UsbTrouble
from edge_agent.watching import Watching

MS = 1_000_000
SECOND = 1000 * MS
#: One turn of the loop. A read waits for a key no longer than this.
TURN_MS = 40
#: What is plugged in is looked at so often: what is new, and what has come back.
SEARCH_NS = 2 * SECOND
#: Fed so many times as late as it should be, a light may have begun to show that nobody attends to
#: it. It is told its colour again.
LATE = 2
#: How often the room is looked at, and how old the answer may be.
LOOK_NS, STALE_NS = SECOND // 4, 5 * SECOND


@dataclass(frozen=True, slots=True)
class Sight:
    """What the panel would show: its word, its worst problem's severity, its question."""

    word: str = "not_ready"
    worst: str = ""
    ask: str = ""

    @property
    def mood(self) -> Mood:
        return mood_of(self.word, self.worst, self.ask)


_NO_SIGHT = Sight()


@dataclass(slots=True)
class _Held:
    """A device that is open."""

    hid: Hid
    protocol: Protocol | None
    shown: Rgb | None = None
    fed_ns: int = 0
    keys: Keys = NONE


@dataclass(slots=True)
class Lights:
    """All lights and buttons of the room. Used by one thread."""

    usb: UsbLights
    scheme: Scheme = Scheme.RED
    tap: Tap = Tap.PAUSE
    #: Told when a device comes, goes or cannot be used; each trouble once.
    tell: Callable[[str], None] = lambda line: None
    _held: dict[str, _Held] = field(default_factory=dict)
    _troubles: frozenset[str] = frozenset()
    _search_ns: int = 0
    _mood: Mood = Mood.OFF
    _since_ns: int = 0
    _fingers: Fingers = field(default_factory=Fingers)

    def step(self, now_ns: int, sight: Sight, patience_ms: int = TURN_MS) -> str:
        """One turn: what is plugged in, what to show, which keys are down. A command, or ""."""
        if now_ns >= self._search_ns:
            self._search_ns = now_ns + SEARCH_NS
            self.search(now_ns)
        self.show(now_ns, sight.mood)
        self._fingers, verb = step(
            self._fingers, self.keys(patience_ms), now_ns, sight.word, self.tap
        )
        return verb

    # ------------------------------------------------------------ coming and going

    def search(self, now_ns: int = 0) -> None:
        """Open what is new. What is gone is noticed here, or when it is used."""
        troubles: list[UsbTrouble] = []
        try:
            found, troubles = self.usb.find()
        except UsbTrouble as trouble:
            found = []
            troubles = [trouble]
        places = {each.place for each in found}
        for place in [place for place in self._held if place not in places]:
            self._lose(place, "unplugged")
        for each in found:
            if each.place not in self._held:
                troubles += self._open(each, now_ns)
        lines = {f"{trouble.message}. Next: {trouble.hint}" for trouble in troubles}
        for line in sorted(lines - self._troubles):
            self.tell(line)
        self._troubles = frozenset(lines)

    def _open(self, plugged: Plugged, now_ns: int) -> list[UsbTrouble]:
        hid = Hid(plugged)
        held = _Held(hid, PROTOCOLS.get(plugged.known.light), fed_ns=now_ns)
        try:
            hid.open()
            if held.protocol is not None:
                hid.write(held.protocol.greet)
        except UsbTrouble as trouble:
            hid.close()
            return [trouble]
        except Gone:
            hid.close()
            return []
        self._held[plugged.place] = held
        self.tell(f"{plugged.known.name}: in use")
        return []

    def _lose(self, place: str, why: str) -> None:
        held = self._held.pop(place)
        held.hid.close()
        self.tell(f"{held.hid.plugged.known.name}: {why}")

    def close(self) -> None:
        """Dark, and given back to the kernel."""
        for held in self._held.values():
            try:
                if held.protocol is not None:
                    held.hid.write(farewell(held.protocol))
            except (Gone, UsbTrouble):
                pass
            finally:
                held.hid.close()
        self._held.clear()

    @property
    def names(self) -> list[str]:
        """What is in use."""
        return [held.hid.plugged.known.name for held in self._held.values()]

    @property
    def reads(self) -> bool:
        """Is there any key?"""
        return any(held.hid.plugged.known.button for held in self._held.values())

    # ------------------------------------------------------------ lights

    def show(self, now_ns: int, mood: Mood) -> None:
        """Write what has changed, and feed what must be fed."""
        if mood is not self._mood:
            self._mood, self._since_ns = mood, now_ns
        now = look(mood, now_ns - self._since_ns, self.scheme)
        for place, held in list(self._held.items()):
            protocol = held.protocol
            if protocol is None:
                continue
            hungry_ns = now_ns - held.fed_ns
            try:
                if protocol.feed and hungry_ns >= protocol.feed_ns:
                    held.hid.write(protocol.feed)
                    held.fed_ns = now_ns
                    if hungry_ns >= LATE * protocol.feed_ns:
                        held.shown = None
                if held.shown != now.rgb:
                    held.hid.write(protocol.show(now))
                    held.shown = now.rgb
            except (Gone, UsbTrouble) as error:
                self._lose(place, str(error))

    # ------------------------------------------------------------ keys

    def keys(self, patience_ms: int) -> Keys:
        """Those that are down on any device. Waits for a report so long, all together."""
        reading = [
            (place, held) for place, held in self._held.items() if held.hid.plugged.known.button
        ]
        for place, held in reading:
            read = READERS[held.hid.plugged.known.button]
            try:
                report = held.hid.read(max(1, patience_ms // len(reading)))
            except (Gone, UsbTrouble) as error:
                self._lose(place, str(error))
                continue
            down = read(report) if report is not None else None
            held.keys = held.keys if down is None else down
        return frozenset().union(*(held.keys for held in self._held.values()))


class Watch(Watching[Sight]):
    """Looks at the room in a thread; when it does not answer, nothing is known to record."""

    def __init__(
        self, look_at_room: Callable[[], Sight], look_no_more: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(
            look_at_room,
            _NO_SIGHT,
            every_ns=LOOK_NS,
            stale_ns=STALE_NS,
            look_no_more=look_no_more,
            name="light-reader",
        )


class Presses:
    """Asks the agent in a thread, one press at a time. Used by the loop alone."""

    def __init__(self, ask: Callable[[str], str], tell: Callable[[str], None]) -> None:
        self._ask = ask
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, "light-command")
        self._waiting: tuple[str, Future[str]] | None = None

    def press(self, verb: str) -> bool:
        """False: the one before has no answer yet, and this one is not carried out."""
        if self._waiting is not None:
            self._tell(f"{verb}: not done, the press before it has no answer yet")
            return False
        self._waiting = verb, self._thread.submit(self._ask, verb)
        return True

    def settle(self) -> None:
        """Tell what came of a press."""
        if self._waiting is not None and self._waiting[1].done():
            verb, answer = self._waiting
            self._waiting = None
            self._tell(f"{verb}: {answer.result()}")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def run(
    lights: Lights,
    watch: Watch,
    presses: Presses,
    stop: Stop,
    alive: Callable[[], object] = lambda: None,
) -> None:
    """Until `stop` is set; `alive` is called after each turn."""
    try:
        while not stop.is_set():
            began_ns = time.monotonic_ns()
            verb = lights.step(began_ns, watch.sight(began_ns))
            if verb:
                presses.press(verb)
            presses.settle()
            alive()
            spent_ms = (time.monotonic_ns() - began_ns) / MS
            stop.wait(max(0.0, TURN_MS - spent_ms) / 1000)
    finally:
        lights.close()
        watch.close()
        presses.close()
