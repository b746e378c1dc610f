"""Laws of durability at the system calls: what is told was synced before, names included.

On ext4 a folder's sync that was left out hardly ever shows, since the next commit of its journal
makes up for it. Other file systems are not so kind, so this looks at the calls themselves.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.faults.disks import faulty_disk
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, classroom, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TRACKS = {"camera": CAMERA, "microphone": MICROPHONE}


def test_every_file_is_synced_before_it_is_named_and_every_name_after(tmp_path: Path) -> None:
    disk = faulty_disk(tmp_path, tmp_path / "spool")
    disk.break_("log")
    with classroom(tmp_path, TRACKS, env=disk.env) as room:
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(12)
        stopped = subprocess.run(room.cli("record", "stop"), capture_output=True, timeout=HANG_S)
        assert stopped.returncode == 0, stopped.stderr
        room.package(lecture)
        until("segments are dropped", lambda: not room.spool.tracks(lecture).exists())
        log = disk.log()
    renamed = [(at, Path(path)) for at, (what, path) in enumerate(log) if what == "rename"]
    names = {path.name for _, path in renamed}
    assert {"000001.mp4", "000002.mp4", "package"} <= names
    facts = room.spool.facts(lecture)
    written = max(n for n, call in enumerate(log) if call == ("write", str(facts)))
    recorded = min(n for n, (what, name) in enumerate(log) if name.endswith(".mp4.part"))
    for path in (facts, facts.parent, room.spool.lectures):
        synced = ("fsync", str(path)) in log[written:recorded]
        assert synced, f"{path} was not durable before the first frame"
    for at, path in renamed:
        assert ("fsync", str(path.parent)) in log[at:], f"the name {path} was never made durable"
        part = f"{path}.part"
        writes = [n for n, call in enumerate(log) if call == ("write", part)]
        syncs = [n for n, (what, name) in enumerate(log) if name == part and "sync" in what]
        assert path.is_relative_to(room.spool.root)
        if path.name != "package":
            assert writes, f"{part} was never written"
            assert writes[-1] < syncs[-1] < at, f"{part} got its name before it was synced"
        if path.suffix == ".mp4":
            assert len(syncs) == len(writes), "each fragment is synced"
