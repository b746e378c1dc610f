"""Choosing one of the modes that a camera offers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DEFAULT_FORMATS = ("mjpeg", "raw", "h264")
LARGEST_UNASKED = (1920, 1080)  # more is recorded only when somebody asks for it
FASTEST_UNASKED = 30.0


@dataclass(frozen=True, slots=True, order=True)
class Mode:
    """One thing a camera can deliver. `pixel` is the layout of raw pictures, else empty."""

    format: str  # mjpeg | raw | h264
    width: int
    height: int
    fps: float
    pixel: str = ""

    def __str__(self) -> str:
        layout = f" ({self.pixel})" if self.pixel else ""
        return f"{self.format}{layout} {self.width}×{self.height} {self.fps:g}/s"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `formats` is in order of preference, and nothing else is taken."""

    formats: Sequence[str] = DEFAULT_FORMATS
    size: tuple[int, int] | None = None
    fps: float | None = None


def choose_mode(modes: Iterable[Mode], wanted: Wanted) -> Mode | None:
    """The best mode: nearest size first, then enough pictures a second, then the preferred format.

    A size that is not offered gives the largest one inside it, or else the smallest around it.
    None when no mode has a wanted format.
    """
    able = [mode for mode in modes if mode.format in wanted.formats]
    return min(sorted(able), key=lambda mode: _badness(mode, wanted), default=None)


def _badness(mode: Mode, wanted: Wanted) -> tuple[float, ...]:
    return (
        *_size_badness(mode, wanted.size or LARGEST_UNASKED),
        *_fps_badness(mode.fps, wanted.fps or FASTEST_UNASKED),
        wanted.formats.index(mode.format),
        mode.pixel not in ("", "nv12", "yuv420p", "yuyv422"),  # then what converts at least cost
    )


def _size_badness(mode: Mode, size: tuple[int, int]) -> tuple[float, ...]:
    inside = mode.width <= size[0] and mode.height <= size[1]
    pixels = mode.width * mode.height
    return (0.0, -pixels) if inside else (1.0, pixels)


def _fps_badness(fps: float, wanted: float) -> tuple[float, ...]:
    """As many as wanted or the next above; else the most there is (2 % covers 29.97 for 30)."""
    enough = fps >= wanted * 0.98
    return (0.0, fps) if enough else (1.0, -fps)


def offers(modes: Iterable[Mode]) -> frozenset[str]:
    """The modes in a profile's words: "mjpeg 1920x1080"."""
    return frozenset(f"{mode.format} {mode.width}x{mode.height}" for mode in modes)


def describe(modes: Iterable[Mode]) -> str:
    """The modes for a person: one entry per format and size, with its rates."""
    rates: dict[tuple[str, int, int], set[float]] = {}
    for mode in modes:
        rates.setdefault((mode.format, mode.width, mode.height), set()).add(mode.fps)
    return "; ".join(
        f"{form} {width}×{height} at {'/'.join(f'{fps:g}' for fps in sorted(found, reverse=True))}"
        for (form, width, height), found in sorted(rates.items())
    )
