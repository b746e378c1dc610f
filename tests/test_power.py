"""On the battery or not, from what the kernel says of the computer's supplies."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.power import discharging, on_battery

MAINS_OFF = {"type": "Mains", "online": "0"}
MAINS_ON = {"type": "Mains", "online": "1"}
USB_C = {"type": "USB", "online": "1"}
EMPTYING = {"type": "Battery", "status": "Discharging"}
FULL = {"type": "Battery", "status": "Full"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}
UPS = {"type": "UPS", "status": "Discharging"}


@pytest.mark.parametrize(
    ("supplies", "battery"),
    [
        ([], False),
        ([MAINS_ON], False),
        ([MAINS_ON, FULL], False),
        ([MAINS_OFF, EMPTYING], True),
        ([EMPTYING], True),
        ([MAINS_ON, EMPTYING], False),  # a charger that is too weak
        ([MAINS_OFF, USB_C, EMPTYING], False),
        ([MOUSE], False),
        ([MAINS_ON, MOUSE], False),
        ([UPS], True),
        ([MAINS_OFF, FULL], False),
        ([{}], False),
    ],
)
def test_the_computers_own_battery_counts(supplies: list[dict[str, str]], battery: bool) -> None:
    assert discharging(supplies) is battery


def test_it_is_read_as_the_kernel_lays_it_out(tmp_path: Path) -> None:
    assert not on_battery(tmp_path / "none")
    battery, mains = tmp_path / "BAT0", tmp_path / "AC"
    for folder, files in ((battery, EMPTYING), (mains, MAINS_OFF)):
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
    assert on_battery(tmp_path)
    (mains / "online").write_text("1\n")
    assert not on_battery(tmp_path)
    (mains / "online").unlink()
    (mains / "online").mkdir()  # a driver that answers a read with an error
    assert on_battery(tmp_path)
