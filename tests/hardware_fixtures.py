"""Virtual hardware for tests: cameras, microphones, a network camera, a screen.

Plain context managers. Each gives an `env` to be laid over the environment of a child process,
since drivers are preloaded and sound servers are named by the environment. Nothing of this needs
root, a kernel module or a real device; system packages are listed in tests/system-packages.txt.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av

from capture.testcard import TestCard

HERE = Path(__file__).parent
ROOT = HERE.parent
DEADLINE_S = 30.0  # a guard against hanging, never a measure of speed


def wait_for(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {deadline_s:g} s in vain for {what}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


# ---- cameras -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FakeCameras:
    """Cameras /dev/video0… of a child process; see hardware/fakev4l2.c."""

    folder: Path
    env: Mapping[str, str]

    def plug(self, number: int = 0, card: str = "Fake webcam", bus: str = "usb-test-1") -> None:
        (self.folder / f"video{number}").write_text(f"{card}|{bus}\n")

    def unplug(self, number: int = 0) -> None:
        (self.folder / f"video{number}").unlink()

    def set(self, state: str, text: str = "", number: int = 0) -> None:
        """`state`: hang, busy, slow (text = ms), depth, forgets (as its stream begins)."""
        (self.folder / f"video{number}.{state}").write_text(text)

    def clear(self, state: str, number: int = 0) -> None:
        (self.folder / f"video{number}.{state}").unlink()

    def offer(self, form: str, frames: int = 30, number: int = 0) -> None:
        """Let it offer "mjpeg" or "h264" too, 640×360; pictures numbered from 0, repeated."""
        suffix = {"mjpeg": "mjpg", "h264": "h264"}[form]
        write_pictures(self.folder / f"video{number}.{suffix}", form, frames)


@contextmanager
def shim_camera(folder: Path) -> Iterator[FakeCameras]:
    """A folder of fake cameras with one plugged in."""
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "fakev4l2.so"
    source = HERE / "hardware" / "fakev4l2.c"
    command = ["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", shim, source, "-ldl"]
    subprocess.run([*command, "-lpthread"], check=True)
    cameras = FakeCameras(folder, {"FAKEV4L2_DIR": str(folder), "LD_PRELOAD": str(shim)})
    cameras.plug()
    yield cameras


def write_pictures(
    path: Path, form: str, frames: int, size: tuple[int, int] = (640, 360), fps: int = 15
) -> None:
    """Numbered test pictures: "mjpeg" (full range) or "h264" (1 s GOP), bare or as .mp4."""
    width, height = size
    card = TestCard(width, height, fps)
    codec = {"mjpeg": "mjpeg", "h264": "libx264"}[form]
    pixels = {"mjpeg": "yuvj420p", "h264": "yuv420p"}[form]
    options = {
        "mjpeg": {"q": "3"},
        "h264": {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x264-params": f"aud=1:keyint={fps}:scenecut=0:bframes=0",
        },
    }[form]
    container = "mp4" if path.suffix == ".mp4" else form
    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for number in range(frames):
            frame = card.make(number, dark=False).reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


# ---- microphones -------------------------------------------------------------------------------

PULSE_CONFIG = """\
load-module module-native-protocol-unix auth-anonymous=1 socket={folder}/native
load-module module-null-sink sink_name=room1 rate=48000 channels=2
load-module module-null-sink sink_name=room2 rate=48000 channels=1
load-module module-remap-source source_name=mic1 master=room1.monitor \
source_properties=device.description=Mic1
load-module module-remap-source source_name=mic2 master=room2.monitor \
source_properties=device.description=Mic2
set-default-source mic2
set-default-sink room1
"""
ALSA_CONFIG = """\
pcm.!default {{ type pulse }}
ctl.!default {{ type pulse }}
pcm.mic1 {{ type pulse device mic1 hint {{ show on description "Mic1" }} }}
pcm.mic2 {{ type pulse device mic2 hint {{ show on description "Mic2" }} }}
"""


@dataclass(frozen=True)
class PulseServer:
    """A sound server with two rooms; mic1 hears room1, mic2 (the default) hears room2."""

    env: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def pactl(self, *words: str) -> str:
        done = subprocess.run(
            ["pactl", *words], env=os.environ | self.env, capture_output=True, text=True, check=True
        )
        return done.stdout

    def ready(self) -> bool:
        words = ["pactl", "list", "short", "sources"]
        done = subprocess.run(words, env=os.environ | self.env, capture_output=True, check=False)
        return b"mic2" in done.stdout

    def unplug(self, microphone: str) -> None:
        lines = self.pactl("list", "short", "modules").splitlines()
        (number,) = [line.split()[0] for line in lines if f"source_name={microphone} " in line]
        self.pactl("unload-module", number)

    def plug(self, microphone: str, room: str) -> None:
        self.pactl(
            "load-module",
            "module-remap-source",
            f"source_name={microphone}",
            f"master={room}.monitor",
        )

    @contextmanager
    def speak(self, room: str, hertz: int = 440, volume: float = 0.25) -> Iterator[None]:
        """A sine of peak `volume` in a room (0.25 = -12 dBFS peak, -15 dBFS RMS)."""
        sound = f"aevalsrc={volume}*sin({hertz}*2*PI*t):s=48000"
        command = ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", sound, "-ac", "2"]
        with subprocess.Popen(
            [*command, "-f", "pulse", "-device", room, "test"], env=os.environ | self.env
        ) as player:
            try:
                yield
            finally:
                stop(player)


@contextmanager
def pulse_server(folder: Path) -> Iterator[PulseServer]:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "default.pa").write_text(PULSE_CONFIG.format(folder=folder))
    (folder / "asound.conf").write_text(ALSA_CONFIG.format())
    env = {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_COOKIE": str(folder / "cookie"),
        "PULSE_SERVER": f"unix:{folder}/native",
        "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{folder}/asound.conf",
    }
    command = ["pulseaudio", "-n", "-F", str(folder / "default.pa"), "--daemonize=no"]
    quiet = ["--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit", "--log-level=error"]
    with subprocess.Popen(
        [*command, *quiet], env=os.environ | env, stderr=subprocess.DEVNULL
    ) as process:
        server = PulseServer(env, process)
        try:
            wait_for(server.ready, "the sound server")
            yield server
        finally:
            stop(process)


# ---- a network camera --------------------------------------------------------------------------


@dataclass(frozen=True)
class NetworkCamera:
    """An RTSP server in a child. Lines on its stdin command it: stall, resume, drop."""

    url: str
    process: subprocess.Popen[str]

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()


@contextmanager
def rtsp_server(
    file: Path, user: str = "", password: str = "", habits: Sequence[str] = ()
) -> Iterator[NetworkCamera]:
    """Plays an H.264 file for ever to any number of clients. The URL carries the credentials."""
    command = [sys.executable, str(HERE / "hardware" / "rtsp_server.py"), str(file)]
    with subprocess.Popen(
        [*command, user, password, *habits],
        env=child_env({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            login = f"{user}:{password}@" if user else ""
            yield NetworkCamera(f"rtsp://{login}127.0.0.1:{port}/live", process)
        finally:
            stop(process)


# ---- a screen ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Screen:
    display: str  # ":N"
    env: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def paint(self, colour: str) -> None:
        subprocess.run(["xsetroot", "-solid", colour], env=os.environ | self.env, check=True)


@contextmanager
def xvfb(size: tuple[int, int] = (640, 360)) -> Iterator[Screen]:
    reader, writer = os.pipe()
    geometry = f"{size[0]}x{size[1]}x24"
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", geometry, "-nolisten", "tcp"]
    command.append("-noreset")  # else a painted background goes with the last client
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as process:
        os.close(writer)
        try:
            with os.fdopen(reader) as answer:
                display = f":{answer.readline().strip()}"
            yield Screen(display, {"DISPLAY": display}, process)
        finally:
            stop(process)


# ---- reading in a child ------------------------------------------------------------------------


def child_env(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child that finds this project's packages."""
    return os.environ | {"PYTHONPATH": str(ROOT)} | env


class Reader:
    """A child that reads a source; its JSON lines with a deadline on each."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""
        self._lines: queue.Queue[str] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(target=self._pump, args=(process.stdout,), daemon=True).start()

    def next(self, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """The next line. AssertionError when the child ended or said nothing in time."""
        try:
            line = self._lines.get(timeout=deadline_s)
        except queue.Empty:
            raise AssertionError(f"the reader said nothing for {deadline_s:g} s") from None
        assert line, "the reader has ended"
        self.text += line
        fact: dict[str, Any] = json.loads(line)
        return fact

    def take(self, count: int) -> list[dict[str, Any]]:
        return [self.next() for _ in range(count)]

    def falls_silent(self, for_s: float) -> bool:
        """Reads on until nothing came for `for_s`; False when the child ended instead."""
        try:
            while self._lines.get(timeout=for_s):
                pass
        except queue.Empty:
            return True
        return False

    def error(self) -> dict[str, Any]:
        """Reads on until the source's error."""
        while True:
            fact = self.next()
            if "error" in fact:
                return fact

    def _pump(self, pipe: IO[str]) -> None:
        for line in pipe:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def reading(
    spec: Mapping[str, Any], env: Mapping[str, str], count: int = 1_000_000, decode: bool = True
) -> Iterator[Reader]:
    """A child that reads `count` samples of a source, given as the fields of a SourceSpec."""
    command = [sys.executable, str(HERE / "read_source.py"), json.dumps(spec), str(count)]
    with subprocess.Popen(
        [*command, *(["decode"] if decode else [])],
        env=child_env(env),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        reader = Reader(process)
        try:
            yield reader
        finally:
            process.kill()
            process.wait(10)
