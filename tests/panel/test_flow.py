"""What a press does and what it does not: by finger, by keyboard, twice, without contact."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from edge_agent.panel import state as it
from tests.panel.fake import fake
from tests.panel.fake_room import Fake
from tests.panel.fake_screens import lecture
from tests.panel.looking import SIZES, Onlooker, onlooker, served


@pytest.fixture
def looking(browser: Browser) -> Iterator[Onlooker]:
    with onlooker(browser, SIZES["10-inch"]) as found:
        yield found


def word(page: Page) -> str:
    return page.locator("#bar h1").inner_text()


def pressed(looking: Onlooker) -> list[str]:
    return [name for name, _ in looking.room.presses]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


def tab_to(page: Page, button: str) -> None:
    expect(page.locator(button)).to_be_enabled(timeout=15_000)  # not locked by the last press
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("name => document.activeElement.matches(name)", button):
            return
    raise AssertionError(f"the keyboard does not reach {button}")


def test_the_whole_way_by_keyboard(looking: Onlooker) -> None:
    page = looking.page
    tab_to(page, ".start")
    page.keyboard.press("Enter")
    expect(page.locator("#bar h1")).to_have_text("Recording", timeout=15_000)
    tab_to(page, ".pause:enabled")
    page.keyboard.press("Space")
    expect(page.locator("#bar h1")).to_have_text("Paused")
    tab_to(page, ".resume:enabled")
    page.keyboard.press("Enter")
    expect(page.locator("#bar h1")).to_have_text("Recording")
    tab_to(page, ".stop:enabled")
    page.keyboard.press("Enter")
    expect(page.locator(".question")).to_have_text("Stop and save?")
    tab_to(page, ".really:enabled")
    page.keyboard.press("Enter")
    expect(page.locator(".saved-leave")).to_have_text("Saved. You can leave.", timeout=15_000)
    tab_to(page, ".continue:enabled")
    page.keyboard.press("Enter")
    expect(page.locator("#bar h1")).to_have_text("Recording")
    assert pressed(looking) == ["start", "pause", "resume", "stop", "continue"]


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_a_key_that_is_pressed_again_presses_nothing(looking: Onlooker, key: str) -> None:
    """A clicker or a held key must not stop what it has just started."""
    page = looking.page
    tab_to(page, ".start")
    for _ in range(5):
        page.keyboard.press(key)
    expect(page.locator("#bar h1")).to_have_text("Recording", timeout=15_000)
    page.keyboard.press(key)
    assert pressed(looking) == ["start"]
    assert focused(page) == "bar"


def test_a_double_tap_on_start_starts_once_and_stops_nothing(looking: Onlooker) -> None:
    place = looking.page.locator(".start").bounding_box()
    assert place
    looking.page.mouse.dblclick(place["x"] + place["width"] / 2, place["y"] + place["height"] - 9)
    expect(looking.page.locator("#bar h1")).to_have_text("Recording", timeout=15_000)
    looking.page.mouse.dblclick(place["x"] + place["width"] / 2, place["y"] + place["height"] - 9)
    assert pressed(looking) == ["start"]
    assert looking.page.locator(".question").count() == 0


def test_a_finger_that_slides_off_a_button_presses_nothing(looking: Onlooker) -> None:
    page = looking.page
    page.locator(".start").hover()
    page.mouse.down()
    page.mouse.move(5, 5)
    page.mouse.up()
    assert pressed(looking) == []


def test_keep_recording_lies_where_stop_was_and_stop_and_save_elsewhere(looking: Onlooker) -> None:
    looking.see("recording")
    page = looking.page
    place = page.locator(".stop").bounding_box()
    page.locator(".stop").click()
    assert page.locator(".keep").bounding_box() == place
    assert focused(page) == "bar"
    page.locator(".keep").click()
    assert page.locator(".stop").bounding_box() == place
    assert pressed(looking) == []


def test_a_stop_that_nobody_confirms_keeps_recording(browser: Browser) -> None:
    with onlooker(browser, SIZES["7-inch"]) as looking:
        looking.page.add_init_script(
            "const wait = window.setTimeout; window.setTimeout ="
            " (what, ms, ...rest) => wait(what, ms === 20000 ? 300 : ms, ...rest)"
        )
        looking.open()
        looking.see("recording")
        looking.page.locator(".stop").click()
        expect(looking.page.locator(".stop")).to_be_visible()
        assert pressed(looking) == []


def test_the_question_of_a_late_start_can_be_sent_away_for_today(looking: Onlooker) -> None:
    looking.see("late_start")
    looking.page.get_by_role("button", name="Not today").click()
    expect(looking.page.locator(".asked")).to_have_count(0)
    looking.room.change(mic=it.Microphone(state="quiet"))
    expect(looking.page.locator(".voice-verdict")).to_have_text("Very quiet")
    expect(looking.page.locator(".asked")).to_have_count(0)
    assert looking.page.locator(".start").is_enabled()


def test_somebody_who_may_only_look_has_nothing_to_press(looking: Onlooker) -> None:
    looking.see("view")
    assert looking.page.locator(".actions").count() == 0


def test_a_press_on_an_old_picture_is_refused_in_words(looking: Onlooker) -> None:
    looking.see("recording")
    looking.page.evaluate("document.querySelector('panel-app').panel.held.state.rev = 0")
    looking.page.locator(".pause").click()
    expect(looking.page.locator(".told")).to_contain_text("Something has changed")
    assert word(looking.page) == "Recording"


def test_a_lost_contact_is_its_own_state_and_ends_by_itself(browser: Browser) -> None:
    room = Fake("recording")
    page = browser.new_page()
    try:
        with served(fake(room)) as address:
            page.goto(address)
            expect(page.locator("#bar h1")).to_have_text("Recording")
        expect(page.locator("#bar h1")).to_have_text("This panel lost contact", timeout=20_000)
        assert page.locator("button").count() == 0
        with served(fake(room), port=int(address.rsplit(":", 1)[1])):
            expect(page.locator("#bar h1")).to_have_text("Recording", timeout=20_000)
    finally:
        page.close()


def test_a_language_lasts_for_one_lecture(looking: Onlooker) -> None:
    looking.see("saved", "km")
    assert looking.page.locator("html").get_attribute("lang") == "km"
    looking.room.show("ready")
    expect(looking.page.locator("html")).to_have_attribute("lang", "en")


def test_a_language_is_chosen_by_its_own_name_and_says_that_it_is_a_draft(
    looking: Onlooker,
) -> None:
    page = looking.page
    page.locator(".foot-options").click()
    assert focused(page) == "page-title"
    arabic = page.locator("button[lang=ar]")
    expect(arabic).to_contain_text("draft")
    expect(page.locator("button[lang=en]")).not_to_contain_text("draft")
    arabic.click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("#bar h1")).to_have_text("جاهز")


def test_details_are_chosen_without_typing_and_block_nothing(looking: Onlooker) -> None:
    looking.see("ready_booked")
    page = looking.page
    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="CHE 101").click()
    expect(page.locator(".start")).to_be_visible()
    expect(page.locator(".about")).to_contain_text("CHE 101")
    assert looking.room.presses[-1][1]["course"] == "CHE 101"


def test_what_is_typed_survives_that_the_lecture_begins_meanwhile(looking: Onlooker) -> None:
    looking.see("fields")
    page = looking.page
    page.get_by_label("Title").fill("الحرارة <b>2</b>")
    looking.room.show("paused")
    expect(page.locator("#bar h1")).to_have_text("Paused")
    page.get_by_label("Licence").select_option("CC-BY-4.0")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".fields")).to_have_count(0)
    given = looking.room.presses[-1][1]
    assert (given["title"], given["licence"]) == ("الحرارة <b>2</b>", "CC-BY-4.0")


def test_what_is_typed_after_the_stop_goes_to_the_lecture_that_was_stopped(
    looking: Onlooker,
) -> None:
    looking.see("saved")
    stopped = lecture()
    looking.room.change(lecture=stopped)
    looking.page.get_by_role("button", name="Change").click()
    looking.page.locator(".choices-wide button").last.click()
    looking.page.get_by_label("Title").fill("Entropy")
    looking.room.show("ready")
    expect(looking.page.locator("#bar h1")).to_have_text("Ready")
    looking.page.get_by_role("button", name="Save").click()
    expect(looking.page.locator(".fields")).to_have_count(0)
    given = looking.room.presses[-1][1]
    assert (given["lecture"], given["title"]) == (stopped.id, "Entropy")


def test_a_lecture_that_was_just_saved_is_kept_here_and_sent_after_all(looking: Onlooker) -> None:
    looking.see("saved")
    page = looking.page
    page.get_by_role("button", name="Do not send it").click()
    expect(page.locator(".saved-words")).to_contain_text("It stays on this computer")
    again = page.get_by_role("button", name="Send it after all")
    expect(again).to_be_enabled(timeout=15_000)
    again.click()
    expect(page.locator(".saved-words")).not_to_contain_text("It stays on this computer")
    stopped = looking.room.presses[0][1]["lecture"]
    assert looking.room.presses == [
        ("withhold", {"lecture": stopped}),
        ("publish", {"lecture": stopped}),
    ]


def test_a_lecture_of_the_queue_is_named_anew_and_nothing_else_is(looking: Onlooker) -> None:
    looking.see("queue")
    page = looking.page
    sent = looking.room.state.queue.lectures[2]
    page.locator(".queue li").nth(2).get_by_role("button").click()
    assert page.get_by_role("button", name="Do not send it").count() == 0, "it has arrived"
    page.get_by_label("Title").fill("Entropy")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".queue")).to_be_visible()
    name, given = looking.room.presses[-1]
    assert (name, given["lecture"], given["title"]) == ("edit", sent.id, "Entropy")


def test_what_waits_can_be_kept_here_from_the_queue(looking: Onlooker) -> None:
    looking.see("line")
    page = looking.page
    waiting = looking.room.state.queue.lectures[0]
    page.get_by_role("button", name="Do not send it").click()
    expect(page.locator(".keeping")).to_contain_text("It stays on this computer")
    assert looking.room.presses == [("withhold", {"lecture": waiting.id})]


def test_it_staff_have_the_room_checked_and_record_a_test(looking: Onlooker) -> None:
    looking.see("checks")
    page = looking.page
    expect(page.locator(".it-found li")).to_have_count(3)
    expect(page.locator(".it-wrong")).to_contain_text("free some space")
    page.get_by_role("button", name="Test: record 10 s").click()
    expect(page.locator("#bar h1")).to_have_text("Recording", timeout=15_000)
    assert pressed(looking) == ["test"]


def test_a_title_is_shown_as_text_whatever_it_holds(looking: Onlooker) -> None:
    title = "<img src=x onerror=alert(1)>\u202etfel ot thgir"
    looking.room.change(details=it.Details(title=title))
    expect(looking.page.locator(".about strong")).to_have_text(title)
    assert looking.page.locator(".about img").count() == 0


def test_a_dark_panel_is_only_woken_by_the_first_touch(looking: Onlooker) -> None:
    looking.see("recording")
    page = looking.page
    page.evaluate("document.querySelector('panel-app')._touched -= 130000")
    expect(page.locator("html.dimmed")).to_have_count(1)
    place = page.locator(".stop").bounding_box()
    assert place
    page.mouse.click(place["x"] + 20, place["y"] + 20)
    expect(page.locator("html.dimmed")).to_have_count(0)
    assert page.locator(".question").count() == 0
    page.mouse.click(place["x"] + 20, place["y"] + 20)
    assert page.locator(".question").count() == 1


def test_live_pictures_arrive_and_the_meter_moves(looking: Onlooker) -> None:
    page = looking.page
    bright = (
        "() => { const c = document.querySelector('canvas');"
        " return c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0] > 0; }"
    )
    page.wait_for_function(bright)
    moved = "() => Number(document.querySelector('.meter').style.getPropertyValue('--level')) > 0"
    page.wait_for_function(moved)


def test_a_pin_opens_the_page_for_it_staff_and_a_wrong_one_does_not(looking: Onlooker) -> None:
    page = looking.page
    page.locator(".foot-options").click()
    page.get_by_role("button", name="For IT staff").click()
    page.get_by_label("PIN").fill("9999")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".told")).to_contain_text("wrong")
    for digit in "1234":
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".it-tracks")).to_contain_text("1920×1080")
    page.get_by_role("button", name="Pair a tablet").click()
    expect(page.locator(".qr svg")).to_be_visible()
