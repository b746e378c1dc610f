"""Which receipts count: signed ones, what signatures are worth, and what happens without them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.s3_room import BUCKET, LECTURE, artifact_of, key_of
from tests.simulated_store import Store, Stored
from tests.tus_model import RECEIPTS, URL, Model, Notes
from uploader.exchange import Answer, Request, Response, drive
from uploader.keys import Key, decoded, encoded
from uploader.receipts import Damaged, Terms, judged
from uploader.s3_destination import S3Destination
from uploader.s3_doors import SignedDoor
from uploader.sender import Artifact, Pending, Receipt
from uploader.signing import RECEIPT, Worthless, opened, sealed
from uploader.tus import Sending, Server

PLATFORM = Path(__file__).parents[1] / "docs/platform.md"
SCHEMA = Path(__file__).parents[1] / "edge_agent/schemas/receipt-1.json"
NOW = "2026-11-22T10:00:00.000Z"
DATA = bytes(range(256)) * 4
FILE = Artifact("audio.m4a", len(DATA), hashlib.sha256(DATA).hexdigest())
OURS = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
THIEFS = Ed25519PrivateKey.from_private_bytes(b"2" * 32)


def public(key: Ed25519PrivateKey, name: str = "2026", until: str = "") -> Key:
    return Key(name, key.public_key().public_bytes_raw(), until)


def said(**other: Any) -> dict[str, Any]:
    return {
        "lecture": LECTURE,
        "name": FILE.name,
        "bytes": FILE.bytes,
        "sha256": FILE.sha256,
        "state": "verified",
        "utc": NOW,
    } | other


def signed(receipt: Mapping[str, Any], key: Ed25519PrivateKey = OURS, name: str = "2026") -> str:
    return sealed(receipt, RECEIPT, key, name)


def terms(*keys: Key, needs: str = "verified", now: str = NOW) -> Terms:
    return Terms(needs, keys or (public(OURS),), lambda: now)


def header(**fields: str) -> Callable[[str], str]:
    """The same statement and signature under another header."""

    def change(token: str) -> str:
        _, body, signature = token.split(".")
        return ".".join([encoded(json.dumps(fields).encode()), body, signature])

    return change


def claiming(token: str, **other: Any) -> str:
    head, _, signature = token.split(".")
    return ".".join([head, encoded(json.dumps(said(**other)).encode()), signature])


# ---------------------------------------------------------------- what a signature is worth


def test_a_receipt_signed_with_a_configured_key_counts_and_keeps_its_proof() -> None:
    token = signed(said())
    found = judged(token.encode() + b"\r\n", LECTURE, FILE, terms())
    assert found == said() | {"jws": token}
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))


WORTHLESS = {
    "is not signed": json.dumps(said()),
    "has a wrong signature": signed(said(), THIEFS),
    "has a wrong signature for": claiming(signed(said(state="received"))),
    "is signed with a key that is not configured": signed(said(), name="2031"),
    "is for another file": signed(said(name="presenter.mp4")),
    "is for another": signed(said(lecture="another")),
    "does not say which file": signed({k: v for k, v in said().items() if k != "lecture"}),
    "is not signed as receipt": sealed(said(), "JWT", OURS, "2026"),
    "is not signed as": header(alg="none", typ=RECEIPT, kid="2026")(signed(said())),
    "is not signed as receipt+jws with": header(alg="HS256", typ=RECEIPT, kid="2026")(
        signed(said())
    ),
}


@pytest.mark.parametrize(("why", "text"), WORTHLESS.items())
def test_what_the_keys_do_not_prove_counts_as_none(why: str, text: str) -> None:
    with pytest.raises(Worthless, match=re.escape(why)):
        judged(text.encode(), LECTURE, FILE, terms())


def test_a_forged_word_of_damage_makes_nobody_send_again() -> None:
    for text in (json.dumps(said(sha256="0" * 64)), signed(said(state="damaged"), THIEFS)):
        with pytest.raises(Worthless):
            judged(text.encode(), LECTURE, FILE, terms())
    for honest in (signed(said(sha256="0" * 64)), signed(said(state="damaged"))):
        with pytest.raises(Damaged):
            judged(honest.encode(), LECTURE, FILE, terms())


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_no_changed_character_of_a_receipt_goes_unnoticed(place: int) -> None:
    token = signed(said())
    # The last character of base64 may have bits that mean nothing; all others mean something.
    if place in (len(token) - 1, token.index("."), token.rindex(".")):
        place -= 1
    other = "A" if token[place] != "A" else "B"
    with pytest.raises(Worthless):
        opened(token[:place] + other + token[place + 1 :], RECEIPT, [public(OURS)], NOW)


def test_two_keys_are_valid_while_one_follows_the_other() -> None:
    both = terms(public(OURS, "2026", "2026-12-31"), public(THIEFS, "2027"))
    for token in (signed(said()), signed(said(), THIEFS, "2027")):
        assert judged(token.encode(), LECTURE, FILE, both) is not None


@pytest.mark.parametrize(
    ("utc", "now"),
    [
        ("2027-01-01T00:00:00Z", NOW),  # signed after the key's end
        (NOW, "2027-01-01T00:00:00.000Z"),  # shown after it: a stolen key can claim any date
        (None, NOW),
        (17, NOW),
    ],
)
def test_a_key_proves_nothing_after_its_last_day(utc: object, now: str) -> None:
    ending = public(OURS, "2026", "2026-12-31")
    with pytest.raises(Worthless, match="ended with 2026-12-31"):
        judged(signed(said(utc=utc)).encode(), LECTURE, FILE, terms(ending, now=now))
    assert judged(signed(said()).encode(), LECTURE, FILE, terms(ending)) is not None


def test_without_keys_a_signed_receipt_is_read_like_any_other() -> None:
    """So a platform can begin to sign before its rooms begin to ask for it."""
    found = judged(signed(said(), THIEFS).encode(), LECTURE, FILE, Terms("verified"))
    assert found == said()


@pytest.mark.parametrize("text", ["campus:abc", ":" + "A" * 43, "a b:" + "A" * 43, "a:b:2027"])
def test_a_key_that_is_none_is_told_as_such(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes of an Ed25519 public key"):
        Key.of(text)


def test_a_key_is_taken_in_either_alphabet_of_base64() -> None:
    raw = bytes(range(200, 232))
    text = encoded(raw)
    standard = text.replace("-", "+").replace("_", "/") + "="
    assert Key.of(f"k:{text}") == Key.of(f"k:{standard}") == Key("k", raw)
    assert Key.of(f"k:{text}:2027-03-31").text == f"k:{text}:2027-03-31"


def test_rfc_8037s_own_example_is_read() -> None:
    token = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    head, body, signature = token.split(".")
    key = Ed25519PrivateKey.from_private_bytes(
        decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    )
    assert encoded(key.sign(f"{head}.{body}".encode())) == signature


def test_the_worked_example_of_the_platforms_page_holds() -> None:
    text = PLATFORM.read_text()
    private = re.search(r"private key `([\w-]{43})`", text)
    configured = re.search(r'receipt_keys = \["([^"]+)"\]', text)
    token = re.search(r"(?m)^(ey[\w-]+\.[\w-]+\.[\w-]+)$", text)
    assert private is not None
    assert configured is not None
    assert token is not None
    key = Ed25519PrivateKey.from_private_bytes(decoded(private[1]))
    known = Key.of(configured[1])
    assert known.raw == key.public_key().public_bytes_raw()
    receipt = opened(token[1], RECEIPT, [known], NOW)
    jsonschema.validate(receipt, json.loads(SCHEMA.read_text()))
    assert sealed(receipt, RECEIPT, key, known.id) == token[1]


# ---------------------------------------------------------------- which state suffices


@pytest.mark.parametrize(
    ("state", "needs", "counts"),
    [
        ("received", "received", True),
        ("received", "verified", False),
        ("verified", "received", True),
        ("verified", "replicated", False),
        ("replicated", "verified", True),
    ],
)
def test_a_receipt_that_says_less_than_is_needed_is_waited_for(
    state: str, needs: str, counts: bool
) -> None:
    text = signed(said(state=state)).encode()
    if counts:
        assert judged(text, LECTURE, FILE, terms(needs=needs)) is not None
        return
    with pytest.raises(Pending, match=f"calls it {state} and not yet {needs}"):
        judged(text, LECTURE, FILE, terms(needs=needs))


def test_an_unknown_state_is_no_receipt_yet() -> None:
    assert judged(signed(said(state="queued")).encode(), LECTURE, FILE, terms()) is None


# ---------------------------------------------------------------- tus


def deliver(model: Model, notes: Notes) -> Receipt | None:
    sending = Sending(Server(URL, RECEIPTS, terms()), notes, LECTURE, FILE)
    return drive(sending.deliver(), model.exchange)


def speaking(**how: Any) -> Callable[[str, dict[str, Any]], str]:
    key = how.pop("key", OURS)

    def speak(artifact: str, found: dict[str, Any]) -> str:
        lecture, name, _ = artifact.split("/")
        return signed({"lecture": lecture, "name": name, "utc": NOW} | found | how, key)

    return speak


def test_a_forged_receipt_delivers_nothing_and_an_honest_one_later_does() -> None:
    model, notes = Model(DATA, speak=speaking(key=THIEFS)), Notes()
    for _ in range(3):
        with pytest.raises(Pending, match="receipt has a wrong signature for the key '2026'"):
            deliver(model, notes)
    assert model.heard == len(DATA)  # asked again, not sent again
    model.speak = speaking()
    found = deliver(model, notes)
    assert found is not None
    assert found["state"] == "verified"
    assert (model.heard, len(model.stored)) == (len(DATA), 1)


def test_a_replayed_receipt_of_another_file_does_not_keep_this_one_from_being_sent() -> None:
    replayed = signed(said(name="other.m4a"))
    answers = {"GET": Response(200, {}, replayed.encode())}
    model = Model(DATA)

    def exchange(request: Request) -> Answer:
        return answers.get(request.method) or model.exchange(request)

    sending = Sending(Server(URL, RECEIPTS, terms()), Notes(), LECTURE, FILE)
    with pytest.raises(Pending, match="is for another file"):
        drive(sending.deliver(), exchange)
    assert len(model.stored) == 1


def test_what_is_received_and_not_verified_is_never_sent_again() -> None:
    model, notes = Model(DATA, forgets_complete=True, speak=speaking(state="received")), Notes()
    for _ in range(12):
        with pytest.raises(Pending, match="not yet verified"):
            deliver(model, notes)
    assert (model.heard, len(model.stored)) == (len(DATA), 1)


# ---------------------------------------------------------------- s3


class Shop:
    """A store, and a room that wants the platform's word about what lies there."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(DATA)
        self.store, self._file = Store(DATA), file
        self.artifact = artifact_of(DATA)
        self._notes = Notes()

    def exchange(self, request: Request, *_: object) -> Answer:
        return self.store(request)

    def close(self) -> None:
        """Nothing is open."""

    def send(self) -> Receipt:
        def door(lecture: str, artifact: Artifact) -> SignedDoor:
            return SignedDoor(BUCKET, key_of(lecture, artifact))

        made = S3Destination(self, door, key_of, self._notes, "test", lambda: NOW, terms())
        return made.receipt(LECTURE, self.artifact) or made.send(
            LECTURE, self.artifact, self._file, lambda _phase, _done: None
        )

    def lay(self, text: str) -> None:
        key = key_of(LECTURE, self.artifact)
        self.store.objects[f"{key}.receipt.jws"] = Stored(text.encode(), "etag")

    def said(self, **other: Any) -> dict[str, Any]:
        file = {"name": self.artifact.name, "bytes": len(DATA), "sha256": self.artifact.sha256}
        return said(**file) | other


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "file")


def test_with_keys_a_store_alone_delivers_nothing(shop: Shop) -> None:
    for _ in range(3):
        with pytest.raises(Pending, match="in the store; the platform's receipt is not there yet"):
            shop.send()
    assert shop.store.sent == len(DATA)
    shop.lay(signed(shop.said()))
    assert shop.send()["state"] == "verified"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (lambda shop: signed(shop.said(), THIEFS), "has a wrong signature"),
        (lambda shop: json.dumps(shop.said()), "is not signed"),
        (lambda shop: signed(shop.said(name="another")), "is for another file"),
        (lambda shop: signed(shop.said(sha256="0" * 64)), "speaks of other bytes"),
    ],
)
def test_what_any_writer_of_the_bucket_can_lay_there_delivers_nothing(
    shop: Shop, text: Callable[[Shop], str], why: str
) -> None:
    shop.lay(text(shop))
    for _ in range(2):
        with pytest.raises(Pending, match=why):
            shop.send()
    assert shop.store.sent == len(DATA)


def test_what_the_platform_has_taken_out_of_the_bucket_is_not_sent_again(shop: Shop) -> None:
    shop.lay(signed(shop.said(state="replicated")))
    assert shop.send()["state"] == "replicated"
    assert shop.store.sent == 0
