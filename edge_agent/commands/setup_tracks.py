"""The tracks that `edge-agent setup` wants: as a profile of a room says, or place by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_agent.commands.profile_changing import room_profile
from edge_agent.commands.room_profiles import laid_over
from edge_agent.commands.setup_answers import Answers
from edge_agent.commands.setup_devices import Changes, Track, changes, chosen
from edge_agent.discovery import Candidates


def wanted_tracks(
    answers: Answers,
    written: Mapping[str, Track],
    found: Candidates,
    modes: Mapping[str, Sequence[str]],
) -> Changes:
    """Raises Failure when what was asked for is not plugged in."""
    if answers.profile is not None:
        return laid_over(room_profile(answers.profile, None), found, written, modes)
    devices, notes = chosen(answers.places, found, written)
    return replace(changes(devices, found, written), notes=notes)
