"""When captions can be put to a lecture: as long as its package is here. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_agent.rules import actions as do
from edge_agent.rules.lecture import WITH_PACKAGE, State

if TYPE_CHECKING:
    from edge_agent.rules.plan import CommandFacts, Facts


def _set(on: bool) -> Callable[[Facts, CommandFacts], do.Action]:
    """How long a lecture is, is known when it is packaged; captions are judged by that."""

    def verb(facts: Facts, command: CommandFacts) -> do.Action:
        lecture = str(command.args.get("lecture", ""))
        kept = facts.kept.get(lecture)
        if kept is not None and kept.state in WITH_PACKAGE and not kept.binned:
            return do.SetCaptions(command.id, lecture, on)
        show = f"edge-agent lectures show {lecture}"
        if kept is None:
            told, hint = "is not known here", "edge-agent lectures list"
        elif kept.binned:
            told, hint = "is in the bin", f"edge-agent lectures restore {lecture}"
        elif kept.state is State.PURGED:
            told, hint = "has left this computer", "add the captions where it was sent to"
        elif kept.state is State.FAILED:
            told, hint = (
                "could not be packaged",
                f"{show} says why; then: edge-agent lectures retry",
            )
        else:
            told, hint = f"is {kept.state}, and has no package yet", f"wait until it has: {show}"
        message = f"lecture {lecture or '(none given)'} {told}"
        return do.Refuse(command.id, "wrong-state", message, hint, 5 if kept else 4)

    return verb


VERBS: dict[str, Callable[[Facts, CommandFacts], do.Action]] = {
    "captions-add": _set(True),
    "captions-remove": _set(False),
}
