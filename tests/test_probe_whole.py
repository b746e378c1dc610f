"""The whole trial of a destination: real servers, certificates and clocks, and the command."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.clock import SystemClock
from edge_agent.commands.output import Exit
from edge_agent.config import FolderDestination, S3Destination, StickDestination, TusDestination
from edge_agent.secrets import Secrets
from edge_agent.trial import Watcher, trial
from tests.probe_words import BROKEN, KEPT, UNKNOWN, verdicts, words
from tests.servers.raw import OPENSSL, Server, head_of
from tests.servers.seaweed import KEY as STORE_KEY
from tests.servers.seaweed import Seaweed
from tests.servers.stick import PLATFORMS, prepare
from tests.servers.tus import KEY, TOKEN, Receiver
from uploader.exchange import Request, Response


def secrets_in(folder: Path, text: str) -> Secrets:
    folder.mkdir()
    (folder / "room").write_text(text)
    (folder / "room").chmod(0o600)
    return Secrets(None, folder)


@pytest.mark.parametrize("kind", ["tuspyserver", "tussi"])
def test_a_real_tus_server_keeps_what_it_offers_and_its_platform_signs(
    tmp_path: Path, kind: str
) -> None:
    receiver = Receiver(kind, tmp_path).start()
    try:
        place = TusDestination(
            type="tus",
            url=f"{receiver.base}/files/",
            receipts_url=f"{receiver.base}/receipts/{{lecture}}/{{name}}/{{sha256}}",
            receipt_keys=(KEY,),
            credential="room",
        )
        secrets = secrets_in(tmp_path / "credentials", TOKEN)
        found = trial(place, secrets, SystemClock())
        assert BROKEN not in verdicts(found).values(), found
        assert verdicts(found)["signed"] is KEPT
        assert verdicts(found)["clock"] is KEPT
        (tmp_path / "credentials/room").write_text("another token")
        assert verdicts(trial(place, secrets, SystemClock()))["credential"] is BROKEN
    finally:
        receiver.kill()
    found = trial(place, secrets, SystemClock())
    assert verdicts(found)["reachable"] is BROKEN
    assert "refuses the connection" in words(found, "reachable")


@pytest.mark.slow
def test_a_real_store_is_tried_and_left_clean(tmp_path: Path) -> None:
    store = Seaweed(tmp_path / "seaweed").start()
    try:
        place = S3Destination(type="s3", url=store.bucket, credential="room")
        secrets = secrets_in(tmp_path / "credentials", f"{STORE_KEY.access}:{STORE_KEY.secret}")
        found = verdicts(trial(place, secrets, SystemClock()))
        assert found["checksum"] is KEPT
        assert found["create once"] is KEPT
        assert found["resume"] is KEPT
        assert found["proof"] is KEPT
        assert found["clean-up"] is KEPT  # this key may do everything, which is told as well
        assert found["rights"] is BROKEN
        status, body = store.answer(Request("GET", f"{store.bucket}?list-type=2"))
        assert status == 200
        assert b"edge-agent-test" not in body
    finally:
        store.kill()


def test_a_credential_that_is_missing_is_told(tmp_path: Path) -> None:
    place = TusDestination(type="tus", url="http://localhost:9/", credential="none")
    found = trial(place, Secrets(None, tmp_path), SystemClock())
    assert verdicts(found)["credential"] is BROKEN
    assert "is missing; put it into" in words(found, "credential")


def test_a_platform_that_sends_no_receipt_is_waited_for_and_not_called_a_liar(
    tmp_path: Path,
) -> None:
    receiver = Receiver("tuspyserver", tmp_path).start()
    try:
        place = TusDestination(
            type="tus",
            url=f"{receiver.base}/files/",
            receipts_url=f"{receiver.base}/receipts/none/{{name}}/{{sha256}}",
            credential="room",
        )
        waited: list[float] = []
        secrets = secrets_in(tmp_path / "credentials", TOKEN)
        found = trial(place, secrets, SystemClock(), patience_s=3, pause=waited.append)
    finally:
        receiver.kill()
    assert verdicts(found)["receipts"] is UNKNOWN
    assert waited == [1.0, 1.0, 1.0]


def test_each_prepared_stick_is_tried(tmp_path: Path) -> None:
    place = StickDestination(type="stick", path=tmp_path, receipt_keys=(PLATFORMS.text,))
    assert verdicts(trial(place, Secrets(None, tmp_path), SystemClock()))["reachable"] is BROKEN
    stick = prepare(tmp_path / "stick")
    before = sorted(path.name for path in stick.iterdir())
    found = verdicts(trial(place, Secrets(None, tmp_path), SystemClock()))
    assert BROKEN not in found.values()
    assert sorted(path.name for path in stick.iterdir()) == before


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server with a certificate of two days."""
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    subprocess.run([*OPENSSL.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")

    def talk(connection: socket.socket) -> None:
        head_of(connection)
        late = datetime.now(UTC) - timedelta(hours=2)
        date = late.strftime("%a, %d %b %Y %H:%M:%S GMT")
        connection.sendall(f"HTTP/1.1 403 No\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())

    server = Server(talk, context)
    yield server, tmp_path / "crt"
    server.close()


def test_a_certificate_that_ends_soon_and_a_clock_that_is_off_are_told(
    secure: tuple[Server, Path], tmp_path: Path
) -> None:
    server, authority = secure
    place = TusDestination(type="tus", url=f"https://localhost:{server.port}/", ca_file=authority)
    found = trial(place, Secrets(None, tmp_path), SystemClock())
    assert verdicts(found)["expiry"] is BROKEN
    assert verdicts(found)["clock"] is BROKEN
    assert "120 minutes off" in words(found, "clock")
    unknown = trial(
        place.model_copy(update={"ca_file": None}), Secrets(None, tmp_path), SystemClock()
    )
    assert "is not trusted" in words(unknown, "reachable")


def test_a_server_without_a_date_leaves_the_clock_unknown() -> None:
    watcher = Watcher(lambda: datetime.now(UTC))
    watcher.heard(Response(200))
    assert verdicts(watcher.findings("https://a.b")) == {"clock": UNKNOWN}


def test_the_command_says_it_line_by_line_and_ends_with_findings(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "config.toml").write_text(
        f'[storage]\nspool = "{tmp_path}/s"\nruntime = "{tmp_path}/r"\n'
        f'[destinations.good]\ntype = "folder"\npath = "{tmp_path}/there"\n'
        f'[destinations.bad]\ntype = "folder"\npath = "{tmp_path}/none"\n'
    )
    assert FolderDestination(type="folder", path=tmp_path).type == "folder"

    def run(*arguments: str) -> tuple[int, str]:
        base = ["--config", str(tmp_path / "config.toml"), "upload", "test"]
        done = CliRunner().invoke(app, [*base, *arguments])
        return done.exit_code, done.stdout

    code, text = run("good")
    assert code == 0
    assert "✓ locks" in text
    code, text = run("--json")
    assert code == Exit.FINDINGS
    answers = json.loads(text)["data"]
    assert [each["destination"] for each in answers] == ["good", "bad"]
    assert answers[1]["meaning"] == "Nothing can be sent there yet."
    assert run("other")[0] == Exit.NOT_FOUND
