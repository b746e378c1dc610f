"""A capture agent at an Opencast, sans I/O: where the services are, and what they are told.

The core never calls the agent: whatever it knows of a room has been posted by that room. From the
developers' guide (architecture/capture-agent/capture-agent.md) and the REST end points behind it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from uploader import opencast_wire as wire
from uploader.exchange import Core, Lost, Response, good, refusal
from uploader.sender import SendError, Transient

ADMIN = "org.opencastproject.capture.admin"
SCHEDULER = "org.opencastproject.scheduler"
#: Where a stock Opencast has them, for one whose registry says nothing.
_STOCK = {ADMIN: "/capture-admin", SCHEDULER: "/recordings"}


def service(base: str, kind: str) -> Core[str]:
    """The address of a service by Opencast's own registry. Raises Transient without an answer."""
    answer = yield wire.find_service(base, kind)
    if isinstance(answer, Lost):
        raise Transient(answer.reason)
    if answer.status in (301, 302, 303, 401, 403):
        raise _refused(answer, "asking where the services are")
    found = wire.service_address(answer, base) if answer.ok else None
    return found or f"{base}{_STOCK[kind]}"


def tell_state(admin: str, agent: str, state: str) -> Core[None]:
    """Registers the agent too."""
    answer = yield wire.post_form(f"{admin}/agents/{quote(agent, safe='')}", {"state": state})
    good(answer, "telling Opencast of this room", _refused)


def tell_capabilities(admin: str, agent: str, facts: Mapping[str, str]) -> Core[None]:
    """What the agent has, by the keys of the guide. Only for an agent that is registered."""
    words = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    url = f"{admin}/agents/{quote(agent, safe='')}/configuration"
    answer = yield wire.post_form(url, {"configuration": words})
    good(answer, "telling Opencast what this room has", _refused)


def tell_recording(admin: str, event: str, state: str) -> Core[bool]:
    """False: Opencast has no such event in its schedule (any more)."""
    url = f"{admin}/recordings/{quote(event, safe='')}"
    answer = yield wire.post_form(url, {"state": state})
    if isinstance(answer, Response) and answer.status == 404:
        return False
    good(answer, f"telling Opencast that an event is {state}", _refused)
    return True


def calendar(scheduler: str, agent: str) -> str:
    """The address of the room's calendar. Times in it are UTC; a UID is the event's id."""
    return f"{scheduler}/calendars?{urlencode({'agentid': agent})}"


def capabilities(tracks: Mapping[str, str], zone: str) -> dict[str, str]:
    """`tracks`: flavor by name. `zone`: the room's, for those who schedule."""
    facts = {"capture.device.names": ",".join(tracks)}
    facts |= {f"capture.device.{name}.flavor": flavor for name, flavor in tracks.items()}
    return facts | ({"capture.device.timezone": zone} if zone else {})


def _refused(answer: Response, what: str) -> SendError:
    """People can mend all of it, so none of it is final."""
    refused = refusal(answer, what)
    if answer.status == 403:
        return Transient(f"{refused.reason}; this room's user needs the role ROLE_CAPTURE_AGENT")
    if answer.status in (301, 302, 303):
        return Transient(f"{what}: Opencast asks to sign in; check this destination's credential")
    return Transient(refused.reason)
