"""What a destination promises and what it keeps, found by trial at set-up. Pure; no I/O.

Each probe is a protocol's core that sends a small file of its own, breaks the rules once where a
server must notice it, and returns findings for people. It leaves nothing behind where the protocol
lets it, and says so where not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from uploader import receipts
from uploader.exchange import Answer, Core, Lost, Request, Response, refusal
from uploader.receipts import Damaged, Terms
from uploader.sender import Artifact, Pending, SendError
from uploader.signing import Worthless

#: Large enough to be divided, small enough for the thinnest link.
TEST_BYTES = 128 << 10
NAME = "edge-agent-test.bin"


class Verdict(StrEnum):
    KEPT = "kept"
    BROKEN = "broken"  # promised or needed, and not so
    ABSENT = "absent"  # not offered; works without
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise and what came of it."""

    promise: str
    verdict: Verdict
    words: str


class Stop(Exception):
    """Nothing more can be found out; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.words)
        self.finding = finding


def kept(promise: str, words: str) -> Finding:
    return Finding(promise, Verdict.KEPT, words)


def broken(promise: str, words: str) -> Finding:
    return Finding(promise, Verdict.BROKEN, words)


def absent(promise: str, words: str) -> Finding:
    return Finding(promise, Verdict.ABSENT, words)


def heard(answer: Answer, what: str) -> Response:
    """An answer that is neither lost nor about credentials. Raises Stop."""
    if isinstance(answer, Lost):
        raise Stop(broken("reachable", answer.reason))
    if answer.status in (401, 403, 407):
        raise Stop(broken("credential", refusal(answer, what).reason))
    return answer


def good(answer: Answer, what: str) -> Response:
    """An answer that says yes. Raises Stop."""
    response = heard(answer, what)
    if not response.ok:
        raise Stop(broken("takes files", refusal(response, what).reason))
    return response


def speed(count: int, answers: Iterable[Response]) -> Finding:
    """Of the test's own bytes; too few for more than a first idea of the link."""
    seconds = sum(answer.seconds for answer in answers)
    if seconds <= 0:
        return Finding("speed", Verdict.UNKNOWN, "too fast to be measured with a small file")
    rate = count / seconds / 1024
    hours = (2 << 20) / rate / 3600
    return kept("speed", f"about {rate:.0f} KiB/s up: 2 GiB take about {hours:.1f} hours")


def receipt(
    request: Request, lecture: str, artifact: Artifact, terms: Terms
) -> Core[list[Finding]]:
    """Ask once; nothing while there is none yet."""
    answer = yield request
    if isinstance(answer, Lost):
        return [broken("receipts", answer.reason)]
    if answer.status in (202, 204, 404):
        return []
    if not answer.ok:
        return [broken("receipts", refusal(answer, "asking for the receipt").reason)]
    try:
        found = receipts.judged(answer.body, lecture, artifact, terms)
    except Worthless as error:
        return [broken("receipts", f"the receipt {error.reason}")]
    except Damaged:
        return [broken("receipts", "the receipt speaks of other bytes than those that were sent")]
    except Pending:
        return []
    except SendError as error:
        return [broken("receipts", error.reason)]
    if found is None:
        return []
    findings = [kept("receipts", f"one came, and says {found['state']}")]
    if terms.keys:
        return [*findings, kept("signed", "it is signed with a configured key")]
    words = "receipts are believed without a signature; set receipt_keys if the platform signs"
    return [*findings, absent("signed", words)]


def no_receipt(needed: bool) -> list[Finding]:
    """For people who have waited in vain."""
    if not needed:
        words = "none is asked for: the server's word is all there is"
        return [absent("receipts", words)]
    words = "none came for the test file within some seconds; ask those who run the platform"
    return [Finding("receipts", Verdict.UNKNOWN, words)]


def meaning(kind: str, findings: Iterable[Finding]) -> str:
    """What all that says about the copies in the room."""
    found = {each.promise: each.verdict for each in findings}
    if any(found.get(name) is Verdict.BROKEN for name in ("reachable", "tls", "credential")):
        return "Nothing can be sent there yet."
    if found.get("takes files") is Verdict.BROKEN:
        return "It takes no files: nothing can be sent there yet."
    if any(found.get(name) is Verdict.BROKEN for name in ("proof", "resume", "rename", "sync")):
        return (
            "It does not do what delivery relies on: have that mended before lectures depend on it."
        )
    if found.get("receipts") is Verdict.BROKEN:
        return "Its receipts do not count: lectures will be sent and stay undelivered here."
    if found.get("signed") is Verdict.KEPT:
        return "A lecture counts as delivered when the platform has signed for it."
    if kind in ("s3", "folder"):
        return "A lecture counts as delivered when its bytes were compared there."
    if kind == "opencast":
        return "A lecture counts as delivered when Opencast has accepted all of it, as one event."
    if found.get("receipts") is Verdict.KEPT:
        return (
            "A lecture counts as delivered when the platform says that it holds it; nothing signed."
        )
    if kind == "tus" and found.get("receipts") is Verdict.ABSENT:
        return (
            "A lecture counts as delivered when the server has acknowledged its bytes; nobody "
            "reads them again, so keep the copies here."
        )
    return "Whether a lecture was received can only be seen with the first one."
