"""Against the tus project's own server (npm, file store): cut, killed, behind nginx's defaults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.node_tus import NodeTus
from tests.servers.tus import Cutter, FileNotes, Nginx
from tests.test_tus_servers import ARTIFACT, DATA, LECTURE, MIB, ignore, insist
from uploader.http import Http, Patience
from uploader.sender import Phase
from uploader.tus import Server
from uploader.tus_destination import TusDestination

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeTus]:
    made = NodeTus(tmp_path / "node").start()
    yield made
    made.kill()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "presenter.mp4"
    path.write_bytes(DATA)
    return path


def client(base: str, home: Path) -> TusDestination:
    """No receipts stand beside this server: its word counts."""
    notes = home / "notes"
    notes.mkdir(exist_ok=True)
    http = Http(base, patience=Patience(5, 10, 20))
    return TusDestination(http, Server(f"{base}/files"), FileNotes(notes), "test", lambda: "now")


def test_cut_again_and_again_it_arrives_once_and_hardly_a_byte_twice(
    node: NodeTus, source: Path, tmp_path: Path
) -> None:
    cutter = Cutter(node.port, [200, 90_000, 700_000, 1_500_000, 999, 2_000_000])
    try:
        receipt = insist(client(cutter.base, tmp_path), source)
    finally:
        cutter.close()
    assert receipt["state"] == "received"
    assert node.held() == [DATA]
    assert cutter.carried < 1.05 * len(DATA)


def test_behind_nginx_with_its_defaults_there_is_progress_all_the_same(
    node: NodeTus, source: Path, tmp_path: Path
) -> None:
    """It takes bodies of 1 MiB and passes none on before it is whole."""
    nginx = Nginx(tmp_path, node.base)
    cutter = Cutter(nginx.port, [3 * MIB // 2] * 12)
    try:
        insist(client(cutter.base, tmp_path), source)
    finally:
        cutter.close()
        nginx.stop()
    assert node.held() == [DATA]


def test_the_server_is_killed_in_the_middle_and_comes_back(
    node: NodeTus, source: Path, tmp_path: Path
) -> None:
    again = threading.Timer(1.0, node.start)

    def kill_once(phase: Phase, done: int) -> None:
        if phase == "copying" and done > 2 * MIB and not again.ident:
            node.kill()
            again.start()

    insist(client(node.base, tmp_path), source, kill_once)
    again.join()
    assert node.held() == [DATA]


def test_a_lost_memory_costs_one_file_sent_again_and_no_damage(
    node: NodeTus, source: Path, tmp_path: Path
) -> None:
    destination = client(node.base, tmp_path)
    insist(destination, source)
    for note in (tmp_path / "notes").iterdir():
        note.unlink()
    assert destination.receipt(LECTURE, ARTIFACT) is None
    destination.send(LECTURE, ARTIFACT, source, ignore)
    destination.close()
    assert node.held() == [DATA, DATA]
