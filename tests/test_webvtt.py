"""Laws of what counts as captions of a lecture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.commands.subrip import as_webvtt
from edge_agent.rules.package import FIRST_STAGES, FULL_QUALITY, media_type, priority
from edge_agent.rules.webvtt import (
    MOST_BYTES,
    BadCaptions,
    checked,
    decoded,
    file_name,
    language_of,
    language_tag,
)

LECTURE_S = 60.0
CUE = "00:00:01.000 --> 00:00:02.500\nBonjour à tous\n"


def vtt(*blocks: str, header: str = "WEBVTT") -> str:
    return "\n\n".join([header, *(block.rstrip("\n") for block in blocks)]) + "\n"


def refused(text: str | bytes) -> BadCaptions:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(BadCaptions) as found:
        checked(as_webvtt(decoded(data)), LECTURE_S)
    assert found.value.hint, "each refusal has a next step"
    return found.value


@pytest.mark.parametrize(
    ("text", "count", "end_s"),
    [
        (vtt(CUE), 1, 2.5),
        (vtt(CUE, header="WEBVTT - Thermodynamics"), 1, 2.5),
        (vtt(CUE, header="WEBVTT\nKind: captions\nLanguage: fr"), 1, 2.5),
        (vtt("NOTE\nby hand", "STYLE\n::cue { color: red }", CUE), 1, 2.5),
        (vtt("intro\n" + CUE, "00:59.000 --> 01:00.000 line:0 align:start\nFin"), 2, 60.0),
        (vtt("100:00:01.000 --> 100:00:02.000\nlong after"), 1, 360002.0),
        (vtt(CUE, CUE), 2, 2.5),
        (vtt("00:00.000 --> 00:01.000", CUE), 2, 2.5),
        (
            vtt(
                "00:01.000 --> 00:02.500\n<v Dr Sok>x &lt; 5</v> <00:02.000><c.red>no</c><i>\nb</>"
            ),
            1,
            2.5,
        ),
        (vtt(CUE).rstrip("\n"), 1, 2.5),
        (vtt(CUE) + "\n\n\n", 1, 2.5),
    ],
)
def test_what_webvtt_allows_is_taken(text: str, count: int, end_s: float) -> None:
    found = checked(text, None)
    assert (found.count, found.end_s) == (count, end_s)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_is_stored_has_one_kind_of_line_ends_and_no_mark(ends: str, mark: bytes) -> None:
    data = mark + vtt(CUE).replace("\n", ends).encode()
    assert checked(decoded(data), LECTURE_S).text == vtt(CUE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", 'does not begin with the line "WEBVTT"'),
        ("Dear Dr Sok,\n\nplease find", 'does not begin with the line "WEBVTT"'),
        ("WEBVTTX\n\n" + CUE, 'does not begin with the line "WEBVTT"'),
        (vtt(), "no captions in it"),
        (vtt("NOTE nothing yet"), "no captions in it"),
        (vtt("00:01.000 --> 00:02.000"), "no captions in it"),
        (vtt("00:00:01,000 --> 00:00:02,000\nHi"), "line 3 is no time of a caption"),
        (vtt("00:01 --> 00:02\nHi"), "line 3 is no time of a caption"),
        (vtt("00:61.000 --> 00:62.000\nHi"), "line 3 is no time of a caption"),
        (vtt("1\n00:01.000-->00:02.000\nHi"), "line 4 is no time of a caption"),
        (vtt("00:02.000 --> 00:01.000\nHi"), "caption 1 (00:00:02) ends before it begins"),
        (vtt("00:02.000 --> 00:02.000\nHi"), "caption 1 (00:00:02) ends before it begins"),
        (vtt("00:05.000 --> 00:06.000\nB", CUE), "caption 2 (00:00:01) begins before"),
        (vtt(CUE + "00:03.000 --> 00:04.000\nglued"), "an empty line is missing"),
        (vtt(CUE, "a line that belongs nowhere"), "line 6 is neither"),
        (vtt(CUE, "00:58.000 --> 01:10.001\nlate"), "after the end of the lecture, which has"),
        (
            vtt("00:01.000 --> 00:02.000\nif x < 5 and y > 3"),
            '"<" stands alone in the caption in line 3',
        ),
        (vtt("1\n00:01.000 --> 00:02.000\nx<y"), '"<" stands alone in the caption in line 3'),
        (vtt("٠٠:٠١.000 --> ٠٠:٠٢.000\nHi"), "line 3 is no time of a caption"),
        (vtt("0٠:01.000 --> 0٠:02.000\nHi"), "line 3 is no time of a caption"),
        (vtt("9" * 5000 + ":00:01.000 --> 00:02.000\nHi"), "line 3 is no time of a caption"),
        (vtt(CUE).encode("utf-16"), "UTF-16"),
        (vtt(CUE).encode("latin-1"), "line 4 is not in UTF-8"),
        (b"\x00\x00\x00\x20ftypisom", "no text"),
        (vtt(CUE).encode() + b"x" * MOST_BYTES, "2 MB at most"),
    ],
)
def test_what_a_player_would_pass_over_in_silence_is_refused_in_words(
    text: str | bytes, why: str
) -> None:
    assert why in refused(text).reason


def test_the_last_words_may_hang_over_the_end() -> None:
    late = vtt(CUE, "00:58.000 --> 01:10.000\nThank you")
    assert checked(late, LECTURE_S).count == 2


# ---------------------------------------------------------------- SubRip


SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>Bonjour</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nÀ tous\n"
)


@pytest.mark.parametrize("text", [SRT, "\n" + SRT, SRT.replace("\n", "\r\n")])
def test_subrip_becomes_webvtt_with_every_caption(text: str) -> None:
    found = checked(as_webvtt(decoded(text.encode())), LECTURE_S)
    assert (found.count, found.end_s) == (2, 4.0)
    assert "À tous" in found.text


def test_what_subrip_says_is_what_players_show() -> None:
    """There "<" is a letter, unless it begins a tag."""
    said = SRT.replace("À tous", "if x < 5\nand y > 3: <b>a<b</b> <font color=red>c</font>")
    found = checked(as_webvtt(said), LECTURE_S).text
    assert "<i>Bonjour</i>" in found
    assert "if x &lt; 5\nand y > 3: <b>a&lt;b</b> <font color=red>c</font>" in found


@pytest.mark.parametrize(
    "text",
    [
        SRT + "\n3\n00:00:05,000 --> soon\nlost\n",
        SRT + "\n3\n00:00:05,000 --> 00:00:06,000\n",
        SRT.replace("00:00:03", "00:99:03"),
    ],
)
def test_a_conversion_that_would_lose_a_caption_is_refused(text: str) -> None:
    """The library leaves such ones out without a word."""
    refused(text)


def test_webvtt_is_taken_as_it_is() -> None:
    assert as_webvtt(vtt(CUE)) == vtt(CUE)


# ---------------------------------------------------------------- languages and names


@pytest.mark.parametrize(
    ("given_as", "tag"),
    [
        ("fr", "fr"),
        (" FR ", "fr"),
        ("pt-br", "pt-BR"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        ("khm", "khm"),
    ],
)
def test_a_language_is_written_as_everybody_writes_it(given_as: str, tag: str) -> None:
    assert language_tag(given_as) == tag
    assert language_of(file_name(tag)) == tag


@pytest.mark.parametrize(
    "text", ["", "french", "f", "fr_FR", "fr-", "../x", "fr.vtt", "français", "fr-٤١٩"]
)
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(BadCaptions, match="language tag"):
        language_tag(text)


@pytest.mark.parametrize(
    "name", ["captions.vtt", "captions.fr.srt", "captions.fr.vtt.part", "x.vtt"]
)
def test_other_files_are_no_captions(name: str) -> None:
    assert language_of(name) is None


def test_captions_come_after_what_makes_a_lecture_watchable_and_before_the_small_camera() -> None:
    mine = priority("captions.fr.vtt")
    assert max(priority("presentation.mp4"), priority("audio-lite.webm"), FIRST_STAGES) < mine
    assert mine < min(priority("camera-small.mp4"), FULL_QUALITY)
    assert media_type("captions.fr.vtt") == "text/vtt"


@given(st.text(alphabet=st.sampled_from("WEBVTT\n0123:.-> <ab/\t"), max_size=200))
def test_whatever_a_file_says_it_is_taken_or_refused(text: str) -> None:
    """And what was taken once is taken as it was stored."""
    try:
        found = checked(decoded(("WEBVTT\n\n" + text).encode()), LECTURE_S)
    except BadCaptions:
        return
    assert checked(found.text, LECTURE_S) == found
