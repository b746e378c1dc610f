"""When a tus server is given up, how large requests to it are, and where they may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tus_client import ARTIFACT, DATA, LECTURE, Client
from tests.tus_model import Model
from uploader.exchange import Response, drive, within
from uploader.sender import Permanent, SendError, Transient
from uploader.sizing import LEAST, MOST, Sizing
from uploader.tus import TRIES, Sending

# ---------------------------------------------------------------- giving up, for now or for good


def test_a_locked_upload_is_left_alone_as_long_as_the_server_says() -> None:
    model = Model(DATA, instead=[("PATCH", 423, {"retry-after": "7"})])
    with pytest.raises(Transient) as caught:
        Client(model).attempt()
    assert caught.value.retry_after_s == 7
    assert model.methods().count("PATCH") == 1


@pytest.mark.parametrize(
    ("method", "status", "error"),
    [
        ("POST", 400, Permanent),
        ("POST", 403, Permanent),
        ("POST", 413, Permanent),
        ("POST", 401, Transient),
        ("POST", 404, Transient),
        ("POST", 503, Transient),
        ("PATCH", 415, Permanent),
        ("PATCH", 429, Transient),
        ("GET", 500, Transient),
    ],
)
def test_a_refusal_is_for_good_or_for_now(method: str, status: int, error: type[SendError]) -> None:
    model = Model(DATA, instead=[(method, status, {})] * (TRIES + 1))
    with pytest.raises(error, match=str(status)):
        Client(model).attempt()


def test_a_file_larger_than_the_server_takes_is_refused_before_a_byte_is_sent() -> None:
    model = Model(DATA, instead=[("OPTIONS", 204, {"tus-max-size": "1000"})])
    with pytest.raises(Permanent, match="up to 1000 bytes"):
        Client(model).attempt()
    assert model.heard == 0


def test_a_server_that_never_moves_is_left_after_a_few_tries() -> None:
    model = Model(DATA, instead=[("PATCH", 500, {})] * 50)
    with pytest.raises(Transient, match="answers 500"):
        Client(model).attempt()
    assert model.methods().count("PATCH") == TRIES


def test_a_server_that_forgets_what_is_under_way_is_left_after_a_few_tries() -> None:
    model = Model(DATA, instead=[("HEAD", 404, {}), ("PATCH", 409, {})] * 50)
    with pytest.raises(Transient, match="forg"):
        Client(model).attempt()


def test_a_dead_link_is_told_after_a_few_tries() -> None:
    model = Model(DATA, faults=["refused"] * 50)
    with pytest.raises(Transient, match="refused"):
        Client(model).attempt()


# ---------------------------------------------------------------- sizes


def learned(rate: float, overhead: float, every_s: float) -> Sizing:
    """After an hour on such a link."""
    known, spent = Sizing(), 0.0
    for _ in range(2000):
        known = known.asked(overhead)
        seconds = overhead + known.size / rate
        spent += seconds
        if spent > every_s:
            known, spent = known.cut(0, seconds / 2), 0.0
        else:
            known = known.arrived(known.size, seconds)
    return known


@pytest.mark.parametrize(
    ("kbit", "overhead", "every_s"),
    [(64, 0.6, 600), (256, 0.6, 120), (1000, 0.6, 600), (100_000, 0.02, 3600)],
)
def test_the_size_of_a_request_comes_near_the_optimum(
    kbit: int, overhead: float, every_s: float
) -> None:
    rate = kbit * 125
    best = rate * (2 * overhead * every_s) ** 0.5
    assert best / 4 <= learned(rate, overhead, every_s).size <= 2 * best


def test_a_server_that_keeps_parts_gets_long_requests() -> None:
    assert Sizing().cut(1, 1.0).optimum_s > Sizing().optimum_s


@given(st.lists(st.one_of(st.tuples(st.just("refused")), st.tuples(st.floats(0, 1e3)))))
def test_a_size_is_always_within_its_bounds(steps: list[tuple[object]]) -> None:
    known = Sizing()
    for (step,) in steps:
        known = (
            known.refused(known.size)
            if step == "refused"
            else known.arrived(known.size, float(step))  # type: ignore[arg-type]
        )
        assert LEAST <= known.size <= MOST


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("/files/1", "https://p.test:8443/files/1"),
        ("1", "https://p.test:8443/up/1"),
        ("https://p.test:8443/x", "https://p.test:8443/x"),
        ("http://p.test/x", "https://p.test:8443/x"),
        ("//p.test:8443/x", "https://p.test:8443/x"),
        ("https://q.test/x", None),
        ("//q.test/x", None),
        ("https://p.test@q.test/x", None),
        ("file:///etc/passwd", None),
    ],
)
def test_an_address_is_followed_within_the_host_only(location: str, address: str | None) -> None:
    assert within("https://p.test:8443/up/", "https://p.test:8443/up/", location) == address


def test_the_error_text_has_the_servers_own_words() -> None:
    page = Response(
        403,
        {"content-type": "text/html"},
        b"<html><head><title>x</title></head>No quota &amp; no room",
    )

    def refuse(request: object) -> Response:
        return page

    client = Client(Model(DATA), receipts=False)
    with pytest.raises(Permanent, match="403: No quota & no room; ask those"):
        drive(Sending(client.server, client.notes, LECTURE, ARTIFACT).deliver(), refuse)
