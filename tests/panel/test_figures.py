"""Laws of /metrics: who gets the room's figures; they are those of `edge-agent metrics`."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.panel.figures import presented
from edge_agent.panel.sessions import FREE_TRIES, LONGEST_S
from tests.panel.clients import ACCESS, TABLET, code
from tests.panel.served import PIN, HandMade

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
METRICS = "/metrics"


@pytest.fixture
def prometheus(room: HandMade) -> Iterator[TestClient]:
    """A computer of the campus, somewhere else."""
    room.metrics_token = TOKEN
    with room.client(TABLET) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    words = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {words}"}


def read(text: str) -> dict[str, float]:
    """The metrics without labels, as Prometheus's own library reads them."""
    samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
    return {sample.name: sample.value for sample in samples if not sample.labels}


@pytest.mark.parametrize(
    "headers", [bearer(TOKEN), basic("", TOKEN), basic("prometheus", TOKEN)], ids=str
)
def test_who_shows_the_token_gets_the_rooms_figures(
    prometheus: TestClient, headers: Mapping[str, str]
) -> None:
    answer = prometheus.get(METRICS, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert read(answer.text)["edge_agent_up"] == 1


def test_they_are_those_that_the_command_writes(
    prometheus: TestClient, room: HandMade, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[storage]\nspool = "{room.spool.root}"\nruntime = "{room.runtime.root}"\n')
    done = CliRunner().invoke(app, ["--config", str(file), "metrics"])
    assert done.exit_code == 0, done.output
    said = read(prometheus.get(METRICS, headers=bearer(TOKEN)).text)
    assert said.keys() == read(done.stdout).keys()
    assert {"edge_agent_disk_free_bytes", "edge_agent_queue_bytes"} <= said.keys()


def test_a_dead_agent_is_a_figure_and_no_error(prometheus: TestClient, room: HandMade) -> None:
    room.runtime.status.unlink()
    said = read(prometheus.get(METRICS, headers=bearer(TOKEN)).text)
    assert said["edge_agent_up"] == 0
    assert "edge_agent_disk_free_bytes" not in said


def test_without_a_session_nobody_gets_them(prometheus: TestClient) -> None:
    assert code(prometheus.get(METRICS)) == (401, "sign-in")
    assert code(prometheus.post(METRICS)) == (405, "method")


def test_who_may_press_the_buttons_gets_none_and_it_staff_do(room: HandMade) -> None:
    with room.client() as here:
        assert code(here.get(METRICS)) == (403, "not-allowed")
        assert here.post(ACCESS, json={"pin": PIN}).status_code == 200
        assert read(here.get(METRICS).text)["edge_agent_up"] == 1
    with room.client(socket=True) as program:
        assert read(program.get(METRICS).text)["edge_agent_up"] == 1


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", f"Bearer {TOKEN}0", f"Bearer {PIN}", "Basic", "Basic %%%", "Basic /w=="],
)
def test_a_wrong_token_is_refused(prometheus: TestClient, header: str) -> None:
    answer = prometheus.get(METRICS, headers={"authorization": header})
    assert code(answer) == (401, "wrong-token")
    assert TOKEN not in answer.text


def test_another_scheme_is_no_token(prometheus: TestClient) -> None:
    answer = prometheus.get(METRICS, headers={"authorization": f"Digest {TOKEN}"})
    assert code(answer) == (401, "sign-in")


def test_a_panel_without_a_token_gives_them_to_no_token(
    prometheus: TestClient, room: HandMade
) -> None:
    room.metrics_token = None
    assert code(prometheus.get(METRICS, headers=bearer(TOKEN))) == (403, "not-allowed")
    assert code(prometheus.get(METRICS, headers=bearer(""))) == (403, "not-allowed")


def test_the_token_opens_nothing_else(prometheus: TestClient) -> None:
    assert code(prometheus.get("/api/v1/it", headers=bearer(TOKEN))) == (401, "sign-in")
    assert code(prometheus.get("/api/v1/state", headers=bearer(TOKEN))) == (401, "sign-in")


def test_who_guesses_waits_and_may_still_sign_in(prometheus: TestClient, room: HandMade) -> None:
    answers = [prometheus.get(METRICS, headers=bearer(f"{n:032}")) for n in range(50)]
    assert {code(each)[1] for each in answers[FREE_TRIES + 1 :]} == {"slow-down"}
    assert code(prometheus.get(METRICS, headers=bearer(TOKEN))) == (429, "slow-down")
    assert prometheus.post(ACCESS, json={"pin": PIN}).status_code == 200
    room.now_s += LONGEST_S
    prometheus.cookies.clear()
    assert prometheus.get(METRICS, headers=bearer(TOKEN)).status_code == 200


@given(st.text())
def test_any_header_is_a_token_or_none(header: str) -> None:
    assert presented(header) is None or header.strip().lower().startswith(("bearer", "basic"))
