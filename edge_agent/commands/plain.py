"""What is said where a terminal, pipe or file cannot hold our signs: their plain twins."""

from __future__ import annotations

import codecs
import locale
import sys
import unicodedata

NAME = "edge-agent-plain"
#: What letters alone would not say. Everything else loses its accents, or becomes "?".
_TWINS = {
    "✓": "+",
    "✗": "x",
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "x",
    "→": "->",
    "●": "*",
    "○": "o",
    "‖": "||",
    "■": "#",
    "…": "...",
    "█": "#",
    "▀": '"',
    "▄": "_",
}


def plain(text: str) -> str:
    """The text in ASCII."""
    return "".join(map(_letter, text))


def use_plain_where_needed() -> None:
    """From now on nothing that is printed can fail for its letters.

    In the locale "C" Python writes UTF-8 all the same (PEP 540); a terminal that is said to know
    ASCII alone is believed.
    """
    codecs.register_error(NAME, _handler)
    terminals = locale.getencoding()
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):
            continue
        if stream.isatty() and not holds_all_letters(terminals):
            stream.reconfigure(encoding=terminals, errors=NAME)
        else:
            stream.reconfigure(errors=NAME)


def holds_all_letters(encoding: str | None) -> bool:
    return (encoding or "").lower().replace("-", "").startswith("utf")


def _letter(letter: str) -> str:
    if letter.isascii():
        return letter
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return _TWINS.get(letter) or bare or "?"


def _handler(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end
