"""A program called `ffmpeg` that stands first on PATH and has a hardware encoder, good or bad.

It hands the work to the real FFmpeg with libx264 in the place of the hardware, and goes wrong on
the way as asked.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

_PROGRAM = """#!{python}
import os, subprocess, sys, threading, time
REAL = {real!r}
FAULT = {fault!r}
WORDS = sys.argv[1:]

def software(words, *filters):
    out, skip = [], False
    for at, word in enumerate(words):
        if skip:
            skip = False
        elif word in ("-vaapi_device", "-init_hw_device", "-filter_hw_device", "-rc_mode", "-qp",
                      "-qp_init", "-global_quality", "-async_depth", "-vf"):
            skip = True
        elif word.startswith("h264_"):
            out += ["libx264", "-preset", "ultrafast", "-tune", "zerolatency"]
        else:
            out.append(word)
    where = out.index("-map")
    return [REAL, *out[:where], *(["-vf", ",".join(filters)] if filters else []), *out[where:]]

if "-h" in WORDS or "-version" in WORDS or "-encoders" in WORDS:
    os.execv(REAL, [REAL, *WORDS])
{body}
"""

#: What each fault does with its arguments.
_BODIES = {
    "none": "os.execv(REAL, software(WORDS))",
    "stalls": "time.sleep(600)",
    "dies": "sys.exit('the driver is of another version')",
    "garbage": "os.write(1, os.urandom(200_000)); sys.stdin.buffer.read()",
    "other words": "print('hello ' * 100_000)",
    "wrong size": "os.execv(REAL, software(WORDS, 'scale=320:180'))",
    "drops": "os.execv(REAL, software(WORDS, \"select='lt(n,5)+mod(n,3)'\"))",
    "slow": "os.execv(REAL, software(WORDS, 'realtime=speed=0.3:limit=10'))",
    "green": "os.execv(REAL, software(WORDS, 'lutyuv=u=40:v=40'))",
    "no keys": (
        "at = WORDS.index('-force_key_frames'); del WORDS[at:at + 2]; "
        "os.execv(REAL, software(WORDS))"
    ),
    "full range": "os.execv(REAL, software(['pc' if w == 'tv' else w for w in WORDS]))",
    "floods": (
        "threading.Thread(target=lambda: [os.write(2, b'noise ' * 999 + b'\\\\n') "
        "for _ in range(2000)]).start()\n"
        "sys.exit(subprocess.run(software(WORDS)).returncode)"
    ),
    # `after`: so many bytes of pictures in a second, as a chip that is busy with its pixels.
    "throttled": """
real = subprocess.Popen(software(WORDS), stdin=subprocess.PIPE)
while data := os.read(0, 65536):
    real.stdin.write(data); real.stdin.flush()
    time.sleep(len(data) / {after})
real.stdin.close(); sys.exit(real.wait())
""",
    # These pass on so many bytes of pictures, and then it happens.
    "stalls later": "LATER = lambda: time.sleep(600)",
    "garbage later": "LATER = lambda: (os.write(1, os.urandom(200_000)), time.sleep(600))",
    "dies later": "LATER = lambda: (real.kill(), os._exit(9))",
}
_LATER = """
real = subprocess.Popen(software(WORDS), stdin=subprocess.PIPE)
left = {after}
while left > 0 and (data := os.read(0, min(left, 65536))):
    real.stdin.write(data); real.stdin.flush()
    left -= len(data)
if left > 0:
    real.stdin.close(); sys.exit(real.wait())
LATER()
"""


def put_first_on_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str = "none", after: int = 0
) -> None:
    """From now on `ffmpeg` is the fake. `after`: bytes of pictures before a later fault."""
    path = write(folder, fault, after)
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")


def write(folder: Path, fault: str = "none", after: int = 0) -> Path:
    """Write the fake; the folder to put on PATH."""
    real = shutil.which("ffmpeg")
    assert real is not None, "ffmpeg is not installed; see tests/system-packages.txt"
    if Path(real).read_bytes()[:2] == b"#!":
        raise AssertionError("the fake would call a fake")
    body = _BODIES[fault] + (_LATER if fault.endswith("later") else "")
    body = body.replace("{after}", str(after))
    text = _PROGRAM.format(python=sys.executable, real=real, fault=fault, body=body)
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir(exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)
    return program.parent
