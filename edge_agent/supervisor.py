"""The supervisor: observe, plan, perform, and again. The only writer of lectures and segments.

One round takes milliseconds and waits for nobody; what it decides is in `edge_agent.rules.plan`,
what an action does is in `edge_agent.performer`. It holds no media and loads no codec.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from capture.plugs import UdevPlugs
from edge_agent import messages as say
from edge_agent import systemd
from edge_agent.children import Process
from edge_agent.clock import Clock, Now, SystemClock
from edge_agent.config import Config
from edge_agent.ledger_rescue import open_ledger
from edge_agent.locks import only_agent
from edge_agent.orphans import wait_for_orphans
from edge_agent.power import on_battery
from edge_agent.room import Room, furnish
from edge_agent.rules.actions import Action
from edge_agent.rules.bookings import Situation
from edge_agent.rules.health import GONE, SECOND
from edge_agent.rules.plan import Facts, plan
from edge_agent.rules.space import FULL
from edge_agent.rules.verbs import hindrance
from edge_agent.spool import Runtime, Spool
from edge_agent.starting import Starting, process_began_ns, tell
from edge_agent.trouble import Trouble

#: How long a round waits for a child's word before it looks at the inbox again.
TICK_S = 0.05
STATUS_NS = SECOND // 2
WATCHDOG_NS = SECOND
_LOOK = "to look at disk and ledger"
_FILE = "the ledger's file"
_POWER = "the power"
_SMALL = "small versions of lectures"
_LIVE = "the small camera beside the recording"
_TIMETABLE = "the timetable"
_DEVICES = "the search for devices"
_TRIALS = "the trial of encoders"


class SpoolNotWritable(Exception):
    """Lectures cannot be kept where the configuration says."""


class Supervisor:
    """The loop."""

    def __init__(self, room: Room, each_round: Callable[[], None] = lambda: None) -> None:
        self._room = room
        self._each_round = each_round
        self._trouble = Trouble(room.ballast)
        #: What children have said and the ledger does not know yet, by track.
        self._news: defaultdict[str, deque[Callable[[Now], None]]] = defaultdict(deque)
        self._full = ""
        self._status_due_ns = 0
        self._watchdog_due_ns = 0
        self._stopping = False

    def stop(self) -> None:
        """End after the recorders have closed their files."""
        self._stopping = True

    def loop(self) -> None:
        self.step()
        self._listen()  # libudev is loaded while the recorders begin
        while not (self._stopping and self._all_absent()):
            busy = self.step()
            self._wait(0.0 if busy else TICK_S)

    def step(self) -> bool:
        """One full round; True if it did something. Survives whatever disk and ledger refuse."""
        room, now = self._room, self._room.clock.now()
        watch = partial(room.watch.look, now, self._trouble.damage())
        self._trouble.attempt(_FILE, watch, now.mono_ns)
        self._hear()
        self._tell()
        self._each_round()
        self._look_at_plugs(now)
        self._trouble.attempt(_POWER, partial(room.power.step, now), now.mono_ns)
        mend = partial(room.performer.look_at_clock, now)
        self._trouble.attempt("the clock's repair", mend, now.mono_ns)
        actions: list[Action] = []
        if self._trouble.attempt(_LOOK, lambda: actions.extend(self._plan(now)), now.mono_ns):
            self._trouble.forget_all_but(actions)
        done = [action for action in actions if self._perform(action, now)]
        if now.mono_ns >= self._status_due_ns or done:
            self._status_due_ns = now.mono_ns + STATUS_NS
            trouble = "; ".join(filter(None, (self._full, self._trouble.text)))
            room.status.write(now, room.observer.free_bytes, trouble)
        if now.mono_ns >= self._watchdog_due_ns:
            self._watchdog_due_ns = now.mono_ns + WATCHDOG_NS
            systemd.notify("WATCHDOG=1")
        return bool(done)

    def _plan(self, now: Now) -> list[Action]:
        room = self._room
        if room.discovery is not None and self._may_look():
            search = room.discovery.step
            self._trouble.attempt(_DEVICES, lambda: room.equip(search(now.mono_ns)), now.mono_ns)
        facts = room.observer.facts(
            now,
            room.recorders.values(),
            room.finisher.facts(),
            room.finisher.failures,
            self._stopping,
        )
        room.small.make_way(facts, room.encoders.trying)
        beside = partial(room.live.step, facts, room.small.active)
        self._trouble.attempt(_LIVE, beside, now.mono_ns)
        go_on = partial(room.small.go_on, facts, now)
        self._trouble.attempt(_SMALL, go_on, now.mono_ns)
        idle = facts.active is None and facts.finisher is None and not self._stopping
        trials = partial(room.encoders.step, now.mono_ns, idle and not room.small.active)
        self._trouble.attempt(_TRIALS, trials, now.mono_ns)
        room.ballast.keep(room.observer.free_bytes)
        self._full = "" if facts.room_to_record else FULL
        look = partial(self._look_at_timetable, facts, now)
        booked: list[Situation] = []
        self._trouble.attempt(_TIMETABLE, lambda: booked.extend(look()), now.mono_ns)
        return plan(replace(facts, booked=next(iter(booked), None)))

    def _look_at_timetable(self, facts: Facts, now: Now) -> list[Situation]:
        """Nothing where lectures do not begin by themselves."""
        room, refusal = self._room, hindrance(facts)
        under_way = room.observer.under_way
        speaking = any(it.senses.spoke_lately(now.mono_ns) for it in room.recorders.values())
        found = room.schedule.look(
            now,
            under_way.lecture if under_way else None,
            f"{refusal.message}" if refusal else "",
            speaking,
        )
        return [found] if found is not None else []

    def _perform(self, action: Action, now: Now) -> bool:
        """One action that is refused stops no other."""
        effect = partial(self._room.performer.perform, action, now)
        return self._trouble.attempt(action, effect, now.mono_ns)

    def _listen(self) -> None:
        """What came before this was looked for by the first round, or is by the next tries."""
        why_not = self._room.plugs.open()
        if why_not:
            print(f"{why_not}; devices are looked for every few seconds", file=sys.stderr)

    def _look_at_plugs(self, now: Now) -> None:
        """A device that has come is tried at once: nobody waits for the next try."""
        room = self._room
        came = {plug.kind for plug in room.plugs.news() if plug.came}
        for recorder in room.recorders.values():
            if recorder.spec.kind in came:
                recorder.device_came(now.mono_ns)
        if came and room.discovery is not None:
            room.discovery.device_came(now.mono_ns)

    def _may_look(self) -> bool:
        """A lecture keeps the tracks that it began with; after a restart they must be found."""
        return not self._room.recorders or self._room.ledger.active() is None

    def _hear(self) -> None:
        room, performer = self._room, self._room.performer
        for recorder in room.recorders.values():
            now, news = room.clock.now(), self._news[recorder.track]
            for report in recorder.reports(now.mono_ns):
                if isinstance(report, say.Beat | say.Level):  # signs of life are no news
                    performer.hear(recorder, report, now)
                else:
                    news.append(partial(performer.hear, recorder, report))
            warned = partial(performer.watch, recorder, now)
            self._trouble.attempt(f"{recorder.track} warning", warned, now.mono_ns)
            gone = recorder.reap(now.mono_ns)
            if gone is not None:
                news.append(partial(performer.lost, recorder, gone))
        for result in room.finisher.hear(room.clock.mono_ns()):
            self._news[""].append(partial(performer.finished, result))

    def _tell(self) -> None:
        """Store the news, each track's in order: what is refused waits, and so does what follows.

        So a recorder counts as armed only after what its predecessor left has been adopted.
        """
        for track, news in self._news.items():
            now = self._room.clock.now()
            while news and self._trouble.attempt(track, partial(news[0], now), now.mono_ns):
                news.popleft()

    def _wait(self, seconds: float) -> None:
        pipes = [r.process.fileno() for r in self._room.recorders.values()]
        pipes += [self._room.finisher.fileno(), self._room.small.fileno()]
        pipes.append(self._room.plugs.fileno())
        select.select([fd for fd in pipes if fd >= 0], [], [], seconds)

    def _all_absent(self) -> bool:
        return all(each.phase in GONE for each in self._room.recorders.values())


def run(config: Config, clock: Clock | None = None) -> int:
    """The agent of one room, until SIGTERM or SIGINT. Raises AlreadyRunning, SpoolNotWritable.

    Without configured tracks it looks for devices, and begins with those that it finds.
    """
    spool, runtime = Spool(config.storage.spool), Runtime(config.storage.runtime)
    starting = Starting(process_began_ns())
    starting.ended("program")
    _make_folders(spool, runtime)
    with only_agent(runtime.agent_lock, spool.root):
        # A killed agent's last words would pass for ours, as the lock is held again.
        runtime.status.unlink(missing_ok=True)
        wait_for_orphans(runtime)
        starting.ended("earlier recorders")
        trials, renderer = Process("edge_agent.encoder_trials"), Process("edge_agent.renderer")
        live = Process("edge_agent.live_renderer")
        clock = clock or SystemClock()
        ledger = open_ledger(spool, clock.now())
        starting.ended("ledger")
        room = furnish(
            config,
            clock,
            ledger,
            trials=trials,
            renderer=renderer,
            live=live,
            plugs=UdevPlugs(),
            on_battery=on_battery,
        )
        starting.ended("recovery")
        supervisor = Supervisor(room, lambda: tell(starting.armed(room.recorders.values())))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        systemd.notify("READY=1")
        tell(starting.ready())
        try:
            supervisor.loop()
        finally:
            systemd.notify("STOPPING=1")
            room.finisher.end()
            room.encoders.end()
            room.power.close()
            room.small.end()
            room.live.end()
            room.plugs.close()
            if room.discovery is not None:
                room.discovery.end()
            runtime.status.unlink(missing_ok=True)
            with suppress(OSError):
                room.watch.note()
            room.ledger.close()
    return 0


def _make_folders(spool: Spool, runtime: Runtime) -> None:
    for folder in (spool.root, spool.lectures, runtime.root):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpoolNotWritable(f"{folder} cannot be made: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SpoolNotWritable(f"{folder} is not writable by this user")
