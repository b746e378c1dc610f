"""The rules of the architecture as tests: who may import whom, and who may do I/O at all."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("edge_agent", "capture", "encoders", "uploader", "device_profiles")
#: What each package may import of ours, besides itself.
ALLOWED = {
    "capture": {"device_profiles"},
    "encoders": {"device_profiles"},
    "uploader": set(),
    "device_profiles": set(),
    "edge_agent": {"capture", "encoders", "uploader", "device_profiles"},
}
#: One for each process. Only the command line knows them all.
PROGRAMS = {
    "edge_agent.supervisor",
    "edge_agent.recorder",
    "edge_agent.finisher",
    "edge_agent.delivery",
    "edge_agent.panel.server",
    "edge_agent.lights",
    "edge_agent.calendar_sync",
    "edge_agent.mqtt.service",
    "edge_agent.alerting.service",
}
COMPOSITION = ("edge_agent.cli", "edge_agent.commands")
RULES = sorted(ROOT.glob("edge_agent/rules/*.py"))
PURE = [
    *RULES,
    ROOT / "edge_agent/messages.py",
    ROOT / "edge_agent/finish_messages.py",
    ROOT / "edge_agent/config_edit.py",
    ROOT / "edge_agent/exposition.py",
    ROOT / "edge_agent/redaction.py",
    ROOT / "capture/rtsp_words.py",
    ROOT / "capture/rtsp_login.py",
    ROOT / "capture/rtsp_stream.py",
    ROOT / "encoders/rotation.py",
    ROOT / "encoders/stillness.py",
    ROOT / "encoders/headroom.py",
    ROOT / "uploader/addresses.py",
    ROOT / "uploader/heard.py",
    ROOT / "uploader/exchange.py",
    ROOT / "uploader/tus_words.py",
    ROOT / "uploader/tus.py",
    ROOT / "uploader/sizing.py",
    ROOT / "uploader/digest.py",
    ROOT / "uploader/opencast.py",
    ROOT / "uploader/opencast_wire.py",
    ROOT / "uploader/probe_opencast.py",
    ROOT / "uploader/receipts.py",
    ROOT / "uploader/signing.py",
    ROOT / "uploader/keys.py",
    ROOT / "uploader/stick_index.py",
    ROOT / "uploader/probe.py",
    ROOT / "uploader/probe_tus.py",
    ROOT / "uploader/probe_s3.py",
    ROOT / "uploader/pacing.py",
    ROOT / "uploader/limits.py",
    ROOT / "uploader/timetable.py",
    ROOT / "uploader/policy.py",
    ROOT / "uploader/forecast.py",
    ROOT / "device_profiles/match.py",
    ROOT / "device_profiles/mains.py",
    *(ROOT / f"device_profiles/lights/{name}.py" for name in ("patterns", "protocols", "reports")),
    ROOT / "capture/modes.py",
    ROOT / "edge_agent/commands/words.py",
    ROOT / "edge_agent/commands/verdict.py",
    *(
        ROOT / f"edge_agent/panel/{name}.py"
        for name in (
            "state",
            "wire",
            "picture",
            "problems",
            "queue",
            "tracks",
            "itpage",
            "rehearsal",
        )
    ),
    *(
        ROOT / f"edge_agent/mqtt/{name}.py"
        for name in (
            "messages",
            "topics",
            "judge",
            "packets",
            "ration",
            "patience",
            "view",
            "acl",
            "discovery",
            "asyncapi",
        )
    ),
    *(ROOT / f"edge_agent/alerting/{name}.py" for name in ("letters", "outbox", "wire")),
]
#: Libraries and network: to load them would take longer than a short answer.
HEAVY = {
    *("av", "cv2", "numpy", "sounddevice", "webrtcvad"),
    *("argon2", "asyncio", "cryptography", "http", "httpcore", "jeepney", "paho", "segno", "ssl"),
    *("starlette", "uvicorn", "websockets"),
    *("icalendar", "recurring_ical_events", "rich", "sqlite_utils", "tomlkit", "webvtt"),
    *("onveef", "pyudev", "usb"),
}
IMPURE = {"os", "time", "sqlite3", "socket", "subprocess", "threading", "av", "pathlib"}


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Everything a file imports, inside functions as well; `from a import b` is a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {str(node.module)} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The modules of ours among them."""
    return {name for name in imports(path) if name in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downward_only(name: str) -> None:
    package = name.split(".")[0]
    reached = {other.split(".")[0] for other in ours(MODULES[name])}
    assert reached <= ALLOWED[package] | {package}


@pytest.mark.parametrize("name", [n for n in MODULES if not n.startswith(COMPOSITION)])
def test_programs_and_commands_are_known_to_the_command_line_alone(name: str) -> None:
    known = ours(MODULES[name])
    assert not known & PROGRAMS
    assert not [other for other in known if other.startswith(COMPOSITION)]


@pytest.mark.parametrize("name", [n for n in MODULES if not n.startswith(COMPOSITION)])
def test_the_panel_is_known_to_the_command_line_alone(name: str) -> None:
    if not name.startswith("edge_agent.panel"):
        assert not [other for other in ours(MODULES[name]) if other.startswith("edge_agent.panel")]


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_module_does_no_io_and_reads_no_clock(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & IMPURE
    assert "datetime.now" not in path.read_text()


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_know_of_ours_only_rules_and_messages(path: Path) -> None:
    known = {name for name in ours(path) if not name.startswith("edge_agent.rules")}
    assert known <= {"edge_agent", "edge_agent.messages", "edge_agent.finish_messages"}


def test_only_the_ledger_speaks_sql() -> None:
    speakers = {name for name, path in MODULES.items() if ".execute(" in path.read_text()}
    parts = ("", "_tables", "_lectures", "_warnings", "_queues", "_upload", "_bookings", "_bin")
    pieces = {f"edge_agent.ledger{part}" for part in parts}
    assert speakers == pieces | {"edge_agent.migrations"}


def loaded(statement: str) -> set[str]:
    """The modules that a statement leaves loaded in a fresh Python; of others' only the tops."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statement}\nprint(*sys.modules, file=sys.stderr)"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names = done.stderr.splitlines()[-1].split()
    return {name for name in names if "." not in name or name in MODULES}


def test_a_recorder_loads_no_ledger_no_command_line_and_no_network_library() -> None:
    found = loaded("import edge_agent.recorder")
    assert not found & {"typer", "rich", "sqlite3", "sqlite_utils", "paho", "starlette"}


def test_the_supervisor_loads_no_codec_and_no_driver() -> None:
    found = loaded("import edge_agent.supervisor")
    assert not found & {"av", "cv2", "numpy", "sounddevice", "typer"}


def test_the_panel_loads_no_codec_and_no_driver() -> None:
    found = loaded("import edge_agent.panel.server")
    assert not found & {"av", "cv2", "numpy", "sounddevice", "typer", "sqlite_utils"}


def test_mqtt_loads_no_codec_no_driver_and_nothing_of_the_panels_server() -> None:
    found = loaded("import edge_agent.mqtt.service, edge_agent.commands.mqtt_room")
    assert not found & {"av", "cv2", "numpy", "sounddevice", "sqlite_utils", "starlette", "uvicorn"}


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["record", "--help"], ["version"]])
def test_the_command_line_answers_without_loading_what_is_heavy(
    arguments: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\n')
    statement = (
        f"sys.argv = {['edge-agent', '--config', str(config), *arguments]!r}\n"
        "from edge_agent.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code, end.code"
    )
    # Typer loads Pydantic by itself; building our models is what takes the time.
    models = {"edge_agent.config", "edge_agent.messages", "edge_agent.finish_messages"}
    assert sorted(loaded(statement) & (HEAVY | models)) == []
