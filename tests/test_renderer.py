"""Small versions: made of a package, put into it at once or not at all, through any kill."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import pytest

from edge_agent import revision
from edge_agent.finish_messages import Progress
from edge_agent.messages import Message
from edge_agent.render_messages import Rendered, RenderJob
from edge_agent.renderer import render
from edge_agent.rules.package import PRIORITY
from edge_agent.rules.renditions import AUDIO_LITE, CAMERA_SMALL
from edge_agent.verify import verify_package
from tests.chromium import play
from tests.package_maker import LECTURE, SIZE, make_package, sum_up

ROOT = Path(__file__).parents[1]
LENGTH_S = 150
#: The renderer without its low priority: on a busy test machine that would never get a turn.
RUN = """
import sys; from edge_agent.renderer import render
from edge_agent.render_messages import RenderJob
render(RenderJob.model_validate_json(sys.argv[1]), lambda message: None)
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lecture = tmp_path_factory.mktemp("original")
    make_package(lecture, LENGTH_S)
    return lecture


@pytest.fixture
def lecture(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / LECTURE))


def job(lecture: Path, camera: str = "h264") -> RenderJob:
    return RenderJob(
        lecture=LECTURE,
        lecture_dir=str(lecture),
        audio_kbps=24,
        camera=camera,  # type: ignore[arg-type]
        camera_kbps=105,
    )


def manifest_of(lecture: Path) -> dict[str, dict[str, object]]:
    document = json.loads((lecture / "package" / "manifest.json").read_text())
    return {"": document} | {file["name"]: file for file in document["encoding"]}


def stamps(path: Path, kind: str) -> list[int]:
    """Milliseconds at which packets are shown."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        return [round(1000 * packet.pts * packet.time_base) for packet in packets]


def test_a_package_gets_its_small_versions_one_by_one_most_valuable_first(lecture: Path) -> None:
    package, said = lecture / "package", list[Message]()
    before = {path.name: path.stat().st_ino for path in package.glob("*.m*4*")}

    def report(message: Message) -> None:
        said.append(message)
        assert verify_package(package) == []

    render(job(lecture), report)
    results = [each for each in said if isinstance(each, Rendered)]
    names = [{file.name for file in each.artifacts} for each in results]
    assert AUDIO_LITE in names[0]
    assert CAMERA_SMALL not in names[0]
    assert names[1] == {path.name for path in package.iterdir()}
    assert {file.priority for file in results[1].artifacts if file.name in PRIORITY} <= set(
        PRIORITY.values()
    )
    fractions = [each.fraction for each in said if isinstance(each, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    known = manifest_of(lecture)
    assert known[""]["revision"] == 3
    assert known[AUDIO_LITE]["derivedFrom"] == ["audio.m4a"]
    assert known[CAMERA_SMALL]["derivedFrom"] == ["presenter.mp4", "audio.m4a"]
    assert before.items() <= {path.name: path.stat().st_ino for path in package.iterdir()}.items()


def test_small_pictures_keep_their_times_and_sound_theirs(lecture: Path) -> None:
    render(job(lecture), lambda _: None)
    package = lecture / "package"
    assert stamps(package / CAMERA_SMALL, "video") == stamps(package / "presenter.mp4", "video")
    heard = stamps(package / CAMERA_SMALL, "audio")
    assert abs(heard[0] + 1024 / 48) <= 1
    steps = {later - sooner for sooner, later in pairwise(heard)}
    assert steps <= {21, 22}
    for name in (AUDIO_LITE, CAMERA_SMALL):
        with av.open(str(package / name)) as container:
            assert container.duration is not None
            assert abs(container.duration / av.time_base - LENGTH_S) < 0.15


@pytest.mark.parametrize("camera", ["h264", "h264-baseline", "av1"])
def test_a_browser_plays_the_small_camera(tmp_path: Path, camera: str) -> None:
    make_package(tmp_path, 20)
    render(job(tmp_path, camera), lambda _: None)
    seen = play(tmp_path / "package", CAMERA_SMALL, rate=8.0)
    assert seen.ended
    assert (seen.width, seen.height) == SIZE
    assert abs(seen.duration - 20) < 0.1
    assert seen.audio_bytes > 10_000
    with av.open(str(tmp_path / "package" / CAMERA_SMALL)) as container:
        profile = container.streams.video[0].codec_context.profile
    wanted = {"h264": "Main", "h264-baseline": "Constrained Baseline", "av1": "Main"}
    assert profile == wanted[camera]


def test_what_is_hardly_larger_is_not_made_smaller(lecture: Path) -> None:
    package = lecture / "package"
    small = lecture / "small.mp4"
    with av.open(str(package / "presenter.mp4")) as source:
        stream = source.streams.video[0]
        with av.open(str(small), "w") as target:
            copy = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None and packet.pts < packet.time_base.denominator:
                    packet.stream = copy
                    target.mux(packet)
    small.replace(package / "presenter.mp4")
    sum_up(package, LENGTH_S)
    render(job(lecture), lambda _: None)
    assert CAMERA_SMALL not in manifest_of(lecture)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_any_number_of_kills_costs_a_piece_each_and_changes_nothing(
    lecture: Path, original: Path, tmp_path: Path
) -> None:
    """Each child is killed when one more piece is there; what is whole is never made again."""
    undisturbed = Path(shutil.copytree(original, tmp_path / "undisturbed"))
    render(job(undisturbed), lambda _: None)
    work, seen, kills = lecture / "renditions", dict[str, int](), 0
    while CAMERA_SMALL not in manifest_of(lecture):
        child = subprocess.Popen(
            [sys.executable, "-c", RUN, job(lecture).model_dump_json()],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        wait_for(partial(ended_or_further, child, work, seen))
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
        there = pieces(work)
        kept = {name: inode for name, inode in seen.items() if name in there}
        assert kept == {name: there[name] for name in kept}
        assert not kept.keys() ^ seen.keys() or AUDIO_LITE in manifest_of(lecture)
        assert verify_package(lecture / "package") == []
        seen = seen | there
    render(job(lecture), lambda _: None)
    assert kills >= 4
    for name in (AUDIO_LITE, CAMERA_SMALL):
        made, wanted = (where / "package" / name for where in (lecture, undisturbed))
        assert made.read_bytes() == wanted.read_bytes() or content(made) == content(wanted)
    assert verify_package(lecture / "package") == []


def ended_or_further(child: subprocess.Popen[bytes], work: Path, seen: dict[str, int]) -> bool:
    return child.poll() is not None or bool(pieces(work).keys() - seen.keys())


def content(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux()]


def pieces(work: Path) -> dict[str, int]:
    """Inodes: a piece that is made again is another file."""
    found = {}
    for path in list(work.glob("*/*.piece")):
        try:
            found[str(path.relative_to(work))] = path.stat().st_ino
        except FileNotFoundError:
            continue
    return found


def wait_for(condition: Callable[[], bool], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s} s"
        time.sleep(0.01)


def test_a_package_that_cannot_be_exchanged_stays_as_it_is(
    lecture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(one: Path, other: Path) -> None:
        raise OSError(errno.EINVAL, "no exchange", str(other))

    before = manifest_of(lecture)
    monkeypatch.setattr(revision, "exchange", refuse)
    with pytest.raises(OSError, match="no exchange"):
        render(job(lecture), lambda _: None)
    assert manifest_of(lecture) == before
    assert verify_package(lecture / "package") == []
    monkeypatch.undo()
    render(job(lecture), lambda _: None)
    assert verify_package(lecture / "package") == []


def test_a_renderer_whose_supervisor_is_gone_ends_by_itself(lecture: Path) -> None:
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.renderer", str(writing)],
        stdin=subprocess.PIPE,
        pass_fds=[writing],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(writing)
    assert child.stdin is not None
    child.stdin.write(job(lecture).line())
    child.stdin.flush()
    wait_for(lambda: (lecture / "renditions" / "lock").exists())
    assert os.sched_getscheduler(child.pid) == os.SCHED_IDLE
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == 19
    child.stdin.close()
    assert child.wait(120) == 1
    os.close(reading)
