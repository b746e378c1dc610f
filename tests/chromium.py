"""Play a file in a real browser and report what it made of it.

Needs `chromium` in PATH. Serves one folder on the loopback to a headless browser whose page plays
the file to its end, jumps through it and posts what it saw. Also runs by hand:
`python -m tests.chromium FOLDER NAME`.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

PAGE = """<!doctype html><meta charset=utf-8>
<video id=v muted playsinline></video>
<script>
const v = document.getElementById("v"), seen = {seeks: []};
const tell = () => fetch("/report", {method: "POST", body: JSON.stringify(seen)});
const once = name => new Promise(done => v.addEventListener(name, done, {once: true}));
v.onerror = () => { seen.error = v.error.message || "code " + v.error.code; tell(); };
(async () => {
  v.src = "/" + decodeURIComponent(location.hash.slice(1));
  await once("loadedmetadata");
  seen.duration = v.duration; seen.width = v.videoWidth; seen.height = v.videoHeight;
  for (const part of [0.7, 0.1, 0.95]) {
    v.currentTime = v.duration * part;
    await once("seeked");
    seen.seeks.push(v.currentTime / v.duration);
  }
  v.currentTime = 0;
  await once("seeked");
  v.playbackRate = RATE;
  const ended = once("ended");
  await v.play();
  await ended;
  seen.ended = v.ended; seen.at = v.currentTime;
  const q = v.getVideoPlaybackQuality();
  seen.frames = q.totalVideoFrames; seen.audio_bytes = v.webkitAudioDecodedByteCount;
  tell();
})().catch(e => { seen.error = String(e); tell(); });
</script>
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What the browser saw. Seconds; `seeks` are fractions of the duration that it reached."""

    duration: float
    width: int
    height: int
    ended: bool
    at: float
    frames: int
    audio_bytes: int
    seeks: tuple[float, ...]


class NotPlayable(Exception):
    """The browser gave an error, or nothing at all."""


def play(folder: Path, name: str, *, rate: float = 4.0, deadline_s: float = 90.0) -> Played:
    """Play `name` of `folder` at `rate` times its speed. Raises NotPlayable with the reason."""
    reports: queue.Queue[bytes] = queue.Queue()
    with _server(folder, reports, rate) as port, _profile() as profile:
        url = f"http://127.0.0.1:{port}/play.html#{quote(name)}"
        with _browser(url, profile):
            try:
                seen = json.loads(reports.get(timeout=deadline_s))
            except queue.Empty:
                raise NotPlayable(f"the browser said nothing in {deadline_s:.0f} s") from None
    if "error" in seen:
        raise NotPlayable(f"{name}: {seen['error']}")
    seeks = tuple(seen.pop("seeks"))
    return Played(seeks=seeks, **seen)


def _profile() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)


@contextmanager
def _server(folder: Path, reports: queue.Queue[bytes], rate: float) -> Iterator[int]:
    handler = partial(_Handler, directory=str(folder), reports=reports, rate=rate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(SimpleHTTPRequestHandler):
    """The folder, a page at /play.html, byte ranges (a browser does not seek without them)."""

    def __init__(
        self, *args: object, reports: queue.Queue[bytes], rate: float, **kwargs: object
    ) -> None:
        self._reports, self._rate = reports, rate
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path == "/play.html":
            self._send(200, PAGE.replace("RATE", str(self._rate)).encode(), "text/html")
            return
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        first, last = self._range(size)
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(last + 1 - first)
        status = 206 if "Range" in self.headers else 200
        kind = "video/mp4" if path.suffix == ".mp4" else "audio/mp4"
        self._send(status, data, kind, {"Content-Range": f"bytes {first}-{last}/{size}"})

    def do_POST(self) -> None:
        self._reports.put(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(204, b"", "text/plain")

    def log_message(self, *_args: object) -> None:
        """Quiet."""

    def _range(self, size: int) -> tuple[int, int]:
        wanted = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        return int(wanted[0] or 0), min(size - 1, int(wanted[2] or size - 1))

    def _send(
        self, status: int, data: bytes, kind: str, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(data)), "Accept-Ranges": "bytes"}
        for key, value in {**headers, **(more or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The browser has enough of this range.


@contextmanager
def _browser(url: str, profile: str) -> Iterator[None]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise NotPlayable("chromium is not installed; see tests/system-packages.txt")
    command = [
        program,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--autoplay-policy=no-user-gesture-required",
        "--no-first-run",
        "--mute-audio",
        f"--user-data-dir={profile}",
        url,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


if __name__ == "__main__":
    print(play(Path(sys.argv[1]), sys.argv[2]))
