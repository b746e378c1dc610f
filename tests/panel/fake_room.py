"""The room of a fake panel: buttons that lead from one canned state to the next."""

from __future__ import annotations

import time
from typing import Any

from edge_agent.panel import state as it
from edge_agent.panel import wire
from tests.panel.fake_screens import ID, SCREENS, now_ms, utc

#: Where a button leads; `starting` and `saving` go on by themselves after a second.
LEADS = {
    "start": "starting",
    "stop": "saving",
    "pause": "paused",
    "resume": "recording",
    "mute": "muted",
    "unmute": "recording",
    "continue": "recording",
    "test": "starting",
}
GOES_ON = {"starting": "recording", "saving": "saved"}


class Fake:
    """One room for everybody who is connected."""

    def __init__(self, screen: str = "ready") -> None:
        self.rev = 0
        self.turn = 0
        self.answers: dict[str, wire.Pressed] = {}
        self.presses: list[tuple[str, dict[str, Any]]] = []
        self.role: it.Role = "control"
        self.binned = {ID: False, f"{ID[:-1]}7": True}
        self.show(screen)

    def show(self, screen: str) -> None:
        self.screen, self.since = screen, time.monotonic()
        self.rev += 1
        self.turn = self.rev
        fresh = SCREENS[screen]()
        self.state = fresh.model_copy(update={"rev": self.rev, "turn": self.turn})

    def change(self, **changes: Any) -> None:
        self.rev += 1
        self.state = self.state.model_copy(update={**changes, "rev": self.rev})

    def tick(self) -> None:
        following = GOES_ON.get(self.screen)
        if following and time.monotonic() - self.since > 1:
            self.show(following)

    def press(self, name: str, press: wire.Press) -> wire.Pressed:
        args = wire.COMMANDS[name].model_validate(press.args)
        if press.key in self.answers:
            return self.answers[press.key]
        self.presses.append((name, args.model_dump(exclude_none=True)))
        if name in LEADS:
            self.show(LEADS[name])
        elif isinstance(args, wire.Named):
            self.name(name, args.lecture)
        elif isinstance(args, wire.Edit):
            given = args.model_dump(exclude_none=True, exclude={"lecture"})
            if self.state.lecture:
                self.change(lecture=self.state.lecture.model_copy(update=given))
            else:
                self.change(details=self.state.details.model_copy(update=given))
        elif isinstance(args, wire.Extend) and self.state.lecture:
            later = (self.state.lecture.until_ms or now_ms()) + args.minutes * 60_000
            minutes = (later - now_ms()) / 60_000
            moved = {"until_ms": later, "until_utc": utc(minutes)}
            self.change(lecture=self.state.lecture.model_copy(update=moved), ask=None)
        answer = wire.Pressed(lecture=ID)
        self.answers[press.key] = answer
        return answer

    def name(self, verb: str, lecture: str) -> None:
        """What is done with one lecture."""
        if verb in ("delete", "restore"):
            self.binned[lecture] = verb == "delete"
            if verb == "delete" and self.screen == "saved_test":
                self.show("ready")
        else:
            self.keep(lecture, verb == "withhold")

    def keep(self, lecture: str, kept: bool) -> None:
        queue, saved = self.state.queue, self.state.saved
        changed = {"arrival": "kept" if kept else "waiting", "keepable": True}
        lines = [
            line.model_copy(update=changed) if line.id == lecture else line
            for line in queue.lectures
        ]
        self.change(
            queue=queue.model_copy(update={"lectures": lines}),
            saved=saved.model_copy(update={"kept": kept}) if saved else None,
        )
