"""The synthetic camera and microphone, and their faults."""

import json
import select
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from capture.levels import Meter
from capture.source import (
    NS,
    TIME_BASE,
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    NotMedia,
    NoUsableMode,
    SourceError,
    SourceSpec,
    open_source,
)
from capture.testcard import TestCard, is_flash, read_number
from capture.testsound import BLOCK, CLICK, RATE, TestSound
from tests.hardware_fixtures import child_env, reading


def synthetic(device="", size=(320, 240), fps=30.0, **options):
    return SourceSpec("synthetic", device, size, fps, None, options)


def test_pictures_are_numbered_without_a_hole_and_stamped_on_the_clocks_grid() -> None:
    source = open_source(synthetic(fps=60.0))
    info = source.open()
    assert (info.width, info.height, info.fps, info.delivers) == (320, 240, 60.0, "frames")
    frames = [source.read() for _ in range(20)]
    source.close()
    numbers = [read_number(frame) for frame in frames]
    assert [later - earlier for earlier, later in pairwise(numbers)] == [1] * 19
    for frame, number in zip(frames, numbers, strict=True):
        assert frame.pts == pytest.approx(number * NS / 60, abs=1)
        assert frame.time_base == TIME_BASE
        assert frame.pict_type == 0
    assert abs(frames[-1].pts - time.monotonic_ns()) < 2 * NS


@pytest.mark.parametrize("size", [(64, 48), (321, 243), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("number", [0, 1, 0xDEADBEEF])
def test_the_number_survives_lossy_encoding_at_any_size(size: tuple[int, int], number: int) -> None:
    picture = TestCard(*size, 30).make(number, dark=False)
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = *size, "yuvj420p"
    codec.time_base = TIME_BASE
    codec.options = {"q": "6"}
    (packet,) = codec.encode(picture.reformat(format="yuvj420p"))
    (decoded,) = av.CodecContext.create("mjpeg", "r").decode(packet)
    assert read_number(decoded) == number


def test_the_flash_and_the_click_meet_at_every_whole_second() -> None:
    card, sound = TestCard(320, 240, 30), TestSound(channels=1, ppm=0, speech=False, click=True)
    first = card.number(1000 * NS)
    flashes = [n for n in range(first - 45, first + 45) if is_flash(card.make(n, dark=False))]
    assert [card.start(n) for n in flashes] == [999 * NS, 1000 * NS, 1001 * NS]
    block = sound.number(1000 * NS)
    loud = [
        n
        for n in range(block - 60, block + 60)
        if sound.make(n, dark=False).to_ndarray().max() > CLICK * 32000
    ]
    assert [sound.start(n) for n in loud] == [999 * NS, 1000 * NS, 1001 * NS]


@pytest.mark.parametrize("ppm", [-500, 100])
def test_a_microphones_clock_error_shows_in_its_stamps_and_not_in_its_click(ppm: float) -> None:
    sound = TestSound(channels=1, ppm=ppm, speech=False, click=True)
    rate = RATE * (1 + ppm * 1e-6)
    assert sound.start(50_000) == pytest.approx(50_000 * BLOCK / rate * NS)
    for block in range(sound.number(1000 * NS) - 1, sound.number(1001 * NS) + 2):
        samples = sound.make(block, dark=False).to_ndarray()[0].astype(float)
        first = int(np.argmax(samples > CLICK * 32000))
        if samples[first] > CLICK * 32000 and first:
            at = sound.start(block) + first * NS / rate
            assert abs(at - round(at / NS) * NS) < NS / RATE


def test_blocks_of_sound_follow_without_a_step() -> None:
    sound = TestSound(channels=1, ppm=0, speech=False, click=False)
    run = np.concatenate([sound.make(n, dark=False).to_ndarray()[0] for n in range(70, 130)])
    assert np.abs(np.diff(run.astype(int))).max() < 200


def test_speech_is_loud_enough_and_never_clipped() -> None:
    sound = TestSound(channels=2, ppm=0, speech=True, click=False)
    meter = Meter(RATE)
    levels = [level for n in range(550) for level in meter.add(sound.make(n, dark=False))]
    assert -25 < max(level.rms for level in levels) < -3
    assert not any(level.clipped for level in levels)


def test_a_microphone_gives_blocks_that_follow_each_other() -> None:
    source = open_source(synthetic(stream="audio", channels="2"))
    info = source.open()
    assert (info.media, info.sample_rate, info.channels) == ("audio", RATE, 2)
    blocks = [source.read() for _ in range(10)]
    source.close()
    assert {later.pts - earlier.pts for earlier, later in pairwise(blocks)} == {NS // 50}
    assert {(b.format.name, b.layout.name, b.samples) for b in blocks} == {("s16", "stereo", BLOCK)}
    assert source.decode(blocks[0]) == [blocks[0]]


def test_stamps_by_arrival_are_no_earlier_than_the_sound_and_go_forward() -> None:
    source = open_source(synthetic(stream="audio", stamps="arrival"))
    source.open()
    blocks = [source.read() for _ in range(10)]
    source.close()
    steps = [later.pts - earlier.pts for earlier, later in pairwise(blocks)]
    assert all(step > 0 for step in steps)
    assert any(step != NS // 50 for step in steps)  # the grid itself is not known to it


def test_a_slow_reader_loses_pictures_and_the_numbers_tell() -> None:
    source = open_source(synthetic(fps=100.0))
    source.open()
    before = read_number(source.read())
    resume = threading.Event()
    threading.Timer(0.6, resume.set).start()
    assert resume.wait(60)
    after = read_number(source.read())
    source.close()
    assert after - before > 30


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (synthetic(fault="missing"), DeviceMissing),
        (synthetic(fault="busy"), DeviceBusy),
        (synthetic(fault="tired"), NoUsableMode),
        (synthetic(size=(8, 8)), NoUsableMode),
        (synthetic(stream="audio", sound="noise"), NoUsableMode),
        (synthetic("no/such/cable"), DeviceMissing),
    ],
)
def test_a_source_that_cannot_be_opened_says_why_and_what_to_do(spec, error) -> None:
    with pytest.raises(error) as raised:
        open_source(spec).open()
    assert isinstance(raised.value, SourceError)
    assert raised.value.reason
    assert raised.value.hint


def test_an_unknown_kind_of_source_is_refused() -> None:
    with pytest.raises(NotMedia, match="telepathy"):
        open_source(SourceSpec("telepathy"))


def test_pulling_the_cable_loses_the_device_and_plugging_it_in_brings_it_back(tmp_path) -> None:
    cable = tmp_path / "cable"
    cable.touch()
    source = open_source(synthetic(str(cable)))
    source.open()
    source.read()
    cable.unlink()
    with pytest.raises(DeviceLost):
        source.read()
    with pytest.raises(DeviceMissing):
        open_source(synthetic(str(cable))).open()
    cable.touch()
    assert open_source(synthetic(str(cable))).open().media == "video"


def test_a_fault_that_shall_happen_once_happens_once(tmp_path: Path) -> None:
    spec = synthetic(fault="gone", once=str(tmp_path / "done"))
    source = open_source(spec)
    source.open()
    with pytest.raises(DeviceLost):
        source.read()
    again = open_source(spec)
    again.open()
    assert again.read() is not None
    again.close()


def test_the_silenced_microphone_gives_digital_silence() -> None:
    source = open_source(synthetic(stream="audio", fault="silence"))
    source.open()
    assert not source.read().to_ndarray().any()
    source.close()


def test_closing_ends_a_read_in_another_thread() -> None:
    source = open_source(synthetic(fps=0.01))
    source.open()
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(DeviceLost):
            source.read()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    source.close()
    assert ended.wait(60)


def test_a_stuttering_camera_loses_pictures() -> None:
    spec = {"kind": "synthetic", "size": [320, 240], "fps": 30.0, "options": {"fault": "stutter"}}
    with reading(spec, {}) as reader:
        reader.next()
        numbers = [fact["pts"] for fact in reader.take(30)]
    assert max(later - earlier for earlier, later in pairwise(numbers)) > NS // 4


BEATING = """
import json, sys, threading, time
from capture.source import SourceSpec, open_source
options = json.loads(sys.argv[1])
source = open_source(SourceSpec("synthetic", size=(320, 240), fps=30.0, options=options))
source.open()
def beat():
    while True:
        print("beat", flush=True)
        time.sleep(0.05)
threading.Thread(target=beat, daemon=True).start()
while True:
    source.read()
"""


def beating(fault: str) -> subprocess.Popen[bytes]:
    options = json.dumps({"fault": fault, "after": "0.3"})
    return subprocess.Popen(
        [sys.executable, "-c", BEATING, options],
        env=child_env({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def test_a_crash_kills_its_process_with_a_signal() -> None:
    with beating("crash") as child:
        assert child.wait(30) == -signal.SIGSEGV


def test_a_hang_leaves_the_other_threads_alive() -> None:
    with beating("hang") as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(20)] == [b"beat\n"] * 20
        child.kill()


def test_a_hang_under_the_interpreter_lock_silences_every_thread() -> None:
    with beating("hang_gil") as child:
        assert child.stdout is not None
        while select.select([child.stdout], [], [], 3.0)[0]:
            assert child.stdout.read1()
        assert child.poll() is None
        child.kill()
