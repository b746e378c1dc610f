"""What people set for themselves: larger text, the system's own colours, no motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.panel.fake import fake
from tests.panel.fake_room import Fake
from tests.panel.looking import SIZES, Onlooker, served

SCREENS = ("ready", "recording", "question", "paused", "saved", "mic_silent")


def test_text_of_twice_the_size_is_cut_nowhere(browser: Browser) -> None:
    """The page may scroll then; nothing stands beside it, and no button is lost."""
    room = Fake()
    page = browser.new_page(viewport=dict(zip(("width", "height"), SIZES["10-inch"], strict=True)))
    try:
        with served(fake(room)) as address:
            looking = Onlooker(page, address, room)
            looking.open()
            page.add_style_tag(content="html { font-size: 200% !important; }")
            for name in SCREENS:
                looking.see(name)
                cut = [it for it in looking.findings(name) if "beside" in it or "wider" in it]
                assert (name, cut) == (name, [])
                for button in page.locator("main button").all():
                    button.scroll_into_view_if_needed()
                    assert button.is_visible()
    finally:
        page.close()


@pytest.mark.parametrize("setting", [{"forced_colors": "active"}, {"reduced_motion": "reduce"}])
def test_the_systems_own_wishes_bar_nothing(browser: Browser, setting: dict[str, str]) -> None:
    room = Fake()
    context = browser.new_context(**setting)  # type: ignore[arg-type]
    try:
        with served(fake(room)) as address:
            looking = Onlooker(context.new_page(), address, room)
            looking.open()
            for name in SCREENS:
                looking.see(name)
                assert (name, looking.findings(name)) == (name, [])
                moving = looking.page.evaluate("document.getAnimations().length")
                assert not moving or "reduced_motion" not in setting
            edges = "getComputedStyle(document.querySelector('.bar')).borderTopWidth"
            assert looking.page.evaluate(edges) == ("3px" if "forced_colors" in setting else "0px")
    finally:
        context.close()
