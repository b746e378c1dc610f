"""The order of the rungs, and what the facts of a trial mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from encoders.ladder import (
    LEAST_LIKENESS,
    LEAST_SPEED,
    Candidate,
    TrialFacts,
    Verdict,
    candidates,
    find,
    judge,
    rungs,
)

SIZE = (1920, 1080)
GOOD = TrialFacts(
    opened_ms=200,
    latency_ms=20,
    frames_in=45,
    packets_out=45,
    frames_decoded=45,
    in_order=True,
    width=1920,
    height=1080,
    likeness=0.97,
    speed=6.0,
)
CARD = Candidate("h264_nvenc", "h264", "pyav")


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_software_is_the_last_rung_and_always_there(codec: str) -> None:
    rungs = candidates(codec)
    assert [each.way for each in rungs].index("software") == len(rungs) - 1
    assert all(each.codec == codec for each in rungs)


def test_every_kind_of_hardware_is_a_candidate() -> None:
    names = [each.name for each in candidates("h264")]
    kinds = ["nvenc", "qsv", "vaapi", "amf", "rkmpp", "v4l2m2m"]
    assert names == [*(f"h264_{kind}" for kind in kinds), "libx264"]


def test_each_render_node_is_a_rung_of_its_own() -> None:
    nodes = ["/dev/dri/renderD128", "/dev/dri/renderD129"]
    names = [each.name for each in candidates("h264", nodes) if "vaapi" in each.encoder]
    assert names == ["h264_vaapi", "h264_vaapi@renderD129"]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_a_name_leads_back_to_its_candidate(codec: str) -> None:
    for each in candidates(codec, ["/dev/dri/renderD128", "/dev/dri/renderD130"]):
        assert find(each.name) == each


@pytest.mark.parametrize("name", ["", "x264", "h264_nvenc@renderD129", "h264_vaapi@"])
def test_a_name_that_none_has_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        find(name)


def test_there_is_no_ladder_for_an_unknown_codec() -> None:
    with pytest.raises(ValueError, match="theora"):
        candidates("theora")


def test_an_encoder_that_did_everything_right_is_usable_without_a_reason() -> None:
    verdict = judge(CARD, GOOD, SIZE)
    assert (verdict.usable, verdict.reason) == (True, "")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"error": "no card"}, "no card"),
        ({"packets_out": 44}, "44 packets for 45 pictures"),
        ({"width": 1280, "height": 720}, "1280×720 pixels instead of 1920×1080"),
        ({"height": 1088}, "1920×1088"),
        ({"frames_decoded": 0}, "nothing of it"),
        ({"frames_decoded": 12}, "only 12 of 45"),
        ({"in_order": False}, "another order"),
        ({"keys_missed": 2}, "2 of the key frames"),
        ({"full_range": True}, "full range"),
        ({"likeness": LEAST_LIKENESS - 0.01}, "differ"),
        ({"latency_ms": 900.0}, "900 ms"),
        ({"speed": LEAST_SPEED - 0.1}, "too slow"),
    ],
)
def test_each_fault_alone_refuses_and_is_said(fault: dict[str, object], words: str) -> None:
    verdict = judge(CARD, replace(GOOD, **fault), SIZE)  # type: ignore[arg-type]
    assert not verdict.usable
    assert words in verdict.reason


def test_libx264_is_used_whatever_its_trial_says() -> None:
    last = candidates("h264")[-1]
    slow = judge(last, replace(GOOD, speed=0.4), SIZE)
    assert slow.usable
    assert "slower than real time" in slow.reason
    broken = judge(last, TrialFacts(error="not compiled in"), SIZE)
    assert (broken.usable, broken.reason) == (True, "not compiled in")


def test_only_what_works_and_has_not_failed_is_a_rung_and_software_is_the_last() -> None:
    verdicts = [
        Verdict("h264_nvenc", "h264", False, "no card"),
        Verdict("hevc_qsv", "hevc", True),
        Verdict("h264_qsv", "h264", True),
        Verdict("h264_vaapi", "h264", True),
        Verdict("libx264", "h264", True),
    ]
    assert rungs(verdicts) == ["h264_qsv", "h264_vaapi", "libx264"]
    assert rungs(verdicts, failed={"h264_qsv"}) == ["h264_vaapi", "libx264"]
    assert rungs(verdicts, failed={"h264_qsv", "h264_vaapi", "libx264"}) == ["libx264"]
    assert rungs([]) == ["libx264"]
    assert rungs(verdicts, "hevc") == ["hevc_qsv"]
    assert rungs([], "av1") == []
