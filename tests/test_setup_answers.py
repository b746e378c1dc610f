"""What `edge-agent setup` is told by options, a file of answers and a pipe of secrets."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.setup_answers import Answers, from_file, over, secrets_of
from tests.setup_desk import SECRET, Desk
from tests.setup_desk import desk as desk


def test_secrets_come_through_the_pipe_and_are_kept_for_the_services_alone(desk: Desk) -> None:
    words = ["--destination", "campus", "--type", "tus", "--credential", "campus"]
    words += ["--url", "https://127.0.0.1:9/files", "--secrets-from-stdin"]
    code, document = desk(*words, stdin=f"campus={SECRET}\npanel-pin=493817\n")
    assert code == Exit.FINDINGS  # nobody answers at that address
    kept = desk.folder / "credentials"
    assert (kept / "campus").read_text() == f"{SECRET}\n"
    assert {each.stat().st_mode & 0o777 for each in kept.iterdir()} == {0o600}
    assert "493817" not in (kept / "panel-pin").read_text()
    assert desk.values["panel"]["pin"] == "panel-pin"
    assert document["data"]["destination"] is not None
    again = desk(*words, stdin=f"campus={SECRET}\n")[1]
    assert "secrets" not in [step["step"] for step in again["data"]["steps"]]


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        (["--pin", "493817"], "", "secret-in-arguments"),
        (["--token", SECRET], "", "secret-in-arguments"),
        (["--secrets-from-stdin"], SECRET, "bad-answers"),
        (["--secrets-from-stdin"], f"nobody={SECRET}", "bad-answers"),
        (["--secrets-from-stdin"], "panel-pin=1", "bad-pin"),
        (["--zone", "Asia/Phnom_Pen"], "", "bad-answers"),
        (["--language", "xx"], "", "config-invalid"),
        (["--type", "tus"], "", "bad-answers"),
        (["--destination", "x", "--type", "tus"], "", "config-invalid"),
        (["--test-seconds", "9999"], "", "bad-answers"),
    ],
)
def test_a_wrong_answer_changes_nothing(
    desk: Desk, words: list[str], stdin: str, code: str
) -> None:
    exit_code, document = desk(*words, stdin=stdin)
    assert (document["error"]["code"], document["ok"]) == (code, False)
    assert exit_code in (Exit.USAGE, Exit.CONFIG)
    assert document["error"]["hint"]
    assert desk.file.read_text() == desk.first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rom = 1", "did you mean 'room'"),
        ("room = 1", "must be a text in quotes"),
        ("units = 1", "must be true or false"),
        ("test_seconds = true", "must be a number"),
        ("destination = 1", "must be a table"),
        ("[destination]\ntype = 'tus'", "needs a name"),
        ("[destination]\nname = 'x'\ntoken = 'y'", "secret may not stand there"),
        ("password = 'x'", "secret may not stand there"),
        ("room = ", "not valid TOML"),
    ],
)
def test_a_file_of_answers_with_a_mistake_says_which(text: str, words: str) -> None:
    with pytest.raises(Failure, match=words):
        from_file(text, "answers.toml")


_KEYS = st.sampled_from(["room", "zone", "units", "test_seconds", "destination", "name", "token"])
_VALUES = st.one_of(
    st.text(max_size=4), st.integers(-9, 999), st.booleans(), st.floats(), st.lists(st.integers())
)
_TABLES = st.dictionaries(_KEYS, st.one_of(_VALUES, st.dictionaries(_KEYS, _VALUES)))


@given(_TABLES)
def test_whatever_a_file_of_answers_says_it_is_taken_or_refused(table: dict[str, Any]) -> None:
    with suppress(Failure):  # no other exception
        found = from_file(tomlkit.dumps(table), "answers.toml")
        assert "token" not in table
        assert found.test_seconds is None or 0 <= found.test_seconds <= 120


def test_an_option_goes_before_the_file() -> None:
    file = Answers(room="A", zone="Asia/Phnom_Penh", destination={"name": "one"}, test_seconds=5)
    merged = over(Answers(room="B", destination={"name": "two"}, test_seconds=0.0), file)
    assert (merged.room, merged.zone, merged.destination) == ("B", file.zone, {"name": "two"})
    assert merged.test_seconds == 0.0


def test_lines_of_secrets() -> None:
    assert secrets_of("a=b=c\n\n d = e \n") == {"a": "b=c", "d": "e"}
