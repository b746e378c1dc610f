"""What an Opencast lets this room do (see `uploader.probe`). Pure.

A test file is added to a media package that is then discarded: an event never comes of it.
"""

from __future__ import annotations

from uploader import opencast_wire as wire
from uploader import probe
from uploader.exchange import Core, Response
from uploader.opencast import ROLE
from uploader.opencast_notes import Server
from uploader.probe import Finding, Stop, absent, broken, good, heard, kept
from uploader.sender import Artifact, Transient

FLAVOR = "edge-agent/test"


class OpencastProbe:
    """`proof`: the destination is configured to ask the archive for checksums."""

    def __init__(self, server: Server, event: str, artifact: Artifact, *, proof: bool) -> None:
        self._server = server
        self._event = event
        self._artifact = artifact
        self._proof = proof
        self._package = ""
        self._ingest = ""

    def exchange(self) -> Core[list[Finding]]:
        """All that can be told without an event."""
        findings: list[Finding] = []
        try:
            for step in (self._reach, self._create, self._add, self._ask):
                findings += yield from step()
        except Stop as stop:
            return [*findings, stop.finding]
        words = "a file that is cut begins anew; those that have come are kept"
        return [*findings, absent("resume", words)]

    def receipt(self) -> Core[list[Finding]]:
        """There is none without an event."""
        return []
        yield  # makes it a generator, one that asks nobody

    def tidy(self) -> Core[list[Finding]]:
        if not self._package:
            return []
        answer = yield wire.discard(self._ingest, self._package)
        if isinstance(answer, Response) and answer.ok:
            return [kept("clean-up", "the test file was taken away")]
        words = f"a test file stays among the working files, under {self._event}"
        return [absent("clean-up", words)]

    def _reach(self) -> Core[list[Finding]]:
        answer = heard((yield wire.find_service(self._server.url)), "asking where to ingest")
        if 300 <= answer.status < 400:
            raise Stop(broken("credential", "it asks to sign in; check the credential"))
        self._ingest = f"{self._server.url}/ingest"
        try:
            named = wire.service_address(answer, self._server.url) if answer.ok else None
        except Transient as error:
            raise Stop(broken("takes files", error.reason)) from error
        words = f"it answers within {answer.seconds * 1000:.0f} ms"
        if named is None:
            return [kept("reachable", f"{words}; its registry names no ingest service")]
        self._ingest = named
        return [kept("reachable", f"{words} and takes lectures at {named}")]

    def _create(self) -> Core[list[Finding]]:
        answer = good((yield wire.create(self._ingest, self._event)), "beginning a lecture")
        made = wire.package_of(answer.body.decode("utf-8", "replace"))
        if made is None or made.id != self._event:
            words = "what answers gives no media package; check the url of this destination"
            raise Stop(broken("takes files", words))
        self._package = made.text
        return [kept("credential", "it lets us begin a lecture")]

    def _add(self) -> Core[list[Finding]]:
        request = wire.add_track(self._ingest, self._package, FLAVOR, self._artifact)
        answer = good((yield request), "adding the test file")
        grown = wire.package_of(answer.body.decode("utf-8", "replace"))
        if grown is None or FLAVOR not in [flavor for _, flavor in grown.elements.values()]:
            raise Stop(broken("takes files", "the test file is not in its answer"))
        self._package = grown.text
        return [
            kept("takes files", "the test file arrived"),
            probe.speed(self._artifact.bytes, [answer]),
        ]

    def _ask(self) -> Core[list[Finding]]:
        """An event that does not exist: whoever may ask is told so."""
        requests = (
            wire.ask_event(self._server.url, self._event),
            wire.ask_media(self._server.url, self._event),
        )
        for request in requests:
            answer = yield request
            if not (isinstance(answer, Response) and answer.status in (200, 404)):
                words = f"it does not say what it holds; {ROLE}"
                found = broken if self._proof else absent
                return [found("proof", words)]
        return [kept("proof", "it may be asked what it holds")]
