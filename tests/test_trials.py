"""Trials with real children: nothing is believed, and every refusal has its reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from encoders.ladder import Verdict, candidates, find
from encoders.trial import likeness, luma_of, moving_picture
from encoders.trials import Pictures, Trials
from tests.fake_ffmpeg import put_first_on_path

ROOT = Path(__file__).parents[1]
SMALL = Pictures(640, 360, 30.0, 45)
PICTURE = 640 * 360 * 3 // 2


@pytest.fixture(autouse=True)
def _children_find_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def trial(name: str, pictures: Pictures = SMALL, deadline_s: float = 60.0) -> Verdict:
    (verdict,) = Trials(pictures, deadline_s).run([find(name)])
    return verdict


@pytest.mark.parametrize("name", [each.name for each in candidates("h264")[:-1]])
def test_hardware_that_this_computer_lacks_is_refused_with_a_reason(name: str) -> None:
    assert not Path("/dev/dri").exists(), "this test is for a computer without a graphics card"
    verdict = trial(name)
    assert not verdict.usable
    assert verdict.reason
    assert "status 1" not in verdict.reason or "(" in verdict.reason  # with the encoder's words


def test_software_passes_the_whole_trial() -> None:
    verdict = trial("libx264")
    assert (verdict.usable, verdict.reason) == (True, "")
    assert verdict.likeness > 0.9
    assert verdict.speed > 0


def test_an_encoder_behind_ffmpeg_that_works_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch)
    verdict = trial("h264_vaapi", Pictures(320, 180, 30.0, 60))
    assert verdict.reason == "" or "too slow" in verdict.reason  # this machine may be busy
    assert verdict.likeness > 0.9


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("stalls", "has given nothing"),
        ("stalls later", "stalled"),
        ("dies", "the driver is of another version"),
        ("dies later", "ended with status 9"),
        ("garbage", "no readable stream|nothing"),
        ("wrong size", "320×180 pixels instead of 640×360"),
        ("drops", "packets for 45 pictures|kept back"),
        ("green", "differ from what went in"),
        ("no keys", "key frames"),
        ("full range", "full range"),
        ("slow", "too slow|stalled|holds pictures back"),
    ],
)
def test_a_bad_encoder_is_found_and_its_fault_is_named(
    fault: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, fault, after=10 * PICTURE)
    verdict = trial("h264_vaapi")
    assert not verdict.usable
    assert any(word in verdict.reason for word in words.split("|")), verdict.reason


def test_a_trial_that_hangs_is_ended_at_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, "stalls")
    verdict = trial("h264_vaapi", deadline_s=0.2)
    assert not verdict.usable
    assert "did not finish its trial within 0.2 s" in verdict.reason


def test_a_trial_that_crashes_is_a_verdict_not_our_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "__init__.py").write_text("")
    (tmp_path / "encoders" / "trial.py").write_text("import os; os.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert "SIGABRT" in trial("h264_nvenc").reason


def test_a_child_that_dies_before_it_was_told_anything_is_a_verdict_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for _ in range(20):  # whether it is dead before or after we write is a race
        assert "ended its trial with status 1" in trial("h264_nvenc").reason


def test_odd_sizes_and_rates_pass_too() -> None:
    verdict = trial("libx264", Pictures(427, 241, 30_000 / 1001, 45))
    assert (verdict.usable, verdict.reason) == (True, "")


def test_no_descriptor_is_left_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    trial("h264_nvenc")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_likeness_is_one_for_equal_pictures_and_low_for_others() -> None:
    one, other = luma_of(moving_picture(0, 320, 240)), luma_of(moving_picture(5, 320, 240))
    assert likeness(one, one) == pytest.approx(1.0)
    assert likeness(one, 255 - one) < 0.6
    assert likeness(one, other) < 0.9
