"""A panel server without an agent: canned states, and buttons that lead from one to the next.

    python -m tests.panel.fake --port 8025

`/fake/{screen}` shows a screen to everybody who is connected (the names: `/fake`), and
`/fake/it` gives a role. Levels move, pictures are drawn, Start leads to recording in a second.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.panel.fake_pages import Pages
from tests.panel.fake_room import Fake
from tests.panel.fake_screens import SCREENS

STATIC = Path(__file__).parents[2] / "edge_agent" / "panel" / "static"


def fake(room: Fake | None = None, static: Path = STATIC) -> Starlette:
    """The ASGI app. `static`: the page's folder; the panel's own by default."""
    page = StaticFiles(directory=static, html=True, check_dir=False)
    return Starlette(routes=[*Pages(room or Fake()).routes(), Mount("/", page)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--screen", default="ready", choices=sorted(SCREENS))
    asked = parser.parse_args()
    uvicorn.run(fake(Fake(asked.screen)), port=asked.port, ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
