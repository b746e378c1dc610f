"""The verdicts on this PC's encoders: kept, and believed only on the computer they are of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.encoder_book import (
    Book,
    displays,
    load,
    nodes,
    save,
    this_computer,
    trial_size,
)
from edge_agent.messages import TryEncoders
from encoders.ladder import Verdict, candidates
from tests.hardware_fixtures import DEADLINE_S

ROOT = Path(__file__).parents[1]
KEY = {"kernel": "6.1", "nodes": ["/dev/dri/renderD128"], "ffmpeg": "5.1"}


def verdicts(codec: str = "h264") -> tuple[Verdict, ...]:
    return tuple(Verdict(each.name, codec, False, "no card") for each in candidates(codec))


def test_a_book_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    book = Book(KEY, "2026-11-22T10:00:00+00:00", verdicts())
    save(tmp_path / "encoders.json", book)
    assert load(tmp_path / "encoders.json", KEY) == book
    assert book.covers("h264")


@pytest.mark.parametrize("changed", ["kernel", "nodes", "ffmpeg"])
def test_a_book_of_another_computer_says_nothing(changed: str, tmp_path: Path) -> None:
    save(tmp_path / "encoders.json", Book(KEY, "", verdicts()))
    found = load(tmp_path / "encoders.json", KEY | {changed: []})
    assert found.verdicts == ()
    assert not found.covers("h264")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"key": {}, "verdicts": [{"a": 1}]}'])
def test_a_damaged_book_is_an_empty_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "encoders.json").write_text(text)
    assert load(tmp_path / "encoders.json", KEY).verdicts == ()


def test_the_verdicts_of_one_codec_replace_no_others() -> None:
    book = Book(KEY, "", verdicts("h264")).with_verdicts("hevc", verdicts("hevc"), "now")
    book = book.with_verdicts("h264", verdicts("h264")[:1], "later")
    assert len(book.of("h264")) == 1
    assert book.of("hevc") == list(verdicts("hevc"))


def test_a_new_render_node_is_a_new_candidate() -> None:
    book = Book(KEY | {"nodes": ["/dev/dri/renderD128", "/dev/dri/renderD129"]}, "", verdicts())
    assert not book.covers("h264")


def test_a_graphics_card_and_its_driver_are_part_of_the_key(tmp_path: Path) -> None:
    card = tmp_path / "bus/pci/devices/0000:00:02.0"
    disk = tmp_path / "bus/pci/devices/0000:00:03.0"
    driver = tmp_path / "bus/pci/drivers/i915"
    for folder in (card, disk, driver, tmp_path / "module/i915"):
        folder.mkdir(parents=True)
    for folder, kind in ((card, "0x030000"), (disk, "0x018000")):
        (folder / "class").write_text(f"{kind}\n")
        (folder / "vendor").write_text("0x8086\n")
        (folder / "device").write_text("0x46a6\n")
    (tmp_path / "module/i915/version").write_text("1.6.0\n")
    assert displays(tmp_path) == ["0x8086:0x46a6 none"]
    (card / "driver").symlink_to(driver)
    assert displays(tmp_path) == ["0x8086:0x46a6 i915 1.6.0"]


def test_render_nodes_are_found(tmp_path: Path) -> None:
    assert nodes(tmp_path) == []
    (tmp_path / "dri").mkdir()
    for name in ("card0", "renderD129", "renderD128"):
        (tmp_path / "dri" / name).touch()
    assert nodes(tmp_path) == [f"{tmp_path}/dri/renderD128", f"{tmp_path}/dri/renderD129"]


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ([], (1920, 1080)),
        ([None, (640, 360)], (1920, 1080)),
        ([(1920, 1080), None, (3840, 2160)], (3840, 2160)),
        ([(1600, 1200)], (1920, 1080)),
    ],
)
def test_trials_encode_what_the_largest_track_asks_for(
    asked: list[tuple[int, int] | None], tried: tuple[int, int]
) -> None:
    assert trial_size(asked) == tried


def test_verdicts_of_smaller_pictures_say_nothing_of_larger_ones(tmp_path: Path) -> None:
    path = tmp_path / "encoders.json"
    save(path, Book(this_computer(), "then", verdicts()))
    assert load(path, this_computer()).verdicts == verdicts()
    assert load(path, this_computer(size=(3840, 2160))).verdicts == ()


def test_without_ffmpeg_there_is_a_key_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert this_computer()["ffmpeg"] == ""


def test_the_child_tells_a_known_book_at_once_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "encoders.json"
    save(path, Book(this_computer(), "then", verdicts()))
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.encoder_trials", str(writing)],
        input=TryEncoders(book=str(path)).line(),
        pass_fds=[writing],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=DEADLINE_S,
        check=True,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = [Verdict(**each) for each in json.loads(pipe.readline())]
    assert done.returncode == 0
    assert told == list(verdicts())
    assert json.loads(path.read_text())["tried_utc"] == "then"
