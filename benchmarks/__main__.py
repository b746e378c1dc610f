"""Every benchmark, as a table of targets beside what was measured.

Run: python -m benchmarks [--pairs 5] [--quick] [ROW …]   rows: slides camera pass-through
gstreamer start armed growth finishing panel mqtt; only when asked for, hour (in real time) and
mqtt-fleet, mqtt-fleet-tls (ten thousand connections); and, as root and only when asked for, upload
(a real hour) or its parts upload-cost upload-speed upload-polite upload-cuts upload-hour
upload-rooms upload-fleet.
`--quick` shortens the clips: for trying it out, its figures mean nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import (
    camera,
    fleet,
    growth,
    gstreamer,
    hour,
    mqtt_fleet,
    mqtt_latency,
    panel,
    passthrough,
    passthrough_usb,
    politeness,
    start_latency,
    stillness,
    upload_cost,
    upload_cuts,
    upload_hour,
    upload_rooms,
    upload_speed,
)
from benchmarks.measure import Row, machine


def benchmarks(pairs: int, quick: bool) -> dict[str, Callable[[], list[Row]]]:
    return {
        "slides": lambda: stillness.rows(pairs, 10 if quick else 120),
        "camera": lambda: camera.rows(pairs, 90 if quick else 600),
        "pass-through": lambda: passthrough.rows(pairs, 10 if quick else 60),
        "pass-through-usb": lambda: passthrough_usb.rows(pairs, 10 if quick else 60),
        "gstreamer": lambda: gstreamer.rows(pairs, *((90, 10, 10) if quick else (600, 120, 60))),
        "start": lambda: start_latency.rows(3 if quick else 15),
        "armed": lambda: growth.armed_rows(5 if quick else 20),
        "growth": lambda: growth.recording_rows(
            (1, 2, 3) if quick else (1, 60, 240), 3 if quick else 15
        ),
        "finishing": lambda: growth.finishing_rows(5 if quick else 15, 10 if quick else 240),
        "panel": lambda: panel.rows(3 if quick else 20, 3 if quick else 15),
        "mqtt": lambda: mqtt_latency.rows(3 if quick else 20),
    }


def long_ones(quick: bool) -> dict[str, Callable[[], list[Row]]]:
    """An hour on the clock, and more connections than a PC usually has."""
    return {
        "hour": lambda: hour.rows(3 if quick else 60),
        "mqtt-fleet": lambda: mqtt_fleet.rows(50 if quick else 10_000, False, 90.0),
        "mqtt-fleet-tls": lambda: mqtt_fleet.rows(50 if quick else 10_000, True, 30.0),
    }


def uploads(pairs: int, quick: bool) -> dict[str, Callable[[], list[Row]]]:
    """These need a link of their own, so root, and most of them real time."""
    runs = 1 if quick else 4
    return {
        "upload-cost": lambda: upload_cost.rows(pairs, 64 if quick else 1024),
        "upload-speed": lambda: upload_speed.rows(1 if quick else 3),
        "upload-polite": lambda: politeness.rows(4.0, 0.1, 0.5) + politeness.rows(4.0, 0.3, 0.5),
        "upload-cuts": lambda: upload_cuts.rows(runs, "tus") + upload_cuts.rows(runs, "s3-pieces"),
        "upload-hour": upload_hour.rows,
        "upload-rooms": lambda: upload_rooms.rows(5 if quick else 30, 2.0, 1.0),
        "upload-fleet": fleet.rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("rows", nargs="*")
    options = parser.parse_args()
    usual = benchmarks(options.pairs, options.quick)
    of_upload = uploads(options.pairs, options.quick)
    known = usual | of_upload | long_ones(options.quick)
    if unknown := set(options.rows) - set(known) - {"upload"}:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}; one of {', '.join(known)}")
    asked = [name for row in options.rows for name in (of_upload if row == "upload" else [row])]
    print(f"{machine()}; medians of {options.pairs} pairs\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for name in asked or usual:
        for row in known[name]():
            print(row, flush=True)


if __name__ == "__main__":
    main()
