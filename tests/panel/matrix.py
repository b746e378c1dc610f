"""Every screen × language × theme × size, which the tests leave out for its length.

    python -m tests.panel.matrix [--part 3/8]
        [--languages en,ur] [--themes dark] [--sizes phone] [--screens …]

Boxes and letters are looked at in every size (themes change neither), barriers in every theme.
`--part` takes one of so many equal parts: all parts together are the whole. Prints what it finds
and ends with 1 if there is anything.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from playwright.sync_api import Browser

from tests.panel.looking import ALL, SIZES, THEMES, Onlooker, chromium, onlooker
from tools.catalogues import languages


@dataclass(frozen=True, slots=True)
class Pass:
    """All screens once, in one language, theme and size."""

    size: str
    tongue: str
    theme: str
    #: Whether barriers are looked for.
    axe: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--languages", default=",".join(it["tag"] for it in languages()))
    parser.add_argument("--themes", default=",".join(THEMES))
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--screens", default=",".join(ALL))
    parser.add_argument("--part", type=part, default=(1, 1), metavar="N/OF")
    asked = parser.parse_args()
    named = (asked.sizes, asked.languages, asked.themes)
    number, of = asked.part
    chosen = passes(*(each.split(",") for each in named))[number - 1 :: of]
    looks, barred, bad = 0, 0, 0
    with chromium() as browser:
        for one, where, found in everything(browser, chosen, asked.screens.split(",")):
            looks, barred, bad = looks + 1, barred + one.axe, bad + len(found)
            for finding in found:
                print(where, finding, flush=True)
    print(f"{len(chosen)} passes, {looks} looks, {barred} of them with axe, {bad} findings")
    sys.exit(bad > 0)


def part(text: str) -> tuple[int, int]:
    """3/8 is the third of eight parts. Raises ValueError."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError
    return int(found[1]), int(found[2])


def passes(sizes: Sequence[str], tongues: Sequence[str], themes: Sequence[str]) -> list[Pass]:
    """Each theme in the first size, the first theme in the others."""
    return [
        Pass(size, tongue, theme, axe=size == sizes[0])
        for size in sizes
        for tongue in tongues
        for theme in (themes if size == sizes[0] else themes[:1])
    ]


def everything(
    browser: Browser, chosen: Sequence[Pass], screens: Sequence[str]
) -> Iterator[tuple[Pass, str, list[str]]]:
    """What was looked at, and what is wrong with it."""
    for size, group in groupby(chosen, key=lambda one: one.size):
        with onlooker(browser, SIZES[size]) as looking:
            for one in group:
                began = time.monotonic()
                for name in screens:
                    yield one, f"{size} {one.tongue} {one.theme} {name}:", look(looking, one, name)
                took = time.monotonic() - began
                print(f"{size} {one.tongue} {one.theme}: {took:.0f} s", file=sys.stderr, flush=True)


def look(looking: Onlooker, one: Pass, name: str) -> list[str]:
    looking.see(name, one.tongue, one.theme)
    found = looking.findings(name) + (looking.barriers() if one.axe else [])
    return found + [f"a font of this PC: {font}" for font in looking.foreign_fonts()]


if __name__ == "__main__":
    main()
