"""Rooms on one mosquitto: what the broker pays for them, and what a restart of it does.

    python -m benchmarks.mqtt_fleet [--rooms 10000] [--tls] [--seconds 90] [--plot FILE.svg]

Each room is a real connection with the product's own topics, messages, ration and patience
(`benchmarks.mqtt_rooms`); only the recording behind it is not there. The broker is killed once all
rooms have been there for a while, and started again three seconds later.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import ssl
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.mqtt_rooms import PASSWORD, Fleet, Room
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.patience import LASTED_S, SPREAD_S
from edge_agent.mqtt.topics import Topics
from tests.servers.mosquitto import Mosquitto

AWAY_S = 3.0
#: How long all of them are given to come, and to come back.
COME_S = 240.0
USER = "rooms"
_TICKS = os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- measuring


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _until_all(fleet: Fleet, rooms: int) -> bool:
    deadline = time.monotonic() + COME_S
    while len(fleet.there) < rooms and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return len(fleet.there) == rooms


async def measured(broker: Mosquitto, rooms: int, tls: bool, steady_s: float) -> dict[str, float]:
    trust = ssl.create_default_context(cafile=str(broker.ca)) if tls else None
    fleet = Fleet(broker.port, trust, rooms)
    tasks = [asyncio.create_task(Room(fleet, number).live()) for number in range(rooms)]
    found: dict[str, float] = {"first_all": await _until_all(fleet, rooms)}
    found["connect_ms"] = cpu_s(broker.pid) / rooms * 1000
    await asyncio.sleep(max(LASTED_S, 10.0))  # what was told first is acknowledged
    began, cpu, before = time.monotonic(), cpu_s(broker.pid), Counter(fleet.counted)
    await asyncio.sleep(steady_s)
    passed = time.monotonic() - began
    found["rss_mib"] = rss_mib(broker.pid)
    found["core_percent"] = (cpu_s(broker.pid) - cpu) / passed * 100
    found["told_a_second"] = (fleet.counted["told"] - before["told"]) / passed
    fleet.came.clear()
    broker.kill()
    await asyncio.sleep(AWAY_S)
    back = time.monotonic()
    await asyncio.to_thread(broker.start)
    found["all_back"] = await _until_all(fleet, rooms)
    found["storm_core_s"] = cpu_s(broker.pid)
    came = sorted(at - back for at in fleet.came)
    found["last_s"] = came[-1]
    seconds = Counter(int(at) for at in came)
    found["peak"] = max(seconds.values())
    found["refused"] = fleet.counted["refused"]
    for second, count in seconds.items():
        found[f"at {second}"] = count
    fleet.ending = True
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


def allow_files(count: int) -> None:
    """For this process and the broker that it starts. Raises ValueError where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))


def run(rooms: int, tls: bool, steady_s: float) -> dict[str, float]:
    allow_files(rooms + 500)
    names = [Topics("campus", f"room-{number}") for number in range(rooms)]
    accounts = [Account(it, it.client_id) for it in names]
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder), {USER: PASSWORD}, acl(accounts))
        # Each room has a user of its own; to hash ten thousand passwords would take an hour.
        secret = (broker.root / "passwords").read_text().partition(":")[2].strip()
        lines = "".join(f"{it.client_id}:{secret}\n" for it in names)
        (broker.root / "passwords").write_text(lines)
        if not tls:
            broker.without_tls()
        broker.start()
        try:
            return asyncio.run(measured(broker, rooms, tls, steady_s))
        finally:
            broker.kill()


def rows(rooms: int, tls: bool, steady_s: float, file: Path | None = None) -> list[Row]:
    it = run(rooms, tls, steady_s)
    if file is not None:
        file.write_text(plot(it, rooms))
    way = "TLS" if tls else "no TLS"
    even = rooms / SPREAD_S
    return [
        Row(
            f"{rooms} rooms on one mosquitto ({way}), all there",
            "all",
            "all" if it["first_all"] else "not all",
            bool(it["first_all"]),
        ),
        Row("… the broker's CPU for each connection", "", f"{it['connect_ms']:.2f} ms"),
        Row("… its memory for each room", "", f"{it['rss_mib'] / rooms * 1024:.0f} KiB"),
        Row("… messages told a second", "", f"{it['told_a_second']:.0f}"),
        Row(
            "… its CPU meanwhile",
            "≤ 50 % of a core",
            f"{it['core_percent']:.0f} %",
            it["core_percent"] <= 50,
        ),
        Row(
            "after its restart: most connections a second, against an even spread over 30 s",
            "≤ 3 ×",
            f"{it['peak'] / even:.1f} × ({it['peak']:.0f} to {even:.0f}), the last after "
            f"{it['last_s']:.0f} s, {it['refused']:.0f} tries in vain",
            bool(it["all_back"]) and it["peak"] <= 3 * even,
        ),
        Row("… its CPU until all are back", "", f"{it['storm_core_s']:.1f} s"),
    ]


def plot(it: dict[str, float], rooms: int) -> str:
    """An SVG of connections a second after the restart."""
    width, height, left, bottom = 720, 240, 50, 30
    values = [it.get(f"at {second}", 0.0) for second in range(int(it["last_s"]) + 2)]
    top, step = max(values), (width - left - 10) / len(values)
    bars = "".join(
        f'<rect x="{left + at * step:.1f}" width="{step * 0.85:.1f}" fill="#05a"'
        f' y="{height - bottom - value / top * (height - bottom - 20):.1f}"'
        f' height="{value / top * (height - bottom - 20):.1f}"/>'
        for at, value in enumerate(values)
    )
    text = 'font-family="sans-serif" font-size="12"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>Connections a second of {rooms} rooms after a restart of their broker</title>"
        f'<rect width="{width}" height="{height}" fill="white"/>{bars}'
        f'<path d="M{left} 20V{height - bottom}H{width - 10}" fill="none" stroke="#444"/>'
        f'<text x="5" y="24" {text}>{top:.0f}/s</text>'
        f'<text x="5" y="{height - bottom}" {text}>0</text>'
        f'<text x="{left}" y="{height - 8}" {text}>the broker is back</text>'
        f'<text x="{width - 60}" y="{height - 8}" {text}>+{len(values)} s</text></svg>\n'
    )


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.mqtt_fleet")
    words.add_argument("--rooms", type=int, default=10_000)
    words.add_argument("--tls", action="store_true")
    words.add_argument("--seconds", type=float, default=90.0)
    words.add_argument("--plot", type=Path)
    options = words.parse_args()
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.rooms, options.tls, options.seconds, options.plot):
        print(row)


if __name__ == "__main__":
    main()
