"""Every screen × language × theme × size, which the tests leave out for its length.

    python -m tests.panel.matrix [--languages en,ur] [--themes dark] [--sizes phone] [--screens …]

Boxes and letters are looked at in every size (themes change neither), barriers in every theme.
Prints what it finds and ends with 1 if there is anything.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from playwright.sync_api import Browser

from tests.panel.looking import ALL, SIZES, THEMES, Onlooker, chromium, onlooker
from tools.catalogues import languages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--languages", default=",".join(it["tag"] for it in languages()))
    parser.add_argument("--themes", default=",".join(THEMES))
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--screens", default=",".join(ALL))
    asked = parser.parse_args()
    looks, bad = 0, 0
    with chromium() as browser:
        for where, found in everything(browser, *(v.split(",") for v in vars(asked).values())):
            looks, bad = looks + 1, bad + len(found)
            for finding in found:
                print(where, finding, flush=True)
    print(f"{looks} looks, {bad} findings")
    sys.exit(bad > 0)


def everything(
    browser: Browser, tongues: list[str], themes: list[str], sizes: list[str], screens: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """What was looked at, and what is wrong with it."""
    for size in sizes:
        with onlooker(browser, SIZES[size]) as looking:
            for tongue in tongues:
                for theme in themes if size == sizes[0] else themes[:1]:
                    yield from each(looking, tongue, theme, screens, axe=size == sizes[0])
                    print(f"{size} {tongue} {theme}: done", file=sys.stderr)


def each(
    looking: Onlooker, tongue: str, theme: str, screens: list[str], axe: bool
) -> Iterator[tuple[str, list[str]]]:
    for name in screens:
        looking.see(name, tongue, theme)
        size = looking.page.viewport_size
        found = looking.findings(name) + (looking.barriers() if axe else [])
        found += [f"a font of this PC: {font}" for font in looking.foreign_fonts()]
        yield f"{size} {tongue} {theme} {name}:", found


if __name__ == "__main__":
    main()
