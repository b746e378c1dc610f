"""A USB bus that exists only for processes with its environment, by umockdev.

Run by the system's Python (it has GObject) under umockdev-wrapper. Prints the folder of the bus;
then each line on stdin is done and answered by one: `plug VIDEO PORT SERIAL`, `unplug VIDEO PORT`.
The records are those of a real C270, its sysfs entries and uevents. The node itself is left out:
fakev4l2 answers for it, and umockdev 0.17 aborts when a node comes back.
"""

import sys

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402 - the version comes first

USB = """\
P: /devices/pci0000:00/0000:00:14.0/usb1/1-{port}
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
E: DRIVER=usb
E: PRODUCT=46d/825/12
E: ID_VENDOR_ID=046d
E: ID_MODEL_ID=0825
E: ID_SERIAL_SHORT={serial}
A: busnum=1\\n
A: devnum={address}\\n
A: speed=480\\n
A: idVendor=046d\\n
A: idProduct=0825\\n
A: serial={serial}\\n
A: bDeviceClass=ef\\n
"""
VIDEO = """\
P: /devices/pci0000:00/0000:00:14.0/usb1/1-{port}/1-{port}:1.0/video4linux/video{video}
E: DEVNAME=/dev/video{video}
E: SUBSYSTEM=video4linux
E: MAJOR=81
E: MINOR={video}
E: ID_V4L_CAPABILITIES=:capture:
A: name=HD Webcam C270\\n
A: index=0\\n
"""


def paths(video: str, port: str) -> tuple[str, str]:
    usb = f"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-{port}"
    return usb, f"{usb}/1-{port}:1.0/video4linux/video{video}"


def main() -> None:
    bed = UMockdev.Testbed.new()
    print(bed.get_root_dir(), flush=True)
    address = 1
    for line in sys.stdin:
        verb, video, port, *rest = line.split()
        usb, node = paths(video, port)
        if verb == "plug":
            address += 1  # as a real bus: no address comes twice
            serial = rest[0] if rest else ""
            for text in (USB, VIDEO):
                bed.add_from_string(
                    text.format(video=video, port=port, serial=serial, address=address)
                )
            for path in (usb, node):
                bed.uevent(path, "add")
        else:
            for path in (node, usb):
                bed.uevent(path, "remove")
                bed.remove_device(path)
        print("done", flush=True)


main()
