"""Write the files of a package into a folder and say what is in it.

Every file is durable before the next one is begun; the list of checksums comes last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import av

from edge_agent.durable import sync_folder
from edge_agent.finish_messages import Artifact, DamagedSegment, FinishJob, Packaged, TrackSound
from edge_agent.growing_file import GrowingFile, Meter
from edge_agent.material import Material
from edge_agent.mixing import Mix
from edge_agent.rules import timeline
from edge_agent.rules.dublin_core import dublin_core
from edge_agent.rules.manifest import (
    GapEntry,
    Manifest,
    MarkEntry,
    MediaFile,
    SoundEntry,
    WarningEntry,
    manifest,
    manifest_json,
)
from edge_agent.rules.package import PackageFile, media_type, priority
from edge_agent.sound_measure import measure
from edge_agent.verify import MANIFEST, SUMS, file_sha256
from encoders.feed import Placement
from encoders.fragments import codec_name
from encoders.remux import Joined, join
from encoders.thumbnail import thumbnail


def build_package(
    part: Path,
    job: FinishJob,
    material: Material,
    files: list[PackageFile],
    meter: Meter,
    mix: Mix | None = None,
) -> None:
    place = Placement(material.timeline.at, material.timeline.duration_ns)
    media: list[MediaFile] = []
    for file in files:
        path = part / file.name
        joined = join(
            path,
            material.segments[file.picture.name] if file.picture else (),
            material.segments[file.sound.name] if file.sound else (),
            place,
            GrowingFile(path, meter).tick,
            mix.source(material) if mix and file.stand_in else None,
        )
        _sync_file(path)
        media.append(_describe(path, file, joined, material, meter))
    picture = _thumbnail(part, files)
    if picture is not None:
        _write(part / "thumbnail.jpg", picture)
    duration_s = place.end_ns / timeline.SECOND
    _write(part / "dublincore.xml", dublin_core(job.lecture, duration_s))
    document = manifest(
        job.lecture,
        duration_s,
        media,
        _gaps(job, material),
        _marks(job, material),
        [_sound_entry(each) for each in _sounds(part, files, meter)],
        _warnings(job, material),
        mix.entries(job, material) if mix else (),
    )
    _write(part / MANIFEST, manifest_json(document))
    known = {file.name: file.sha256 for file in media}
    names = sorted(path.name for path in part.iterdir())
    sums = [f"{known.get(name) or file_sha256(part / name)}  {name}\n" for name in names]
    _write(part / SUMS, "".join(sums).encode())
    sync_folder(part)


def _thumbnail(part: Path, files: list[PackageFile]) -> bytes | None:
    names = [file.name for file in files if file.picture]
    if not names:
        return None
    name = "presenter.mp4" if "presenter.mp4" in names else names[0]
    try:
        return thumbnail(part / name)
    except (av.FFmpegError, ValueError):
        return None  # A lecture does not fail for its thumbnail.


def _describe(
    path: Path, file: PackageFile, joined: Joined, material: Material, meter: Meter
) -> MediaFile:
    with av.open(str(path)) as container:
        duration_s = (container.duration or 0) / av.time_base
        offset_s = (container.start_time or 0) / av.time_base
        codecs = [codec_name(stream) for stream in container.streams]
        video = container.streams.video[0].codec_context if file.picture else None
        size = (video.width, video.height) if video else (None, None)
    return MediaFile(
        kind="VideoObject" if file.picture else "AudioObject",
        name=file.name,
        encoding_format=media_type(file.name),
        flavors=[track.flavor for track in file.tracks],
        tracks=[track.name for track in file.tracks],
        codecs=codecs,
        content_size=path.stat().st_size,
        sha256=file_sha256(path, meter.alive),
        offset=round(offset_s, 3),
        duration=round(duration_s, 3),
        width=size[0],
        height=size[1],
        fps=material.fps(file.picture.name) if file.picture else None,
        packets=joined.copied,
        filled_packets=joined.filled,
        recoded_packets=joined.recoded,
        spare=file.spare or None,
    )


def _sounds(part: Path, files: list[PackageFile], meter: Meter) -> Iterator[TrackSound]:
    """Of the files that hold one microphone alone; of a track's several the one to be heard."""
    known: set[str] = set()
    for file in files:
        if file.sound is None or file.picture is not None or file.sound.name in known:
            continue
        known.add(file.sound.name)
        try:
            yield measure(part / file.name, file.sound.name, file.sound.drift_ppm, meter.alive)
        except av.FFmpegError:  # A lecture does not fail for its measures.
            yield TrackSound(track=file.sound.name, drift_ppm=file.sound.drift_ppm)


def _sound_entry(it: TrackSound) -> SoundEntry:
    return SoundEntry(
        track=it.track,
        integrated_loudness=it.loudness_lufs,
        true_peak=it.true_peak_dbtp,
        speech_ratio=it.speech_ratio,
        clock_drift_ppm=it.drift_ppm,
    )


def _track_sound(it: SoundEntry) -> TrackSound:
    return TrackSound(
        track=it.track,
        loudness_lufs=it.integrated_loudness,
        true_peak_dbtp=it.true_peak,
        speech_ratio=it.speech_ratio,
        drift_ppm=it.clock_drift_ppm,
    )


def _gaps(job: FinishJob, material: Material) -> list[GapEntry]:
    causes = [timeline.Cause(c.track, c.start_ns, c.end_ns, c.cause) for c in job.causes]
    causes += [timeline.Cause(None, m.start_ns, m.end_ns, timeline.MUTED) for m in job.muted]
    found = [
        gap
        for track in job.tracks
        for gap in timeline.gaps(
            material.timeline,
            track.name,
            material.spans.get(track.name, []),
            [*causes, *material.damage],
            job.start_ns,
            job.end_ns,
        )
    ]
    found += [
        gap
        for track in material.tracks
        for gap in timeline.muted(
            material.timeline,
            track.name,
            material.spans[track.name],
            [(each.start_ns, each.end_ns) for each in job.muted],
        )
    ]
    return [
        GapEntry(
            track=gap.track,
            at=_seconds(gap.at_ns),
            lecture_start=_seconds(gap.start_ns - job.start_ns),
            lecture_end=_seconds(gap.end_ns - job.start_ns),
            duration=_seconds(gap.end_ns - gap.start_ns),
            cause=gap.cause,
            collapsed=gap.collapsed,
        )
        for gap in sorted(found, key=lambda gap: (gap.start_ns, gap.track))
    ]


def _warnings(job: FinishJob, material: Material) -> Iterator[WarningEntry]:
    """Of tracks that have media; what lasted up to the end ends with the package."""
    place = material.timeline
    for it in sorted(job.warnings, key=lambda warning: warning.start_ns):
        end_ns = place.end_ns if it.end_ns is None else min(it.end_ns, place.end_ns)
        start_ns = max(it.start_ns, place.origin_ns)
        if it.track in material.spans and start_ns < end_ns:
            yield WarningEntry(
                track=it.track,
                what=it.what,
                at=_seconds(place.at(start_ns)),
                duration=_seconds(place.at(end_ns) - place.at(start_ns)),
                lecture_start=_seconds(start_ns - job.start_ns),
                lecture_end=_seconds(end_ns - job.start_ns),
            )


def _marks(job: FinishJob, material: Material) -> list[MarkEntry]:
    end = material.timeline.duration_ns
    return [
        MarkEntry(at=_seconds(min(end, max(0, material.timeline.at(mark.at_ns)))), text=mark.text)
        for mark in sorted(job.marks, key=lambda mark: mark.at_ns)
    ]


def packaged(package: Path, damaged: Sequence[DamagedSegment] = (), edits: int = 0) -> Packaged:
    document = Manifest.model_validate_json((package / MANIFEST).read_bytes())
    lines = [line.split("  ", 1) for line in (package / SUMS).read_text().splitlines()]
    listed = {name: digest for digest, name in lines}
    listed[SUMS] = file_sha256(package / SUMS)
    spare = {file.name for file in document.encoding if file.spare}
    artifacts = [
        Artifact(
            name=name,
            bytes=(package / name).stat().st_size,
            sha256=digest,
            media_type=media_type(name),
            priority=priority(name, name in spare),
        )
        for name, digest in listed.items()
    ]
    artifacts.sort(key=lambda artifact: (artifact.priority, artifact.bytes, artifact.name))
    return Packaged(
        artifacts=artifacts,
        duration_s=document.duration_seconds,
        gaps=len(document.gaps),
        sound=[_track_sound(each) for each in document.sound],
        damaged=list(damaged),
        edits=edits,
    )


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _sync_file(path)


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _seconds(ns: int) -> float:
    return round(ns / timeline.SECOND, 3)
