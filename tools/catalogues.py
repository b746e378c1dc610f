"""The panel's words: extracted from its JavaScript, translated in .po files, compiled to JSON.

    python -m tools.catalogues extract   # new keys into every .po, keys that are gone out of them
    python -m tools.catalogues compile   # .po -> static/locale/*.json, which browsers read

Keys, not English sentences, are the identifiers (`msgid`), so English is a catalogue like the
others. Numbers, days, months and units come from CLDR through Babel: browsers have none for several
of our languages. Needs Babel; the panel itself does not.
"""

from __future__ import annotations

import gettext
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from babel import Locale
from babel.messages import pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.units import format_unit

PANEL = Path(__file__).parents[1] / "edge_agent" / "panel"
SOURCES = PANEL / "static" / "js"
LOCALE = PANEL / "locale"
COMPILED = PANEL / "static" / "locale"
#: `n("key", …)` has plural forms; the others are one text.
KEYWORDS = {"t": None, "N_": None, "n": (1, 1)}
CALL = re.compile(r"\b(t|n|N_)\(([^()]*?)[,)]")
KEY = re.compile(r'"([a-z]+(?:\.[a-z]+)+)"')
#: Fields of CLDR's date patterns as `formats.js` knows them: a month has a name or a number.
FIELDS = {"E": "E", "ccc": "E", "d": "d", "MMM": "M", "LLL": "M", "M": "m", "L": "m"}
#: Samples that between them meet each plural category of each of our languages.
COUNTS = [*range(201), 1000, 10**6]


def javascript(file: IO[bytes], keywords: Any, tags: Any, options: Any) -> Iterator[Any]:
    """Babel's extraction method for our modules: its own does not look into nested templates."""
    text = file.read().decode()
    for call in CALL.finditer(text):
        line = text.count("\n", 0, call.start()) + 1
        for key in KEY.findall(call[2]):
            yield line, call[1], (key, key) if call[1] == "n" else key, []


def keys() -> dict[str, bool]:
    """Every key that the panel uses, and whether it is counted."""
    found: dict[str, bool] = {}
    for path in sorted(SOURCES.rglob("*.js")):
        with path.open("rb") as file:
            for _line, message, _comments, _context in extract(javascript, file, KEYWORDS):
                counted = isinstance(message, tuple)
                found[message[0] if counted else message] = counted
    return dict(sorted(found.items()))


def languages() -> list[dict[str, Any]]:
    return list(json.loads((LOCALE / "languages.json").read_text()))


def read(language: dict[str, Any]) -> Catalog:
    with (LOCALE / f"{language['tag']}.po").open("rb") as file:
        return pofile.read_po(file, locale=language["locale"])


def write(language: dict[str, Any], catalog: Catalog) -> None:
    with (LOCALE / f"{language['tag']}.po").open("wb") as file:
        pofile.write_po(file, catalog, width=100, sort_output=True, omit_header=False)


def updated(old: Catalog, used: dict[str, bool]) -> Catalog:
    """The catalogue with the keys in use: what was translated stays, what is new is empty."""
    fresh = Catalog(
        locale=old.locale,
        project="edge-agent panel",
        header_comment="# Keys are in msgid; the English words are in en.po.",
        msgid_bugs_address="",
        last_translator=old.last_translator,
        language_team="",
        creation_date=old.creation_date,
        revision_date=old.revision_date,
        fuzzy=False,
    )
    for key, counted in used.items():
        before = old.get(key)
        text = before.string if before else ("",) * fresh.num_plurals if counted else ""
        fresh.add((key, key) if counted else key, text)
    return fresh


def messages(catalog: Catalog) -> dict[str, Any]:
    """Key to text, or to texts by CLDR plural category."""
    return {
        message.id[0] if message.pluralizable else message.id: (
            plurals(catalog, message.string) if message.pluralizable else message.string
        )
        for message in catalog
        if message.id
    }


def plurals(catalog: Catalog, texts: Iterable[str]) -> dict[str, str]:
    """gettext numbers its forms, browsers name them: both are asked for the same counts."""
    forms = list(texts)
    index: Callable[[int], int] = gettext.c2py(catalog.plural_expr)  # type: ignore[attr-defined]
    category = Locale.parse(str(catalog.locale)).plural_form
    found = {str(category(n)): forms[index(n)] for n in COUNTS}
    return dict(sorted({"other": forms[-1], **found}.items()))


def formats(locale: Locale) -> dict[str, Any]:
    """Days, months, percent and units, as `formats.js` reads them."""
    days = locale.days["format"]["abbreviated"]
    months = locale.months["format"]["abbreviated"]
    return {
        "day": pattern(str(locale.datetime_skeletons["MMMEd"])),
        "days": [days[(n - 1) % 7] for n in range(7)],  # Babel counts from Monday, JS from Sunday
        "months": [months[n] for n in range(1, 13)],
        "percent": locale.percent_formats[None].pattern.replace("#,##0", "{0}"),
        "units": {unit: units(locale, unit) for unit in ("hour", "minute", "second")},
    }


def units(locale: Locale, unit: str) -> dict[str, str]:
    """ "{0} hours" by plural category; a text without its number ("ساعة", an hour) stays so."""
    first = {str(locale.plural_form(n)): n for n in reversed(range(201))}
    return {
        form: long_unit(n, unit, locale).replace(str(n), "{0}") for form, n in sorted(first.items())
    }


def long_unit(n: int, unit: str, locale: Locale) -> str:
    text = str(format_unit(n, f"duration-{unit}", "long", locale=locale))
    if "duration-" not in text:
        return text
    # CLDR leaves the long form out where it is the same as the short one.
    return str(format_unit(n, f"duration-{unit}", "short", locale=locale))


def pattern(cldr: str) -> list[dict[str, str]]:
    """ "E, d MMM" as a list of fields and texts. Raises KeyError for a field nobody formats."""
    parts = []
    for quoted, field, text in re.findall(r"'([^']*)'|([A-Za-z]+)|([^A-Za-z']+)", cldr):
        parts.append({"field": FIELDS[field]} if field else {"text": quoted or text})
    return parts


def compiled() -> dict[str, str]:
    """File name to content, of everything in static/locale."""
    files = {"index.json": dump([shown(language) for language in languages()])}
    for language in languages():
        catalogue = {
            **shown(language),
            "digits": language.get("digits", ""),
            "formats": formats(Locale.parse(language["locale"])),
            "messages": messages(read(language)),
        }
        files[f"{language['tag']}.json"] = dump(catalogue)
    return files


def shown(language: dict[str, Any]) -> dict[str, Any]:
    return {name: language[name] for name in ("tag", "name", "dir", "draft")}


def dump(thing: Any) -> str:
    return json.dumps(thing, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    match sys.argv[1:]:
        case ["extract"]:
            for language in languages():
                write(language, updated(read(language), keys()))
        case ["compile"]:
            COMPILED.mkdir(exist_ok=True)
            for name, content in compiled().items():
                (COMPILED / name).write_text(content)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
