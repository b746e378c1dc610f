"""What an S3 store keeps of its promises (see `uploader.probe`). Pure."""

from __future__ import annotations

from dataclasses import replace

from uploader import probe
from uploader import s3_wire as wire
from uploader.exchange import Core, Lost, Piece, Response, refusal
from uploader.probe import Finding, Stop, Verdict, absent, broken, good, heard, kept
from uploader.receipts import Terms
from uploader.s3 import Door, look, one
from uploader.s3_destination import PLATFORMS_RECEIPT
from uploader.s3_wire import Sum
from uploader.sender import Artifact, SendError

#: A part that takes longer than this, seconds, is worth a word: links that thin are often cut.
LONG_PART_S = 60.0


class S3Probe:
    """One test file under its own key."""

    def __init__(
        self,
        door: Door,
        key: str,
        lecture: str,
        artifact: Artifact,
        data: bytes,
        terms: Terms | None,
        *,
        pieces: bool = False,
    ) -> None:
        """`pieces`: files will come in pieces."""
        self._door = door
        self._key = key
        self._lecture = lecture
        self._artifact = artifact
        self._data = data
        self._terms = terms
        self._sum = wire.summed([data], Piece(0, len(data)))
        self._pieces = pieces
        self._there = False
        #: It refuses bytes with a wrong SHA-256 alone.
        self._checks = False

    def exchange(self) -> Core[list[Finding]]:
        """All that can be told before the receipt."""
        findings: list[Finding] = []
        try:
            for step in (
                self._reach,
                self._damaged,
                self._put,
                self._once,
                self._proof,
                self._stretches if self._pieces else self._parts,
            ):
                findings += yield from step()
        except Stop as stop:
            return [*findings, stop.finding]
        except SendError as error:
            return [*findings, broken("takes files", error.reason)]
        return findings

    def receipt(self) -> Core[list[Finding]]:
        """Ask once for the platform's; nothing while there is none yet."""
        if self._terms is None:
            return []
        [request] = yield from self._door.requests([wire.get_beside(PLATFORMS_RECEIPT)])
        return (yield from probe.receipt(request, self._lecture, self._artifact, self._terms))

    def tidy(self) -> Core[list[Finding]]:
        """Take the test file away; that we cannot is a good sign."""
        if not self._there:
            return []
        stays = f"the test file stays there: {self._key}"
        try:
            answer = yield from one(self._door, wire.delete())
        except SendError:
            return [
                kept("rights", "the platform gives no leave to delete"),
                absent("clean-up", stays),
            ]
        if isinstance(answer, Response) and answer.ok:
            words = "this room may delete: a stolen PC could erase lectures; take that right away"
            return [broken("rights", words), kept("clean-up", "the test file was taken away")]
        return [kept("rights", "this room may not delete"), absent("clean-up", stays)]

    def _reach(self) -> Core[list[Finding]]:
        answer = yield from one(self._door, wire.head())
        if isinstance(answer, Lost):
            raise Stop(broken("reachable", answer.reason))
        if answer.status == 403:
            words = "the store refuses us (403): check the credential, and that it may ListBucket"
            raise Stop(broken("credential", words))
        if answer.status != 404 and not answer.ok:
            raise Stop(broken("reachable", refusal(answer, "asking for a file").reason))
        return [kept("reachable", f"it answers within {answer.seconds * 1000:.0f} ms")]

    def _damaged(self) -> Core[list[Finding]]:
        """A body whose digests are of other bytes must be refused; some look at the MD5 alone."""
        lie = wire.summed([bytes(len(self._data))], self._sum.piece)
        for wrong in (lie, replace(lie, md5=self._sum.md5)):
            answer = heard((yield from self._call(wrong, only_new=False)), "with wrong digests")
            self._checks = not answer.ok
            if answer.ok:
                break
        can = kept("credential", "it lets us write")
        if self._checks:
            return [can, kept("checksum", "bytes with a wrong checksum are refused")]
        self._there = True
        if wrong is lie:
            words = "it takes bytes whose checksum is wrong; what it holds is compared afterwards"
            return [can, broken("checksum", words)]
        words = (
            "a wrong MD5 is refused, a wrong SHA-256 is not: what it says of that proves nothing"
        )
        return [can, kept("checksum", words)]

    def _put(self) -> Core[list[Finding]]:
        answer = good((yield from self._call(self._sum, only_new=False)), "putting a file")
        self._there = True
        return [
            kept("takes files", "the test file arrived"),
            probe.speed(len(self._data), [answer]),
            *([] if self._pieces else thin(len(self._data), answer.seconds)),
        ]

    def _once(self) -> Core[list[Finding]]:
        """If-None-Match on what is there must be refused."""
        answer = heard((yield from self._call(self._sum, only_new=True)), "putting it again")
        if answer.status == 412:
            return [kept("create once", "a file that is there is never replaced")]
        tail = "our names contain the checksum, so nothing else can take their place"
        if answer.ok:
            return [broken("create once", f"it ignores If-None-Match without a word; {tail}")]
        if wire.error_code(answer) in wire.NO_CONDITIONS or answer.status == 501:
            return [absent("create once", f"it says that it cannot do If-None-Match; {tail}")]
        return [Finding("create once", Verdict.UNKNOWN, refusal(answer, "putting it again").reason)]

    def _proof(self) -> Core[list[Finding]]:
        held = yield from look(self._door)
        if held is None or held.bytes != len(self._data):
            raise Stop(broken("proof", "what was just put is not there, or has another size"))
        if held.checksum and self._checks:
            if held.checksum != self._sum.sha256_text:
                raise Stop(broken("proof", "its checksum is not that of what was put"))
            return [kept("proof", "it proves what it holds with its own SHA-256")]
        if held.etag == wire.etag_of([self._sum]):
            return [kept("proof", "it proves what it holds with an MD5")]
        words = (
            "it proves nothing: every file is read back whole, which takes the link as long again"
        )
        return [absent("proof", words)]

    def _parts(self) -> Core[list[Finding]]:
        """A part that has arrived must be known to the store, though we had forgotten it."""
        began = yield from one(self._door, wire.create("application/octet-stream"))
        upload = wire.upload_id(good(began, "beginning an upload in parts"))
        try:
            finding = yield from self._listed(upload)
        except Stop as stop:
            finding = stop.finding
        yield from one(self._door, wire.abort(upload))
        return [finding]

    def _stretches(self) -> Core[list[Finding]]:
        """Pieces that have arrived must be found again, though we had forgotten them."""
        answer = yield from one(self._door, wire.list_stretches(self._key))
        if isinstance(answer, Response) and answer.ok:
            return [kept("resume", "pieces that have arrived are found again")]
        words = (
            "it does not list what it holds (ListObjectsV2, s3:ListBucket): a file that is broken "
            "off begins anew"
        )
        return [absent("resume", words)]

    def _listed(self, upload: str) -> Core[Finding]:
        part = replace(wire.put_part(upload, 1, self._sum), body=self._data)
        good((yield from one(self._door, part)), "sending a part")
        listed = good((yield from one(self._door, wire.list_parts(upload))), "listing parts")
        there, _ = wire.parts_of(listed)
        if there.get(1, (0, ""))[0] != len(self._data):
            return broken("resume", "it does not list the part that it has just taken")
        uploads = yield from one(self._door, wire.list_uploads(self._key))
        if (
            isinstance(uploads, Response)
            and uploads.ok
            and wire.upload_of(uploads, self._key) == upload
        ):
            return kept("resume", "what has arrived is found again, even if this PC forgets it")
        words = "parts are found again, but not by a PC that has lost its memory: it begins anew"
        return absent("resume", words)

    def _call(self, digests: Sum, *, only_new: bool) -> Core[Response | Lost]:
        call = wire.put(digests, self._artifact.media_type, only_new=only_new)
        return (yield from one(self._door, replace(call, body=self._data)))


def thin(count: int, seconds: float) -> list[Finding]:
    """What a link this slow means for parts; `count` bytes took so long."""
    part_s = wire.LEAST_PART * seconds / count
    if part_s < LONG_PART_S:
        return []
    words = (
        f"a part of {wire.LEAST_PART >> 20} MiB takes about {part_s:.0f} s and goes again when it "
        "is cut; if that is often, set pieces_kib where the platform joins pieces, or use tus"
    )
    return [absent("thin link", words)]
