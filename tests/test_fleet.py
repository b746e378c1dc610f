"""Many rooms from one desk: who comes first, what reaches a room, what a broken answer costs."""

from __future__ import annotations

import json
import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.fleet.inventory import Room, chosen, place, read
from edge_agent.fleet.page import page
from edge_agent.fleet.reach import Result, Ssh, everywhere
from edge_agent.places import ConfigError
from edge_agent.rules.fleet import Rank, Standing, Word, ranked, standing
from tests.published import answer_of

TRACK = {"phase": "armed", "warning": "", "reason": ""}
READY: dict[str, Any] = {
    "room": "Hall",
    "lecture": None,
    "tracks": {"camera": TRACK, "mic": TRACK},
    "schedule": None,
    "spool": {"free_bytes": 200_000_000_000, "trouble": ""},
    "clock_trust": "synchronised",
}
LECTURE = {"state": "recording", "started_utc": "2026-11-23T03:00:00.000Z"}
BOOKED = {"starts_utc": "2026-11-23T03:00:00.000Z", "outcome": "hindered", "reason": "no devices"}


def said(queue: dict[str, Any] | None = None, **facts: Any) -> Word:
    """A room's status, with some facts of its own."""
    return Word("r", {"running": True, "agent": READY | facts, "queue": queue or {"files": 0}})


def recording(**track: Any) -> Word:
    """While a lecture is on; `track`: how the microphone is."""
    tracks = {"camera": TRACK | {"phase": "recording"}, "mic": TRACK | {"phase": "recording"}}
    return said(lecture=LECTURE, tracks=tracks | {"mic": tracks["mic"] | track})


# ---------------------------------------------------------------- who comes first


@pytest.mark.parametrize(
    ("word", "rank", "state", "note"),
    [
        (said(), Rank.WELL, "ready", ""),
        (recording(), Rank.WELL, "recording", ""),
        (recording(warning="silence"), Rank.LOSING, "recording", "mic silence"),
        (recording(phase="absent", reason="unplugged"), Rank.LOSING, "recording", "unplugged"),
        (said(schedule={"now": BOOKED}), Rank.LOSING, "MISSING", "no devices"),
        (said(schedule={"now": BOOKED | {"outcome": "begun"}}), Rank.WELL, "ready", ""),
        (said(tracks={}), Rank.WILL_LOSE, "ready", "no camera"),
        (said(tracks={"mic": TRACK | {"phase": "absent", "reason": "gone"}}), Rank.WILL_LOSE,
         "ready", "mic gone"),
        (said(spool={"free_bytes": 7_200_000_000}), Rank.WILL_LOSE, "ready", "2 h left"),
        (said(spool={"free_bytes": 10**12, "trouble": "it is full"}), Rank.WILL_LOSE, "ready",
         "full"),
        (said(muted=True), Rank.WILL_LOSE, "ready", "muted"),
        (said(schedule={"trouble": "no clock"}), Rank.WILL_LOSE, "ready", "no clock"),
        (said(tracks={"mic": TRACK | {"warning": "hum"}}), Rank.LOOK, "ready", "mic hum"),
        (said({"files": 3, "troubled": 2}), Rank.LOOK, "ready", "2 files"),
        (said({"files": 0, "failed_lectures": 1}), Rank.LOOK, "ready", "1 lectures"),
        (said(clock_trust="unset"), Rank.LOOK, "ready", "clock"),
        (Word("r", trouble="no route to host"), Rank.WILL_LOSE, "NO ANSWER", "no route"),
        (Word("r", {"running": False, "agent": None, "queue": None}), Rank.WILL_LOSE,
         "NOT RUNNING", "not running"),
    ],
)  # fmt: skip
def test_a_room_stands_where_its_worst_puts_it(
    word: Word, rank: Rank, state: str, note: str
) -> None:
    found = standing(word)
    assert (found.rank, found.state) == (rank, state)
    assert note in found.note


def test_the_worst_come_first_and_then_the_names() -> None:
    words = [
        Word("b", said().status),
        Word("a", said().status),
        Word("z", recording(warning="silence").status),
        Word("m", trouble="no answer in time"),
    ]
    assert [each.room for each in ranked(words)] == ["z", "m", "a", "b"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["running", "agent", "queue", "lecture", "tracks", "schedule", "now", "spool", "state",
             "phase", "warning", "free_bytes", "trouble", "files", "mic"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["running", "agent", "queue"]), anything))
def test_whatever_a_room_says_it_has_a_place(status: dict[str, Any]) -> None:
    found = standing(Word("r", status))
    assert found.rank in Rank
    assert found.state


# ---------------------------------------------------------------- which rooms there are


def inventory(folder: Path, text: str) -> Path:
    file = folder / "fleet.toml"
    file.write_text(text)
    return file


def test_a_room_is_its_name_for_ssh_unless_it_says_more(tmp_path: Path) -> None:
    file = inventory(
        tmp_path, '[rooms.b-204]\n[rooms.c-101]\nhost = "it@c.example.org"\nsite = "north"\n'
    )
    rooms = read(file)
    assert [(it.name, it.host) for it in rooms] == [
        ("b-204", "b-204"),
        ("c-101", "it@c.example.org"),
    ]
    assert [it.name for it in chosen(rooms, [], "north")] == ["c-101"]
    with pytest.raises(KeyError, match="d-1"):
        chosen(rooms, ["d-1"], "")


@pytest.mark.parametrize(
    "text",
    [
        "[rooms",
        "rooms = 3",
        '[rooms."-oProxyCommand=reboot"]',
        '[rooms.a]\nhost = "-oProxyCommand=reboot"',
        '[rooms.a]\nhost = "a b"',
        "[rooms.a]\nport = 22",
        'command = ""',
        '[rooms."../x"]',
    ],
)
def test_a_broken_inventory_is_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(inventory(tmp_path, text))
    assert "fleet.toml" in caught.value.problems[0]


def test_the_chosen_file_goes_before_the_environment_and_that_before_the_usual_places(
    tmp_path: Path,
) -> None:
    env = {"HOME": str(tmp_path), "EDGE_AGENT_FLEET": "/srv/fleet.toml"}
    assert place(Path("mine.toml"), env) == Path("mine.toml")
    assert place(None, env) == Path("/srv/fleet.toml")
    del env["EDGE_AGENT_FLEET"]
    assert place(None, env) == Path("/etc/edge-agent/fleet.toml")
    own = tmp_path / ".config/edge-agent/fleet.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert place(None, env) == own


# ---------------------------------------------------------------- what reaches a room


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), max_size=4))
def test_every_word_comes_to_the_room_as_it_was_typed(words: list[str]) -> None:
    room = Room("a", "a.example.org", command=("sudo", "edge-agent"))
    *options, end, host, line = Ssh(5).command(room, words)
    assert (end, host) == ("--", "a.example.org")
    assert shlex.split(line) == ["sudo", "edge-agent", *words]
    assert "BatchMode=yes" in options


def program(folder: Path, body: str) -> str:
    """Something that is called like ssh: host and line are its last two words."""
    file = folder / "ssh"
    file.write_text(f"#!{sys.executable}\nimport sys, time\nhost, line = sys.argv[-2:]\n{body}\n")
    file.chmod(0o755)
    return str(file)


def test_one_room_that_hangs_or_refuses_costs_the_others_nothing(tmp_path: Path) -> None:
    body = (
        "if host == 'hangs': time.sleep(60)\n"
        "away = 'banner\\nssh: no route to host'\n"
        "if host == 'away': print(away, file=sys.stderr); sys.exit(255)\n"
        "print(host)"
    )
    ssh = Ssh(3, program=program(tmp_path, body))
    rooms = [Room(name, name) for name in ("hangs", "away", "well")]
    hangs, away, well = everywhere(ssh, rooms, ["status"], parallel=3)
    assert (hangs.status, hangs.trouble) == (None, "no answer in time")
    assert away.trouble == "ssh: no route to host"
    assert (well.status, well.out.strip(), well.trouble) == (0, "well", "")


def test_without_ssh_there_is_a_sentence() -> None:
    result = Ssh(3, program="/nonexistent/ssh")(Room("a", "a"), ["status"])
    assert "No such file" in result.trouble


# ---------------------------------------------------------------- the commands


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three rooms; what stands in `answers/ROOM` is what `ssh` brings back from it."""
    answers = tmp_path / "answers"
    answers.mkdir()
    body = (
        f"import pathlib\nhere = pathlib.Path({str(answers)!r})\n"
        "(here / f'{host}.heard').write_text(line + '|' + sys.stdin.read())\n"
        "told = here / host\n"
        "if not told.exists(): sys.exit(255)\n"
        "text = told.read_text(); print(text, end=''); sys.exit('refused' in text)"
    )
    monkeypatch.setenv("PATH", f"{Path(program(tmp_path, body)).parent}:/usr/bin:/bin")
    file = inventory(tmp_path, "".join(f"[rooms.{name}]\n" for name in ("a", "b", "c")))
    monkeypatch.setenv("EDGE_AGENT_FLEET", str(file))
    return answers


def fleet(*words: str, data: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fleet", *words], input=data)
    return result.exit_code, result.stdout


def test_a_room_that_needs_somebody_is_the_first_line_and_the_exit_code(desk: Path) -> None:
    document = {"schema": "edge-agent/status/1", "ok": True, "data": said().status}
    (desk / "a").write_text(json.dumps(document))
    (desk / "b").write_text(json.dumps(document | {"data": recording(warning="silence").status}))
    (desk / "c").write_text("<html>not ours</html>")
    code, text = fleet("status")
    lines = [line.split()[0] for line in text.splitlines()]
    assert (code, lines) == (3, ["ROOM", "b", "c", "a"])
    code, text = fleet("status", "--rooms", "a", "--json")
    assert code == 0
    assert json.loads(text)["data"] == [
        {"room": "a", "rank": "well", "state": "ready", "since_utc": None, "queue": 0,
         "hours_left": 55.6, "note": ""}
    ]  # fmt: skip


def test_a_command_runs_in_every_room_and_each_answer_is_named(desk: Path) -> None:
    for name in ("a", "b"):
        (desk / name).write_text("one\ntwo\n")
    code, text = fleet("run", "--rooms", "a,b", "--", "lectures", "list", "--state", "failed")
    assert (code, text.splitlines()) == (0, ["a: one", "a: two", "b: one", "b: two"])
    assert (desk / "a.heard").read_text() == "edge-agent lectures list --state failed|"
    assert fleet("run", "--", "version")[0] == 3


def test_a_configuration_goes_from_room_to_room_and_stops_at_the_first_that_refuses(
    desk: Path, tmp_path: Path
) -> None:
    (desk / "a").write_text("applied\n")
    (desk / "b").write_text("refused\n")
    file = tmp_path / "new.toml"
    file.write_text("[room]\n")
    code, text = fleet("push", str(file), "--json")
    document = answer_of(text)
    assert (code, [each["room"] for each in document["data"]]) == (1, ["a", "b"])
    assert "1 rooms were not asked" in document["error"]["message"]
    assert "--rooms a -- config rollback" in document["error"]["hint"]
    assert (desk / "a.heard").read_text() == "edge-agent config apply -|[room]\n"
    assert not (desk / "c.heard").exists()


def test_a_canary_is_asked_alone(desk: Path, tmp_path: Path) -> None:
    (desk / "a").write_text("applied\n")
    file = tmp_path / "new.toml"
    file.write_text("[room]\n")
    assert fleet("push", str(file), "--canary", "1", "--dry-run")[0] == 0
    assert (desk / "a.heard").read_text().startswith("edge-agent config apply - --dry-run|")
    assert not (desk / "b.heard").exists()


def test_the_page_has_a_tile_for_each_room_and_says_nothing_by_colour_alone(
    desk: Path, tmp_path: Path
) -> None:
    (desk / "a").write_text(json.dumps({"data": recording(warning="silence").status}))
    (desk / "b").write_text(json.dumps({"data": said().status}))
    file = tmp_path / "rooms.html"
    assert fleet("page", "--to", str(file))[0] == 0
    text = file.read_text()
    assert text.count("<li ") == 3
    order = [text.index(f"<strong>{name}<") for name in ("a", "c", "b")]
    assert order == sorted(order)
    assert "✕ 1 losing a lecture now" in text
    assert "<title>✕ 1 losing a lecture</title>" in text
    assert "mic silence" in text


@given(st.text(), st.text())
def test_whatever_a_room_says_stays_text_on_the_page(name: str, note: str) -> None:
    standing = Standing(f"<{name}>", Rank.LOOK, f"<script>{note}", f"<img src=x {note}>")
    text = page([standing], datetime(2026, 11, 23, tzinfo=UTC), 60, f"<b>{name}")
    tags = set(re.findall(r"<\s*([a-z!][a-z0-9]*)", text.split("</style>")[1]))
    ours = "head body header h1 h2 p time main ul li strong b span"
    assert tags <= set(ours.split())
    assert "<img" not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("words", "code"),
    [(("list", "--rooms", "x"), "no-such-room"), (("list", "--site", "x"), "no-rooms")],
)
def test_rooms_that_are_not_there_are_said(desk: Path, words: tuple[str, ...], code: str) -> None:
    status, text = fleet(*words, "--json")
    assert (status, json.loads(text)["error"]["code"]) == (4, code)


def test_an_answer_out_of_time_is_no_answer() -> None:
    assert Result(Room("a", "a"), None).trouble
    assert not Result(Room("a", "a"), 3, "findings").trouble
