"""Many rooms by what one broker keeps of them: who comes first, and what a real mosquitto shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.clock import SystemClock
from edge_agent.commands import mqtt_room
from edge_agent.commands.fleet_broker import Desk
from edge_agent.config import Config, Storage
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.link import Broker, LinkLost
from edge_agent.mqtt.messages import Booking, Health, Lecture, Problem, Queue, State, Track
from edge_agent.mqtt.reader import AT_ONCE, Reader
from edge_agent.mqtt.topics import ROOT, Topics
from edge_agent.rules.fleet import Rank
from edge_agent.rules.fleet_retained import SILENT, Kept, standing_of
from tests.panel.served import HandMade
from tests.servers.mosquitto import Mosquitto

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
AT = "2026-11-23T02:59:30.000Z"
LECTURE = Lecture(id="0193a1b2-0000-7000-8000-000000000001", started_utc="2026-11-23T02:30:00.000Z")
BOOKING = Booking(starts_utc=AT, ends_utc="2026-11-23T04:00:00.000Z", reason="no devices")
TRACKS = [Track(name=name, role="camera", state="ok") for name in ("camera", "mic")]
RECORDED = [track.model_copy(update={"state": "recording"}) for track in TRACKS]
LOST = [TRACKS[0], TRACKS[1].model_copy(update={"state": "lost"})]


def state(**facts: Any) -> dict[str, Any]:
    it = State(word="ready", at=AT, tracks=TRACKS).model_copy(update=facts)
    return it.model_dump(mode="json", exclude_none=True)


def recording(**facts: Any) -> dict[str, Any]:
    return state(**{"word": "recording", "lecture": LECTURE, "tracks": RECORDED, **facts})


def health(**facts: Any) -> dict[str, Any]:
    it = Health(at=AT, agent=True, clock="synchronised", space_hours=50.0)
    return it.model_copy(update=facts).model_dump(mode="json")


def kept(told: dict[str, Any], health_: dict[str, Any] | None = None, help_: int = 0) -> Kept:
    queue = Queue(at=AT, waiting=2, help=help_).model_dump(mode="json")
    return Kept("royal/b-204", True, told, health_ or health(), queue)


def problem(key: str, severity: str = "warning", **more: str) -> list[Problem]:
    return [Problem.model_validate({"key": key, "severity": severity, **more})]


# ---------------------------------------------------------------- who comes first


@pytest.mark.parametrize(
    ("it", "rank", "word", "note"),
    [
        (kept(state()), Rank.WELL, "ready", ""),
        (kept(recording()), Rank.WELL, "recording", ""),
        (kept(recording(tracks=LOST)), Rank.LOSING, "recording", "mic is away"),
        (kept(recording(alerts=["missing_audio"])), Rank.LOSING, "recording", "nobody can"),
        (kept(recording(word="start_failed")), Rank.LOSING, "start_failed", "nothing of the"),
        (kept(state(booking=BOOKING)), Rank.LOSING, "MISSING", "no devices"),
        (kept(state(tracks=LOST)), Rank.WILL_LOSE, "ready", "mic is away"),
        (kept(state(tracks=[])), Rank.WILL_LOSE, "ready", "no camera and no microphone"),
        (kept(state(muted=True)), Rank.WILL_LOSE, "ready", "muted"),
        (kept(state(problems=problem("power.battery"))), Rank.WILL_LOSE, "ready", "on battery"),
        (kept(state(problems=problem("disk.trouble", detail="it is read-only"))),
         Rank.WILL_LOSE, "ready", "it is read-only"),
        (kept(state(), health(space_hours=1.5)), Rank.WILL_LOSE, "ready", "2 h left"),
        (kept(state(word="not_ready"), health(agent=False)), Rank.WILL_LOSE, "not_ready",
         "not running"),
        (kept(state(problems=problem("mic.loud", track="mic", detail="too loud"))), Rank.LOOK,
         "ready", "mic: too loud"),
        (kept(state(alerts=["missed_capture"])), Rank.LOOK, "ready", "missed"),
        (kept(state(), help_=3), Rank.LOOK, "ready", "3 lectures need a person"),
        (kept(state(), health(clock="unset")), Rank.LOOK, "ready", "clock"),
        (Kept("r", False, state(), health()), Rank.WILL_LOSE, "OFFLINE",
         "offline, last heard at 2026-11-23 02:59 UTC"),
        (Kept("r", False, recording(), health()), Rank.WILL_LOSE, "OFFLINE", "it was recording"),
        (Kept("r", None, None), Rank.WILL_LOSE, "OFFLINE", "it was never at the broker"),
        (Kept("r", True, None, health()), Rank.WILL_LOSE, "UNKNOWN", "nothing of its state"),
    ],
)  # fmt: skip
def test_a_room_stands_where_its_worst_puts_it(it: Kept, rank: Rank, word: str, note: str) -> None:
    found = standing_of(it, NOW)
    assert (found.rank, found.state) == (rank, word)
    assert note in found.note


def test_what_was_kept_of_a_room_that_has_fallen_silent_is_not_believed() -> None:
    later = NOW + SILENT + timedelta(minutes=1)
    found = standing_of(kept(recording()), later)
    assert (found.rank, found.state) == (Rank.WILL_LOSE, "SILENT")
    assert "nothing since 2026-11-23 02:59 UTC" in found.note
    # Of a clock that is not synchronised an age says nothing.
    assert standing_of(kept(recording(), health(clock="plausible")), later).state == "recording"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["word", "at", "tracks", "problems", "alerts", "lecture", "booking", "name", "state",
             "key", "clock", "space_hours", "waiting", "help", "started_utc", "muted", "agent"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip
tables = st.dictionaries(st.sampled_from(["word", "at", "tracks", "problems", "booking"]), anything)


@given(st.none() | st.booleans(), tables, tables, tables)
def test_whatever_is_kept_of_a_room_it_has_a_place(
    online: bool | None, told: Any, health_: Any, queue: Any
) -> None:
    found = standing_of(Kept("r", online, told, health_, queue), NOW)
    assert found.rank in Rank
    assert found.state
    assert len(found.note) < 20_000


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"outcome": "hindered", "reason": "no device is ready"}, True),
        ({"outcome": ""}, True),
        ({"outcome": "begun"}, False),
        ({"outcome": "hindered", "recording": True}, False),
    ],
)
def test_a_room_tells_the_booking_of_which_nothing_is_recorded(
    tmp_path: Path, now: dict[str, Any], told: bool
) -> None:
    room = HandMade(tmp_path)
    storage = Storage(spool=room.spool.root, runtime=room.runtime.root)
    look, end = mqtt_room.looking(Config(storage=storage), room.spool, room.runtime, SystemClock())
    booked = {"title": "Physics", "course": "", "lecturer": "", "recording": False, "reason": ""}
    times = {"starts_utc": AT, "ends_utc": "2026-11-23T04:00:00.000Z"}
    with room.alive():
        room.say(schedule={"now": booked | times | now, "next": None})
        booking = look().state.booking
    end()
    room.ledger.close()
    assert (booking is not None) is told
    if booking is not None:
        assert (booking.title, booking.reason) == ("Physics", now.get("reason", ""))


# ---------------------------------------------------------------- on a real broker


ROOMS = {name: Topics("royal", name) for name in ("b-204", "b-205", "b-206")}
USERS = {**{f"room-{name}": f"{name}-secret" for name in ROOMS}, "desk": "desk-secret"}
USERS |= {"nobody": "nobodys-secret", "campus": "campus-secret"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    written = acl([Account(it, f"room-{name}") for name, it in ROOMS.items()], desks=["desk"])
    # Who fills the broker with the rooms of a whole campus.
    written += f"\nuser campus\ntopic write {ROOT}/campus/#\n\nuser nobody\n"
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), USERS, written)
    broker.start()
    _tell(broker, "b-204", recording(alerts=["missing_audio"]))
    _tell(broker, "b-205", state())
    _tell(broker, "b-206", recording(), online=False)
    try:
        yield broker
    finally:
        broker.kill()


def _tell(broker: Mosquitto, name: str, told: dict[str, Any], online: bool = True) -> None:
    for topic, value in (
        ("online", online),
        ("state", told | {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}),
        ("health", health(at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")),
        ("queue", Queue(waiting=4).model_dump(mode="json")),
    ):
        where = f"{ROOMS[name].prefix}/{topic}"
        done = broker.run("pub", f"room-{name}", "-r", "-t", where, "-m", json.dumps(value))
        assert done.returncode == 0, done.stderr


def fleet(broker: Mosquitto, folder: Path, *words: str, user: str = "desk") -> tuple[int, Any]:
    secret = folder / "broker.password"
    secret.write_text(USERS[user])
    secret.chmod(0o600)
    (folder / "fleet.toml").write_text(
        f'[broker]\nurl = "mqtts://localhost:{broker.port}"\nusername = "{user}"\n'
        f'password_file = "{secret}"\nca_file = "{broker.ca}"\n'
        '[rooms.B-205]\nsite = "Royal"\n[rooms.a-001]\nsite = "royal"\n'
    )
    file = ("--inventory", str(folder / "fleet.toml"), "--broker", "inventory")
    done = CliRunner().invoke(app, ["fleet", *words, *file])
    try:
        return done.exit_code, json.loads(done.stdout)
    except ValueError:
        return done.exit_code, done.output


def test_all_rooms_in_one_look_the_worst_first(broker: Mosquitto, tmp_path: Path) -> None:
    """And those of the inventory that the broker has never seen."""
    status, found = fleet(broker, tmp_path, "status", "--json")
    assert status == 3
    assert [(it["room"], it["state"]) for it in found["data"]] == [
        ("royal/b-204", "recording"),
        ("royal/a-001", "OFFLINE"),
        ("royal/b-206", "OFFLINE"),
        ("royal/b-205", "ready"),
    ]
    notes = {it["room"]: it["note"] for it in found["data"]}
    assert notes["royal/a-001"] == "it was never at the broker"
    assert "when it was recording" in notes["royal/b-206"]
    status, found = fleet(broker, tmp_path, "list", "--json")
    assert [it["room"] for it in found["data"]] == ["a-001", "b-204", "b-205", "b-206"]


def test_only_some_rooms_and_their_page(broker: Mosquitto, tmp_path: Path) -> None:
    only = ("--rooms", "b-205,royal/b-204", "--site", "royal")
    page = tmp_path / "rooms.html"
    assert fleet(broker, tmp_path, "page", "--to", str(page), *only)[0] == 0
    text = page.read_text()
    assert text.count("<li ") == 2
    assert "4 lectures waiting" in text
    status, found = fleet(broker, tmp_path, "status", "--json", "--rooms", "b-205")
    assert (status, found["error"]["code"]) == (2, "no-site")


def test_who_may_see_no_rooms_is_told_so(broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    words = ("status", "--json", "--site", "elsewhere")
    status, found = fleet(broker, tmp_path, *words, user="nobody")
    assert (status, found["error"]["code"]) == (4, "no-rooms")
    assert "edge-agent mqtt acl --desk" in found["error"]["hint"]


def test_a_wrong_password_and_a_broker_that_is_away_are_sentences(
    broker: Mosquitto, tmp_path: Path
) -> None:
    desk = Desk(lambda: reader(broker, lambda: "wrong"), (), ())
    with desk, pytest.raises(LinkLost, match="refuses this desk"):
        desk.standings()
    place = f"mqtts://localhost:{broker.port}"
    done = CliRunner().invoke(app, ["fleet", "status", "--broker", place, "--json"])
    assert done.exit_code == 11  # without the campus's authority nobody is believed
    words = ["fleet", "status", "--broker", "mqtt://broker.test", "--json"]
    assert CliRunner().invoke(app, words).exit_code == 6


def test_a_desk_sees_and_commands_nothing(broker: Mosquitto) -> None:
    """What a desk publishes does not arrive, and it hears neither events nor answers."""
    prefix = ROOMS["b-205"].prefix
    broker.run("pub", "desk", "-r", "-t", f"{prefix}/online", "-m", "false")
    assert broker.retained("desk", f"{prefix}/online") is True
    listening = broker.tool("sub", "desk", "-t", f"{prefix}/#", "-W", "3", "-v")
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as process:
        broker.run("pub", "room-b-205", "-t", f"{prefix}/event/7", "-m", "{}")
        said = process.communicate(timeout=60)[0]
    assert {line.split()[0].rsplit("/", 1)[1] for line in said.splitlines()} == {
        "online",
        "state",
        "health",
        "queue",
    }


def reader(broker: Mosquitto, password: Any = lambda: USERS["desk"], site: str = "") -> Reader:
    place = Broker("localhost", broker.port, True, "desk", broker.ca)
    return Reader(place, password, site)


def _flood(broker: Mosquitto, count: int) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set("campus", USERS["campus"])
    client.tls_set(str(broker.ca))
    client.connect("localhost", broker.port)
    client.loop_start()
    told = {"online": b"true", "state": json.dumps(state()).encode(), "health": b"{}"}
    for number in range(count):
        for topic, payload in {**told, "queue": b"no JSON at all"}.items():
            client.publish(f"{ROOT}/campus/room-{number}/{topic}", payload, 0, retain=True)
    client.publish(f"{ROOT}/campus/room-0/online", b"true", 1, retain=True).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def test_more_rooms_than_a_broker_queues_are_all_seen(broker: Mosquitto) -> None:
    """Twelve hundred rooms, 4800 messages; a broker drops what exceeds a thousand at once."""
    count = 1200
    _flood(broker, count)
    found = reader(broker, site="campus")
    found.open()
    found.close()
    assert len(found.rooms) == count
    assert all(len(heard.told) == 4 for heard in found.rooms.values())
    assert AT_ONCE < 1000


def test_a_desk_follows_what_is_new_and_tells_that_its_broker_is_away(broker: Mosquitto) -> None:
    with Desk(lambda: reader(broker, site="royal"), (), ()) as desk:
        assert {it.room: it.state for it in desk.standings()}["royal/b-205"] == "ready"
        _tell(broker, "b-205", state(muted=True))
        noted = {it.room: it.note for it in desk.standings(1.0)}
        assert noted["royal/b-205"] == "muted"
        _tell(broker, "b-205", state())
        broker.kill()
        away = desk.standings(1.0)
        broker.start()
        assert {it.state for it in away} == {"NO ANSWER"}
        assert all("the broker: " in it.note for it in away)
