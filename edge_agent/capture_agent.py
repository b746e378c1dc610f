"""This room as a capture agent of an Opencast: registered, told of, and asked for its bookings.

Part of the process of the calendars. What Opencast has heard of each event is kept in a file; if
that is lost all is told again, which does no harm. Recording needs none of this.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edge_agent.agent_room import RoomSeen, Told
from edge_agent.calendar_copies import Answer, CalendarSync, asked
from edge_agent.calendars import BadCalendar
from edge_agent.clock import Now
from edge_agent.config import Config, OpencastDestination
from edge_agent.config_destinations import agent_calendar
from edge_agent.config_schedule import CalendarConfig
from edge_agent.destinations import opencast_way
from edge_agent.locks import is_held
from edge_agent.rules.capture_agent import Booked, agent_state, untold
from edge_agent.schedule_store import Calendar, ScheduleStore
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from uploader import opencast_agent as agent
from uploader.bodies import Source
from uploader.exchange import Answer as Heard
from uploader.exchange import Core, Request, T, drive
from uploader.sender import SendError

SECOND = 1_000_000_000
#: The room is looked at this often; what has changed is told at once.
LOOK_NS = 5 * SECOND
#: What has not changed is told again: Opencast takes an agent for gone after two hours.
BEAT_NS = 120 * SECOND
#: An answer that nothing has changed costs some hundred bytes.
CALENDAR_NS = 300 * SECOND
#: After a failure; doubled with each more.
AGAIN_NS, AGAIN_MOST_NS = 15 * SECOND, 300 * SECOND

#: Performs a request with the credential of the destination.
Exchange = Callable[[Request], Heard]


class OpencastCalendar:
    """How an Opencast is asked for an agent's bookings; for `CalendarSync`."""

    def __init__(self, url: str, name: str, exchange: Exchange) -> None:
        self._url = url
        self._name = name
        self._exchange = exchange
        self._scheduler = ""

    def __call__(self, _config: CalendarConfig, etag: str) -> Answer:
        """Raises BadCalendar."""
        scheduler, self._scheduler = self._scheduler, ""  # after a failure it may have moved
        try:
            if not scheduler:
                scheduler = drive(agent.service(self._url, agent.SCHEDULER), self._exchange)
            answer = drive(asked(agent.calendar(scheduler, self._name), etag), self._exchange)
        except SendError as error:
            raise BadCalendar(error.reason) from None
        self._scheduler = scheduler
        return answer


@dataclass(slots=True)
class _Turn:
    """When something is due, and how often it has failed in a row."""

    due_ns: int = 0
    failures: int = 0

    def failed(self, now_ns: int) -> None:
        wait_ns = min(AGAIN_NS << min(self.failures, 10), AGAIN_MOST_NS)
        self.due_ns, self.failures = now_ns + wait_ns, self.failures + 1

    def done(self, due_ns: int) -> None:
        self.due_ns, self.failures = due_ns, 0


class CaptureAgent:
    """One Opencast's agent, by its `name` there.

    `calendar` brings the room's copy of its bookings up to date; what is wrong stands in the copy.
    """

    def __init__(
        self,
        name: str,
        url: str,
        zone: str,
        exchange: Exchange,
        room: RoomSeen,
        told: Told,
        calendar: Callable[[Now], Calendar],
    ) -> None:
        self.name = name
        self._url = url
        self._zone = zone
        self._exchange = exchange
        self._room = room
        self._file = told
        self.calendar = calendar
        self._told: dict[str, str] | None = None
        self._admin = ""
        #: State and capabilities, as Opencast has heard them last.
        self._heard = ("", "")
        self._beat_ns = self._calendar_ns = 0
        self._turn = _Turn()

    def step(self, now: Now) -> str | None:
        """Tell and ask what is due. What is wrong, in words; "": nothing; None: nothing was due."""
        if now.mono_ns < self._turn.due_ns:
            return None
        try:
            if now.mono_ns >= self._calendar_ns:
                self._calendar_ns = now.mono_ns + CALENDAR_NS
                self.calendar(now)
            self._tell(now)
        except SendError as error:
            self._turn.failed(now.mono_ns)
            self._admin = ""  # it may have moved
            return error.reason
        except (sqlite3.Error, OSError) as error:
            self._turn.failed(now.mono_ns)
            return f"what is to be told cannot be read or kept here: {error}"
        self._turn.done(now.mono_ns + LOOK_NS)
        return ""

    def _tell(self, now: Now) -> None:
        told = self._file.read() if self._told is None else self._told
        self._told = told
        seen = self._room.look(told, now.utc)
        state = str(agent_state(seen))
        facts = agent.capabilities(seen.flavors, self._zone)
        has = json.dumps(facts, sort_keys=True) if seen.flavors else self._heard[1]
        news = [it for it in seen.booked if untold(it, told.get(it.event, ""))]
        if (state, has) == self._heard and not news and now.mono_ns < self._beat_ns:
            return
        if not self._admin:
            self._admin = self._run(agent.service(self._url, agent.ADMIN))
        self._run(agent.tell_state(self._admin, self.name, state))
        if has != self._heard[1]:
            self._run(agent.tell_capabilities(self._admin, self.name, facts))
        self._heard, self._beat_ns = (state, has), now.mono_ns + BEAT_NS
        for it in news:
            self._tell_event(it, told)

    def _tell_event(self, it: Booked, told: dict[str, str]) -> None:
        """An event that Opencast no longer has in its schedule is told of no more."""
        for state in untold(it, told.get(it.event, "")):
            self._run(agent.tell_recording(self._admin, it.event, state))
            told[it.event] = str(state)
            self._file.write(told)

    def _run(self, core: Core[T]) -> T:
        return drive(core, self._exchange)


def capture_agents(config: Config, secrets: Secrets) -> dict[str, CaptureAgent]:
    """For each Opencast that knows this room by a name, by calendar. Reads no secret yet."""
    return {
        agent_calendar(name): _agent(name, place, config, secrets)
        for name, place in config.destinations.items()
        if isinstance(place, OpencastDestination) and place.agent
    }


def _agent(
    destination: str, place: OpencastDestination, config: Config, secrets: Secrets
) -> CaptureAgent:
    spool, runtime = Spool(config.storage.spool), Runtime(config.storage.runtime)
    zone = config.schedule.zone
    way, server = opencast_way(place, secrets, _Unpaced())

    def exchange(request: Request) -> Heard:
        with Source(None) as nothing:
            return way.exchange(request, nothing, lambda _phase, _done: None)

    asking = OpencastCalendar(server.url, place.agent, exchange)
    name = agent_calendar(destination)
    copy = {name: CalendarConfig(url=place.url)}
    sync = CalendarSync(ScheduleStore(spool.schedule), copy, zone, asking)
    return CaptureAgent(
        place.agent,
        server.url,
        zone,
        exchange,
        RoomSeen(destination, spool, runtime, partial(is_held, runtime.agent_lock)),
        Told(spool.schedule / f"agent-{destination}.json"),
        partial(sync.sync, name),
    )


class _Unpaced:
    """Some hundred bytes need no pace."""

    def opened(self, sock: object) -> None: ...

    def tick(self, sock: object) -> None: ...
