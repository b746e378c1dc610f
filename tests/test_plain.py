"""Laws of a terminal without UTF-8: everything is said, in letters that it has."""

from __future__ import annotations

import io
import json
import locale
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.commands.plain import NAME, plain, use_plain_where_needed

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("✓ 1920×1080 → off", "+ 1920x1080 -> off"),
        ("Amphithéâtre", "Amphitheatre"),
        ("ខ្មែរ", "?????"),
    ],
)
def test_signs_have_plain_twins(text: str, said: str) -> None:
    assert plain(text) == said


@given(st.text(st.characters()))
def test_nothing_that_is_printed_can_fail_for_its_letters(text: str) -> None:
    """Also what a file name may hold: bytes that are no letters at all."""
    use_plain_where_needed()
    for encoding in ("ascii", "latin-1", "utf-8"):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=NAME)
        out.write(text)
        out.flush()
    assert plain(text).isascii()


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("locales", "kind", "said"),
    [
        ("ANSI_X3.4-1968", Terminal, b"1920x1080"),
        ("ISO-8859-1", Terminal, b"1920\xd71080"),
        ("UTF-8", Terminal, "1920×1080".encode()),
        ("ANSI_X3.4-1968", io.TextIOWrapper, "1920×1080".encode()),
    ],
)
def test_a_terminal_gets_the_letters_that_its_locale_has_and_a_file_all(
    monkeypatch: pytest.MonkeyPatch, locales: str, kind: type[io.TextIOWrapper], said: bytes
) -> None:
    out = kind(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(locale, "getencoding", lambda: locales)
    use_plain_where_needed()
    out.write("1920×1080")
    out.flush()
    assert out.buffer.getvalue() == said


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    config = folder / "config.toml"
    config.write_text(
        f'[room]\nname = "បន្ទប់"\n[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
    )
    return subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "--config", str(config), *words],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_a_command_speaks_plainly_and_its_document_loses_nothing(tmp_path: Path) -> None:
    said = run(tmp_path, "doctor", "drive", "panel")
    assert b"Traceback" not in said.stderr
    assert said.stdout.isascii()
    shown = run(tmp_path, "config", "get", "room.name", "--json")
    assert shown.stdout.isascii()
    assert json.loads(shown.stdout)["data"]["value"] == "បន្ទប់"
