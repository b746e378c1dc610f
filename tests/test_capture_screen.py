"""A screen of a real X server without a monitor."""

from itertools import pairwise

from tests.hardware_fixtures import reading, xvfb


def screen(display: str, **fields):
    return {"kind": "screen", "device": display, "fps": 15.0, **fields}


def test_a_screen_gives_its_pictures_stamped_at_arrival() -> None:
    with xvfb((640, 360)) as found, reading(screen(found.display), {}) as reader:
        info = reader.next()["opened"]
        facts = reader.take(10)
    assert (info["width"], info["height"], info["delivers"]) == (640, 360, "raw")
    assert info["identity"] == f"screen:{found.display}"
    assert all(fact["size"] == [640, 360] and fact["late"] >= 0 for fact in facts)
    assert all(later["pts"] > earlier["pts"] for earlier, later in pairwise(facts))


def test_a_picture_shows_what_is_on_the_screen() -> None:
    with xvfb((640, 360)) as found:
        found.paint("white")
        with reading(screen(found.display), {}) as reader:
            reader.next()
            assert reader.next()["number"] == 0xFFFFFFFF  # all 32 blocks are white
            found.paint("black")
            while reader.next()["number"] != 0:
                pass


def test_a_part_of_a_screen_can_be_taken() -> None:
    with xvfb((640, 360)) as found:
        with reading(screen(found.display, size=[320, 240]), {}) as reader:
            assert reader.next()["opened"]["width"] == 320
        with reading(screen(found.display, size=[1920, 1080]), {}) as reader:
            assert reader.error()["error"] == "NoUsableMode"


def test_a_screen_that_ends_is_lost() -> None:
    with xvfb() as found, reading(screen(found.display), {}) as reader:
        reader.take(3)
        found.process.terminate()
        assert reader.error()["error"] == "DeviceLost"


def test_an_absent_screen_is_missing() -> None:
    with reading(screen(":4711"), {}) as reader:
        error = reader.error()
    assert (error["error"], "X server" in error["hint"]) == ("DeviceMissing", True)


def test_what_is_no_display_is_said_so() -> None:
    with reading(screen("left one"), {}) as reader:
        assert reader.error()["error"] == "NotMedia"
