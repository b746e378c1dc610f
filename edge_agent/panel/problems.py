"""What is wrong in the room, worst first, in keys that the browser has words for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_agent.panel import state as show
from edge_agent.panel.reading import Reading
from edge_agent.rules import pictures

#: Less than this many hours of space is told.
LOW_HOURS = 0.5
_WORST = {"critical": 0, "warning": 1, "notice": 2}
_MIC_PROBLEMS: dict[str, tuple[show.ProblemKey, show.Severity]] = {
    "none": ("mic.none", "critical"),
    "quiet": ("mic.quiet", "warning"),
    "loud": ("mic.loud", "warning"),
    "cable": ("mic.cable", "warning"),
}
_PICTURE_PROBLEMS: dict[str, show.ProblemKey] = {
    pictures.COVERED: "cam.covered",
    pictures.FROZEN: "cam.frozen",
    pictures.NO_SLIDES: "slides.none",
}
#: What delivers nothing is worse than what nobody speaks into.
_DEAD = ("no samples", "digital silence")


def problems(
    it: Reading,
    status: Mapping[str, Any] | None,
    word: str,
    sources: list[show.Source],
    verdict: str,
    main: str | None,
    least_free: int,
    space: show.Space,
) -> list[show.Problem]:
    if status is None:
        detail = "the agent is not running, or has said nothing for 5 s"
        return [show.Problem(key="agent.down", severity="critical", detail=detail)]
    found = [
        *_of_sound(status, sources, verdict, main),
        *_of_pictures(status, sources),
        *_of_the_room(it, status, word, sources, least_free, space),
    ]
    return sorted(found, key=lambda problem: _WORST[problem.severity])


def _of_sound(
    status: Mapping[str, Any], sources: list[show.Source], verdict: str, main: str | None
) -> Iterator[show.Problem]:
    if main is None:
        if sources:
            yield show.Problem(key="mic.none", severity="critical")
        return
    number = next(source.number for source in sources if source.track == main)
    track = status["tracks"][main]
    detail = f"{track['warning'] or track['reason']}. {track['hint']}".strip(". ")
    if verdict == "silent":
        dead = track["warning"] in _DEAD
        key: show.ProblemKey = "mic.silent" if dead else "mic.unheard"
        severity: show.Severity = "critical" if dead else "warning"
        yield show.Problem(key=key, severity=severity, source=number, detail=detail)
    elif verdict in _MIC_PROBLEMS:
        key, severity = _MIC_PROBLEMS[verdict]
        yield show.Problem(key=key, severity=severity, source=number, detail=detail)


def _of_pictures(status: Mapping[str, Any], sources: list[show.Source]) -> Iterator[show.Problem]:
    gone: dict[str, show.ProblemKey] = {"camera": "cam.none", "slides": "slides.none"}
    for source in sources:
        if source.role not in gone:
            continue
        warning = str(status["tracks"][source.track]["warning"])
        key, detail = _PICTURE_PROBLEMS.get(warning), warning
        if source.state == "lost":
            key, detail = gone[source.role], f"{source.reason}. {source.hint}".strip(". ")
        if key is not None:
            yield show.Problem(key=key, severity="warning", source=source.number, detail=detail)


def _of_the_room(
    it: Reading,
    status: Mapping[str, Any],
    word: str,
    sources: list[show.Source],
    least_free: int,
    space: show.Space,
) -> Iterator[show.Problem]:
    if word == "start_failed":
        yield show.Problem(key="start.failed", severity="critical")
    if not sources:
        yield show.Problem(key="room.empty", severity="critical")
    free, trouble = int(status["spool"]["free_bytes"]), str(status["spool"]["trouble"])
    if free < least_free:
        yield show.Problem(key="space.full", severity="critical", detail=trouble)
    elif sources and space.hours < LOW_HOURS:
        minutes = {"minutes": int(space.hours * 60)}
        yield show.Problem(key="space.low", severity="warning", numbers=minutes)
    if it.trouble or trouble:
        text = it.trouble or trouble
        yield show.Problem(key="disk.trouble", severity="critical", detail=text)
    if status.get("on_battery"):
        yield show.Problem(key="power.battery", severity="warning")
    given_up = [t["given_up"] for t in status["tracks"].values() if t["given_up"]]
    if given_up:
        yield show.Problem(key="computer.busy", severity="notice", detail="; ".join(given_up))
    if it.now.trust != "synchronised":
        yield show.Problem(key="clock.unsure", severity="notice", detail=it.now.trust)
