"""`edge-agent setup` with the real programs: a test recording, and a terminal with Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "edge_agent.cli"]
TRACKS = """
[tracks.camera]
kind = "synthetic"
size = [320, 180]
fps = 10.0
[tracks.microphone]
kind = "synthetic"
options = { stream = "audio", sound = "speech" }
"""
ANSWER_S = 60.0  # a guard against hanging, never a measure of speed
AGAIN_S = 15.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    config = tmp_path / "config.toml"
    places = f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\n'
    config.write_text(f"{places}least_free_mib = 0\n{TRACKS}")
    (tmp_path / "out").mkdir()
    (tmp_path / "tmp").mkdir()
    return config


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp"), "TERM": "dumb"}


def test_a_room_is_set_up_tried_out_recorded_for_a_moment_and_examined(
    file: Path, tmp_path: Path
) -> None:
    words = ["setup", "--room", "B-204", "--destination", "disk", "--type", "folder"]
    words += ["--path", str(tmp_path / "out"), "--test-seconds", "3", "--json"]
    done = subprocess.run(
        [*COMMAND, "--config", str(file), *words],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=2 * ANSWER_S,
        check=False,
    )
    document = json.loads(done.stdout)
    assert done.returncode == 3, done.stderr  # the doctor finds no agent that runs
    data = document["data"]
    assert [step["step"] for step in data["steps"]] == ["configuration", "destination", "test"]
    assert [found["state"] for found in data["test"]] == ["ok", "ok"]
    assert {found["verdict"] for found in data["destination"][0]["findings"]} == {"kept"}
    assert {"agent", "disk", "units"} <= {row["check"] for row in data["checks"]}
    assert list((tmp_path / "tmp").iterdir()) == []  # nothing of the recording stays
    assert not (tmp_path / "spool").exists()


def test_ctrl_c_on_a_terminal_ends_with_130_and_changes_nothing(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*COMMAND, "--config", str(file), "setup"],
        env=environment(tmp_path) | {"LC_ALL": "C", "NO_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=own_terminal,
    )
    os.close(theirs)
    said = until(ours, b"Name of the room")
    os.write(ours, b"B-204\n")
    said += until(ours, b"Institution")
    os.write(ours, b"\x03")
    said += until(ours, b"next:", again=b"\x03")
    assert child.wait(ANSWER_S) == 130
    os.close(ours)
    assert b"nothing was changed" in said
    assert b"\x1b[" not in said  # neither colour nor moves of the cursor
    assert file.read_bytes() == before
    assert tomllib.loads(before.decode())["tracks"]


def own_terminal() -> None:
    """So that Ctrl-C is a signal to the child, as on a real terminal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def until(terminal: int, words: bytes, again: bytes = b"") -> bytes:
    """`again` is typed once more after a while, as people do.

    Between a prompt of Python's and its wait for a key a Ctrl-C is noted, and not seen before the
    next key.
    """
    said, end = b"", time.monotonic() + ANSWER_S
    while words not in said:
        assert time.monotonic() < end, said
        if select.select([terminal], [], [], AGAIN_S)[0]:
            said += os.read(terminal, 4096)
        else:
            os.write(terminal, again)
    return said
