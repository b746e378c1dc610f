"""The command line, run hundreds of times: imported once, and a process of its own each time.

A program that tests start: one JSON line for each run comes in, one goes out. Files stand in for
the outputs, so that a run may have them closed, full or without a reader.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import typer.main

import edge_agent

ROOT = Path(__file__).parents[1]
#: Far more than any of them takes.
DEADLINE_S = 120.0
#: Of Python's library, imported when they are needed: who may not read its folder cannot.
LATE = ("encodings.ascii", "encodings.idna", "importlib.readers", "html.entities")


@dataclass(frozen=True, slots=True)
class Run:
    """`code` is None when it had to be killed, and negative after another signal."""

    code: int | None
    out: str
    err: str


class Shell:
    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server, self._folder = server, folder

    def __call__(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        *,
        out: str = "",
        err: str = "",
        encoding: str = "utf-8",
        uid: int = 0,
    ) -> Run:
        """`out`, `err`: instead of a file "closed", "gone" (nobody reads), or a path."""
        order = {
            "words": list(words),
            "env": dict(env),
            "folder": str(self._folder),
            "streams": {1: out, 2: err},
            "encoding": encoding,
            "uid": uid,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(order), file=self._server.stdin, flush=True)
        code = json.loads(self._server.stdout.readline())
        said, told = ((self._folder / name).read_text(errors="replace") for name in "12")
        return Run(code, said, told)


@contextmanager
def forked_cli(folder: Path) -> Iterator[Shell]:
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.forked_cli"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield Shell(server, folder)
        assert server.stdin is not None
        server.stdin.close()


# ---------------------------------------------------------------- the program


def serve() -> None:
    load(edge_agent)
    tree = typer.main.get_command(edge_agent.cli.app)  # type: ignore[attr-defined]
    typer.main.get_command = lambda _: tree  # making it is most of what a run costs
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            become(order)
            edge_agent.cli.main()  # type: ignore[attr-defined]
            sys.exit()
        print(json.dumps(waited(child)), flush=True)


def load(package: ModuleType) -> None:
    """All of ours, and what that needs."""
    for name in LATE:
        importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)


def become(order: dict[str, Any]) -> None:
    """What a shell would have started."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    number(os.open(os.devnull, os.O_RDONLY), 0)
    closed = []
    for name, what in order["streams"].items():
        kept = f"{order['folder']}/{name}"
        number(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), int(name))
        if what == "closed":
            os.close(int(name))
            closed.append(int(name))
        elif what == "gone":
            reading, writing = os.pipe()
            os.close(reading)
            number(writing, int(name))
        elif what:
            number(os.open(what, os.O_WRONLY), int(name))
    if order["uid"]:
        os.setgroups([])
        os.setgid(order["uid"])
        os.setuid(order["uid"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["edge-agent", *order["words"]]
    modes, encoding = ("r", "w", "w"), order["encoding"]
    sys.stdin, sys.stdout, sys.stderr = (  # None where it is closed, as Python does it
        None if each in closed else os.fdopen(each, mode, encoding=encoding)  # type: ignore[misc]
        for each, mode in enumerate(modes)
    )


def number(descriptor: int, wanted: int) -> None:
    if descriptor != wanted:
        os.dup2(descriptor, wanted)
        os.close(descriptor)
    os.set_inheritable(wanted, True)


def waited(child: int) -> int | None:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    serve()
