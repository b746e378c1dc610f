"""Laws of `edge-agent lectures captions add|list|remove`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.locks import only_one
from tests.test_captions import VTT, is_sound
from tests.test_holding import packaged, sent
from tests.test_lecture_commands import Beside


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    beside = Beside(tmp_path)
    with only_one(beside.room.runtime.agent_lock, "agent"):
        yield beside
    beside.room.close()


def test_people_put_list_and_take_away(beside: Beside, tmp_path: Path) -> None:
    beside.room.run(1)
    lecture = packaged(beside.room)
    text = tmp_path / "heat.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:02,000\nBonjour\n")
    code, told = beside("lectures", "captions", "add", "last", str(text), "--language", "FR")
    assert (code, told["data"]["captions"], told["data"]["language"]) == (0, 1, "fr")
    beside.room.run(4)
    sent(beside.room, lecture)
    code, told = beside("lectures", "captions", "list", "last")
    [it] = told["data"]["captions"]
    assert (code, it["language"], it["state"], it["delivered_to"]) == (
        0,
        "fr",
        "packaged",
        ["platform"],
    )
    code, told = beside("lectures", "captions", "remove", "last", "--language", "fr")
    assert code == 0
    beside.room.run(4)
    code, told = beside("lectures", "captions", "list", "last")
    assert told["data"]["captions"] == []
    is_sound(beside.room, lecture)


@pytest.mark.parametrize(
    ("content", "language", "exit_", "why"),
    [
        (b"WEBVTT\n\nhello\n", "fr", 2, "line 3"),
        (VTT.encode("utf-16"), "fr", 2, "UTF-16"),
        (VTT.encode(), "french", 2, "language tag"),
        (None, "fr", 4, "No such file"),
    ],
)
def test_bad_files_are_told_with_the_next_step(
    beside: Beside, tmp_path: Path, content: bytes | None, language: str, exit_: int, why: str
) -> None:
    beside.room.run(1)
    lecture = packaged(beside.room)
    file = tmp_path / "captions"
    if content is not None:
        file.write_bytes(content)
    words = ("lectures", "captions", "add", lecture.id, str(file), "--language", language)
    code, told = beside(*words)
    assert code == exit_
    assert why in told["error"]["message"]
    assert told["error"]["hint"]
    is_sound(beside.room, lecture)
