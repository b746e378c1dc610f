"""The tus core against servers that misbehave as real ones do. No network."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tus_client import ARTIFACT, DATA, LECTURE, MIB, Client
from tests.tus_model import Fault, Model
from uploader.exchange import Piece, drive
from uploader.sender import Pending, Transient
from uploader.sizing import FIRST
from uploader.tus import UNKNOWN_TRIES, Sending

NAME = f"{LECTURE}/presenter.mp4/{ARTIFACT.sha256}"


def bodies(model: Model) -> list[tuple[int, int]]:
    pieces = [request.body for request in model.requests]
    return [(p.offset, p.length) for p in pieces if isinstance(p, Piece)]


# ---------------------------------------------------------------- all is well


def test_one_file_is_one_upload_and_its_receipt_is_the_platforms() -> None:
    model = Model(DATA)
    receipt = Client(model).attempt()
    assert receipt == {"bytes": len(DATA), "sha256": ARTIFACT.sha256, "state": "verified"}
    assert model.stored == [(NAME, DATA)]
    assert (model.heard, model.again) == (len(DATA), 0)
    assert model.methods()[:3] == ["GET", "OPTIONS", "POST"]


def test_the_platform_is_told_what_the_file_is() -> None:
    model = Model(DATA)
    Client(model).attempt()
    (upload,) = model.uploads.values()
    assert upload.metadata == {
        "filename": "presenter.mp4",
        "filetype": "video/mp4",
        "sha256": ARTIFACT.sha256,
        "lecture": LECTURE,
        "artifact": NAME,
    }


def test_a_server_is_got_to_know_with_small_requests_that_grow() -> None:
    model = Model(DATA)
    Client(model).attempt()
    sizes = [length for _, length in bodies(model)]
    assert sizes[:3] == [FIRST, 2 * FIRST, 4 * FIRST]


def test_what_is_held_already_is_not_sent() -> None:
    model = Model(DATA)
    client = Client(model)
    first = client.attempt()
    model.requests.clear()
    assert client.attempt() == first
    assert model.methods() == ["GET"]


def test_a_server_that_offers_checksums_gets_one_with_every_request() -> None:
    model = Model(DATA, extensions="creation,checksum")
    Client(model).attempt()
    patches = [request for request in model.requests if request.method == "PATCH"]
    assert {request.digests[0].algorithm for request in patches} == {"sha1"}


def test_without_receipts_the_servers_word_is_all_there_is() -> None:
    model = Model(DATA)
    assert Client(model, receipts=False).attempt() is None
    assert model.stored == [(NAME, DATA)]


# ---------------------------------------------------------------- servers as they are


HABITS = {
    "keeps what arrived before a cut": {"faults": [None] * 4 + [0.5]},
    "keeps nothing of a cut request": {"faults": [None] * 4 + [0.5], "keeps_parts": False},
    "forgets the upload when it is complete": {"forgets_complete": True},
    "its last answer is lost and it forgets the upload": {
        "faults": [None] * 6 + ["unheard"],
        "forgets_complete": True,
    },
    "its last answer is lost": {"faults": [None] * 6 + ["unheard"]},
    "a proxy in front takes 1 MiB": {"limit": MIB},
    "a proxy in front takes 100 kB": {"limit": 100_000},
    "gives a relative address": {"location": "/files/{id}"},
    "calls itself http behind a TLS proxy": {"location": "http://platform.test:80/files/{id}"},
    "says nothing of itself": {"instead": [("OPTIONS", 405, {})]},
    "answers 500 to the last bytes though it has them": {"instead": [("PATCH", 500, {})]},
    "answers 409": {"instead": [("PATCH", 409, {})]},
    "found a wrong checksum": {"instead": [("PATCH", 460, {})] * 2},
    "acknowledges without saying how much": {"instead": [("PATCH", 204, {})]},
    "loses the answer to the creation": {"faults": [None, None, "unheard"]},
    "gives the receipt later": {"receipt_delay": 5},
}


@pytest.mark.parametrize("habit", HABITS)
def test_a_server_with_this_habit_gets_the_file_whole_and_once(habit: str) -> None:
    model = Model(DATA, **HABITS[habit])  # type: ignore[arg-type]
    model.instead = list(model.instead)
    receipt, _ = Client(model).insist()
    assert receipt is not None
    assert receipt["state"] == "verified"
    assert model.stored == [(NAME, DATA)]
    assert model.again == 0


def test_bytes_that_a_cut_left_there_are_not_sent_again() -> None:
    model = Model(DATA, faults=[None] * 5 + [0.5])
    Client(model).attempt()
    assert model.heard == len(DATA)


def test_a_request_that_was_cut_for_nothing_is_followed_by_a_smaller_one() -> None:
    model = Model(DATA, faults=[None] * 5 + [0.9], keeps_parts=False)
    Client(model).attempt()
    sizes = [length for _, length in bodies(model)]
    assert sizes[2] == 4 * FIRST
    assert sizes[3] == sizes[2] // 2


def test_the_proxys_limit_is_found_and_kept_to() -> None:
    model = Model(DATA * 4, limit=MIB)
    big = replace(ARTIFACT, bytes=len(DATA) * 4, sha256=hashlib.sha256(DATA * 4).hexdigest())
    client = Client(model)
    drive(Sending(client.server, client.notes, LECTURE, big).deliver(), model.exchange)
    assert sum(length > MIB for _, length in bodies(model)) == 1


def test_unknown_after_the_last_bytes_means_ask_and_not_begin_again() -> None:
    model = Model(
        DATA, faults=[None] * 6 + ["unheard"], forgets_complete=True, receipt_delay=UNKNOWN_TRIES
    )
    receipt, errors = Client(model).insist()
    assert receipt is not None
    assert {type(error) for error in errors} == {Pending}
    assert model.methods().count("POST") == 1


def test_a_file_that_nobody_has_a_receipt_for_is_sent_again_in_the_end() -> None:
    """Unknown for ever is lost for ever: the platform's disk died between upload and receipt."""
    model = Model(DATA, faults=[None] * 6 + ["unheard"], forgets_complete=True, receipts=False)
    client = Client(model)
    for _ in range(UNKNOWN_TRIES + 2):
        with pytest.raises(Pending):
            client.attempt()
    model.receipts = True
    client.insist()
    assert model.methods().count("POST") == 2


def test_an_upload_that_its_server_can_no_longer_read_is_begun_anew() -> None:
    model = Model(DATA, faults=[None] * 4 + ["refused"] * 20)
    client = Client(model)
    with pytest.raises(Transient):
        client.attempt()
    model.instead = [("HEAD", 500, {})] * UNKNOWN_TRIES
    _, errors = client.insist()
    assert len(errors) > UNKNOWN_TRIES - 2
    assert "DELETE" in model.methods()
    assert model.stored == [(NAME, DATA)]


def test_a_receipt_for_other_bytes_sends_the_file_again() -> None:
    model = Model(DATA)
    client = Client(model)
    model.stored.append((NAME, b"damaged on the way"))
    with pytest.raises(Transient, match="arrived damaged"):
        client.attempt()
    model.stored.pop(0)
    client.insist()
    assert model.stored[-1] == (NAME, DATA)


def test_a_lost_memory_costs_one_more_upload_of_the_same_artifact() -> None:
    model = Model(DATA, faults=[None] * 4 + ["refused"] * 20)
    client = Client(model)
    with pytest.raises(Transient):
        client.attempt()
    client.notes.notes.clear()
    client.insist()
    assert model.stored == [(NAME, DATA)]


def test_a_note_that_leads_to_another_files_upload_is_dropped_and_that_upload_ended() -> None:
    model = Model(DATA)
    client = Client(model)
    client.notes.put(LECTURE, ARTIFACT, {"url": "https://platform.test/files/9"})
    model.instead = [("HEAD", 200, {"upload-offset": "5", "upload-length": "6"})]
    client.attempt()
    assert "DELETE" in model.methods()
    assert model.stored == [(NAME, DATA)]


def test_an_upload_that_another_way_has_completed_is_ended() -> None:
    model = Model(DATA, faults=[None] * 4 + ["refused"] * 20)
    client = Client(model)
    with pytest.raises(Transient):
        client.attempt()
    model.stored.append((NAME, DATA))
    model.faults = ()
    model.__post_init__()
    assert client.attempt() is not None
    assert model.methods()[-1] == "DELETE"
    assert client.notes.notes == {}


def test_a_server_that_sends_us_to_another_host_gets_nothing() -> None:
    model = Model(DATA, location="https://elsewhere.test/{id}")
    with pytest.raises(Transient, match="outside its own host"):
        Client(model).attempt()
    assert bodies(model) == []


# ---------------------------------------------------------------- any losses at all


FAULTS = st.one_of(
    st.none(), st.sampled_from(["refused", "unheard"]), st.floats(0, 1, exclude_max=True)
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FAULTS, max_size=60), st.booleans(), st.booleans())
def test_whatever_is_lost_the_file_arrives_once_and_no_byte_is_sent_that_was_held(
    faults: list[Fault], keeps_parts: bool, forgets_complete: bool
) -> None:
    model = Model(DATA, faults=faults, keeps_parts=keeps_parts, forgets_complete=forgets_complete)
    receipt, _ = Client(model).insist()
    assert receipt is not None
    assert model.stored == [(NAME, DATA)]
    assert model.again == 0
    if keeps_parts:
        assert model.heard == len(DATA)
