"""The trial of a destination finds what it breaks, believes what it keeps, and leaves nothing."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.probe_words import ABSENT, BROKEN, KEPT, UNKNOWN, verdicts, words
from tests.s3_room import BUCKET, artifact_of
from tests.simulated_store import Store, Stored
from tests.tus_model import RECEIPTS, URL, Model
from uploader import probe_folder as folders
from uploader.exchange import Answer, Lost, Request, Response, drive
from uploader.keys import Key
from uploader.probe import TEST_BYTES, Finding, Verdict, meaning
from uploader.probe_s3 import S3Probe
from uploader.probe_tus import TusProbe
from uploader.receipts import Terms
from uploader.s3_doors import SignedDoor
from uploader.signing import RECEIPT, sealed
from uploader.tus import Server as TusServer

DATA = random.Random(23).randbytes(TEST_BYTES)
FILE = artifact_of(DATA)
LECTURE = "edge-agent-test-1"
OURS = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
TERMS = Terms("verified", (Key("2026", OURS.public_key().public_bytes_raw()),))
Exchange = Callable[[Request], Answer]


# ---------------------------------------------------------------- tus


def tus(exchange: Exchange, terms: Terms | None = None) -> list[Finding]:
    server = TusServer(URL, RECEIPTS, terms or Terms())
    made = TusProbe(server, LECTURE, FILE)
    return [
        *drive(made.exchange(), exchange),
        *drive(made.receipt(), exchange),
        *drive(made.tidy(), exchange),
    ]


def test_a_server_that_keeps_everything_is_believed_and_left_clean() -> None:
    model = Model(DATA, extensions="creation,termination,checksum")
    model.instead = [("PATCH", 460, {})]
    found = tus(model.exchange)
    assert verdicts(found) == {
        "reachable": KEPT,
        "credential": KEPT,
        "checksum": KEPT,
        "resume": KEPT,
        "takes files": KEPT,
        "speed": KEPT,
        "receipts": KEPT,
        "signed": ABSENT,
        "clean-up": KEPT,
    }
    assert model.uploads == {}


def at_wrong_places(model: Model) -> Exchange:
    """Takes bytes wherever they are said to belong, as one real server does."""

    def exchange(request: Request) -> Answer:
        if request.method == "PATCH" and request.headers["Upload-Offset"] not in (
            "0",
            str(TEST_BYTES // 2),
        ):
            return Response(204)
        return model.exchange(request)

    return exchange


def forgetting(model: Model) -> Exchange:
    def exchange(request: Request) -> Answer:
        answer = model.exchange(request)
        if request.method == "HEAD" and isinstance(answer, Response):
            return replace(answer, headers={"upload-offset": "0"})
        return answer

    return exchange


def test_what_a_tus_server_breaks_is_found() -> None:
    ignoring = tus(Model(DATA, extensions="creation,checksum").exchange)
    assert verdicts(ignoring)["checksum"] is BROKEN
    assert "takes bytes whose checksum is wrong" in words(ignoring, "checksum")
    assert verdicts(tus(at_wrong_places(Model(DATA))))["resume"] is BROKEN
    assert verdicts(tus(forgetting(Model(DATA))))["resume"] is BROKEN
    elsewhere = Model(DATA, location="http://other.test/{id}")
    assert verdicts(tus(elsewhere.exchange))["takes files"] is BROKEN


def test_what_a_server_does_not_offer_is_no_fault() -> None:
    found = verdicts(tus(Model(DATA, extensions="creation").exchange))
    assert (found["checksum"], found["clean-up"]) == (ABSENT, ABSENT)
    assert BROKEN not in found.values()


@pytest.mark.parametrize(
    ("answer", "promise"),
    [
        (Lost("refuses the connection"), "reachable"),
        (Response(401), "credential"),
        (Response(403), "credential"),
    ],
)
def test_without_way_or_right_the_trial_ends_with_the_words(answer: Answer, promise: str) -> None:
    found = tus(lambda _request: answer)
    assert verdicts(found)[promise] is BROKEN
    assert meaning("tus", found) == "Nothing can be sent there yet."


def speaking(key: Ed25519PrivateKey, **how: Any) -> Callable[[str, dict[str, Any]], str]:
    def speak(artifact: str, found: dict[str, Any]) -> str:
        lecture, name, _ = artifact.split("/")
        return sealed({"lecture": lecture, "name": name} | found | how, RECEIPT, key, "2026")

    return speak


def test_signed_receipts_are_told_from_forged_ones() -> None:
    honest = tus(Model(DATA, speak=speaking(OURS)).exchange, TERMS)
    assert verdicts(honest)["signed"] is KEPT
    assert "when the platform has signed for it" in meaning("tus", honest)
    thief = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    for speak in (speaking(thief), speaking(OURS, name="other"), speaking(OURS, sha256="0" * 64)):
        forged = tus(Model(DATA, speak=speak).exchange, TERMS)
        assert verdicts(forged)["receipts"] is BROKEN
        assert "stay undelivered" in meaning("tus", forged)


# ---------------------------------------------------------------- s3


def s3(store: Store, terms: Terms | None = None, *, pieces: bool = False) -> list[Finding]:
    key = f"{LECTURE}/{FILE.sha256}/{FILE.name}"
    made = S3Probe(SignedDoor(BUCKET, key), key, LECTURE, FILE, DATA, terms, pieces=pieces)
    return [
        *drive(made.exchange(), store),
        *drive(made.receipt(), store),
        *drive(made.tidy(), store),
    ]


def test_a_store_that_keeps_everything_is_believed() -> None:
    store = Store(DATA)
    found = s3(store)
    assert verdicts(found) == {
        "reachable": KEPT,
        "credential": KEPT,
        "checksum": KEPT,
        "takes files": KEPT,
        "speed": UNKNOWN,
        "create once": KEPT,
        "proof": KEPT,
        "resume": KEPT,
        "rights": KEPT,
        "clean-up": ABSENT,
    }
    assert store.uploads == {}
    assert list(store.objects) == [words(found, "clean-up").split(": ")[1]]


@pytest.mark.parametrize(
    ("quirk", "promise", "verdict"),
    [
        ("overwrites", "create once", BROKEN),
        ("no-conditions", "create once", ABSENT),
        ("no-checksums", "checksum", BROKEN),
        ("echoes", "checksum", BROKEN),
        ("cannot-list", "resume", ABSENT),
        ("may-delete", "rights", BROKEN),
    ],
)
def test_what_a_store_breaks_is_found(quirk: str, promise: str, verdict: Verdict) -> None:
    store = Store(DATA, {quirk})
    assert verdicts(s3(store))[promise] is verdict
    assert store.uploads == {}
    assert bool(store.objects) == (quirk != "may-delete")


def test_where_files_come_in_pieces_the_pieces_must_be_found_again() -> None:
    assert verdicts(s3(Store(DATA), pieces=True))["resume"] is KEPT
    found = s3(Store(DATA, {"cannot-list"}), pieces=True)
    assert verdicts(found)["resume"] is ABSENT
    assert "ListObjectsV2" in words(found, "resume")


@pytest.mark.parametrize(("seconds", "told"), [(4.2, True), (1.0, False)])
def test_a_link_on_which_parts_take_long_is_told_with_the_ways_out(
    seconds: float, told: bool
) -> None:
    """128 KiB in 4.2 s are 256 kbit/s: a part takes nearly three minutes."""
    store = Store(DATA)
    store.after = lambda request, answer: replace(answer, seconds=seconds)
    found = s3(store)
    assert ("thin link" in verdicts(found)) == told
    if told:
        assert "168 s" in words(found, "thin link")
        assert "pieces_kib" in words(found, "thin link")
    assert "thin link" not in verdicts(s3(store, pieces=True))


def test_a_store_whose_etags_say_nothing_has_to_be_read_back() -> None:
    for quirk in ("no-checksums", "echoes"):
        assert verdicts(s3(Store(DATA, {quirk, "opaque"})))["proof"] is ABSENT
    assert verdicts(s3(Store(DATA, {"opaque"})))["proof"] is KEPT


def test_a_store_that_loses_what_it_took_takes_no_files() -> None:
    store = Store(DATA)
    store.after = lambda request, answer: (
        store.objects.clear() or answer if request.method == "PUT" else answer
    )
    found = s3(store)
    assert verdicts(found)["proof"] is BROKEN
    assert "relies on" in meaning("s3", found)


def test_the_platforms_signed_receipt_beside_the_object_is_judged() -> None:
    store, key = Store(DATA), f"{LECTURE}/{FILE.sha256}/{FILE.name}.receipt.jws"
    said = {"lecture": LECTURE, "name": FILE.name, "bytes": FILE.bytes, "sha256": FILE.sha256}
    store.objects[key] = Stored(
        sealed(said | {"state": "verified"}, RECEIPT, OURS, "2026").encode(), "etag"
    )
    assert verdicts(s3(store, TERMS))["signed"] is KEPT
    assert "receipts" not in verdicts(s3(Store(DATA), TERMS))


# ---------------------------------------------------------------- folders


def test_a_folder_that_can_everything_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"jpg")
    found = folders.probe_folder(tmp_path)
    assert set(verdicts(found)) == {
        "reachable",
        "sync",
        "speed",
        "rename",
        "names",
        "locks",
        "large files",
        "clean-up",
    }
    assert BROKEN not in verdicts(found).values()
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
    assert "compared there" in meaning("folder", found)


def refuse(code: int) -> Callable[..., None]:
    def act(*_: object, **__: object) -> None:
        raise OSError(code, "refused")

    return act


@pytest.mark.parametrize(
    ("where", "promise", "verdict"),
    [
        ("os.fsync", "sync", BROKEN),
        ("fcntl.flock", "locks", ABSENT),
        ("Path.rename", "rename", BROKEN),
    ],
)
def test_what_a_share_breaks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, promise: str, verdict: Verdict
) -> None:
    monkeypatch.setattr(f"uploader.probe_folder.{where}", refuse(errno.EINVAL))
    assert verdicts(folders.probe_folder(tmp_path))[promise] is verdict
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_fat32_is_too_small_for_a_share_and_enough_for_a_stick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LARGE", 1 << 62)  # no file system takes that
    assert verdicts(folders.probe_folder(tmp_path))["large files"] is BROKEN
    assert verdicts(folders.probe_folder(tmp_path, divides=True))["large files"] is KEPT


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    found = folders.probe_folder(tmp_path / "none")
    assert verdicts(found) == {"reachable": BROKEN}
    assert "mount the share" in words(found, "reachable")
