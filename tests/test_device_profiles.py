"""Profiles of kinds of devices, and which one fits."""

import pytest

from device_profiles.match import DeviceFacts, facts_of, match_profile
from device_profiles.profile import Profile, ProfileError, load_profiles, parse_profile

PROFILES = load_profiles()


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (DeviceFacts("camera", "HD Webcam C270", "046d:0825"), "uvc_webcam"),
        (DeviceFacts("camera"), "uvc_webcam"),
        (DeviceFacts("camera", "USB3.0 Capture"), "hdmi_grabber"),
        (DeviceFacts("camera", "Game", "0fd9:0066"), "hdmi_grabber"),
        (DeviceFacts("microphone", "Yeti"), "usb_microphone"),
    ],
)
def test_a_device_gets_the_most_particular_profile(facts: DeviceFacts, name: str) -> None:
    found = match_profile(facts, PROFILES)
    assert found is not None
    assert found.name == name


def test_the_order_of_particularity_is_product_vendor_name_kind() -> None:
    kind = Profile("a", "camera", "any")
    name = Profile("b", "camera", "named", names=("cam",))
    vendor = Profile("c", "camera", "vendor", usb=("1111:*",))
    product = Profile("d", "camera", "product", usb=("1111:2222",))
    facts = DeviceFacts("camera", "A Cam", "1111:2222")
    ladder = [kind, name, vendor, product]
    while ladder:
        assert match_profile(facts, ladder) == ladder.pop()
    assert match_profile(facts, []) is None


def test_the_ids_are_taken_from_an_identity() -> None:
    assert facts_of("camera", "C270", "usb:046D:0825:77").usb == "046d:0825"
    assert facts_of("camera", "C270", "port:usb-1").usb == ""


def test_every_profile_of_the_package_can_be_asked_for_something() -> None:
    assert {profile.kind for profile in PROFILES} == {"camera", "microphone"}
    for profile in PROFILES:
        assert profile.title
        if profile.kind == "camera":
            assert profile.size is not None
            assert profile.options["formats"].split(",") == list(profile.formats)


@pytest.mark.parametrize(
    "text",
    [
        'kind = "camera"\ntitle = "x"\nsizes = [1, 2]',
        'kind = "toaster"\ntitle = "x"',
        'kind = "camera"',
        'kind = "camera"\ntitle = "x"\nformats = ["vp8"]',
        'kind = "camera"\ntitle = "x"\nsize = [1]',
        'name = "other"\nkind = "camera"\ntitle = "x"',
        "kind = ",
    ],
)
def test_a_wrong_profile_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(ProfileError, match=r"mine\.toml"):
        parse_profile("mine", text)
