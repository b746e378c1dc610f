"""The guide for IT staff has the commands of its script in their order, and what must be seen."""

from __future__ import annotations

import re

from tests.it_guide import DOCUMENT, GUIDE, Prose, Typed

TEXT = DOCUMENT.read_text()
BLOCKS = re.findall(r"```\n\$ edge-agent (.*?)\n(.*?)\n```", TEXT, re.DOTALL)
COMMANDS = [step for step in GUIDE if isinstance(step, Typed)]


def test_the_document_has_the_commands_of_the_script_in_their_order() -> None:
    assert [command for command, _ in BLOCKS] == [step.command for step in COMMANDS]
    assert all(step.text.strip() in TEXT for step in GUIDE if isinstance(step, Prose))


def test_what_must_be_seen_stands_there() -> None:
    for step, (_, seen) in zip(COMMANDS, BLOCKS, strict=True):
        for words in (*step.sees, *(question.split(" [")[0] for question, _ in step.answers)):
            assert words in seen, step.command


def test_no_secret_and_no_folder_of_the_script_got_into_it() -> None:
    unseen = [answer for step in COMMANDS for _, answer in step.answers if "unseen" in answer]
    assert unseen
    for answer in unseen:
        assert answer.removeprefix("unseen ") not in TEXT
    assert "/tmp/" not in TEXT
