"""The pictures of docs/panel: each screen in four languages and three sizes, small.

    python -m tests.panel.pictures [10-inch-en phone-ar mini …]

Sheets of small pictures, so that a change of a colour does not grow the repository by megabytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser

from tests.panel.looking import MINI, SIZES, Onlooker, chromium, onlooker

FOLDER = Path(__file__).parents[2] / "docs" / "panel"
LANGUAGES = ("en", "ar", "km", "zh-Hans")
#: Letters of the design, for the order in the folder.
SCREENS = {
    "a-ready": "ready_say",
    "b-recording": "recording",
    "c-stop": "question",
    "d-paused": "paused_talking",
    "e-saving": "saving",
    "e-saved": "saved",
    "f-microphone": "mic_silent",
    "f-nothing": "room_empty",
    "g-late": "late_start",
    "h-ending": "stopping",
    "i-it": "it",
    "i-checks": "checks",
    "i-test": "saved_test",
    "j-queue": "queue",
    "j-line": "line",
    "k-details": "details",
    "l-languages": "options",
    "m-lost": "lost",
}
#: Sheets are this wide; a single picture of a sheet about a third of it.
SHEET_PX = 1200
GAP_PX = 8


def main() -> None:
    wanted = set(sys.argv[1:])
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        for size in SIZES:
            tongues = [it for it in LANGUAGES if not wanted or f"{size}-{it}" in wanted]
            if tongues:
                sheets(browser, size, tongues)
        if not wanted or "mini" in wanted:
            with onlooker(browser, MINI, "?mini=1") as looking:
                small = dict.fromkeys(("ready", "recording", "paused", "saved"))
                save(FOLDER / "mini.png", sheet(list(taken(looking, "en", small)), 2))


def sheets(browser: Browser, size: str, tongues: list[str]) -> None:
    width, height = SIZES[size]
    with onlooker(browser, (width, height)) as looking:
        for language in tongues:
            shots = list(taken(looking, language, SCREENS))
            save(FOLDER / f"{size}-{language}.png", sheet(shots, 5 if height > width else 3))
            if (size, language) == ("10-inch", "en"):
                save(FOLDER / "panel.png", scaled(shots[1], 800))


def taken(looking: Onlooker, language: str, screens: dict[str, str | None]) -> Iterator[np.ndarray]:
    for name, screen in screens.items():
        looking.see(screen or name, language)
        looking.page.wait_for_timeout(400)  # a picture and a level have come
        data = np.frombuffer(looking.page.screenshot(), np.uint8)
        yield cv2.imdecode(data, cv2.IMREAD_COLOR)


def sheet(shots: list[np.ndarray], columns: int) -> np.ndarray:
    width = min(shots[0].shape[1], (SHEET_PX - (columns + 1) * GAP_PX) // columns)
    small = [scaled(shot, width) for shot in shots]
    height = small[0].shape[0]
    rows = -(-len(small) // columns)
    size = (rows * (height + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX, 3)
    whole = np.full(size, 255, np.uint8)
    for number, shot in enumerate(small):
        top = GAP_PX + number // columns * (height + GAP_PX)
        left = GAP_PX + number % columns * (width + GAP_PX)
        whole[top : top + height, left : left + width] = shot
    return whole


def scaled(shot: np.ndarray, width: int) -> np.ndarray:
    height = round(shot.shape[0] * width / shot.shape[1])
    return cv2.resize(shot, (width, height), interpolation=cv2.INTER_AREA)


def save(path: Path, picture: np.ndarray) -> None:
    """With few shades: a panel is flat, and its picture a third as large."""
    few = (picture // 8 * 8 + 4).astype(np.uint8)
    few[picture > 247] = 255
    cv2.imwrite(str(path), few, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
