"""Which tracks go into which file of the package. Pure.

The presenter's picture carries the main microphone (the first sound track that is no backup); every
microphone also has a file of its own. Where another microphone stands in for the main one, this has
two: as it is heard, and untouched. Small versions, made later (`edge_agent.rules.renditions`), go
before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_agent.finish_messages import FinishTrack
from edge_agent.rules.stand_in import is_backup
from edge_agent.rules.webvtt import language_of

PRESENTER = "presenter/source"
PRESENTATION = "presentation/source"

#: What is sent first: a lower number is worth more per byte. Unknown names are further tracks.
#: With the sound and the slides a lecture can be watched.
PRIORITY = {
    "manifest.json": 0,
    "manifest-sha256.txt": 0,
    "dublincore.xml": 0,
    "thumbnail.jpg": 1,
    "audio-lite.webm": 1,
    "presentation.mp4": 1,
    "camera-small.mp4": 3,
    "audio.m4a": 4,
    "presenter.mp4": 6,
}
#: Some KiB, which make it watchable for many more.
CAPTIONS_PRIORITY = 2
OTHER_PRIORITY = 5
#: Kept for who wants to mix the sound anew, and sent after everything else.
SPARE_PRIORITY = 8
#: Up to this number: the first stages, with which a lecture can be watched.
FIRST_STAGES = 1
#: From this number on a file may wait until the small versions are made.
FULL_QUALITY = 4
#: Made later, of the files of the package; no track's file may have such a name.
RENDITIONS = frozenset({"audio-lite.webm", "camera-small.mp4"})

MEDIA_TYPE = {
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".webm": "audio/webm",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
    ".xml": "application/xml",
    ".json": "application/json",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A media file to build from at most one picture and one sound track."""

    name: str
    picture: FinishTrack | None
    sound: FinishTrack | None
    #: Stands in for the sound here and there.
    stand_in: FinishTrack | None = None
    #: Not needed for the lecture to be heard.
    spare: bool = False

    @property
    def tracks(self) -> list[FinishTrack]:
        found = (self.picture, self.sound, self.stand_in)
        return [track for track in found if track is not None]


def microphones(tracks: Iterable[FinishTrack]) -> tuple[FinishTrack | None, FinishTrack | None]:
    """The main one, and the one that may stand in for it."""
    sounds = [track for track in tracks if track.media == "audio"]
    backups = [track for track in sounds if is_backup(track.flavor)]
    main = next((track for track in sounds if track not in backups), None)
    return (main, next(iter(backups), None)) if main else (next(iter(backups), None), None)


def layout(tracks: Sequence[FinishTrack], stand_in: FinishTrack | None = None) -> list[PackageFile]:
    """The media files of a package in order of value. Only tracks that have media may be given.

    `stand_in`: the backup, if it is heard anywhere in place of the main microphone.
    """
    pictures = [track for track in tracks if track.media == "video"]
    main, _ = microphones(tracks)
    names = set(RENDITIONS)
    files = []
    if main is not None:
        files.append(PackageFile(_name("audio", ".m4a", names), None, main, stand_in))
    if main is not None and stand_in is not None:
        files.append(PackageFile(_name(main.name, ".m4a", names), None, main, spare=True))
    for sound in (track for track in tracks if track.media == "audio" and track is not main):
        name = _name(sound.name, ".m4a", names)
        files.append(PackageFile(name, None, sound, spare=is_backup(sound.flavor)))
    for picture in sorted(pictures, key=lambda track: track.flavor != PRESENTATION):
        first = {PRESENTER: "presenter", PRESENTATION: "presentation"}.get(picture.flavor)
        if first is not None and f"{first}.mp4" not in names:
            name = _name(first, ".mp4", names)
            heard = (main, stand_in) if picture.flavor == PRESENTER else (None, None)
            files.append(PackageFile(name, picture, *heard))
        else:
            reserved = names | {"presenter.mp4", "presentation.mp4"}
            name = _name(picture.name, ".mp4", reserved)
            names.add(name)
            files.append(PackageFile(name, picture, None))
    return sorted(files, key=lambda file: priority(file.name, file.spare))


def priority(name: str, spare: bool = False) -> int:
    if language_of(name) is not None:
        return CAPTIONS_PRIORITY
    return SPARE_PRIORITY if spare else PRIORITY.get(name, OTHER_PRIORITY)


def media_type(name: str) -> str:
    return MEDIA_TYPE.get(name[name.rfind(".") :], "application/octet-stream")


def _name(wanted: str, suffix: str, taken: set[str]) -> str:
    """A file name nobody has yet; never a path, whatever a track is called."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-_") or "track"
    name, number = stem + suffix, 2
    while name in taken:
        name, number = f"{stem}-{number}{suffix}", number + 1
    taken.add(name)
    return name
