"""Every screen, in a few languages and sizes: nothing cut, nothing without words, nothing barred.

The whole matrix of screens, languages, themes and sizes: `make panel-matrix`.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.panel.looking import ALL, MINI, SIZES, onlooker

#: Long words, a script that runs the other way and is high, one that stacks its marks.
LOOKS = [("en", "10-inch", "dark"), ("ur", "7-inch", "light"), ("km", "phone", "contrast")]
SPOKEN = ["en", "fr", "ar", "zh-Hans", "km", "mn", "ur", "si", "am", "sw"]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "size", "theme"), LOOKS)
def test_every_screen_shows_all_it_says_and_bars_nobody(
    browser: Browser, language: str, size: str, theme: str
) -> None:
    found: dict[str, list[str]] = {}
    with onlooker(browser, SIZES[size]) as looking:
        for name in ALL:
            looking.see(name, language, theme)
            wrong = looking.findings(name) + looking.barriers()
            if wrong:
                found[name] = wrong
    assert found == {}


@pytest.mark.parametrize("language", SPOKEN)
def test_every_letter_is_drawn_with_a_font_that_we_carry(browser: Browser, language: str) -> None:
    with onlooker(browser, SIZES["7-inch"]) as looking:
        for name in ("mic_cable", "queue"):
            looking.see(name, language)
            assert looking.foreign_fonts() == set()
            assert looking.findings(name) == []


@pytest.mark.parametrize("language", ["en", "ur", "km", "mn"])
def test_the_small_window_shows_word_timer_and_buttons(browser: Browser, language: str) -> None:
    with onlooker(browser, MINI, "?mini=1") as looking:
        for name in ("ready", "recording", "paused", "saved"):
            looking.see(name, language)
            assert looking.findings(name) == []
            assert looking.page.locator("button").count() in (1, 2)
        assert looking.barriers() == []
