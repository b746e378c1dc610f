"""The report for those who help: whole, bounded, and with no secret of any kind in it."""

from __future__ import annotations

import base64
import io
import json
import re
import string
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands.room import room_of
from edge_agent.commands.support import MOST_BYTES, Ground, gather, packed
from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.redaction import REMOVED, Redactor, secrets_in
from edge_agent.rows import Lecture
from edge_agent.rules import bookings as rules
from edge_agent.rules.lecture import State
from edge_agent.spool import Runtime, Spool
from tests.fixed_clock import FixedClock

#: One for each way in which a secret comes into a room.
TOKEN = "tOk3n-of-the-campus"
STORE = "AKIAEXAMPLE:wJalr/XUtn+FEMI"
USER = "agent:pässw0rt mit Leer"
GIVEN = "gIven-by-systemd"
CAMERA = "cAm/pa@ss"
OPTION = "0ption-passw0rd"
PIN = "$argon2id$v=19$m=8,t=1$c2FsdHNhbHQ$aGFzaGhhc2g"
ROOM_KEY = "r00m-private-key"
TABLET = "tabl3t-of-the-lecturer"
PLANTED = [TOKEN, STORE.partition(":")[2], USER.partition(":")[2], GIVEN, CAMERA, OPTION, ROOM_KEY]
CALENDAR = "ical/private-4f1e0c/basic.ics"
PLANTED += [TABLET, PIN, CALENDAR]
WORDS_OF_PEOPLE = ["Thermodynamics of Dragons", "DRAG-101", "Dr Draco"]


class Hall:
    """A room into whose every corner a secret was put."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "config.toml"
        self.spool, self.runtime = Spool(folder / "spool"), Runtime(folder / "run")
        self.env = {"CREDENTIALS_DIRECTORY": str(folder / "given")}
        self.log = ""
        self.file.write_text(
            f'[storage]\nspool = "{self.spool.root}"\nruntime = "{self.runtime.root}"\n'
            f'[lecture]\nlecturer = "{WORDS_OF_PEOPLE[2]}"\n'
            '[tracks.cam]\nkind = "rtsp"\n'
            f'device = "rtsp://admin:{CAMERA}@10.0.0.7/stream?token=x{TOKEN}"\n'
            f'options = {{ password = "{OPTION}" }}\n'
            '[destinations.campus]\ntype = "tus"\nurl = "https://campus.test/files"\n'
            'credential = "campus"\n'
            f'[calendars.term]\nurl = "https://calendar.test/{CALENDAR}"\n'
        )
        for name, text in (("campus", TOKEN), ("store", STORE), ("user", USER), ("pin", PIN)):
            self._put(folder / "credentials" / name, text)
        self._put(folder / "given/other", GIVEN)
        self._put(self.spool.key, ROOM_KEY)
        self._put(self.spool.panel, json.dumps({"tablets": [TABLET]}))
        self._put(self.spool.encoders, json.dumps({"verdicts": [f"failed with {TOKEN}"]}))
        self._put(self.runtime.status, json.dumps(self._status()))
        self._ledger()

    def _put(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def _status(self) -> dict[str, Any]:
        return {
            "version": "1",
            "lecture": {"id": "x", "title": WORDS_OF_PEOPLE[0], "course": WORDS_OF_PEOPLE[1]},
            "tracks": {},
            "spool": {"trouble": f"rtsp://admin:{CAMERA}@10.0.0.7/stream refused"},
        }

    def _ledger(self) -> None:
        now = FixedClock().now()
        ledger = Ledger.create(self.spool.ledger)
        title, course, lecturer = WORDS_OF_PEOPLE
        lecture = Lecture(
            "0193-aaaa", State.FAILED, now.utc_text, now.trust, now.boot, now.mono_ns,
            title=title, course=course, lecturer=lecturer, reason=f"password={OPTION}",
        )  # fmt: skip
        ledger.add_lecture(lecture, [])
        for text in self.everywhere():
            ledger.add_event(now, "trouble", text, lecture="0193-aaaa")
        booking = rules.Booking("term:1|", now.utc, now.utc, title)
        text = f"the booking {rules.named(booking)} begins"
        ledger.add_event(now, "booking begun", text, lecture="0193-aaaa")
        ledger.close()

    def everywhere(self) -> list[str]:
        """Lines as drivers, servers and libraries write them."""
        basic = base64.b64encode(USER.encode()).decode()
        return [
            f"401 for Authorization: Bearer {TOKEN}",
            f"sent authorization: Basic {basic} to campus.test",
            f"GET https://s.test/b/o?X-Amz-Signature={STORE}&X-Amz-Date=1 failed",
            f"https://agent:{quote(USER.partition(':')[2])}@oc.test/ingest is gone",
            f"[rtsp] rtsp://admin:{CAMERA}@10.0.0.7/stream: 404",
            f"camera says password: {OPTION}",
            f"PIN {PIN}",
            f"calendar term: https://calendar.test/{CALENDAR} is no calendar",
            f"a library printed {GIVEN} and {STORE} and {USER}",
        ]

    def ask(self, command: list[str]) -> str | None:
        if command[0] == "journalctl":
            return self.log or "\n".join(self.everywhere())
        return "Id=edge-agent.service\nLoadState=loaded\n"

    def parts(self) -> dict[str, bytes]:
        with only_one(self.runtime.agent_lock, "agent"):
            return gather(Ground(room_of(self.file), self.file, self.env, FixedClock(), self.ask))


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


def forms(secret: str) -> list[str]:
    return [
        secret,
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
    ]


def test_no_secret_of_any_kind_is_in_any_part_in_any_form(hall: Hall) -> None:
    for name, data in hall.parts().items():
        text = data.decode()
        for secret in [*PLANTED, STORE, USER]:
            found = [form for form in forms(secret) if form in text]
            assert found == [], (name, secret)


def test_words_of_people_are_not_in_it(hall: Hall) -> None:
    whole = b"".join(hall.parts().values()).decode()
    assert [words for words in WORDS_OF_PEOPLE if words in whole] == []
    assert re.search(r"the booking \(removed\), \d{4}-\d\d-\d\d \d\d:\d\d UTC begins", whole)


def test_what_helps_is_still_there(hall: Hall) -> None:
    parts = {name: data.decode() for name, data in hall.parts().items()}
    assert set(parts) == {
        "README.txt", "versions.json", "config.json", "status.json", "upload.json", "doctor.json",
        "events.json", "lectures.json", "queue.json", "encoders.json", "units.txt", "log.txt",
    }  # fmt: skip
    config = json.loads(parts["config.json"])["written"]
    assert config["tracks"]["cam"]["device"] == f"rtsp://{REMOVED}10.0.0.7/stream?{REMOVED}"
    assert config["destinations"]["campus"]["credential"] == "campus"
    assert config["destinations"]["campus"]["url"] == "https://campus.test/files"
    assert len(json.loads(parts["events.json"])) == len(hall.everywhere()) + 1
    assert json.loads(parts["lectures.json"])[0]["state"] == "failed"
    assert "edge-agent.service" in parts["units.txt"]
    assert {each["check"] for each in json.loads(parts["doctor.json"])} >= {"disk", "secrets"}


def test_without_leave_to_read_the_credentials_patterns_still_take_out_what_looks_like_one(
    hall: Hall,
) -> None:
    redactor = Redactor([])
    told = [redactor.text(line) for line in hall.everywhere()[:7]]
    for secret in (TOKEN, STORE, CAMERA, OPTION, PIN, quote(USER.partition(":")[2])):
        assert [line for line in told if secret in line] == []


def test_a_part_that_cannot_be_had_says_why_and_costs_no_other(hall: Hall) -> None:
    hall.spool.ledger.write_text("no ledger at all " * 100)
    hall.spool.encoders.unlink()
    hall.file.write_text(hall.file.read_text() + "[rom]\n")
    parts = {name: data.decode() for name, data in hall.parts().items()}
    for name in ("events.txt", "lectures.txt", "encoders.txt", "doctor.txt"):
        assert parts[name].startswith("could not be had: ")
    assert "rom: there is no such key" in json.loads(parts["config.json"])["problems"][0]
    assert "log.txt" in parts


def test_of_a_long_log_the_end_is_kept_from_a_lines_beginning_on(hall: Hall) -> None:
    hall.log = "".join(f"{number:07} a line\n" for number in range(MOST_BYTES // 10))
    log = hall.parts()["log.txt"].decode()
    first, second, *_, last = log.splitlines()
    assert len(log) <= MOST_BYTES + len(first) + 1
    assert (first, len(second)) == ("(the beginning is left out)", len(last))
    assert last.endswith(f"{MOST_BYTES // 10 - 1:07} a line")


def test_the_archive_is_small_and_for_its_owner_alone(hall: Hall, tmp_path: Path) -> None:
    place = tmp_path / "out.tar.gz"
    done = CliRunner().invoke(
        app, ["--config", str(hall.file), "report", "-o", str(place), "--json"]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)["data"]
    assert answer["file"] == str(place)
    assert place.stat().st_mode & 0o777 == 0o600
    assert answer["bytes"] == place.stat().st_size < 1 << 20
    with tarfile.open(place) as archive:
        names = archive.getnames()
        assert names == [f"edge-agent-report/{Path(name).name}" for name in names]
        assert {Path(name).name for name in names} == set(answer["parts"])


def test_an_archive_holds_its_parts() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed({"a.txt": b"x"}, 7))) as archive:
        [member] = archive.getmembers()
        assert (member.name, member.mode, member.mtime) == ("edge-agent-report/a.txt", 0o600, 7)


# ---------------------------------------------------------------- what is taken out

#: Letters that occur in none of the words around them.
_SECRETS = st.text(string.ascii_uppercase + string.digits + "ÄЖ/@:?&=+%#'~!", min_size=6)


@given(_SECRETS, st.sampled_from(["", "x ", '"', "(", "a="]))
def test_a_known_secret_is_taken_out_wherever_it_stands(secret: str, before: str) -> None:
    redactor = Redactor([secret])
    for form in forms(secret):
        assert form not in redactor.text(f"{before}{form} after it")


@given(st.text(string.ascii_uppercase + string.digits + "ÄЖ/@:?&=+%#~!", min_size=1))
def test_a_password_in_an_address_is_taken_out_whatever_letters_it_has(password: str) -> None:
    address = f"rtsp://me:{password}@cam.test/one"
    assert Redactor([]).text(f"open {address} failed") == (
        f"open rtsp://{REMOVED}cam.test/one failed"
    )
    assert secrets_in({"tracks": {"cam": {"device": address}}}) == {f"me:{password}"}


@pytest.mark.parametrize(
    "text",
    [
        "https://campus.test/files/ answered 503",
        "segment 12 of camera closed, 3.1 MB",
        "/dev/v4l/by-id/usb-Logitech_C920-video-index0",
        "the credential 'campus' is missing",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor([TOKEN]).text(text) == text
