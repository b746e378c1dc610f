"""Opencast's ingest, sans I/O: a lecture becomes one event, whose id is fixed beforehand.

The server keeps nothing in between: the media package that it returns at each step is the state,
and is noted here at once. A track goes whole or not at all. When the last expected file is in the
package it is ingested, once: an ingest in doubt is asked about before it is repeated.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from uploader import opencast_wire as wire
from uploader.exchange import Answer, Core, Lost, Memory, Request, Response, good, refusal
from uploader.opencast_notes import EVENT, Server, State, waits_for, with_refusal
from uploader.opencast_wire import Package
from uploader.sender import Artifact, Pending, Permanent, SendError, Transient

#: A package that Opencast no longer accepts is begun again this often.
BEGINNINGS = 3


@dataclass(frozen=True, slots=True)
class File:
    """What is to be added; `text` for the catalog, which goes as words."""

    artifact: Artifact
    text: str | None = None


class Ingest:
    """One lecture on its way. `expected`: the names of all its files that go there.

    `manifest` goes along with the ingest; the archive keeps it beside the media. `now` is UTC.
    `event`: its id there, where that is not the lecture's own: that of a booking.
    """

    def __init__(
        self,
        server: Server,
        memory: Memory,
        lecture: str,
        expected: Collection[str],
        manifest: bytes | None = None,
        now: str = "",
        event: str = "",
    ) -> None:
        self._now = now
        self._server = server
        self._memory = memory
        self._lecture = lecture
        self._event = event or lecture
        self._expected = expected
        self._manifest = manifest
        self.state = State.of(memory.get(lecture, EVENT))

    def holds(self, artifact: Artifact) -> bool:
        """These bytes are in the package."""
        return self.state.held.get(artifact.name) == artifact.sha256

    def deliver(self, file: File | None, artifact: Artifact) -> Core[None]:
        """Returns when Opencast has accepted the event with this file in it.

        `file` None: it is in the package already. Raises SendError; Pending when others are to
        come before the ingest.
        """
        if self.state.phase == "asked":
            yield from self._settle()
        elif self.state.blank and (yield from self.begun()):
            self._taken()  # our memory is lost, and it was handed over as a whole
        if self.state.phase == "taken":
            self._demand(artifact)
            return
        yield from self._find()
        if file is not None and not self.holds(artifact):
            if artifact.name in self.state.held:
                raise self._changed(artifact.name, "has changed")
            try:
                yield from self._add(file)
            except Permanent as error:
                self.refuse(artifact, error.reason)
                raise
        wanted = {*self._expected, artifact.name, wire.MANIFEST}
        if gone := self.state.held.keys() - wanted:
            raise self._changed(min(gone), "was taken out")
        if waits := waits_for(self.state, self._expected, self._now):
            raise Pending(
                f"{artifact.name} is there; Opencast begins with a lecture when all of it has "
                f"come, and {waits}"
            )
        yield from self._ingest()

    def refuse(self, artifact: Artifact, why: str) -> None:
        """This file cannot come: for a while its lecture waits for people to mend that."""
        if self.state.phase == "open":
            refused = with_refusal(self.state, artifact.name, why, self._now)
            self._note(replace(self.state, refused=refused))

    def begun(self) -> Core[bool | None]:
        """Whether Opencast has the event; None: this user may not ask."""
        answer = yield wire.ask_event(self._server.url, self._event)
        if isinstance(answer, Response) and answer.status in (401, 403):
            return None
        if isinstance(answer, Response) and answer.status == 404:
            return False
        return wire.has_begun(_good(answer, "asking for the event"))

    def archived(self, artifact: Artifact, md5: str) -> Core[bool | None]:
        """Whether its archive names these bytes; None: this user may not ask."""
        answer = yield wire.ask_media(self._server.url, self._event)
        if isinstance(answer, Response) and answer.status in (401, 403):
            return None
        if isinstance(answer, Response) and answer.status == 404:
            return False
        flavor = self._server.flavor(artifact.name)
        return wire.shows(_good(answer, "asking what it holds"), flavor, artifact.bytes, md5)

    # ------------------------------------------------------------ adding

    def _add(self, file: File) -> Core[None]:
        package = yield from self._package()
        name, flavor = file.artifact.name, self._server.flavor(file.artifact.name)
        if file.text is not None:
            text = wire.with_series(file.text, self._server.series)
            request = wire.add_catalog(self._server.ingest, package.text, flavor, text)
        else:
            request = wire.add_track(self._server.ingest, package.text, flavor, file.artifact)
        grown = yield from self._grown(request, package, name, flavor)
        held = {**self.state.held, name: file.artifact.sha256}
        refused = {other: said for other, said in self.state.refused.items() if other != name}
        self._note(replace(self.state, package=grown.text, held=held, refused=refused))

    def _grown(self, request: Request, before: Package, name: str, flavor: str) -> Core[Package]:
        answer = yield request
        if isinstance(answer, Response) and answer.status == 400:
            raise self._again(answer, f"adding {name}")
        added = _good(answer, f"adding {name}")
        after = wire.package_of(added.body.decode("utf-8", "replace"))
        if after is None or not after.grown_from(before, flavor):
            raise Transient(
                f"adding {name}: Opencast's answer is not the lecture with one more file; "
                "check what stands between here and there"
            )
        return after

    def _package(self) -> Core[Package]:
        """The package to go on with: remembered, or new."""
        known = wire.package_of(self.state.package) if self.state.package else None
        if known is not None and known.id == self._event:
            return known
        answer = yield wire.create(self._server.ingest, self._event)
        made = wire.package_of(_good(answer, "beginning the lecture").body.decode("utf-8"))
        if made is None or made.id != self._event:
            raise Transient(
                "beginning the lecture: Opencast's answer is no media package of it; "
                "check the address of this destination"
            )
        beginnings, refused = self.state.beginnings, self.state.refused
        self._note(State(package=made.text, beginnings=beginnings, refused=refused))
        return made

    def _again(self, answer: Response, what: str) -> SendError:
        """Opencast refuses the package, as when its working files are gone: all is sent anew."""
        beginnings = self.state.beginnings + 1
        refused = refusal(answer, what)
        if beginnings >= BEGINNINGS:
            self._note(State(refused=self.state.refused))
            return refused
        self._note(State(beginnings=beginnings, refused=self.state.refused))
        return Transient(f"{refused.reason}; the lecture is begun again")

    def _changed(self, name: str, how: str) -> Transient:
        """A media package takes a second catalog beside the first; a new one has only the last."""
        self._note(State(beginnings=self.state.beginnings, refused=self.state.refused))
        return Transient(f"{name} {how} since Opencast got it; the lecture is begun again")

    def _find(self) -> Core[None]:
        """Where ingest is now. A registry that does not answer changes nothing."""
        answer = yield wire.find_service(self._server.url)
        found = None
        if isinstance(answer, Lost):
            raise Transient(answer.reason)
        if answer.status in (401, 403):
            raise _refused(answer, "asking where to ingest")
        if answer.ok:
            found = wire.service_address(answer, self._server.url)
        self._server.ingest = found or self._server.ingest or f"{self._server.url}/ingest"

    # ------------------------------------------------------------ ingest, once

    def _ingest(self) -> Core[None]:
        package = yield from self._package()
        if self._manifest is not None and wire.MANIFEST not in self.state.held:
            package = yield from self._attach(package, self._manifest)
        self._note(replace(self.state, phase="asked"))
        server = self._server
        answer = yield wire.ingest(server.ingest, package.text, server.workflow, server.settings)
        if isinstance(answer, Response) and answer.ok and wire.is_workflow(answer):
            self._taken()
        elif isinstance(answer, Response) and answer.status == 400 and not self.state.repeated:
            raise self._again(answer, "handing the lecture over")
        elif isinstance(answer, Response) and _never_heard(answer):
            self._note(replace(self.state, phase="open"))
            raise _refused(answer, "handing the lecture over")
        else:
            raise Transient(_doubt(answer))

    def _attach(self, package: Package, data: bytes) -> Core[Package]:
        flavor = wire.MANIFEST_FLAVOR
        request = wire.add_attachment(
            self._server.ingest, package.text, flavor, (wire.KEPT,), wire.MANIFEST, data
        )
        grown = yield from self._grown(request, package, wire.MANIFEST, flavor)
        held = {**self.state.held, wire.MANIFEST: ""}
        self._note(replace(self.state, package=grown.text, held=held))
        return grown

    def _settle(self) -> Core[None]:
        """Was the ingest heard? Where nobody may ask, it is repeated once, and not again.

        Opencast refuses a second one while it works on the first, and the event stays one.
        """
        begun = yield from self.begun()
        if begun:
            self._taken()
        elif begun is False:
            self._note(replace(self.state, phase="open"))
        elif self.state.repeated:
            raise Pending(
                f"Opencast has not said whether it took the lecture; look for the event "
                f"{self._event} there, and {ROLE}"
            )
        else:
            self._note(replace(self.state, phase="open", repeated=True))

    def _taken(self) -> None:
        self._note(State("taken", "", self.state.held, refused=self.state.refused))

    def _demand(self, artifact: Artifact) -> None:
        """An event that was handed over without our remembering it holds what it holds."""
        if self.state.held and not self.holds(artifact):
            raise Permanent(
                "Opencast has this lecture already and takes no further file for it; add "
                f"{artifact.name} there by hand if it is wanted"
            )

    def _note(self, state: State) -> None:
        self.state = state
        self._memory.put(self._lecture, EVENT, asdict(state))


#: What people can do where Opencast may not be asked.
ROLE = (
    "give this room's user the roles ROLE_API, ROLE_API_EVENTS_VIEW and ROLE_API_EVENTS_MEDIA_VIEW"
)


def _never_heard(answer: Response) -> bool:
    """Refused before ingest itself was reached. A 500 or a proxy's 502 and 504 say nothing."""
    return answer.status != 400 and (300 <= answer.status < 500 or answer.status == 503)


def _doubt(answer: Answer) -> str:
    if isinstance(answer, Lost):
        return answer.reason
    if answer.ok:
        return "handing the lecture over: Opencast's answer cannot be understood"
    return refusal(answer, "handing the lecture over").reason


def _refused(answer: Response, what: str) -> SendError:
    refused = refusal(answer, what)
    if answer.status == 403:  # people mend it, for all files alike
        return Transient(f"{refused.reason}; this room's user needs the role ROLE_CAPTURE_AGENT")
    if answer.status in (301, 302, 303):
        return Transient(f"{what}: Opencast asks to sign in; check this destination's credential")
    return refused


def _good(answer: Answer, what: str) -> Response:
    return good(answer, what, _refused)
