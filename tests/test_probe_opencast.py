"""What is found out about an Opencast before lectures depend on it; nothing stays there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import OpencastDestination
from edge_agent.secrets import Secrets
from edge_agent.trial import trial
from tests.fixed_clock import FixedClock
from tests.servers.opencast import API_ROLES, Opencast
from tests.servers.opencast_client import Running, Straight
from tests.servers.opencast_login import PASSWORD, USER
from uploader.bodies import Source
from uploader.exchange import drive
from uploader.opencast_notes import Server
from uploader.probe import Finding, Verdict, meaning
from uploader.probe_opencast import OpencastProbe
from uploader.sender import Artifact

BASE = "https://opencast.example.edu"
DATA = b"test" * 1000
FILE = Artifact("edge-agent-test.bin", len(DATA), hashlib.sha256(DATA).hexdigest())


def findings(home: Path, *, proof: bool = True, **wishes: Any) -> dict[str, Finding]:
    opencast = Opencast(home, BASE)
    opencast.wish(**{"roles": API_ROLES, **wishes})
    (home / "file").write_bytes(DATA)
    probe = OpencastProbe(Server(BASE), "edge-agent-test-1", FILE, proof=proof)
    line = Straight(opencast)
    found: list[Finding] = []
    for core in (probe.exchange(), probe.receipt(), probe.tidy()):
        with Source(home / "file") as source:
            found += drive(core, lambda it, file=source: line.exchange(it, file, _silent))
    assert opencast.state()["begun"] == []
    assert set(opencast.state()["violations"]) <= {"no X-Requested-Auth"}
    return {each.promise: each for each in found}


def _silent(_phase: str, _done: int) -> None:
    """Nobody looks."""


def verdicts(found: dict[str, Finding]) -> dict[str, str]:
    return {name: each.verdict.value for name, each in found.items() if name != "speed"}


def test_an_opencast_that_lets_us_do_all_is_told_so_and_keeps_nothing(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert verdicts(found) == {
        "reachable": "kept",
        "credential": "kept",
        "takes files": "kept",
        "proof": "kept",
        "resume": "absent",
        "clean-up": "kept",
    }
    assert "speed" in found
    assert not [file for file in (tmp_path / "files").rglob("*") if file.is_file()]


@pytest.mark.parametrize(("proof", "verdict"), [(True, Verdict.BROKEN), (False, Verdict.ABSENT)])
@pytest.mark.parametrize("roles", [[], ["ROLE_API_EVENTS_VIEW"]])
def test_roles_that_are_missing_are_named(
    tmp_path: Path, roles: list[str], proof: bool, verdict: Verdict
) -> None:
    found = findings(tmp_path, proof=proof, roles=roles)
    assert found["proof"].verdict is verdict
    assert "ROLE_API_EVENTS_MEDIA_VIEW" in found["proof"].words


@pytest.mark.parametrize(
    ("wishes", "promise", "words"),
    [
        ({"registry": "elsewhere"}, "takes files", "https://ingest.example.org"),
        ({"faults": [["/ingest/addTrack", 413]]}, "takes files", "413"),
        ({"faults": [["/services", "unheard"]]}, "reachable", "cut"),
        ({"faults": [["/services", 403]]}, "credential", "403"),
        ({"auth": "digest"}, "credential", "sign in"),
    ],
)
def test_what_stands_in_the_way_is_said_and_ends_the_trial(
    tmp_path: Path, wishes: dict[str, Any], promise: str, words: str
) -> None:
    found = findings(tmp_path, **wishes)
    assert found[promise].verdict is Verdict.BROKEN
    assert words in found[promise].words
    assert "resume" not in found


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_upload_test_tries_it_over_the_way_of_lectures(tmp_path: Path, auth: str) -> None:
    running = Running(tmp_path, auth=auth, roles=[]).start()
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / "oc").write_text(f"{USER}:{PASSWORD}")
    (credentials / "oc").chmod(0o600)
    place = OpencastDestination(type="opencast", url=running.base, credential="oc", auth=auth)
    try:
        found = trial(place, Secrets(None, credentials), FixedClock())
    finally:
        running.kill()
    assert running.inside.state()["violations"] == []
    by_name = {each.promise: each.verdict.value for each in found}
    assert (by_name["takes files"], by_name["proof"], by_name["clean-up"]) == (
        "kept",
        "absent",
        "kept",
    )
    assert "as one event" in meaning("opencast", found)
