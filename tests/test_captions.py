"""Laws of captions: put to a lecture, replaced, taken away, each as a revision of its package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.ledger_queues import MANIFEST
from edge_agent.revision import add_to_package, read_manifest
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.rules.manifest import MediaFile
from edge_agent.storage_check import findings, gather
from edge_agent.verify import SUMS, file_sha256, verify_package
from tests.simulated_room import SimulatedRoom
from tests.simulated_room import room as room
from tests.test_continue import answer, press, recorded, state
from tests.test_holding import document, packaged, sent

VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nBonjour à tous\n"
OTHER = VTT.replace("à tous", "tout le monde")
FRENCH = "captions.fr.vtt"
REVISION = {FRENCH, MANIFEST, SUMS}


def add(room: SimulatedRoom, lecture: Lecture, text: str = VTT, language: str = "fr") -> None:
    press(room, "captions-add", lecture=lecture.id, language=language, text=text)
    room.run(4)


def refused(room: SimulatedRoom, verb: str, **args: Any) -> dict[str, str]:
    error: dict[str, str] = answer(room, verb, **args)["error"]
    assert error["hint"], "each refusal has a next step"
    return error


def remove(room: SimulatedRoom, lecture: Lecture, language: str = "fr") -> None:
    press(room, "captions-remove", lecture=lecture.id, language=language)
    room.run(4)


def is_sound(room: SimulatedRoom, lecture: Lecture, *languages: str) -> None:
    """Files, manifest and queue agree; nothing else of the lecture has changed."""
    package = room.spool.package(lecture.id)
    assert verify_package(package) == []
    named = {each.name: each.in_language for each in document(room, lecture).caption or ()}
    assert named == {f"captions.{language}.vtt": language for language in languages}
    assert {path.name for path in package.glob("captions.*")} == named.keys()
    rows = {row.name: row.sha256 for row in room.ledger.outbox(lecture.id)}
    assert rows == {path.name: file_sha256(path) for path in package.iterdir()}
    assert findings(gather(room.spool, room.ledger, None, hashes=True)) == []


# ---------------------------------------------------------------- a revision


@pytest.mark.parametrize("before", [State.HELD, State.PACKAGED, State.DELIVERED])
def test_captions_are_a_new_revision_and_only_that_is_sent(
    room: SimulatedRoom, before: State
) -> None:
    lecture = packaged(room)
    if before is State.HELD:
        press(room, "withhold", lecture=lecture.id)
    elif before is State.DELIVERED:
        sent(room, lecture)
    assert state(room, lecture) is before
    old = document(room, lecture)
    add(room, lecture)
    new = document(room, lecture)
    assert new.revision == old.revision + 1
    rest = {"caption", "revision"}
    assert new.model_dump(exclude=rest) == old.model_dump(exclude=rest)
    [entry] = new.caption or ()
    assert (entry.in_language, entry.flavors) == ("fr", ("captions/source",))
    assert (room.spool.package(lecture.id) / FRENCH).read_text() == VTT
    if before is State.HELD:
        press(room, "publish", lecture=lecture.id)
    again = sent(room, lecture)
    assert state(room, lecture) is State.DELIVERED
    assert set(again) >= REVISION
    assert before is not State.DELIVERED or set(again) == REVISION
    is_sound(room, lecture, "fr")


def test_they_go_before_the_small_camera_and_after_what_makes_a_lecture_watchable(
    room: SimulatedRoom,
) -> None:
    lecture = packaged(room)
    add(room, lecture)
    order = sent(room, lecture)
    assert order.index(MANIFEST) < order.index(FRENCH) < order.index("audio.m4a")


def test_each_language_has_its_own_and_the_last_word_in_it_counts(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    add(room, lecture)
    add(room, lecture, language="pt-br")
    sent(room, lecture)
    add(room, lecture, OTHER)
    assert set(sent(room, lecture)) == REVISION
    assert (room.spool.package(lecture.id) / FRENCH).read_text() == OTHER
    is_sound(room, lecture, "fr", "pt-BR")


def test_the_same_again_is_no_revision(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    add(room, lecture)
    before = document(room, lecture).revision
    add(room, lecture)
    assert document(room, lecture).revision == before
    assert room.ledger.edited() == []


def test_taken_away_they_are_in_no_later_revision_and_are_not_waited_for(
    room: SimulatedRoom,
) -> None:
    lecture = packaged(room)
    add(room, lecture)
    add(room, lecture, language="km")
    sent(room, lecture)
    remove(room, lecture)
    assert set(sent(room, lecture)) == {MANIFEST, SUMS}
    is_sound(room, lecture, "km")
    remove(room, lecture, "km")
    sent(room, lecture)
    assert state(room, lecture) is State.DELIVERED
    is_sound(room, lecture)
    assert '"caption"' not in (room.spool.package(lecture.id) / MANIFEST).read_text()


def test_what_was_delivered_before_they_were_taken_away_is_no_fault_of_the_copy(
    room: SimulatedRoom, tmp_path: Path
) -> None:
    """Nobody deletes at a destination: the newest manifest says what counts."""
    lecture = packaged(room)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in room.spool.package(lecture.id).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / FRENCH).write_text(VTT)
    assert verify_package(copy) == []
    (copy / "stranger.vtt").write_text(VTT)
    assert [problem.file for problem in verify_package(copy)] == ["stranger.vtt"]


def test_damaged_captions_of_a_copy_are_found(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    add(room, lecture)
    package = room.spool.package(lecture.id)
    (package / FRENCH).write_text(OTHER)
    assert {problem.file for problem in verify_package(package)} == {FRENCH}


def test_words_and_small_versions_that_come_later_leave_captions_alone(
    room: SimulatedRoom, tmp_path: Path
) -> None:
    lecture = packaged(room)
    add(room, lecture)
    press(room, "edit", lecture=lecture.id, title="Heat 2")
    room.run(4)
    package, work = room.spool.package(lecture.id), tmp_path / "work"
    work.mkdir()
    small = work / "audio-lite.webm"
    small.write_bytes(b"small")
    entry = MediaFile(
        kind="AudioObject",
        name=small.name,
        encoding_format="audio/webm",
        flavors=[],
        tracks=[],
        content_size=5,
        sha256=file_sha256(small),
    )
    add_to_package(package, work, small, entry)
    assert verify_package(package) == []
    manifest = read_manifest(package)
    assert (manifest.name, manifest.revision) == ("Heat 2", 4)
    assert [each.name for each in manifest.caption or ()] == [FRENCH]


def test_a_package_that_is_built_again_has_them(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    press(room, "withhold", lecture=lecture.id)
    add(room, lecture)
    room.kill_supervisor()
    with (room.spool.package(lecture.id) / "audio.m4a").open("r+b") as file:
        file.write(b"rotten")
    room.start()
    room.run(4)
    assert state(room, lecture) is State.HELD
    assert [each.name for each in document(room, lecture).caption or ()] == [FRENCH]


# ---------------------------------------------------------------- refused: nothing has changed


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"text": "Dear Dr Sok"}, "does not begin"),
        ({"text": VTT.replace("00:02.000", "09:02.000")}, "after the end of the lecture"),
        ({"text": VTT, "language": "french"}, "no language tag"),
        ({"text": VTT, "language": "../../x"}, "no language tag"),
        ({}, "does not begin"),
    ],
)
def test_bad_captions_are_refused_whoever_sends_them(
    room: SimulatedRoom, args: dict[str, Any], why: str
) -> None:
    lecture = packaged(room)
    before = document(room, lecture)
    told = refused(room, "captions-add", **{"lecture": lecture.id, "language": "fr"} | args)
    assert told["code"] == "bad-captions"
    assert why in told["message"]
    room.run(4)
    assert document(room, lecture) == before
    assert room.ledger.edited() == []
    assert not room.spool.captions(lecture.id).exists()


@pytest.mark.parametrize("verb", ["captions-add", "captions-remove"])
def test_there_must_be_a_package_here(room: SimulatedRoom, verb: str) -> None:
    lecture = recorded(room, 6, title="Heat")

    def asked(which: str) -> dict[str, str]:
        room.run(1)
        return refused(room, verb, lecture=which, language="fr", text=VTT)

    assert "no package yet" in asked(lecture.id)["message"]
    assert "not known here" in asked("nobody")["message"]
    press(room, "stop")
    room.run(5)
    press(room, "delete", lecture=lecture.id, undelivered=True)
    assert "restore" in asked(lecture.id)["hint"]
    assert not room.spool.captions(lecture.id).exists()


def test_what_is_not_there_cannot_be_taken_away(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    add(room, lecture)
    told = refused(room, "captions-remove", lecture=lecture.id, language="km")
    assert told["code"] == "no-captions"
    is_sound(room, lecture, "fr")


def test_a_disk_that_refuses_is_told_and_changes_nothing(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    room.spool.captions(lecture.id).write_text("in the way")
    told = refused(room, "captions-add", lecture=lecture.id, language="fr", text=VTT)
    assert told["code"] == "disk"
    assert room.ledger.edited() == []


def test_the_ledger_does_not_keep_their_text(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    for text in (VTT, "no captions"):
        args = {"lecture": lecture.id, "language": "fr", "text": text}
        number = room.post("captions-add", args, text)
        room.settle()
        command = room.ledger.command(number)
        assert command is not None
        assert command.args == {"lecture": lecture.id, "language": "fr"}
