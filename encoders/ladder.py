"""Which encoders may be tried, in which order, and what a trial's facts mean. Pure.

Being compiled in says nothing: FFmpeg lists encoders for hardware that is not there. So nothing is
believed here; each candidate encodes a picture in a child of its own (`encoders.trial`), and the
facts decide. The software encoder is the last rung: it is always there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Way = Literal["pyav", "ffmpeg", "software"]

#: What is tried when a PC shows no render node: the usual one, so that the refusal has a reason.
USUAL_NODE = "/dev/dri/renderD128"
#: The software encoder of each codec.
SOFTWARE = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}
#: Best first: dedicated cards before what shares its memory with the processor.
_HARDWARE: tuple[tuple[str, Way], ...] = (
    ("nvenc", "pyav"),
    ("qsv", "ffmpeg"),
    ("vaapi", "ffmpeg"),
    ("amf", "pyav"),
    ("rkmpp", "ffmpeg"),
    ("v4l2m2m", "pyav"),
)
#: These encoders open a render node by its path.
_NEEDS_NODE = ("qsv", "vaapi")
#: There is no such encoder in any FFmpeg.
_NEVER = {"av1_v4l2m2m", "av1_rkmpp"}

#: A hardware encoder slower than this, times real time, leaves nothing for a second track.
LEAST_SPEED = 1.5
#: Structural similarity (1.0 is equal) of what comes back. Bad colours or torn pictures fall far
#: below it; the worst quality that a track may be set to does not matter, the trial sets its own.
LEAST_LIKENESS = 0.85
#: From a picture going in to its packet coming out, once it runs. Half a second would be felt in
#: the preview and is lost in a crash.
MOST_LATENCY_MS = 500.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An encoder that might work here. `node` is a render node, where one is needed."""

    encoder: str
    codec: str
    way: Way
    node: str = ""

    @property
    def name(self) -> str:
        """What stands in tables and caches: the encoder, and its node unless it is the usual."""
        if self.node in ("", USUAL_NODE):
            return self.encoder
        return f"{self.encoder}@{self.node.rsplit('/', 1)[-1]}"


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """What a trial saw. `error`: in words, why it went no further; then the rest is as far as
    it came."""

    error: str = ""
    opened_ms: float = 0.0
    #: The slowest packet after the first ones.
    latency_ms: float = 0.0
    frames_in: int = 0
    packets_out: int = 0
    frames_decoded: int = 0
    in_order: bool = False
    #: Which pictures had to be key frames and are none.
    keys_missed: int = 0
    width: int = 0
    height: int = 0
    full_range: bool = False
    likeness: float = 0.0
    #: Seconds of pictures for each second of work.
    speed: float = 0.0
    #: Bytes for each second of pictures.
    bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate and whether it may record. `reason` is for people; empty when all is well."""

    name: str
    codec: str
    usable: bool
    reason: str = ""
    speed: float = 0.0
    latency_ms: float = 0.0
    opened_ms: float = 0.0
    likeness: float = 0.0


def candidates(codec: str = "h264", nodes: Sequence[str] = ()) -> list[Candidate]:
    """Every rung for a codec, best first, the software encoder last. Raises ValueError."""
    if codec not in SOFTWARE:
        raise ValueError(f"there is no encoder for {codec!r}; one of {', '.join(SOFTWARE)}")
    found: list[Candidate] = []
    for kind, way in _HARDWARE:
        encoder = f"{codec}_{kind}"
        if encoder in _NEVER:
            continue
        its_nodes = (nodes or [USUAL_NODE]) if kind in _NEEDS_NODE else [""]
        found.extend(Candidate(encoder, codec, way, node) for node in its_nodes)
    return [*found, Candidate(SOFTWARE[codec], codec, "software")]


def find(name: str) -> Candidate:
    """The candidate of a name. Raises ValueError for a name that none can have."""
    encoder, _, node = name.partition("@")
    nodes = [f"/dev/dri/{node}"] if node else []
    for codec in SOFTWARE:
        for each in candidates(codec, nodes):
            if each.name == name and each.encoder == encoder:
                return each
    raise ValueError(f"there is no encoder {name!r}")


def judge(candidate: Candidate, facts: TrialFacts, size: tuple[int, int]) -> Verdict:
    """What a trial with pictures of `size` means."""
    reason = facts.error.removeprefix(f"{candidate.name} ") or _fault(facts, size)
    if not reason and candidate.way != "software" and facts.speed < LEAST_SPEED:
        reason = (
            f"too slow: {facts.speed:.1f} × real time at {size[0]}×{size[1]}, "
            f"needs {LEAST_SPEED:g} ×"
        )
    elif not reason and facts.speed < 1:
        reason = f"slower than real time at {size[0]}×{size[1]}: choose a smaller size or rate"
    return Verdict(
        name=candidate.name,
        codec=candidate.codec,
        usable=not reason or _last_rung(candidate),
        reason=reason,
        speed=round(facts.speed, 2),
        latency_ms=round(facts.latency_ms, 1),
        opened_ms=round(facts.opened_ms, 1),
        likeness=round(facts.likeness, 4),
    )


def _last_rung(candidate: Candidate) -> bool:
    """H.264 in software is used whatever its trial says: else there would be no recording."""
    return candidate.name == SOFTWARE["h264"]


def _fault(facts: TrialFacts, size: tuple[int, int]) -> str:
    """The first thing that is wrong with what came back, in words."""
    if facts.packets_out != facts.frames_in:
        return f"gave {facts.packets_out} packets for {facts.frames_in} pictures"
    if facts.keys_missed:
        return f"{facts.keys_missed} of the key frames that were asked for did not come"
    if not facts.frames_decoded:
        return "nothing of it decodes again"
    if (facts.width, facts.height) != size:
        return f"gave {facts.width}×{facts.height} pixels instead of {size[0]}×{size[1]}"
    if facts.frames_decoded != facts.frames_in:
        return f"only {facts.frames_decoded} of {facts.frames_in} pictures decode again"
    if not facts.in_order:
        return "the pictures come back in another order"
    if facts.full_range:
        return "marks its pictures as full range, which they are not"
    if facts.likeness < LEAST_LIKENESS:
        return (
            f"the pictures that come back differ from what went in "
            f"(likeness {facts.likeness:.2f}, needs {LEAST_LIKENESS:g})"
        )
    if facts.latency_ms > MOST_LATENCY_MS:
        return f"holds pictures back for {facts.latency_ms:.0f} ms"
    return ""


def rungs(
    verdicts: Iterable[Verdict], codec: str = "h264", failed: Collection[str] = ()
) -> list[str]:
    """The names to record with, best first: what works and has not failed since the PC started.

    In H.264 software is the last one, always; in another codec there may be none at all.
    """
    good = [each.name for each in verdicts if each.usable and each.codec == codec]
    last = SOFTWARE["h264"]
    hardware = [name for name in good if name not in failed and name != last]
    return [*hardware, last] if codec == "h264" else hardware
