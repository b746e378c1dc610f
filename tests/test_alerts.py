"""Laws of the alerts: when one begins and ends, what waits for whom, and what an answer means."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge_agent.alerting import outbox
from edge_agent.alerting.outbox import BadOutbox, Moment, Outbox, Sender
from edge_agent.alerting.service import FIRST_S, LONGEST_S, MOST_PATIENCE_S, wait_s
from edge_agent.alerting.wire import judged, key_of, posting, signature
from edge_agent.commands.alerts import document
from edge_agent.rules import alerts as rules
from edge_agent.rules.alerts import GONE_S, LASTS_S, Cause
from uploader.exchange import Lost, Request, Response, drive
from uploader.sender import Transient

SCHEMA = Path(__file__).parents[1] / "docs/webhooks/alert-1.json"
KEY = bytes(range(32))
AT = Moment("2026-11-23T03:00:00.000Z", "synchronised")
BY = Sender(
    "B-204",
    "Royal University",
    "0.1.0",
    {"desk": ["device_offline", "missing_audio", "missed_capture"], "sound": ["missing_audio"]},
)
UNHEARD = Cause("missing_audio", "lecture-1", "nobody can be heard", "Physics", lecture="lecture-1")


# ---------------------------------------------------------------- when one begins and ends


class Looks:
    """One watch, looked at every second."""

    def __init__(self, standing: set[str] | None = None) -> None:
        self.watch = rules.Watch()
        self.standing = standing or set()
        self.now_s = 0.0
        self.told: list[str] = []

    def at(self, seconds: float, *causes: Cause) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.watch, news = rules.look(self.watch, self.now_s, causes, self.standing)
            for cause in news.raised:
                self.standing.add(cause.key)
                self.told.append(f"+{cause.key}")
            for key in news.resolved:
                self.standing.remove(key)
                self.told.append(f"-{key}")
            self.now_s += 1


@pytest.mark.parametrize("alert", LASTS_S)
def test_somebody_is_called_once_for_what_lasts_and_told_once_that_it_is_over(alert: str) -> None:
    looks = Looks()
    looks.at(max(LASTS_S[alert], 1.0) * 3, Cause(alert))
    looks.at(GONE_S * 3)
    assert looks.told == [f"+{alert} ", f"-{alert} "]


def test_an_agent_that_starts_again_calls_nobody() -> None:
    looks = Looks()
    for _ in range(20):
        looks.at(LASTS_S["device_offline"] - 2, Cause("device_offline"))
        looks.at(10)
    assert looks.told == []


def test_what_flickers_is_one_story() -> None:
    looks = Looks()
    for _ in range(20):
        looks.at(40, UNHEARD)
        looks.at(GONE_S - 5)
    assert looks.told == [f"+{UNHEARD.key}"]


def test_the_next_lecture_that_is_missed_is_another_story() -> None:
    looks = Looks()
    first, second = Cause("missed_capture", "lecture-1"), Cause("missed_capture", "lecture-2")
    looks.at(100, first)
    looks.at(100, first, second)
    assert looks.told == [f"+{first.key}", f"+{second.key}"]


def test_while_nothing_can_be_seen_nothing_is_over() -> None:
    """A disk that hangs shows no lecture that was not saved; its alert stands all the same."""
    blind = Cause("device_offline", text="the room cannot be read", blind=True)
    for looks in (Looks({UNHEARD.key}), Looks()):
        looks.at(60, UNHEARD)
        before = len(looks.told)
        looks.at(12 * 3600, blind)
        looks.at(60, UNHEARD)
        assert looks.told[before:] == [f"+{blind.key}", f"-{blind.key}"]
        looks.at(60)
        assert looks.told[-1] == f"-{UNHEARD.key}"


def test_what_an_earlier_process_has_told_ends_when_it_is_not_seen_and_is_not_told_again() -> None:
    looks = Looks({UNHEARD.key})
    looks.at(100, UNHEARD)
    assert looks.told == []
    looks = Looks({UNHEARD.key})
    looks.at(GONE_S - 2)
    assert looks.told == []
    looks.at(10)
    assert looks.told == [f"-{UNHEARD.key}"]


# ---------------------------------------------------------------- what waits


def numbered() -> Callable[[], str]:
    count = iter(range(1_000_000))
    return lambda: f"id-{next(count)}"


def test_a_letter_goes_to_those_who_want_it_and_has_the_id_of_its_story() -> None:
    box = outbox.raised(Outbox(), BY, UNHEARD, AT, ("story", "letter-1"))
    box = outbox.raised(box, BY, Cause("device_offline"), AT, ("other", "letter-2"))
    box = outbox.resolved(box, BY, UNHEARD.key, AT, "letter-3")
    assert [(it.id, it.to) for it in box.waiting] == [
        ("letter-1", ("desk", "sound")),
        ("letter-2", ("desk",)),
        ("letter-3", ("desk", "sound")),
    ]
    first, _, last = (json.loads(it.body) for it in box.waiting)
    assert first["data"]["id"] == last["data"]["id"] == "story"
    assert (first["type"], last["type"]) == ("alert.raised", "alert.resolved")
    assert last["data"]["resolved_utc"] == AT.utc
    assert first["data"]["lecture"]["title"] == "Physics"
    assert [it.key for it in box.standing] == ["device_offline "]


def test_what_was_never_told_does_not_end() -> None:
    assert outbox.resolved(Outbox(), BY, UNHEARD.key, AT, "letter") == Outbox()


def test_too_many_letters_forget_the_oldest_and_count_them() -> None:
    box, new = Outbox(), numbered()
    for number in range(outbox.MOST_WAITING + 7):
        cause = Cause("missed_capture", f"lecture-{number}")
        box = outbox.raised(box, BY, cause, AT, (new(), f"letter-{number}"))
        box = outbox.Outbox((), box.waiting, box.forgotten)
    assert len(box.waiting) == outbox.MOST_WAITING
    assert (box.waiting[0].id, box.forgotten) == ("letter-7", 7)


@given(st.lists(st.sampled_from(["raise", "end", "desk", "sound", "restart"]), max_size=60))
def test_whatever_happens_each_receiver_gets_each_letter_in_order(deeds: list[str]) -> None:
    """`restart`: the process was killed after a letter was taken and before that was written."""
    box = kept = Outbox()
    new, sent, got = numbered(), [], {"desk": [], "sound": []}  # type: ignore[var-annotated]
    for deed in [*deeds, *["desk", "sound"] * len(deeds)]:
        if deed == "raise" and not box.standing:
            box = kept = outbox.raised(box, BY, UNHEARD, AT, (new(), new()))
            sent.append(box.waiting[-1].id)
        elif deed == "end" and box.standing:
            box = kept = outbox.resolved(box, BY, UNHEARD.key, AT, new())
            sent.append(box.waiting[-1].id)
        elif deed == "restart":
            box = outbox.read(outbox.written(kept))
        elif deed in got and (letter := box.of(deed)):
            got[deed].append(letter.id)
            kept, box = box, outbox.taken(box, letter.id, deed)
    for name in got:
        once = list(dict.fromkeys(got[name]))  # as a receiver goes by the ids
        assert once == sent


@given(st.binary(max_size=200))
def test_a_damaged_file_is_told_and_never_believed(data: bytes) -> None:
    with pytest.raises(BadOutbox):
        outbox.read(data)


@pytest.mark.parametrize(
    "broken",
    [
        {"standing": [], "waiting": []},
        {"standing": [{"key": "x", "data": {"alert": "fire"}}], "waiting": [], "forgotten": 0},
        {"standing": [], "waiting": [{"id": "1", "body": "{}", "to": []}], "forgotten": 0},
        {"standing": [], "waiting": 7, "forgotten": 0},
    ],
)
def test_a_file_that_lacks_something_is_damaged(broken: object) -> None:
    with pytest.raises(BadOutbox):
        outbox.read(json.dumps(broken).encode())


def test_a_webhook_that_was_taken_out_is_waited_for_no_longer() -> None:
    box = outbox.raised(Outbox(), BY, UNHEARD, AT, ("story", "letter"))
    assert outbox.known_to(box, ["sound"]).waiting[0].to == ("sound",)
    assert outbox.known_to(box, []).waiting == ()


# ---------------------------------------------------------------- what is posted


def test_the_published_schema_is_that_of_the_models_and_every_letter_keeps_it() -> None:
    assert SCHEMA.read_text() == document()
    schema = Draft202012Validator(json.loads(SCHEMA.read_text()))
    box = outbox.raised(Outbox(), BY, UNHEARD, AT, ("story", "letter-1"))
    box = outbox.resolved(box, BY, UNHEARD.key, AT, "letter-2")
    box = outbox.raised(box, BY, Cause("device_offline", text="x" * 9999), AT, ("a", "b"))
    test = outbox.test_letter(BY, AT, ("c", "d"))
    for letter in (*box.waiting, test):
        schema.validate(json.loads(letter.body))
        assert len(letter.body) < 4096


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The key, id, time and body with which its own libraries are tested."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "secret",
        base64.b64encode(KEY).decode(),  # without the prefix
        "whsec_" + base64.b64encode(KEY[:23]).decode(),
        "whsec_" + base64.b64encode(KEY * 17).decode(),
        "whsec_*" + base64.b64encode(KEY).decode(),
        "whsec_żółw",
    ],
)
def test_a_secret_that_is_none_is_told_with_the_next_step(secret: str) -> None:
    with pytest.raises(Transient, match="openssl rand"):
        key_of(secret)


def test_each_try_has_its_own_time_and_the_same_id() -> None:
    asked: list[Request] = []
    times = iter([1000, 2000])

    def exchange(request: Request) -> Lost:
        asked.append(request)
        return Lost("the connection was cut; check this destination")

    for _ in range(2):
        core = posting("https://desk.test", "letter", b"{}", KEY, lambda: next(times))
        outcome = drive(core, exchange)
        assert (outcome.kind, outcome.words) == (
            "later",
            "the connection was cut; check this webhook",
        )
    first, second = (request.headers for request in asked)
    assert first["webhook-id"] == second["webhook-id"] == "letter"
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1000", "2000")
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "taken") for status in (200, 201, 202, 204)),
        *((status, "later") for status in (301, 302, 307, 401, 403, 404, 408, 423, 425, 429)),
        *((status, "later") for status in (500, 502, 503, 504, 599)),
        *((status, "refused") for status in (400, 405, 413, 415, 422)),
        (410, "gone"),
    ],
)
def test_what_an_answer_means(status: int, kind: str) -> None:
    outcome = judged(Response(status, {"retry-after": "90"}))
    assert outcome.kind == kind
    assert bool(outcome.words) is (kind != "taken")


@given(
    st.integers(min_value=1, max_value=10_000),
    st.floats(min_value=0, max_value=1),
    st.none() | st.floats(min_value=0, max_value=1e9),
)
def test_tries_come_ever_more_slowly_and_never_stop(
    failures: int, chance: float, asked_s: float | None
) -> None:
    wait = wait_s(failures, chance, asked_s)
    assert FIRST_S / 2 <= wait <= max(LONGEST_S, MOST_PATIENCE_S * 1.25)
    if asked_s is not None and asked_s <= MOST_PATIENCE_S:
        assert wait >= asked_s
