"""What is special about a folder as destination; the rest is in tests/contracts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from uploader.folder import FolderDestination
from uploader.sender import Artifact, Permanent, Transient

DATA = b"manifest" * 1000
ARTIFACT = Artifact("manifest.json", len(DATA), hashlib.sha256(DATA).hexdigest())


def ignore(phase: Literal["copying", "verifying"], done: int) -> None:
    pass


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


def folder(path: Path) -> FolderDestination:
    return FolderDestination(path, "edge-agent 0", lambda: "now")


def test_the_layout_at_the_destination_is_lecture_file_and_receipts(
    place: Path, source: Path
) -> None:
    folder(place).send("L1", ARTIFACT, source, ignore)
    found = sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file())
    assert found == ["L1/manifest.json", "L1/receipts/manifest.json.json"]


def test_a_whole_file_without_receipt_is_verified_not_copied_again(
    place: Path, source: Path
) -> None:
    (place / "L1").mkdir()
    (place / "L1/manifest.json").write_bytes(DATA)
    inode = (place / "L1/manifest.json").stat().st_ino
    phases: set[str] = set()
    folder(place).send("L1", ARTIFACT, source, lambda phase, done: phases.add(phase))
    assert phases == {"verifying"}
    assert (place / "L1/manifest.json").stat().st_ino == inode


def test_a_damaged_file_under_the_final_name_is_replaced(place: Path, source: Path) -> None:
    (place / "L1").mkdir()
    (place / "L1/manifest.json").write_bytes(b"x" * len(DATA))
    folder(place).send("L1", ARTIFACT, source, ignore)
    assert (place / "L1/manifest.json").read_bytes() == DATA


def test_a_stick_that_holds_other_bytes_than_were_written_gets_no_receipt(
    place: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes go bad where the page cache is dropped: between writing and reading back."""
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *_: os.pwrite(fd, b"?", 3))
    with pytest.raises(Transient, match="reads back differently"):
        folder(place).send("L1", ARTIFACT, source, ignore)
    assert folder(place).receipt("L1", ARTIFACT) is None
    assert not (place / "L1/manifest.json").exists()
    monkeypatch.undo()
    folder(place).send("L1", ARTIFACT, source, ignore)
    assert (place / "L1/manifest.json").read_bytes() == DATA


@pytest.mark.parametrize("receipt", ["", "[]", "null", '{"bytes": 3'])
def test_a_receipt_that_is_no_receipt_counts_as_none(
    place: Path, source: Path, receipt: str
) -> None:
    folder(place).send("L1", ARTIFACT, source, ignore)
    (place / "L1/receipts/manifest.json.json").write_text(receipt)
    assert folder(place).receipt("L1", ARTIFACT) is None


def test_a_receipt_without_its_file_counts_as_none(place: Path, source: Path) -> None:
    folder(place).send("L1", ARTIFACT, source, ignore)
    (place / "L1/manifest.json").unlink()
    assert folder(place).receipt("L1", ARTIFACT) is None


FILL = """
import resource, sys
from pathlib import Path
from uploader.folder import FolderDestination
from uploader.sender import Artifact, Transient
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
place, source, size, sha = sys.argv[1:]
try:
    FolderDestination(Path(place), "", lambda: "").send(
        "L1", Artifact("manifest.json", int(size), sha), Path(source), lambda phase, done: None)
except Transient as error:
    print(error)
"""


def test_a_destination_that_takes_no_more_bytes_is_told_with_the_reason_and_a_next_step(
    place: Path, source: Path
) -> None:
    """The kernel's own refusal, by a limit on the size of files."""
    told = subprocess.run(
        [sys.executable, "-c", FILL, str(place), str(source), str(len(DATA)), ARTIFACT.sha256],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout == (
        f"cannot use {place} (File too large): its file system cannot hold a file of this size; "
        "format it as exFAT or ext4\n"
    )
    folder(place).send("L1", ARTIFACT, source, ignore)  # with the limit gone it goes on
    assert (place / "L1/manifest.json").read_bytes() == DATA


def test_a_name_that_leads_out_of_the_lectures_folder_is_refused(place: Path, source: Path) -> None:
    with pytest.raises(Permanent, match="is not a file name"):
        folder(place).send("L1", Artifact("../x", 1, "0"), source, ignore)
