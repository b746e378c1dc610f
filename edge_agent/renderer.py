"""Make the small versions of a finished lecture: a process for when the room is at rest.

`python -m edge_agent.renderer FD` reads a RenderJob as a JSON line on stdin and reports JSON lines
on FD. It is killed without a word when a recording begins, and goes on behind its last whole piece
when it is started again. It ends by itself when its stdin ends: then nobody would kill it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from edge_agent.finish_messages import FinishFailed, Progress
from edge_agent.locks import AlreadyRunning, only_one
from edge_agent.low_priority import end_with_stdin, stand_back
from edge_agent.messages import Message
from edge_agent.packager import packaged
from edge_agent.pipes import Inlet
from edge_agent.render_messages import Rendered, RenderJob
from edge_agent.revision import add_to_package
from edge_agent.rules.manifest import Manifest, MediaFile
from edge_agent.rules.package import media_type
from edge_agent.rules.renditions import (
    AUDIO_LITE,
    CAMERA_SMALL,
    PICTURE_SOURCE,
    SOUND_SOURCE,
    worth_making,
)
from edge_agent.verify import MANIFEST, file_sha256
from encoders.pieces import PieceError
from encoders.renditions import Recipe, make
from encoders.small_picture import PictureSpec, small_size
from encoders.small_sound import SoundSpec

#: The sound of the small picture: AAC plays on every phone, Opus in MP4 only from Android 10 on.
CAMERA_SOUND = SoundSpec("aac", 40)
#: Free space that must stay beside the work.
RESERVE_BYTES = 256 * 1024 * 1024
#: What the disk says when it is full or read-only: not the lecture's fault, and not for ever.
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_JOB_S = 10.0

Report = Callable[[Message], None]


def main(argv: list[str] | None = None) -> int:
    fd = int((sys.argv[1:] if argv is None else argv)[0])

    def report(message: Message) -> None:
        os.write(fd, message.line())

    stand_back()
    job = RenderJob.model_validate_json(Inlet(sys.stdin.fileno()).line(_JOB_S))
    end_with_stdin()
    work = Path(job.lecture_dir) / "renditions"
    try:
        work.mkdir(exist_ok=True)
        with only_one(work / "lock", "renderer"):
            render(job, report)
        shutil.rmtree(work)
        report(Rendered(artifacts=packaged(work.parent / "package").artifacts, complete=True))
    except BrokenPipeError:
        return 1
    except (PieceError, AlreadyRunning, OSError, av.FFmpegError) as error:
        report(_failure(error))
        return 1
    return 0


def render(job: RenderJob, report: Report) -> None:
    """Make what is missing, the most valuable first; each is put into the package at once.

    Raises PieceError, OSError, av.FFmpegError.
    """
    package = Path(job.lecture_dir) / "package"
    work = Path(job.lecture_dir) / "renditions"
    work.mkdir(exist_ok=True)
    document = Manifest.model_validate_json((package / MANIFEST).read_bytes())
    known = {file.name: file for file in document.encoding}
    wanted = [each for each in recipes(job, package, document) if each.name not in known]
    for number, recipe in enumerate(wanted):

        def tell(fraction: float, done: int = number) -> None:
            report(Progress(fraction=(done + fraction) / len(wanted)))

        _check_space(work)
        path = make(recipe, work, tell)
        add_to_package(package, work, path, _describe(path, recipe, known))
        shutil.rmtree(path.parent)
        report(Rendered(artifacts=packaged(package).artifacts, complete=False))


def recipes(job: RenderJob, package: Path, document: Manifest) -> Iterator[Recipe]:
    """What can be made of this package and is worth it."""
    known = {file.name: file for file in document.encoding}
    length_ns = round(document.duration_seconds * 1e9)
    heard, seen = known.get(SOUND_SOURCE), known.get(PICTURE_SOURCE)
    sound = (package / heard.name, heard.sha256) if heard else None
    if heard and job.audio_kbps and _worth(heard, job.audio_kbps):
        spec = SoundSpec("libopus", job.audio_kbps)
        yield Recipe(AUDIO_LITE, length_ns, None, sound, None, spec)
    if seen and seen.width and seen.height and job.camera:
        kbps = job.camera_kbps + (CAMERA_SOUND.kbps if heard else 0)
        if _worth(seen, kbps):
            size = small_size(seen.width, seen.height)
            picture = PictureSpec(job.camera, job.camera_kbps, *size)
            yield Recipe(
                CAMERA_SMALL,
                length_ns,
                (package / seen.name, seen.sha256),
                sound,
                picture,
                CAMERA_SOUND if heard else None,
            )


def _worth(file: MediaFile, kbps: int) -> bool:
    return worth_making(file.content_size, file.duration, kbps)


def _describe(path: Path, recipe: Recipe, known: dict[str, MediaFile]) -> MediaFile:
    names = [each[0].name for each in (recipe.picture, recipe.sound) if each]
    sources = [known[name] for name in names]
    with av.open(str(path)) as container:
        duration_s = (container.duration or 0) / av.time_base
        codecs = [stream.codec_context.name for stream in container.streams]
        pictures = sum(stream.frames for stream in container.streams.video)
    picture = recipe.picture_spec
    return MediaFile(
        kind="VideoObject" if picture else "AudioObject",
        name=path.name,
        encoding_format=media_type(path.name),
        flavors=[f"{source.flavors[0].partition('/')[0]}/small" for source in sources],
        tracks=list(dict.fromkeys(track for source in sources for track in source.tracks)),
        codecs=codecs,
        content_size=path.stat().st_size,
        sha256=file_sha256(path),
        duration=round(duration_s, 3),
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        fps=round(pictures / duration_s, 3) if picture and duration_s else None,
        derived_from=names,
    )


def _check_space(work: Path) -> None:
    if shutil.disk_usage(work).free < RESERVE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work))


def _failure(error: Exception) -> FinishFailed:
    passing = isinstance(error, AlreadyRunning) or getattr(error, "errno", None) in PASSING
    return FinishFailed(
        reason=f"no small versions: {error}",
        hint="The lecture itself is whole, and is delivered without them.",
        passing=passing,
    )


if __name__ == "__main__":
    sys.exit(main())
