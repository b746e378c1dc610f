"""The panel's words: complete in every language, of the right shape, and compiled as they stand."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel import Locale
from fontTools.ttLib import TTFont

from tools import catalogues

LANGUAGES = catalogues.languages()
USED = catalogues.keys()
MESSAGES: dict[str, dict[str, Any]] = {
    language["tag"]: catalogues.messages(catalogues.read(language)) for language in LANGUAGES
}
ENGLISH = MESSAGES["en"]
EACH = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language["tag"])

#: What stands on a button that has its place beside others.
BUTTONS = {key for key in USED if key.startswith(("btn.", "ask.stop.", "theme."))} | {
    "undo.continue",
    "late.no",
    "listen.again",
    "pin.enter",
    "it.leave",
    "options.tones",
    "options.meter",
}
BUTTON_LENGTH, MESSAGE_LENGTH = 24, 60
#: How much longer a translation may be than the English limit.
EXPANSION = 1.6


def texts(message: Any) -> list[str]:
    return list(message.values()) if isinstance(message, dict) else [message]


def holes(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


@EACH
def test_a_language_has_every_key_in_use_and_no_other(language: dict[str, Any]) -> None:
    messages = MESSAGES[language["tag"]]
    assert set(messages) == set(USED)
    assert [key for key, message in messages.items() if not all(texts(message))] == []


@EACH
def test_a_translation_keeps_the_placeholders_of_the_english(language: dict[str, Any]) -> None:
    """A counted text may leave its number out: "one lecture waits"."""
    wrong = [
        (key, text)
        for key, message in MESSAGES[language["tag"]].items()
        for text in texts(message)
        if holes(text) != holes(texts(ENGLISH[key])[-1])
        and not (USED[key] and holes(text) < holes(texts(ENGLISH[key])[-1]))
    ]
    assert wrong == []


@EACH
def test_buttons_and_messages_are_short(language: dict[str, Any]) -> None:
    room = 1 if language["tag"] == "en" else EXPANSION
    too_long = [
        (key, text)
        for key, message in MESSAGES[language["tag"]].items()
        for text in texts(message)
        if len(text) > room * (BUTTON_LENGTH if key in BUTTONS else MESSAGE_LENGTH)
    ]
    assert too_long == []


@EACH
def test_a_counted_text_has_a_form_for_each_category_of_its_language(
    language: dict[str, Any],
) -> None:
    rule = Locale.parse(language["locale"]).plural_form
    for key in (key for key, counted in USED.items() if counted):
        forms = MESSAGES[language["tag"]][key]
        assert {str(rule(n)) for n in range(200)} <= set(forms)


def test_arabic_has_its_own_words_for_one_two_few_and_many() -> None:
    forms = MESSAGES["ar"]["queue.wait"]
    assert len({forms["one"], forms["two"], forms["few"], forms["many"]}) == 4


@pytest.mark.parametrize("name", catalogues.compiled())
def test_what_browsers_read_is_compiled_from_the_catalogues_as_they_are(name: str) -> None:
    assert (catalogues.COMPILED / name).read_text() == catalogues.compiled()[name], (
        "run: make catalogues"
    )


def test_nothing_else_lies_among_the_compiled() -> None:
    assert {path.name for path in catalogues.COMPILED.iterdir()} == set(catalogues.compiled())


@EACH
def test_only_a_language_that_a_native_reader_has_seen_is_no_draft(
    language: dict[str, Any],
) -> None:
    translator = catalogues.read(language).last_translator
    assert language["draft"] == (translator == "no native reader yet")


FONTS = catalogues.PANEL / "static" / "vendor" / "fonts"


def test_every_letter_of_every_language_is_in_a_font_that_we_carry() -> None:
    known: set[int] = set()
    for path in FONTS.glob("*.woff2"):
        with TTFont(path) as font:
            known |= set(font.getBestCmap())
    compiled = "".join(catalogues.compiled().values())
    letters = {char for char in compiled if not char.isspace() and char.isprintable()}
    assert {char for char in letters if ord(char) not in known} == set()


def test_a_key_that_is_chosen_among_two_is_found_as_well() -> None:
    assert {"ask.stop.no", "ask.stop.stay", "listen.again", "mic.ok", "cam.frozen.do"} <= set(USED)


def test_a_new_key_comes_into_a_catalogue_empty_and_an_old_one_goes() -> None:
    old = catalogues.read(LANGUAGES[1])
    fresh = catalogues.messages(catalogues.updated(old, {"btn.start": False, "btn.new": False}))
    assert fresh == {"btn.new": "", "btn.start": MESSAGES["fr"]["btn.start"]}


def test_a_date_pattern_with_a_field_that_the_panel_cannot_show_is_refused() -> None:
    with pytest.raises(KeyError):
        catalogues.pattern("E, d MMM yyyy")
