"""The process that asks calendars for the room's bookings: `edge-agent schedule run`.

Whatever it meets (no network, a sign-in page, a calendar that is none or says nothing) the copy in
the spool stays, with a sentence of what is wrong. It never touches the ledger; what it writes is
read by the supervisor, which begins lectures whether this process lives or not.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import FrameType

from edge_agent import __version__
from edge_agent.calendars import BadCalendar, Wishes, fingerprint, is_stale, taken_over
from edge_agent.clock import Clock, Now, SystemClock
from edge_agent.config import Config
from edge_agent.config_schedule import CalendarConfig
from edge_agent.destinations import authorization
from edge_agent.locks import only_one
from edge_agent.schedule_store import BadStore, Calendar, ScheduleStore
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from edge_agent.systemd import notify
from uploader.exchange import Core, Lost, Request, Response, words_of
from uploader.http import Http, Patience
from uploader.sender import SendError

#: A whole answer takes no longer, however slowly its bytes come.
ANSWER_S = 120.0
#: That a calendar was asked and has not changed is written down this often.
CHECKED = timedelta(hours=1)
TICK_S = 1.0
#: A clock that is not set, and a question that has just been asked, get so much time at least.
WAIT_S = 20.0
_PATIENCE = Patience(connect=20.0, write=30.0, read=30.0)
CLOCK_UNSET = "the clock of this PC is not set, so calendars are not asked"


class Overdue(Exception):
    """The answer takes too long as a whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` None: nothing has changed."""

    body: bytes | None
    etag: str


#: How a calendar is asked: its configuration and the mark of what is known. Raises BadCalendar.
Ask = Callable[[CalendarConfig, str], Answer]


class CalendarSync:
    """Asks one calendar at a time and keeps what it says."""

    def __init__(
        self, store: ScheduleStore, calendars: Mapping[str, CalendarConfig], zone: str, ask: Ask
    ) -> None:
        self._store = store
        self._calendars = calendars
        self._zone = zone
        self._ask = ask

    def sync(self, name: str, now: Now) -> Calendar:
        """The calendar as it is afterwards, with its trouble if there is one. Raises OSError."""
        config, known = self._calendars[name], self._known(name)
        old = known or Calendar(name, "url")
        try:
            if now.trust == "unset":
                raise BadCalendar(CLOCK_UNSET)
            new = self._fresh(config, known, replace(old, kind="url"), now.utc)
        except BadCalendar as error:
            new = replace(old, trouble=str(error))
        new = replace(new, checked_utc=now.utc_text)
        if known is None or self._tells(known, new, now.utc):
            with self._store.changing():
                self._store.put(new)
        return new

    def _fresh(
        self, config: CalendarConfig, known: Calendar | None, old: Calendar, now: datetime
    ) -> Calendar:
        wishes = Wishes(self._zone, config.location)
        again = known is None or is_stale(known, now)
        answer = self._ask(config, "" if again else old.etag)
        if answer.body is None:
            return replace(old, trouble="")
        if not again and fingerprint(answer.body, wishes) == old.sha256:
            return replace(old, etag=answer.etag, trouble="")
        return replace(taken_over(known, old, answer.body, wishes, now), etag=answer.etag)

    def _known(self, name: str) -> Calendar | None:
        """A damaged copy is fetched anew."""
        try:
            return self._store.calendar(name)
        except BadStore:
            return None

    def _tells(self, known: Calendar, new: Calendar, now: datetime) -> bool:
        if replace(known, checked_utc="") != replace(new, checked_utc=""):
            return True
        return not known.checked_utc or now - datetime.fromisoformat(known.checked_utc) >= CHECKED


def asking(secrets: Secrets, monotonic: Callable[[], float] = time.monotonic) -> Ask:
    """Over the network, with the credential that the configuration names."""

    def ask(config: CalendarConfig, etag: str) -> Answer:
        deadline = monotonic() + ANSWER_S

        def progress(*_: object) -> None:
            if monotonic() > deadline:
                raise Overdue

        http = Http(
            config.url,
            ca_file=config.ca_file,
            dress=authorization(config.auth, config.credential, secrets),
            patience=_PATIENCE,
            agent=f"edge-agent/{__version__}",
        )
        try:
            return http.run(asked(config.url, etag), None, progress)
        except Overdue:
            raise BadCalendar("its server answers too slowly; check the network") from None
        except SendError as error:
            raise BadCalendar(_ours(error.reason)) from None
        finally:
            http.close()

    return ask


def asked(url: str, etag: str) -> Core[Answer]:
    """One question. The mark goes back byte for byte: Opencast's has no quotes. Pure."""
    headers = {"Accept": "text/calendar, */*;q=0.1"}
    answer = yield Request("GET", url, headers | ({"If-None-Match": etag} if etag else {}))
    if isinstance(answer, Lost):
        raise BadCalendar(_ours(answer.reason))
    if answer.status == 304 and etag:
        return Answer(None, etag)
    if answer.status != 200:
        raise BadCalendar(_refused(answer))
    return Answer(answer.body, answer.headers.get("etag", ""))


def _refused(answer: Response) -> str:
    said = words_of(answer)
    words = f"its server answers {answer.status}" + (f": {said}" if said else "")
    what = "credential" if answer.status in (401, 403, 407) else "address"
    return f"{words}; check the calendar's {what}"


def _ours(reason: str) -> str:
    """The sentences of the uploads speak of destinations."""
    return reason.replace("destination", "calendar")


def lateness_s(room: str, every_s: float) -> float:
    """When in its turn a room asks: ten thousand rooms must not ask in the same second."""
    share = int.from_bytes(hashlib.sha256(room.encode()).digest()[:8]) / (1 << 64)
    return share * every_s


def run(config: Config, secrets: Secrets, clock: Clock | None = None) -> int:
    """Ask all calendars in their turn until SIGTERM or SIGINT. Raises AlreadyRunning, OSError."""
    stop = threading.Event()

    def asked_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked_to_stop)
    with only_one(Runtime(config.storage.runtime).schedule_lock, "timetable"):
        notify("READY=1")
        _loop(config, secrets, clock or SystemClock(), stop)
        notify("STOPPING=1")
    return 0


def _loop(config: Config, secrets: Secrets, clock: Clock, stop: threading.Event) -> None:
    """At the start all at once: a room that was off wants to know; then each in its own turn."""
    store = ScheduleStore(Spool(config.storage.spool).schedule)
    sync = CalendarSync(store, config.calendars, config.schedule.zone, asking(secrets))
    due = dict.fromkeys(config.calendars, 0.0)
    began, told = clock.mono_ns() / 1e9, dict.fromkeys(config.calendars, "")
    while not stop.is_set():
        notify("WATCHDOG=1")
        for name, each in config.calendars.items():
            now = clock.now()
            if now.mono_ns / 1e9 < due[name] or stop.is_set():
                continue
            notify("WATCHDOG=1")
            trouble = _kept(sync, name, now)
            if trouble != told[name]:
                print(f"calendar {name}: {trouble or 'in order'}", flush=True)
            told[name] = trouble
            soon = clock.mono_ns() / 1e9 + WAIT_S
            due[name] = soon if now.trust == "unset" else _next(soon, began, config, each)
        stop.wait(TICK_S)


def _kept(sync: CalendarSync, name: str, now: Now) -> str:
    """What is wrong with a calendar, or with the disk that is to keep it."""
    try:
        return sync.sync(name, now).trouble
    except OSError as error:
        return f"the copy cannot be written: {error.strerror or error}"


def _next(now_s: float, began_s: float, config: Config, calendar: CalendarConfig) -> float:
    """The room's own moment in the next turn."""
    every = calendar.every_minutes * 60
    turns = int((now_s - began_s) // every) + 1
    return began_s + turns * every + lateness_s(config.room.name, every / 2)
