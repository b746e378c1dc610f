"""Laws of the profiles of devices: what is in them, and which one fits."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from capture.v4l2_controls import NUMBERS
from device_profiles.mains import mains_of_zone
from device_profiles.match import DeviceFacts, Fit, facts_of, fit_of, match_profile
from device_profiles.own import load_known
from device_profiles.profile import (
    MAINS,
    Control,
    Preset,
    Profile,
    ProfileError,
    load_profiles,
    parse_profile,
)

PROFILES = load_profiles()
#: A list of ids, a file of Linux, a standard, an address, a message of a list with its date.
FINDABLE = re.compile(r"usb\.ids|^Linux|usb\.org|ideasonboard|https://|list, 20\d\d-|autotest")
PRODUCTS = [profile for profile in PROFILES if profile.usb or profile.names]


def name_of(facts: DeviceFacts, profiles=PROFILES) -> str:
    found = match_profile(facts, profiles)
    return found.name if found else ""


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (DeviceFacts("camera", "HD Pro Webcam C920", "046d:082d"), "logitech_c920"),
        (DeviceFacts("camera", "HD Pro Webcam C920", "046d:0892"), "logitech_c920_later"),
        (DeviceFacts("camera", "Some webcam", "1234:5678"), "uvc_webcam"),
        (DeviceFacts("camera"), "uvc_webcam"),
        (DeviceFacts("camera", "USB3.0 Capture"), "hdmi_grabber"),
        (DeviceFacts("camera", "USB Video: USB Video", "534d:2109"), "macrosilicon_ms2109"),
        (DeviceFacts("camera", "Something newer", "534d:9999"), "hdmi_grabber"),
        (DeviceFacts("camera", "Game", "0fd9:0066"), "elgato_cam_link"),
        (DeviceFacts("camera", "Elgato Facecam", "0fd9:0001"), "uvc_webcam"),
        (DeviceFacts("camera", "IPEVO V4K"), "ipevo_document"),
        (DeviceFacts("camera", "Razer Kiyo Pro Ultra"), "razer_kiyo_pro"),
        (DeviceFacts("microphone", "Yeti"), "blue_yeti"),
        (DeviceFacts("microphone", "Jabra SPEAK2 75 MS"), "jabra_speak2"),
        (DeviceFacts("microphone", "HD Pro Webcam C920", "046d:082d"), "usb_microphone"),
    ],
)
def test_a_device_gets_the_most_particular_profile(facts: DeviceFacts, name: str) -> None:
    assert name_of(facts) == name


def test_the_order_is_serial_product_vendor_name_modes_kind() -> None:
    ladder = [
        Profile("f", "camera", "any"),
        Profile("e", "camera", "modes", offers=("h264", "mjpeg 1920x1080")),
        Profile("d", "camera", "named", names=("cam",)),
        Profile("c", "camera", "vendor", usb=("1111:*",)),
        Profile("b", "camera", "product", usb=("1111:2222",)),
        Profile("a", "camera", "serial", serials=("S1",)),
    ]
    modes = frozenset({"h264 1280x720", "mjpeg 1920x1080"})
    facts = DeviceFacts("camera", "A Cam", "1111:2222", "S1", modes)
    while ladder:
        assert match_profile(facts, ladder) == ladder.pop()
    assert match_profile(facts, []) is None


def test_a_profile_that_says_for_whom_it_is_fits_nobody_else() -> None:
    stranger = DeviceFacts("camera", "Other", "9999:9999", "S9", frozenset({"raw 640x480"}))
    for profile in (
        Profile("a", "camera", "x", serials=("S1",)),
        Profile("a", "camera", "x", usb=("1111:2222",)),
        Profile("a", "camera", "x", names=("cam",)),
        Profile("a", "camera", "x", offers=("mjpeg 1920x1080",)),
        Profile("a", "microphone", "x", usb=("9999:9999",)),
    ):
        assert fit_of(stranger, profile) is Fit.NOT


def test_what_the_room_says_of_a_device_goes_before_all_of_ours() -> None:
    facts = DeviceFacts("camera", "HD Pro Webcam C920", "046d:082d")
    named = Profile("mine", "camera", "x", names=("c920",), own=True)
    assert name_of(facts, [*PROFILES, named]) == "mine"
    anybody = Profile("mine", "camera", "x", own=True)
    assert name_of(facts, [*PROFILES, anybody]) == "logitech_c920"
    assert name_of(DeviceFacts("camera", "Other"), [*PROFILES, anybody]) == "mine"


def test_facts_are_taken_from_an_identity() -> None:
    facts = facts_of("camera", "C270", "usb:046D:0825:77:8@usb-1")
    assert (facts.usb, facts.serial) == ("046d:0825", "77:8")
    assert facts_of("camera", "C270", "port:usb-1").usb == ""


def test_a_device_without_a_serial_number_is_known_by_its_product() -> None:
    facts = facts_of("camera", "USB Video", "port:usb-1", "534D:2109")
    assert name_of(facts) == "macrosilicon_ms2109"


# ---------------------------------------------------------------- those of the package


def test_the_common_products_of_lecture_rooms_are_known() -> None:
    assert len([profile for profile in PRODUCTS if any(":*" not in u for u in profile.usb)]) >= 35
    roles = {profile.role for profile in PRODUCTS}
    assert roles == {"webcam", "conference", "document", "grabber", "microphone", "speakerphone"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_profile_of_the_package_is_whole(profile: Profile) -> None:
    assert profile.role
    assert profile.sources, "where do its facts come from?"
    assert all(FINDABLE.search(source) for source in profile.sources)
    if profile.kind == "camera":
        assert profile.size is not None
        assert profile.fps
        assert profile.options["formats"].split(",") == list(profile.formats)
    assert {control.name for control in profile.controls} <= set(NUMBERS)
    for control in profile.controls:
        assert (control.value == MAINS) == (control.name == "power_line_frequency")


def test_no_two_profiles_of_the_package_claim_the_same() -> None:
    for one, other in combinations(PROFILES, 2):
        if one.kind == other.kind:
            assert not set(one.usb) & set(other.usb), (one.name, other.name)
            shared = {n.lower() for n in one.names} & {n.lower() for n in other.names}
            assert not shared, (one.name, other.name)


@pytest.mark.parametrize("profile", PRODUCTS, ids=lambda profile: profile.name)
def test_each_id_of_a_profile_leads_to_it(profile: Profile) -> None:
    for usb in profile.usb:
        assert name_of(DeviceFacts(profile.kind, "", usb.replace("*", "0000"))) == profile.name


# ---------------------------------------------------------------- the room's own

GOOD = 'kind = "camera"\ntitle = "x"\n'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (GOOD + "sizes = [1, 2]", "sizes"),
        ('kind = "toaster"\ntitle = "x"', "kind"),
        ('kind = "camera"', "title"),
        ('title = "x"', "kind"),
        ('kind = "camera"\ntitle = " "', "title"),
        (GOOD + 'role = "toy"', "role"),
        (GOOD + 'formats = ["vp8"]', "formats"),
        (GOOD + 'formats = "raw"', "formats"),
        (GOOD + "size = [1920]", "size"),
        (GOOD + "size = [1920, true]", "size"),
        (GOOD + "fps = 0", "fps"),
        (GOOD + 'fps = "30"', "fps"),
        (GOOD + 'usb = ["046D:082D"]', "usb"),
        (GOOD + 'usb = ["46d:82d"]', "usb"),
        (GOOD + "usb = []", "usb"),
        (GOOD + 'offers = ["1920x1080"]', "offers"),
        (GOOD + "names = [1]", "names"),
        (GOOD + "channels = 1", "channels"),
        ('kind = "microphone"\ntitle = "x"\nchannels = 3', "channels"),
        ('kind = "microphone"\ntitle = "x"\nfps = 30', "fps"),
        (GOOD + "controls = 3", "controls"),
        (GOOD + "[controls]\ngain = 3", "controls.gain"),
        (GOOD + '[controls.gain]\nvalue = "high"\nwhy = "x"', "controls.gain.value"),
        (GOOD + '[controls.gain]\nvalue = true\nwhy = "x"', "controls.gain.value"),
        (GOOD + '[controls.gain]\nvalue = 3\nwhy = ""', "controls.gain.why"),
        (GOOD + "presets = 3", "presets"),
        (GOOD + "[presets.lectern]", "presets.lectern"),
        (GOOD + "[presets]\nlectern = 3", "presets.lectern"),
        (GOOD + "[presets.lectern]\npan_absolute = true", "presets.lectern"),
        (GOOD + "[presets.lectern]\ngain = 3", "presets.lectern"),
        (GOOD + '[presets."the board"]\nzoom_absolute = 3', "presets.the board"),
        ('kind = "microphone"\ntitle = "x"\n[presets.door]\nzoom_absolute = 3', "presets"),
        (GOOD + 'own = "x"', "own"),
        ('name = "other"\n' + GOOD, "name"),
        ("kind = ", ""),
    ],
)
def test_a_mistake_is_told_with_file_key_and_next_step(text: str, key: str) -> None:
    with pytest.raises(ProfileError) as raised:
        parse_profile("mine", text)
    told = str(raised.value)
    assert told.startswith("mine.toml: ")
    assert key in told
    assert re.search(r"; (write|add|take|there are)", told)


def test_controls_keep_their_order_and_their_reasons() -> None:
    text = GOOD + '[controls.focus_automatic_continuous]\nvalue = 0\nwhy = "a"\n'
    text += '[controls.focus_absolute]\nvalue = 30\nwhy = "b"\n'
    assert parse_profile("mine", text).controls == (
        Control("focus_automatic_continuous", 0, "a"),
        Control("focus_absolute", 30, "b"),
    )


def test_a_camera_that_can_be_turned_has_places_with_names() -> None:
    text = GOOD + "[presets.lectern]\npan_absolute = -36000\nzoom_absolute = 150\n"
    text += "[presets.board]\ntilt_absolute = 0\n"
    assert parse_profile("mine", text).presets == (
        Preset("lectern", (("pan_absolute", -36000), ("zoom_absolute", 150))),
        Preset("board", (("tilt_absolute", 0),)),
    )


def test_a_room_may_replace_a_profile_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "logitech_c920.toml").write_text(GOOD + 'usb = ["046d:082d"]')
    known = load_known(tmp_path)
    assert len(known.profiles) == len(PROFILES)
    found = match_profile(DeviceFacts("camera", "", "046d:082d"), known.profiles)
    assert found is not None
    assert (found.title, found.own) == ("x", True)


def test_a_wrong_file_of_the_room_is_told_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("kind = ")
    (tmp_path / "latin.toml").write_bytes(b'kind = "\xff"')
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("not a profile")
    known = load_known(tmp_path)
    assert {profile.name for profile in known.profiles if profile.own} == {"good"}
    told = [mistake.split(":")[0] for mistake in known.mistakes]
    assert told == ["bad.toml", "folder.toml", "latin.toml"]


def test_a_room_without_a_folder_has_no_mistakes(tmp_path: Path) -> None:
    assert load_known(tmp_path / "none").mistakes == ()
    (tmp_path / "file").write_text("")
    assert len(load_known(tmp_path / "file").mistakes) == 1


@pytest.mark.parametrize(
    ("zone", "hertz"),
    [
        ("Europe/Vienna", 50),
        ("America/New_York", 60),
        ("America/Argentina/Salta", 50),
        ("America/Santiago", 50),
        ("Asia/Seoul", 60),
        ("Asia/Kolkata", 50),
        ("Asia/Tokyo", None),
        ("Pacific/Kiritimati", None),
        ("Etc/UTC", None),
        ("UTC", None),
        ("Europe", None),
        ("", None),
    ],
)
def test_lamps_flicker_with_the_mains_of_the_time_zone(zone: str, hertz: int | None) -> None:
    assert mains_of_zone(zone) == hertz
