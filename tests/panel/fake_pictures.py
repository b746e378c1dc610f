"""What the fake room sees: a lecturer at the board, and a slide. Drawn, so that nobody is shown."""

from __future__ import annotations

import functools
import math
import time

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 360
#: Colours as OpenCV has them: blue, green, red.
WALL, BOARD, CHALK, WOOD = (214, 224, 230), (62, 84, 48), (214, 222, 218), (70, 104, 148)
COAT, SKIN, HAIR, SHIRT = (104, 66, 44), (120, 152, 196), (28, 32, 44), (228, 228, 232)
PAPER, INK, BLUE, RED = (255, 255, 255), (58, 46, 40), (168, 92, 32), (56, 56, 208)


def picture(number: int) -> bytes:
    """The picture of a source at this moment, as JPEG: the camera's, or the slides'."""
    image = (_slide if number % 2 else _hall)(time.monotonic())
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def _hall(now_s: float) -> np.ndarray:
    """The lecturer walks a little, and points at the board."""
    image = _empty_hall().copy()
    x = int(330 + 26 * math.sin(now_s / 2))
    hand = (x + 62, int(140 + 8 * math.sin(now_s * 1.7)))
    cv2.line(image, (x + 22, 196), hand, COAT, 17, cv2.LINE_AA)
    cv2.circle(image, hand, 9, SKIN, -1, cv2.LINE_AA)
    coat = np.array([(x - 34, 360), (x - 30, 186), (x - 12, 174), (x + 14, 174), (x + 32, 190)])
    cv2.fillPoly(image, [np.vstack([coat, [(x + 36, 360)]])], COAT, cv2.LINE_AA)
    shirt = np.array([(x - 9, 173), (x + 11, 173), (x + 1, 212)])
    cv2.fillPoly(image, [shirt], SHIRT, cv2.LINE_AA)
    cv2.ellipse(image, (x + 1, 146), (21, 27), 0, 0, 360, SKIN, -1, cv2.LINE_AA)
    cv2.ellipse(image, (x, 134), (23, 19), 0, 180, 360, HAIR, -1, cv2.LINE_AA)
    image[262:, 214:296] = _empty_hall()[262:, 214:296]  # the lectern stands in front
    _audience(image)
    return image


@functools.cache
def _empty_hall() -> np.ndarray:
    light = np.linspace(1.0, 0.8, HEIGHT)[:, None, None]
    image = (np.full((HEIGHT, WIDTH, 3), WALL) * light).astype(np.uint8)
    cv2.rectangle(image, (60, 44), (580, 236), WOOD, -1)
    cv2.rectangle(image, (68, 52), (572, 228), BOARD, -1)
    for row, text in enumerate(("dS = dQ / T", "W = Q1 - Q2", "n = 1 - T2 / T1")):
        at = (92, 100 + 44 * row)
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 0.9, CHALK, 2, cv2.LINE_AA)
    axes = np.array([(420, 84), (420, 204), (548, 204)])
    cv2.polylines(image, [axes], False, CHALK, 2, cv2.LINE_AA)
    curve = np.array([(432 + n, int(196 - 2600 / (n + 26))) for n in range(0, 108, 6)])
    cv2.polylines(image, [curve], False, CHALK, 2, cv2.LINE_AA)
    cv2.rectangle(image, (214, 262), (296, 360), tuple(int(c * 0.8) for c in WOOD), -1)
    cv2.rectangle(image, (206, 252), (304, 266), WOOD, -1)
    return image


def _audience(image: np.ndarray) -> None:
    for seat, x in enumerate(range(24, WIDTH, 84)):
        y = 336 + 9 * (seat % 2)
        cv2.ellipse(image, (x, y + 44), (36, 40), 0, 180, 360, HAIR, -1, cv2.LINE_AA)
        cv2.circle(image, (x, y), 19, HAIR, -1, cv2.LINE_AA)


def _slide(now_s: float) -> np.ndarray:
    """A pointer wanders over the cycle."""
    image = _still_slide().copy()
    turn = now_s / 2
    at = (int(466 + 70 * math.cos(turn)), int(206 + 52 * math.sin(turn)))
    cv2.circle(image, at, 7, RED, -1, cv2.LINE_AA)
    return image


@functools.cache
def _still_slide() -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8)
    cv2.rectangle(image, (0, 0), (WIDTH, 66), BLUE, -1)
    font = cv2.FONT_HERSHEY_DUPLEX
    cv2.putText(image, "The Carnot cycle", (26, 45), font, 1.1, PAPER, 2, cv2.LINE_AA)
    for row, text in enumerate(("heat comes in at T1", "work is done", "heat leaves at T2")):
        y = 128 + 58 * row
        cv2.circle(image, (36, y - 7), 6, BLUE, -1, cv2.LINE_AA)
        cv2.putText(image, text, (56, y), cv2.FONT_HERSHEY_SIMPLEX, 0.72, INK, 2, cv2.LINE_AA)
    cycle = np.array(
        [(402 + n, int(130 + n * 0.36)) for n in range(0, 80, 8)]
        + [(482 + n, int(159 + n * 1.6)) for n in range(0, 56, 8)]
        + [(538 - n, int(258 - n * 0.2)) for n in range(0, 88, 8)]
        + [(450 - n, int(240 - n * 2.2)) for n in range(0, 48, 8)]
    )
    cv2.fillPoly(image, [cycle], (214, 226, 255), cv2.LINE_AA)
    cv2.polylines(image, [cycle], True, BLUE, 3, cv2.LINE_AA)
    axes = np.array([(374, 98), (374, 300), (592, 300)])
    cv2.polylines(image, [axes], False, INK, 3, cv2.LINE_AA)
    for text, at in (("p", (350, 112)), ("V", (578, 328))):
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, INK, 2, cv2.LINE_AA)
    return image
