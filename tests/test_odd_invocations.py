"""Every command, in every odd way: a sentence, the next step, an exit code; never a traceback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge_agent.clock import SystemClock
from edge_agent.commands.output import Exit
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from tests.forked_cli import Run, Shell, forked_cli
from tests.published import demand_published
from tests.test_docs import COMMANDS

NOBODY = 65534
#: They go on until they are stopped, or for long.
SERVICES = (
    "alerts run", "demo", "fleet watch", "light run", "mqtt run", "panel run", "run",
    "schedule run", "upload run",
)  # fmt: skip
#: They look for devices or try what is there: seconds each, and other tests do it.
LONG = (
    "button list", "button test", "devices ignore", "devices list", "devices name",
    "devices network", "devices preset", "devices rules", "devices show", "devices test",
    "devices watch", "doctor", "encoders", "light list", "light off", "light test",
    "profile apply", "profile new", "report", "setup",
)  # fmt: skip
#: What a command needs to be understood; {home} is the room's folder.
WORDS = {
    "config apply": "{home}/new.toml",
    "config get": "room.name",
    "config set": "room.name Aula",
    "config unset": "room.name",
    "enrol": "https://127.0.0.1:9/room.json",
    "fleet invite": "B-204 --config {home}/room.toml --to {home}/invitation.json",
    "fleet page": "--to {home}/page.html",
    "fleet push": "{home}/room.toml --dry-run",
    "fleet run": "-- status",
    "lectures captions add": "last {home}/words.vtt --language fr",
    "lectures captions list": "last",
    "lectures captions remove": "last --language fr",
    "lectures delete": "last --dry-run",
    "lectures edit": "last --title Heat",
    "lectures export": "last --to {home}/out",
    "lectures publish": "last",
    "lectures repair": "last --dry-run",
    "lectures restore": "last",
    "lectures retry": "last",
    "lectures show": "last",
    "lectures verify": "last",
    "lectures withhold": "last",
    "profile show": "seminar",
    "record extend": "5",
    "record mark": "here",
    "schedule add": "2030-01-01T10:00 --until 11:00",
    "schedule import": "{home}/term.ics",
    "schedule skip": "0193-abcd",
    "secret remove": "campus",
    "secret set": "campus",
    "secret test": "campus",
    "storage prune": "--dry-run",
    "upload limit": "512k",
    "upload stick prepare": "{home}/stick",
}
CONFIG = """
[storage]
spool = "{home}/spool"
runtime = "{home}/run"
least_free_mib = 0
[tracks.camera]
kind = "synthetic"
[destinations.disk]
type = "folder"
path = "{home}/platform"
"""
#: An oddity meets one command in so many, each another part of them: all with all would be three
#: thousand runs. For those set it to 1.
TURNS = 9
OUT_OF_REACH = Exit.NOT_PERMITTED


@dataclass(frozen=True, slots=True)
class Oddity:
    """`codes`: how a command may end, if not with 0, findings, or a thing that is not there."""

    prepare: Callable[[Path], object]
    codes: tuple[Exit, ...] = ()
    more: Mapping[str, object] = field(default_factory=dict)


def written(config: str | bytes = CONFIG, mode: int = 0o644) -> Callable[[Path], None]:
    def prepare(home: Path) -> None:
        file = home / "config.toml"
        data = config if isinstance(config, bytes) else config.replace("{home}", str(home)).encode()
        file.write_bytes(data)
        file.chmod(mode)
        spool, now = Spool(home / "spool"), SystemClock().now()
        spool.root.mkdir()
        ledger = Ledger.create(spool.ledger)
        stamps = now.utc_text, now.trust, now.boot, now.mono_ns
        ledger.add_lecture(Lecture("0193-aaaa", State.FAILED, *stamps), [])
        ledger.close()

    return prepare


def closed_to_others(home: Path) -> None:
    written()(home)
    (home / "spool").chmod(0o700)
    (home / "run").mkdir(mode=0o700)


def damaged(home: Path) -> None:
    written()(home)
    (home / "spool/ledger.db").write_bytes(b"no database" * 999)


def file_for_a_folder(home: Path) -> None:
    written()(home)
    shutil.rmtree(home / "spool")
    (home / "spool").write_text("in the way")
    (home / "run").write_text("in the way")


ODD = {
    "nothing is configured": Oddity(lambda home: None),
    "the file is a folder": Oddity(lambda home: (home / "config.toml").mkdir(), (Exit.CONFIG,)),
    "the file is no TOML": Oddity(written("[room\n"), (Exit.CONFIG,)),
    "the file is no text": Oddity(written(b"\xff\xfe\0"), (Exit.CONFIG,)),
    "its tables are values": Oddity(
        written('room = 1\nstorage = [1]\ntracks = "x"\n'), (Exit.CONFIG,)
    ),
    "its values are wrong": Oddity(
        written(f'{CONFIG}[destinations.campus]\ntype = "tuss"\n[panel]\nport = "x"\n'),
        (Exit.CONFIG,),
    ),
    "the file may not be read": Oddity(
        written(mode=0o600), (Exit.CONFIG, OUT_OF_REACH), {"uid": NOBODY}
    ),
    "the spool may not be read": Oddity(closed_to_others, (OUT_OF_REACH,), {"uid": NOBODY}),
    "the spool may not be written": Oddity(written(), (OUT_OF_REACH,), {"uid": NOBODY}),
    "the ledger is no ledger": Oddity(damaged, (Exit.FAILED,)),
    "a file is where a folder should be": Oddity(file_for_a_folder, (Exit.FAILED, OUT_OF_REACH)),
    "stdout is closed": Oddity(written(), more={"out": "closed"}),
    "nobody reads stdout": Oddity(written(), more={"out": "gone"}),
    "stdout is full": Oddity(written(), (Exit.NO_SPACE,), {"out": "/dev/full"}),
    "stderr is closed": Oddity(written(), more={"err": "closed"}),
    "stderr is full": Oddity(written(), more={"err": "/dev/full"}),
    "the terminal knows ASCII alone": Oddity(written(), more={"encoding": "ascii"}),
}
#: Who is not root can be nobody else.
POSSIBLE = [name for name, it in ODD.items() if os.geteuid() == 0 or "uid" not in it.more]
#: Also where nothing is odd: nothing there, nothing running, nothing to do.
USUAL = {
    Exit.OK, Exit.FINDINGS, Exit.NOT_FOUND, Exit.WRONG_STATE, Exit.NOT_REACHABLE, Exit.NETWORK,
}  # fmt: skip
#: Of single commands, by how they begin: no inventory, no webhooks, nothing in the pipe.
OWN = {
    "alerts test": Exit.CONFIG,
    "fleet": Exit.CONFIG,
    "panel pin": Exit.USAGE,
    "secret set": Exit.USAGE,
}
WELL = {Exit.OK, Exit.FINDINGS}
NEVER = {
    "Traceback": "a traceback",
    "Exception ignored": "Python's own words at its end",
    "[Errno": "an error that is not said in words",
    "\x1b[": "colours, or moves of the cursor",
}


def calls() -> Iterator[tuple[str, list[str]]]:
    for command, options in COMMANDS.items():
        name = command.removeprefix("edge-agent ")
        if name in SERVICES or name in LONG:
            continue
        words = [*name.split(), *WORDS.get(name, "").split()]
        yield name, words
        if "--json" in options:
            at = words.index("--") if "--" in words else len(words)
            yield f"{name} --json", [*words[:at], "--json", *words[at:]]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("odd")
    with forked_cli(folder / "shell") as found:
        yield found


@pytest.fixture
def homes() -> Iterator[Path]:
    """Where nobody may go, too: pytest's own folders are closed to others."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize("oddity", POSSIBLE)
def test_every_command_answers_in_words(shell: Shell, oddity: str, homes: Path) -> None:
    wrong, turn = {}, list(ODD).index(oddity) % TURNS
    for number, (name, words) in enumerate([*calls()][turn::TURNS]):
        home = homes / str(number)
        home.mkdir()
        ODD[oddity].prepare(home)
        named = ["--config", str(home / "config.toml")] if (home / "config.toml").exists() else []
        done = shell(
            [*named, *(word.replace("{home}", str(home)) for word in words)],
            {"PATH": os.environ["PATH"], "HOME": str(home), "NO_COLOR": "1"},
            **ODD[oddity].more,  # type: ignore[arg-type]
        )
        if faults := [*faults_of(done, ODD[oddity], name)]:
            wrong[name] = faults, done
        shutil.rmtree(home)
    assert wrong == {}


def faults_of(done: Run, oddity: Oddity, name: str) -> Iterator[str]:
    said, as_json = done.out + done.err, "--json" in name
    own = {code for begin, code in OWN.items() if name.startswith(begin)}
    for never, why in NEVER.items():
        if never in said:
            yield why
    if done.code not in USUAL | own | set(oddity.codes):
        yield f"exit code {done.code}"
    if oddity.more.get("encoding") == "ascii" and not said.isascii():
        yield "letters that the terminal has not"
    if as_json and not oddity.more.get("out"):
        document = json.loads(done.out)
        demand_published(document)
        if done.code not in WELL and not document["error"]["hint"]:
            yield "no next step"
    told = done.err.partition("next:  ")[2]
    if not (told or as_json or oddity.more.get("err") or done.code in WELL):
        yield "no next step"
