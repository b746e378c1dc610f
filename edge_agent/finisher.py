"""Build a lecture's package from its segments: one process per ended lecture.

`python -m edge_agent.finisher` reads a FinishJob as JSON on stdin and reports JSON lines on the
file descriptor given by --fd. It may be killed at any moment and started again: nothing counts
until `package.part` is renamed to `package`. It never touches a segment and never opens the ledger.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
from pydantic import ValidationError

from edge_agent.durable import sync_folder
from edge_agent.finish_messages import (
    DamagedSegment,
    FinishFailed,
    FinishJob,
    Packaged,
    Progress,
)
from edge_agent.locks import AlreadyRunning, only_one
from edge_agent.material import Material, gather
from edge_agent.messages import Message
from edge_agent.mixing import mix
from edge_agent.packager import build_package, packaged
from edge_agent.revision import say_anew, says
from edge_agent.rules.package import PackageFile, layout
from edge_agent.verify import SUMS, verify_package
from encoders.remux import JoinError

#: Free space that must stay beside the package.
RESERVE_BYTES = 64 * 1024 * 1024
#: What the disk says when it is full or read-only: not the lecture's fault, and not for ever.
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
#: How long to wait for a finisher of the same lecture whose supervisor died.
LOCK_WAIT_S = 60.0
#: What reading and joining damaged files may end in. PyAV wants the texts in a header to be UTF-8.
DAMAGE = (JoinError, OSError, av.FFmpegError, UnicodeError)

Report = Callable[[Message], None]


class Unfinishable(Exception):
    """The package cannot be built; says why and what to do."""

    def __init__(self, reason: str, hint: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.passing = passing


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="edge_agent.finisher", description=__doc__)
    parser.add_argument("--fd", type=int, default=1, help="where the reports go")
    fd = parser.parse_args(argv).fd
    os.nice(10)

    def report(message: Message) -> None:
        os.write(fd, message.line())

    try:
        job = FinishJob.model_validate_json(sys.stdin.buffer.read())
    except ValidationError as error:
        report(FinishFailed(reason=f"not a job: {error}", hint="Both ends must be one version."))
        return 1
    try:
        with _alone(Path(job.lecture_dir)):
            report(finish(job, report))
    except BrokenPipeError:
        return 1  # Nobody listens any more; whoever starts us again builds it again.
    except (Unfinishable, AlreadyRunning, ValidationError, *DAMAGE) as error:
        report(_failure(error))
        return 1
    return 0


def finish(job: FinishJob, report: Report) -> Packaged:
    """Build the package, or report the one that is there and whole."""
    lecture = Path(job.lecture_dir)
    if job.reword:
        return _reworded(lecture, job)
    beat = _Beat(report)
    package, part = lecture / "package", lecture / "package.part"
    material = gather(lecture, job)
    damaged = material.damaged if material else []
    if (package / SUMS).is_file() and not verify_package(package, beat):
        return _reworded(lecture, job, damaged)
    if material is None:
        raise _without_material(lecture)
    heard = mix(job, material)
    files = layout(material.tracks, heard.backup if heard else None)
    _check_space(lecture, material, files)
    if part.exists():
        shutil.rmtree(part)
    part.mkdir()
    try:
        build_package(part, job, material, files, _Meter(beat, material, files), heard)
        _give_name(part, package)
    except DAMAGE:
        # Half a package is of use to nobody, and its space may be what was missing.
        shutil.rmtree(part, ignore_errors=True)
        raise
    return _reworded(lecture, job, damaged)


def _reworded(lecture: Path, job: FinishJob, damaged: Sequence[DamagedSegment] = ()) -> Packaged:
    """The package that is there, saying what the job says. Small versions are made elsewhere."""
    package, work, captions = (lecture / name for name in ("package", "renditions", "captions"))
    if not (package / SUMS).is_file():
        raise Unfinishable("its package is not there", "edge-agent storage check")
    if not says(package, job.lecture, captions):
        work.mkdir(exist_ok=True)
        with only_one(work / "lock", "renderer"):
            say_anew(package, work, job.lecture, captions)
            if [each.name for each in work.iterdir()] == ["lock"]:
                shutil.rmtree(work)
    return packaged(package, damaged, job.edits)


def _without_material(lecture: Path) -> Unfinishable:
    if any((lecture / "tracks").glob("*/*.mp4")):
        return Unfinishable(
            "none of its segments can be used",
            "They are kept. Check the disk's health: edge-agent storage check",
        )
    return Unfinishable(
        "nothing was recorded",
        "Check that the room's devices were connected and their recorders running.",
    )


def _give_name(part: Path, package: Path) -> None:
    """The one step that makes the package exist. A damaged one of before makes way only now."""
    if package.exists():
        shutil.rmtree(package)
    part.rename(package)
    sync_folder(package.parent)


class _Beat:
    """A sign of life from the work itself, at most one a second; carries the progress so far."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._fraction = 0.0
        self._at = time.monotonic()

    def __call__(self, fraction: float | None = None) -> None:
        now = time.monotonic()
        if fraction is None and now - self._at < 1.0:
            return
        self._at = now
        self._fraction = self._fraction if fraction is None else fraction
        self._report(Progress(fraction=self._fraction))


class _Meter:
    """Reports progress, at most a hundred times over the whole job, and signs of life."""

    def __init__(self, beat: _Beat, material: Material, files: list[PackageFile]) -> None:
        names = [track.name for file in files for track in file.tracks]
        self._total = max(1, sum(material.packets[name] for name in names))
        self._beat = beat
        self._done = 0
        self._told = 0

    def tick(self) -> None:
        self._done += 1
        percent = min(99, 100 * self._done // self._total)
        if percent > self._told:
            self._told = percent
            self._beat(percent / 100)
        elif self._done % 1000 == 0:
            self._beat()

    def alive(self) -> None:
        self._beat()


def _check_space(lecture: Path, material: Material, files: list[PackageFile]) -> None:
    needed = sum(material.bytes[track.name] for file in files for track in file.tracks)
    free = shutil.disk_usage(lecture).free
    if free < needed + RESERVE_BYTES:
        raise Unfinishable(
            f"the package needs {needed / 1e6:.0f} MB and the disk has {free / 1e6:.0f} MB free",
            "Free some space: it is built as soon as there is enough.",
            passing=True,
        )


def _failure(error: Exception) -> FinishFailed:
    if isinstance(error, Unfinishable):
        return FinishFailed(reason=error.reason, hint=error.hint, passing=error.passing)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    name = getattr(error, "filename", None)
    return FinishFailed(
        reason=f"{reason}: {name}" if name else reason,
        hint="The recorded segments are kept; check the disk, then retry.",
        passing=isinstance(error, AlreadyRunning) or getattr(error, "errno", None) in PASSING,
    )


@contextmanager
def _alone(lecture: Path) -> Iterator[None]:
    """One finisher per lecture, even when the supervisor of another one is gone."""
    if not lecture.is_dir():
        raise Unfinishable("nothing was recorded", f"There is no folder {lecture}.")
    fd = os.open(lecture, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(fd, time.monotonic() + LOCK_WAIT_S)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Unfinishable(
                    "another finisher works on this lecture", "Retry when it has ended."
                ) from None
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
