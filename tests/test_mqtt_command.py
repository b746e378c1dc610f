"""`edge-agent mqtt`: names, rights and faults, without a broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands.mqtt import broker_of, furnish
from edge_agent.commands.room import room_of
from edge_agent.config import load
from edge_agent.config_mqtt import VERBS
from edge_agent.credential_desk import users
from edge_agent.mqtt.messages import COMMANDS
from tests.published import answer_of

BROKER = 'url = "mqtts://broker.test"\n'


def configured(tmp_path: Path, mqtt: str, room: str = 'name = "B-204"\n') -> Path:
    file = tmp_path / "config.toml"
    places = f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\n'
    file.write_text(f"{places}[room]\n{room}[mqtt]\n{mqtt}")
    return file


def run(file: Path, *words: str) -> tuple[int, str, dict[str, Any]]:
    done = CliRunner().invoke(app, ["--config", str(file), "mqtt", *words])
    text = done.stdout
    return done.exit_code, text + done.stderr, answer_of(text) if "--json" in words else {}


def test_a_rooms_topics_are_made_of_its_names(tmp_path: Path) -> None:
    file = configured(tmp_path, BROKER, 'name = "Room B-204"\ninstitution = "École Royale"\n')
    code, _, answer = run(file, "topics", "--json")
    assert (code, answer["data"]["client_id"]) == (0, "ea-ecole-royale-room-b-204")
    assert "ea/1/ecole-royale/room-b-204/state" in answer["data"]["tells"]
    assert len(answer["data"]["hears"]) == len(COMMANDS) == len(VERBS)


def test_a_room_whose_name_has_no_such_letters_is_told_to_choose_some(tmp_path: Path) -> None:
    file = configured(tmp_path, BROKER, 'name = "បន្ទប់ ២០៤"\n')
    code, text, _ = run(file, "topics")
    assert code == 6
    assert "set mqtt.site and mqtt.room" in text
    named = configured(tmp_path, f'{BROKER}site = "royal"\nroom = "b-204"\n', 'name = "បន្ទប់"\n')
    assert run(named, "topics")[0] == 0


def test_without_a_broker_the_service_ends_with_the_next_step(tmp_path: Path) -> None:
    code, text, _ = run(configured(tmp_path, ""), "run")
    assert code == 6
    assert "edge-agent config set mqtt.url" in text


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("mqtts://broker.test", ("broker.test", 8883, True)),
        ("mqtts://broker.test:443", ("broker.test", 443, True)),
        ("mqtt://127.0.0.1", ("127.0.0.1", 1883, False)),
        ("mqtts://[::1]:1", ("::1", 1, True)),
    ],
)
def test_an_address_has_the_usual_port_unless_it_names_one(
    tmp_path: Path, url: str, place: tuple[str, int, bool]
) -> None:
    it = broker_of(load(configured(tmp_path, f'url = "{url}"\n'), {}))
    assert (it.host, it.port, it.tls) == place


def test_an_acl_has_a_block_for_each_user(tmp_path: Path) -> None:
    file = configured(tmp_path, BROKER)
    rooms = ("royal/b-204=one", "royal/b-205")
    code, text, _ = run(file, "acl", *rooms, "--controller", "desk", "--watcher", "eye")
    blocks = {block.splitlines()[0]: block for block in text.split("\n\n")}
    assert code == 0
    assert list(blocks) == ["user one", "user ea-royal-b-205", "user desk", "user eye"]
    assert "topic read ea/1/royal/b-204/cmd/+" in blocks["user one"]
    assert "b-205" not in blocks["user one"]
    assert "topic write ea/1/royal/b-205/cmd/+" in blocks["user desk"]
    assert "write" not in blocks["user eye"]


def test_without_rooms_the_acl_is_that_of_this_one(tmp_path: Path) -> None:
    wants = f'{BROKER}username = "me"\nsite = "royal"\nhome_assistant = true\n'
    _, text, _ = run(configured(tmp_path, wants), "acl")
    assert text.startswith("user me\ntopic read ea/1/royal/b-204/cmd/+\n")
    assert "topic write homeassistant/device/ea_royal_b-204/config" in text


@pytest.mark.parametrize("room", ["b-204", "royal/", "royal/+", "royal/b-204/x", "R/b"])
def test_no_wildcard_gets_into_an_acl(tmp_path: Path, room: str) -> None:
    assert run(configured(tmp_path, BROKER), "acl", room)[0] == 2


def test_home_assistant_gets_a_button_for_what_the_room_takes_and_no_more(tmp_path: Path) -> None:
    wants = f'{BROKER}site = "royal"\nhome_assistant = true\ncommands = ["stop"]\n'
    file = configured(tmp_path, wants)
    service, close = furnish(load(file, {}), room_of(file), print)
    service.close()
    close()
    ((topic, payload),) = service.view.besides.items()
    told = json.loads(payload)
    assert topic == "homeassistant/device/ea_royal_b-204/config"
    buttons = {key for key, it in told["components"].items() if it["p"] == "button"}
    assert buttons == {"stop"}
    names = [it["unique_id"] for it in told["components"].values()]
    assert len(set(names)) == len(names)
    assert told["availability"][0]["topic"] == "ea/1/royal/b-204/online"


def test_the_brokers_password_is_one_of_the_rooms_credentials(tmp_path: Path) -> None:
    config = load(configured(tmp_path, f'{BROKER}credential = "campus-mqtt"\n'), {})
    assert users(config) == {"campus-mqtt": ("mqtt.credential",)}
