"""Webhooks against a real server that misbehaves, and the process that posts to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from edge_agent.alerting import post as posting
from edge_agent.alerting.outbox import Sender, Waiting
from edge_agent.alerting.post import Post
from edge_agent.alerting.service import LONGEST_S, MOST_REFUSALS, Service
from edge_agent.alerting.wire import Outcome
from edge_agent.cli import app
from edge_agent.commands.alerts import document
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.rules.alerts import ALERTS, Cause
from edge_agent.secrets import Secrets
from tests.fixed_clock import FixedClock
from tests.panel.served import HandMade
from tests.published import answer_of
from tests.servers.webhook import SECRET, Receiver
from tests.servers.webhook import receiver as receiver

LETTER = Waiting("letter-1", '{"type":"alert.test"}', ("desk",))


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    folder = tmp_path / "credentials"
    folder.mkdir(exist_ok=True)
    (folder / "desk").write_text(SECRET)
    (folder / "desk").chmod(0o600)
    return Secrets(None, folder)


def posted(receiver: Receiver, mood: str, secrets: Secrets) -> Outcome:
    webhook = WebhookConfig(url=receiver.url(mood), credential="desk")
    return Post(secrets, ended=lambda: False, unix_s=lambda: 1_700_000_000.5)(webhook, LETTER)


# ---------------------------------------------------------------- one try


def test_a_letter_is_signed_named_and_dated(receiver: Receiver, secrets: Secrets) -> None:
    assert posted(receiver, "ok", secrets) == Outcome("taken")
    (headers,) = receiver.headers
    assert headers["webhook-id"] == "letter-1"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("edge-agent/")
    assert receiver.forged == 0


@pytest.mark.parametrize(
    ("mood", "kind", "words"),
    [
        # Many servers call whatever they say HTML.
        ("ok-called-html", "taken", ""),
        ("empty-html", "taken", ""),
        ("moved", "taken", ""),
        ("huge", "taken", ""),
        ("portal", "later", "sign-in page"),
        ("sign-in", "later", "sign-in page"),
        ("away", "later", "sends us on to http://portal.test/login; if that is the network's"),
        ("circle", "later", "it answers 307"),
        ("broken", "later", "it answers 500: Traceback: it is broken"),
        ("huge-error", "later", "it answers 500"),
        ("unknown", "later", "check its address"),
        ("bad", "refused", "it answers 422: no such field"),
        ("gone", "gone", "it answers 410"),
    ],
)
def test_what_a_server_does_is_a_sentence(
    receiver: Receiver, secrets: Secrets, mood: str, kind: str, words: str
) -> None:
    outcome = posted(receiver, mood, secrets)
    assert outcome.kind == kind
    assert words in outcome.words
    assert len(outcome.words) < 400


def test_a_server_that_asks_for_patience_gets_it(receiver: Receiver, secrets: Secrets) -> None:
    assert posted(receiver, "busy", secrets).retry_after_s == 120


@pytest.mark.parametrize("mood", ["slow", "silent"])
def test_an_answer_that_does_not_end_is_not_waited_for(
    receiver: Receiver, secrets: Secrets, mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TRY_S", 0.5)
    outcome = posted(receiver, mood, secrets)
    assert (outcome.kind, outcome.words) == (
        "later",
        "no whole answer within 0 s; check the network",
    )


def test_who_is_told_to_end_does_not_wait(receiver: Receiver, secrets: Secrets) -> None:
    webhook = WebhookConfig(url=receiver.url("silent"), credential="desk")
    assert Post(secrets, ended=lambda: True)(webhook, LETTER).kind == "later"


def test_what_people_can_mend_is_told_with_the_next_step(
    receiver: Receiver, secrets: Secrets
) -> None:
    post = Post(secrets, ended=lambda: False)
    (secrets.own / "short").write_text("whsec_AAAA")
    (secrets.own / "short").chmod(0o600)
    for webhook, words in (
        (WebhookConfig(url=receiver.url(), credential="missing"), "'missing' is missing"),
        (WebhookConfig(url=receiver.url(), credential="short"), "openssl rand"),
        (WebhookConfig(url="http://127.0.0.1:1/", credential="desk"), "refuses the connection"),
        (
            WebhookConfig(url=f"http://{'a' * 64}.test/", credential="desk", unencrypted=True),
            "",
        ),
        (
            # It speaks no TLS: an https address never becomes another one.
            WebhookConfig(url=receiver.url().replace("http:", "https:"), credential="desk"),
            "no secure connection",
        ),
    ):
        outcome = post(webhook, LETTER)
        assert outcome.kind == "later"
        assert words in outcome.words
    assert receiver.letters == []


# ---------------------------------------------------------------- the process


@dataclass
class Desk:
    """A service whose network is this test: `answer` is what each webhook answers."""

    folder: Path
    clock: FixedClock = field(default_factory=FixedClock)
    causes: list[Cause] = field(default_factory=list)
    answer: dict[str, Callable[[], Outcome]] = field(default_factory=dict)
    #: By webhook: ids of the letters that were taken, in order; and how often it was tried.
    taken: dict[str, list[str]] = field(default_factory=dict)
    tries: int = 0
    told: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ("desk",)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A new process takes up what the one before has left."""
        webhooks = {
            name: WebhookConfig(url=f"https://{name}.test", credential=name) for name in self.names
        }
        self.service = Service(
            file=self.folder / "alerts.json",
            news=self.folder / "news.json",
            sender=Sender("B-204", "", "0.1.0", dict.fromkeys(webhooks, ALERTS)),
            webhooks=webhooks,
            sight=lambda _: self.causes,
            post=self._post,
            clock=self.clock,
            chance=lambda: 0.5,
            tell=self.told.append,
        )
        self.service.open()

    def _post(self, webhook: WebhookConfig, letter: Waiting) -> Outcome:
        self.tries += 1
        outcome = self.answer.get(webhook.credential, lambda: Outcome("taken"))()
        if outcome.kind == "taken":
            self.taken.setdefault(webhook.credential, []).append(letter.id)
        return outcome

    def passes(self, seconds: float, step: float = 5.0) -> None:
        """Time; whatever is under way has ended in each turn."""
        for _ in range(int(seconds / step)):
            self.clock.pass_time(step)
            self.service.step()
            for place in self.service._places.values():
                if place.under_way is not None:
                    place.under_way.exception(timeout=60)

    def waiting(self) -> list[dict[str, Any]]:
        found = json.loads((self.folder / "alerts.json").read_text())["waiting"]
        return [json.loads(it["body"]) for it in found]


MISSED = Cause("missed_capture", "lecture-1", "a lecture could not be saved")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.service.close()


def test_an_outage_of_a_day_delays_and_tells_once(desk: Desk) -> None:
    desk.answer["desk"] = lambda: Outcome("later", "it answers 503")
    desk.causes = [MISSED]
    desk.passes(60)
    desk.causes = []
    desk.passes(24 * 3600, step=60)
    assert 24 < desk.tries < 24 * 3600 / (LONGEST_S / 2) + 20
    assert [it["type"] for it in desk.waiting()] == ["alert.raised", "alert.resolved"]
    desk.answer.clear()
    desk.passes(2 * LONGEST_S)
    assert len(desk.taken["desk"]) == len(set(desk.taken["desk"])) == 2
    assert desk.waiting() == []
    assert [line for line in desk.told if "503" in line] == ["webhook desk: it answers 503"]


def test_what_was_not_sent_before_a_restart_is_sent_after_it(desk: Desk) -> None:
    desk.answer["desk"] = lambda: Outcome("later", "it answers 503")
    desk.causes = [MISSED]
    desk.passes(60)
    desk.service.close()
    desk.clock.reboot(600)
    desk.begin()
    desk.answer.clear()
    desk.passes(60)
    assert len(desk.taken["desk"]) == 1
    desk.causes = []
    desk.passes(60)
    assert len(desk.taken["desk"]) == 2


def test_an_alert_that_stands_over_a_restart_is_not_told_again(desk: Desk) -> None:
    desk.causes = [MISSED]
    desk.passes(60)
    desk.service.close()
    desk.begin()
    desk.passes(600)
    assert len(desk.taken["desk"]) == 1


def test_one_that_wants_nothing_any_more_gets_nothing_and_the_others_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path, names=("desk", "other"))
    desk.answer["desk"] = lambda: Outcome("gone", "it answers 410")
    desk.causes = [MISSED]
    desk.passes(60)
    desk.causes = []
    desk.passes(3600, step=60)
    assert len(desk.taken["other"]) == 2
    assert desk.tries == 3
    assert desk.waiting() == []
    desk.service.close()


def test_a_letter_that_is_refused_for_ever_does_not_keep_the_next_one_back(desk: Desk) -> None:
    refused, taken = Outcome("refused", "it answers 422"), Outcome("taken")
    desk.answer["desk"] = lambda: refused if desk.tries <= MOST_REFUSALS else taken
    desk.causes = [MISSED]
    desk.passes(60)
    desk.causes = []
    desk.passes(3 * 3600, step=60)
    assert sum("is given up" in line for line in desk.told) == 1
    assert len(desk.taken["desk"]) == 1  # that it is over
    assert desk.waiting() == []


def test_on_a_clock_that_was_never_set_nobody_could_believe_a_letter(desk: Desk) -> None:
    desk.clock.trust = "unset"
    desk.causes = [MISSED]
    desk.passes(60)
    assert desk.tries == 0
    assert json.loads((desk.folder / "news.json").read_text())["desk"]["trouble"]
    desk.clock.trust = "synchronised"
    desk.passes(10)
    assert len(desk.taken["desk"]) == 1


def test_a_disk_that_refuses_delays_no_alert(desk: Desk) -> None:
    desk.service.file = desk.folder / "alerts.json" / "nowhere"
    (desk.folder / "alerts.json").unlink(missing_ok=True)
    (desk.folder / "alerts.json").write_text("a file, and no folder")
    desk.causes = [MISSED]
    desk.passes(60)
    assert len(desk.taken["desk"]) == 1
    assert sum("cannot be kept" in line for line in desk.told) == 1


def test_a_damaged_file_is_told_and_what_stands_is_told_again(desk: Desk) -> None:
    desk.causes = [MISSED]
    desk.passes(60)
    desk.service.close()
    (desk.folder / "alerts.json").write_text("{")
    desk.begin()
    desk.passes(60)
    assert len(desk.taken["desk"]) == 2
    assert any("damaged" in line for line in desk.told)


# ---------------------------------------------------------------- by command


@pytest.fixture
def room(tmp_path: Path, receiver: Receiver, secrets: Secrets) -> Iterator[HandMade]:
    (tmp_path / "config.toml").write_text(
        f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\n'
        f'[webhooks.desk]\nurl = "{receiver.url("")}"\ncredential = "desk"\n'
    )
    room = HandMade(tmp_path)
    yield room
    room.ledger.close()


def command(room: HandMade, *words: str) -> tuple[int, Any]:
    config = room.spool.root.parent / "config.toml"
    done = CliRunner().invoke(app, ["--config", str(config), "alerts", *words, "--json"])
    return done.exit_code, answer_of(done.stdout)


def test_a_test_is_sent_at_once_and_says_that_it_is_one(room: HandMade, receiver: Receiver) -> None:
    receiver.mood = "ok"
    assert command(room, "test")[0] == 0
    receiver.mood = "broken"
    status, found = command(room, "test", "desk")
    assert status == 11
    assert "it answers 500" in found["data"][0]["trouble"]
    first, second = receiver.letters
    Draft202012Validator(json.loads(document())).validate(first)
    assert (first["type"], first["data"]["room"]) == ("alert.test", "Room")
    assert first["data"]["id"] != second["data"]["id"]
    assert receiver.forged == 0
    assert command(room, "test", "nobody")[0] == 4


def test_the_status_says_what_stands_and_that_nobody_is_told(room: HandMade) -> None:
    status, found = command(room, "status")
    assert (status, found["data"]["standing"]) == (0, [])
    assert "edge-agent alerts run" in found["warnings"][0]


def test_without_a_webhook_the_process_says_how_to_have_one(room: HandMade) -> None:
    config = room.spool.root.parent / "config.toml"
    config.write_text(config.read_text().partition("[webhooks")[0])
    done = CliRunner().invoke(app, ["--config", str(config), "alerts", "run"])
    assert done.exit_code == 6
    assert "edge-agent config set webhooks.desk" in done.stderr
