"""Calendars asked over the network, and the room's copy of each brought up to date.

Whatever an answer is (none, a sign-in page, a calendar that says nothing) the copy stays, with a
sentence of what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge_agent import __version__
from edge_agent.calendars import BadCalendar, Wishes, fingerprint, is_stale, taken_over
from edge_agent.clock import Now
from edge_agent.config_schedule import CalendarConfig
from edge_agent.destinations import authorization
from edge_agent.schedule_store import BadStore, Calendar, ScheduleStore
from edge_agent.secrets import Secrets
from uploader.exchange import Core, Lost, Request, Response, words_of
from uploader.http import Http, Patience
from uploader.sender import SendError

#: A whole answer takes no longer, however slowly its bytes come.
ANSWER_S = 120.0
#: That a calendar was asked and has not changed is written down this often.
CHECKED = timedelta(hours=1)
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
