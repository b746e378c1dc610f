"""Is what a device gave for some seconds good enough for a lecture? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: A camera that gives less than this of the rate it has promised is told.
ENOUGH = 0.85
#: Of 255: a covered lens, a dim room, a window behind the lecturer. A sensor's black is no zero.
BLACK, DIM, GLARING = 20.0, 50.0, 235.0
#: Below this deviation a picture shows nothing: a cap, or a grabber's picture without a signal.
EVEN = 3.0
#: dBFS. No microphone in a room is that quiet, nor is a voice at its place that loud or soft.
SILENT, SOFT, LOUD = -90.0, -50.0, -1.0
#: A sound card's clock is wrong by some tens; from here on something converts badly.
MUCH_DRIFT_PPM = 300.0
#: Pictures that come so much later than they were taken are queued somewhere.
LATE_MS = 400

Grade = Literal["good", "doubtful", "bad"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a device gave. Rates are by its own stamps; levels are dBFS, `luma` is of 255."""

    media: Literal["video", "audio"]
    #: Pictures a second of its mode, or samples a second.
    promised: float
    seconds: float
    samples: int
    first_ms: int
    delay_ms: int
    #: Pictures that never came, or samples of sound.
    missing: int
    per_second: float
    luma: float | None = None
    spread: float | None = None
    moved: bool | None = None
    peak: float | None = None
    rms: float | None = None
    #: Known after 70 seconds.
    drift_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What was found, and (unless it is good) what to do."""

    grade: Grade
    text: str
    hint: str = ""


def remarks(it: Tried) -> list[Remark]:
    """At least one; the worst decides."""
    found = [*(_pictures(it) if it.media == "video" else _sound(it)), *_delay(it)]
    return found or [Remark("good", "good for a lecture")]


def worst(found: list[Remark]) -> Grade:
    grades: tuple[Grade, ...] = ("bad", "doubtful")
    return next((g for g in grades if any(each.grade == g for each in found)), "good")


def _pictures(it: Tried) -> Iterator[Remark]:
    if it.samples > 2 and it.promised and it.per_second < ENOUGH * it.promised:
        yield Remark(
            "doubtful",
            f"it gives {it.per_second:g} pictures a second of the {it.promised:g} it has promised",
            "more light (a dim room halves the rate of many cameras), another USB port, no hub",
        )
    if it.missing:
        yield Remark(
            "doubtful",
            f"{it.missing} pictures are missing of {it.samples + it.missing}",
            "a cable or hub that fails, or a PC that is too busy: edge-agent encoders --benchmark",
        )
    if it.luma is None or it.spread is None:
        yield Remark("bad", "no picture could be seen", "another format = may help; see docs/it.md")
    elif it.spread < EVEN:
        what = "black" if it.luma < BLACK else "of one colour"
        yield Remark(
            "bad",
            f"the picture is {what}",
            "take the cap off the lens, or give the grabber a signal",
        )
    elif it.luma < DIM:
        yield Remark("doubtful", "the picture is very dark", "more light, or another exposure")
    elif it.luma > GLARING:
        yield Remark("doubtful", "the picture is almost white", "less light from behind")


def _sound(it: Tried) -> Iterator[Remark]:
    peak = it.peak if it.peak is not None else SILENT
    if peak <= SILENT:
        yield Remark(
            "bad",
            "no sound: is it muted, switched off, or its transmitter out of battery?",
            "switch it on and speak, then test again",
        )
    elif peak >= LOUD:
        yield Remark("doubtful", "the sound is too loud and is cut off", "turn its gain down")
    elif peak < SOFT:
        yield Remark("doubtful", "hardly a sound", "speak while it is tested, or turn its gain up")
    if it.missing and it.promised:
        seconds = it.missing / it.promised
        yield Remark(
            "doubtful", f"{seconds:.2f} s of sound are missing", "another USB port; a less busy PC"
        )
    if it.drift_ppm is not None and abs(it.drift_ppm) > MUCH_DRIFT_PPM:
        yield Remark(
            "doubtful",
            f"its clock is wrong by {it.drift_ppm:+.0f} ppm",
            "it is corrected while recording; another interface sounds better",
        )


def _delay(it: Tried) -> Iterator[Remark]:
    if it.delay_ms > LATE_MS:
        yield Remark(
            "doubtful",
            f"what it gives comes {it.delay_ms} ms late",
            "nothing, if it stays so; a growing delay is a PC that is too slow",
        )


def sentences(it: Tried) -> list[str]:
    """What was measured, for people."""
    lines = []
    if it.media == "video":
        lines.append(f"{it.per_second:g} pictures a second of {it.promised:g}")
        if it.luma is not None:
            lines.append(f"brightness {it.luma:.0f} of 255" + (", it moves" if it.moved else ""))
    else:
        peak = it.peak if it.peak is not None else -120.0
        lines.append("digital silence" if peak <= -120 else f"loudest {peak:.0f} dBFS")
        if it.rms is not None and it.rms > -120:
            lines[-1] += f", mean {it.rms:.0f} dBFS"
        if it.drift_ppm is not None:
            lines.append(f"its clock is off by {it.drift_ppm:+.0f} ppm")
    missing = f"{it.missing} missing" if it.missing else "nothing missing"
    lines.append(f"{it.samples} in {it.seconds:g} s, {missing}, {it.delay_ms} ms behind")
    return lines
