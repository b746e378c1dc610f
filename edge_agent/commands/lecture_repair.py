"""`edge-agent lectures repair`: the agent's own recovery, for one lecture."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.asking import ask
from edge_agent.commands.lecture_copies import verified
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, find_lecture, room

if TYPE_CHECKING:
    from edge_agent.ledger import Ledger
    from edge_agent.recovery import Recovery
    from edge_agent.rows import Lecture


def repair(
    context: typer.Context,
    lecture_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help='An id, its unique beginning or end, or "last".',
            autocompletion=completing.lectures,
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what; do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Adopt what lies on the disk, cut what is torn, and have it finished again."""
    with reporting("lectures.repair", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id)
            _demand_repairable(here, ledger, lecture)
            steps = [(step.where, step.what) for step in _steps(here, ledger, lecture.id)]
        report.data = {"lecture": lecture.id, "state": str(lecture.state), "done": False}
        if _has_package(here, lecture):
            _look_at_package(here, lecture, report)
            return
        report.data["repairs"] = [{"where": where, "what": what} for where, what in steps]
        report.say(*(f"{where}: {what}" for where, what in steps))
        if dry_run:
            report.say("nothing has been done (dry run)")
        elif here.alive():
            _ask(here, lecture, report)
        else:
            _alone(here, lecture, report)


def _demand_repairable(here: Room, ledger: Ledger, lecture: Lecture) -> None:
    """Raises Failure when there is nothing that could be repaired now."""
    from edge_agent.rules.lecture import ACTIVE, State

    if lecture.id in ledger.binned():
        hint = f"edge-agent lectures restore {lecture.id}"
        raise _wrong(f"lecture {lecture.id} is in the bin", hint)
    if lecture.state is State.PURGED:
        hint = f"take the copy at the destination: edge-agent lectures show {lecture.id}"
        raise _wrong(f"the files of lecture {lecture.id} have left this PC", hint)
    if lecture.state in ACTIVE and here.alive():
        hint = "the agent mends each track as it goes: edge-agent status"
        raise _wrong(f"lecture {lecture.id} is being recorded", hint)


def _wrong(what: str, hint: str) -> Failure:
    return Failure(Exit.WRONG_STATE, "wrong-state", what, hint)


def _recovery(here: Room, ledger: Ledger) -> Recovery:
    from edge_agent.recovery import Recovery

    return Recovery(here.spool, ledger, timedelta(0))


def _steps(here: Room, ledger: Ledger, lecture: str) -> list[Any]:
    """What recovery would do with its segments; nothing is done by looking."""
    from edge_agent.clock import SystemClock

    return list(_recovery(here, ledger).tracks(lecture, None, SystemClock().now()))


def _has_package(here: Room, lecture: Lecture) -> bool:
    from edge_agent.rules.lecture import UNPACKAGED

    return lecture.state not in UNPACKAGED and here.spool.package(lecture.id).is_dir()


def _look_at_package(here: Room, lecture: Lecture, report: Report) -> None:
    """Its segments are gone: a package that is damaged cannot be made anew here."""
    facts = report.data
    if not verified(here.spool.package(lecture.id), report):
        report.say(f"the package of {lecture.id} is whole: there is nothing to repair")
    report.data = facts | report.data


def _ask(here: Room, lecture: Lecture, report: Report) -> None:
    """The agent adopts what it finds before it finishes a lecture."""
    from edge_agent.rules.lecture import State

    if lecture.state is not State.FAILED:
        report.say("the agent is about to finish it: edge-agent lectures show " + lecture.id)
        return
    report.data |= ask(here, "retry", {"lecture": lecture.id}) | {"done": True}
    report.say(f"repaired, and finished again; see: edge-agent lectures show {lecture.id}")


def _alone(here: Room, lecture: Lecture, report: Report) -> None:
    """Without an agent; it finishes the lecture at its next start."""
    from edge_agent.clock import SystemClock
    from edge_agent.commands.storage import demand_owner
    from edge_agent.ledger import Ledger
    from edge_agent.locks import only_agent
    from edge_agent.orphans import wait_for_orphans
    from edge_agent.rules.lecture import Event, State, advance

    demand_owner(here, f"edge-agent lectures repair {lecture.id}")
    with only_agent(here.runtime.agent_lock, here.spool.root):
        wait_for_orphans(here.runtime)
        ledger, now = Ledger.create(here.spool.ledger), SystemClock().now()
        try:
            _recovery(here, ledger).adopt_tracks(lecture.id, now)
            if lecture.state is State.FAILED:
                with ledger.transaction():
                    state = advance(lecture.state, Event.RETRY)
                    ledger.set_state(lecture.id, state, reason="")
                    ledger.add_event(now, "repaired", "it is finished again", lecture.id)
        finally:
            ledger.close()
    report.data["done"] = True
    report.say("repaired; it is finished when the agent starts: edge-agent run")
