"""What IT staff do with a test recording by touch: hear it, throw it away, take it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.panel.fake_screens import ID
from tests.panel.looking import SIZES, Onlooker, onlooker


@pytest.fixture
def looking(browser: Browser) -> Iterator[Onlooker]:
    with onlooker(browser, SIZES["7-inch"]) as found:
        yield found


def test_a_saved_test_goes_by_one_touch_and_comes_back_by_another(looking: Onlooker) -> None:
    looking.room.role = "it"
    looking.open()
    looking.room.show("saved_test")
    page = looking.page
    expect(page.locator(".saved-leave")).to_be_visible()
    assert page.locator(".continue").count() == 0, "nobody goes on with a test"
    assert page.get_by_role("button", name="Send it after all").count() == 0
    page.get_by_role("button", name="Delete").click()
    line = page.locator(".it-tests li").first
    expect(line).to_contain_text("In the bin")
    expect(page.locator("#bar h1")).to_have_text("Ready")
    again = line.get_by_role("button", name="Take it back")
    expect(again).to_be_enabled(timeout=15_000)
    again.click()
    expect(line.get_by_role("button", name="Delete")).to_be_visible()
    assert looking.room.presses == [("delete", {"lecture": ID}), ("restore", {"lecture": ID})]


def test_who_may_only_press_cannot_throw_a_test_away(looking: Onlooker) -> None:
    looking.see("saved_test")
    expect(looking.page.get_by_role("button", name="Hear 10 seconds")).to_be_visible()
    assert looking.page.get_by_role("button", name="Delete").count() == 0


def test_what_the_checks_have_found_is_brought_into_sight(looking: Onlooker) -> None:
    looking.see("checks")
    expect(looking.page.locator(".it-found li").first).to_be_in_viewport()
