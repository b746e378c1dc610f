"""The unit files: sane to systemd itself, least privilege, and in step with the program."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from edge_agent.recorder import NICE

UNITS = Path(__file__).parents[1] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
#: In tenths, of 10 (unprotected). Packaged daemons commonly have 96.
MOST_EXPOSED = 20


def settings(unit: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(unit)
    return parser


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_target_wants_each_service_but_those_that_a_room_adds() -> None:
    wanted = settings(UNITS / "edge-agent.target")["Unit"]["Wants"].split()
    # A room has webhooks, a lamp, a broker, Prometheus, or not; `systemctl enable` says so.
    added = {f"edge-agent-{each}.service" for each in ("alerts", "light", "metrics", "mqtt")}
    # Of the computer of a desk, which is no room.
    desk = {"edge-agent-fleet.service"}
    assert set(wanted) | added | desk == {unit.name for unit in SERVICES}
    for each in added:
        assert settings(UNITS / each)["Install"]["WantedBy"] == "edge-agent.target"


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_barely_exposed(unit: Path) -> None:
    verdict = analyze(
        "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(unit)
    )
    assert verdict.returncode == 0, verdict.stdout[-300:] + verdict.stderr


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    """With a program in place of ours, since systemd looks whether it exists."""
    for unit in UNITS.glob("edge-agent*.[st]*"):
        text = unit.read_text().replace("/opt/edge-agent/bin/edge-agent", "/bin/true")
        if unit.suffix in (".service", ".target"):
            (tmp_path / unit.name).write_text(text)
    verdict = analyze("verify", "--man=no", *(str(unit) for unit in tmp_path.iterdir()))
    ours = [line for line in verdict.stderr.splitlines() if "edge-agent" in line]
    assert (verdict.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_watched_and_always_comes_back(unit: Path) -> None:
    service = settings(unit)["Service"]
    assert service["type"] == "notify"
    assert service["restart"] == "always"
    assert int(service["watchdogsec"]) > 0
    assert settings(unit)["Unit"]["startlimitintervalsec"] == "0"


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_devices_are_allowed_by_number_so_that_one_plugged_in_later_works(unit: Path) -> None:
    allowed = [line for line in unit.read_text().splitlines() if line.startswith("DeviceAllow=")]
    assert all(line.split("char-")[1].split()[0].isdigit() for line in allowed)


def test_the_agent_may_read_its_clocks_trust_and_make_its_finisher_nice() -> None:
    """All of these are in groups that are denied; without them both fail silently.

    The C library of Debian 12 makes adjtimex() a clock_adjtime: with the first alone no clock of an
    installed agent was ever called synchronised.
    """
    filters = [
        line.removeprefix("SystemCallFilter=")
        for line in (UNITS / "edge-agent.service").read_text().splitlines()
        if line.startswith("SystemCallFilter=")
    ]
    assert filters[-3:] == ["adjtimex clock_adjtime", "setpriority", "sched_setscheduler"]


@pytest.mark.parametrize(
    ("unit", "command"),
    [
        ("edge-agent.service", "run"),
        ("edge-agent-upload.service", "upload run"),
        ("edge-agent-schedule.service", "schedule run"),
        ("edge-agent-mqtt.service", "mqtt run"),
        ("edge-agent-alerts.service", "alerts run"),
        ("edge-agent-fleet.service", "fleet watch"),
        (
            "edge-agent-metrics.service",
            "metrics --to /run/edge-agent/metrics.prom --every 15",
        ),
    ],
)
def test_a_service_runs_a_command_that_exists(unit: str, command: str) -> None:
    started = settings(UNITS / unit)["Service"]["execstart"]
    assert started == f"/opt/edge-agent/bin/edge-agent {command}"


def test_sound_may_go_before_everything_else() -> None:
    service = settings(UNITS / "edge-agent.service")["Service"]
    assert int(service["limitnice"]) <= min(NICE.values())
