"""Captions as a file: are they WebVTT, in which language, do they fit the lecture? Pure.

Strict where a player would be silent: it passes over a cue that it does not understand, and then
words are missing that nobody misses until a student does. See https://www.w3.org/TR/webvtt1/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Three hours in a script with three bytes a letter have a quarter of it.
MOST_BYTES = 2 * 1024 * 1024
#: What ends so much after the lecture was cut with it: players stop there anyway.
TOLERANCE_S = 10.0
_SIGNATURE = re.compile(r"WEBVTT(?:[ \t].*)?")
#: Digits are those of ASCII: players know no others.
_TIME = r"(?:([0-9]{2,6}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})"
_TIMING = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t]+\S.*)?[ \t]*")
#: A "<" that begins no tag: players show nothing from there to the next ">", or to the end.
_LONE = re.compile(r"<(?!(?:/?[A-Za-z][^<>]*|/|[0-9][0-9:.]*)?>)")
_ASIDE = re.compile(r"(NOTE|STYLE|REGION)(?:[ \t].*)?")
#: Language, script, region, variants; what else BCP 47 allows nobody writes under a lecture.
_TAG = re.compile(
    r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|\d{3}))?((?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*)",
    re.ASCII,
)
_NAME = re.compile(r"captions\.([A-Za-z0-9-]+)\.vtt")
SAVE_ANEW = "Open it in a subtitle editor and save it as WebVTT in UTF-8."


class BadCaptions(ValueError):
    """These are no captions for this lecture; says why and what to do."""

    def __init__(self, reason: str, hint: str = SAVE_ANEW) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Captions:
    """`text` as it is stored: no byte order mark, one kind of line ends."""

    text: str
    count: int
    end_s: float


@dataclass(frozen=True, slots=True)
class _Cue:
    start_ms: int
    end_ms: int
    has_text: bool


# ---------------------------------------------------------------- names


def language_tag(text: str) -> str:
    """A tag in the case that people write it in: fr, pt-BR, zh-Hant-TW. Raises BadCaptions."""
    found = _TAG.fullmatch(text.strip().lower())
    if found is None:
        raise BadCaptions(
            f"{text!r} is no language tag", "For example: --language fr, km, pt-BR, zh-Hant."
        )
    language, script, region, variants = (part or "" for part in found.groups())
    return language + script.title() + region.upper() + variants


def file_name(language: str) -> str:
    return f"captions.{language}.vtt"


def language_of(name: str) -> str | None:
    """The language of a package's file; None: it is no captions file."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


# ---------------------------------------------------------------- content


def decoded(data: bytes) -> str:
    """The text of a captions file of whatever kind. Raises BadCaptions."""
    if len(data) > MOST_BYTES:
        raise BadCaptions(
            f"the file has {len(data) / 1e6:.1f} MB: captions have 2 MB at most",
            "Give the file with the captions, not the recording.",
        )
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadCaptions("the file is in UTF-16")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadCaptions(f"line {line} is not in UTF-8") from None
    if "\0" in text:
        raise BadCaptions("the file is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def checked(text: str, lecture_s: float | None) -> Captions:
    """The captions of a lecture of so many seconds (None: not known). Raises BadCaptions."""
    lines = text.split("\n")
    if not _SIGNATURE.fullmatch(lines[0]):
        raise BadCaptions('the file does not begin with the line "WEBVTT"')
    cues = list(_cues(lines))
    if not any(cue.has_text for cue in cues):
        raise BadCaptions("there are no captions in it")
    before_ms = 0
    for number, cue in enumerate(cues, 1):
        _fits(number, cue, before_ms, lecture_s)
        before_ms = cue.start_ms
    end_s = max(cue.end_ms for cue in cues) / 1000
    return Captions(text.rstrip("\n") + "\n", len(cues), end_s)


def _fits(number: int, cue: _Cue, before_ms: int, lecture_s: float | None) -> None:
    where = f"caption {number} ({_clock(cue.start_ms / 1000)})"
    if cue.end_ms <= cue.start_ms:
        raise BadCaptions(f"{where} ends before it begins")
    if cue.start_ms < before_ms:
        raise BadCaptions(f"{where} begins before the one that precedes it")
    if lecture_s is not None and cue.end_ms / 1000 > lecture_s + TOLERANCE_S:
        raise BadCaptions(
            f"{where} lies after the end of the lecture, which has {_clock(lecture_s)}",
            "Are they of another lecture? Times count from the beginning of the package.",
        )


def _cues(lines: list[str]) -> Iterator[_Cue]:
    """Blocks are separated by empty lines; the first one is the header."""
    at = _end_of_block(lines, 0)
    while at < len(lines):
        if lines[at]:
            end = _end_of_block(lines, at)
            if not _ASIDE.fullmatch(lines[at]):
                yield _cue(lines[at:end], at + 1)
            at = end
        else:
            at += 1


def _end_of_block(lines: list[str], begin: int) -> int:
    for at in range(begin, len(lines)):
        if not lines[at]:
            return at
    return len(lines)


def _cue(block: list[str], line: int) -> _Cue:
    """`line` is the first one's number in the file."""
    at = 0 if "-->" in block[0] else 1
    if at >= len(block) or "-->" not in block[at]:
        raise BadCaptions(f"line {line} is neither the time of a caption nor part of one")
    found = _TIMING.fullmatch(block[at])
    if found is None:
        raise BadCaptions(
            f"line {line + at} is no time of a caption: {block[at][:60]!r}",
            f"For example: 00:01:02.500 --> 00:01:05.000. {SAVE_ANEW}",
        )
    if any("-->" in each for each in block[at + 1 :]):
        raise BadCaptions(f"an empty line is missing within the caption in line {line}")
    text = "\n".join(block[at + 1 :])
    if _LONE.search(text):
        raise BadCaptions(
            f'a "<" stands alone in the caption in line {line}: players hide what follows it',
            "Write &lt; in its place.",
        )
    start, end = found.groups()[:4], found.groups()[4:]
    return _Cue(_ms(*start), _ms(*end), bool(text.strip()))


def escaped(text: str) -> str:
    """What a caption says in a format in which "<" means no more than in a book."""
    return _LONE.sub("&lt;", text)


def _ms(hours: str | None, minutes: str, seconds: str, rest: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(rest)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
