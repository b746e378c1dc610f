"""A Chromium that looks at the panel, and what it finds wrong with what it sees.

Needs `chromium` (tests/system-packages.txt). The pages come from the fake server of `fake.py`.
"""

from __future__ import annotations

import math
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette

from tests.panel.fake import fake
from tests.panel.fake_room import Fake
from tests.panel.fake_screens import SCREENS

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SIZES = {"10-inch": (1280, 800), "7-inch": (1024, 600), "phone": (390, 844)}
MINI = (320, 96)
THEMES = ("dark", "light", "contrast")
#: Opened over a stage, with the screen that lies behind and the role that it needs.
PAGES = {
    "queue": ("ready", "control"),
    "details": ("ready_booked", "control"),
    "fields": ("recording", "control"),
    "options": ("ready", "control"),
    "help": ("ready", "control"),
    "pin": ("ready", "control"),
    "it": ("recording", "it"),
    "checks": ("ready", "it"),
    "line": ("ready", "control"),
    "line_kept": ("ready", "control"),
}
#: Which line of the queue is opened.
LINES = {"line": 0, "line_kept": 5}
#: What is opened under another name.
OPENED = {
    "fields": "details",
    "pin": "it",
    "checks": "it",
    "line": "details",
    "line_kept": "details",
}
#: Made by the browser itself.
OWN = ("question", "lost", "sign_in", "view")
ALL = (*sorted(SCREENS), *PAGES, *OWN)
#: Lists may be longer than the screen; the stages may not.
SCROLLING = {*PAGES, "sign_in"}
#: Nothing takes longer on a machine that is merely busy; Playwright's own 30 s were too few.
HANG_MS = 120_000
#: What rounding makes of whole pixels.
SLACK = 1.5

FINDINGS = """([scrolling, slack]) => {
  const found = [], words = el => el.tagName.toLowerCase() + "." + el.className + " " +
    (el.textContent || "").trim().slice(0, 40);
  const seen = el => el.checkVisibility() && el.getClientRects().length;
  const all = [...document.querySelectorAll("panel-app *")].filter(seen);
  for (const el of all) {
    if (el.closest("svg") || el.matches("canvas, option, .it-tracks, .it-tracks *")) continue;
    const box = el.getBoundingClientRect(), style = getComputedStyle(el);
    if (style.display === "contents") continue;
    if (box.left < -slack || box.right > innerWidth + slack)
      found.push("beside the page: " + words(el));
    if (style.display !== "inline" && el.clientWidth && el.scrollWidth > el.clientWidth + slack)
      found.push("wider than its box: " + words(el));
    if (el.matches(".saved-words, .paused-words") && el.scrollHeight > el.clientHeight + slack)
      found.push("higher than its place: " + words(el));
    if (el.matches("button") && el.scrollHeight > el.clientHeight + slack)
      found.push("higher than its button: " + words(el));
  }
  const main = document.querySelector("main");
  if (!scrolling && main.scrollHeight > main.clientHeight + slack)
    found.push(`the stage is ${main.scrollHeight - main.clientHeight} px too high`);
  const buttons = all.filter(el => el.matches("button"));
  for (const el of buttons) {
    const box = el.getBoundingClientRect();
    const least = el.closest(".actions, .saved-choices") || el.matches(".start, .resume") ? 96 : 64;
    if (box.height < least - slack || box.width < 64 - slack)
      found.push(`a button of ${box.width}x${box.height}: ` + words(el));
    const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
    const there = !scrolling && document.elementFromPoint(x, y);
    if (there && !el.contains(there)) found.push(`${words(there)} covers ${words(el)}`);
    for (const other of buttons) {
      const b = other.getBoundingClientRect();
      const across = Math.max(b.left - box.right, box.left - b.right);
      const down = Math.max(b.top - box.bottom, box.top - b.bottom);
      const apart = ["main", ".page-head"].some( // one scrolls below the other
        part => el.closest(part) !== other.closest(part));
      if (el !== other && !(scrolling && apart) && across < 16 - slack && down < 16 - slack - 6)
        found.push(`${Math.max(across, down)} px between ${words(el)} and ${words(other)}`);
    }
  }
  for (const el of all) for (const node of el.childNodes) {
    const text = node.nodeType === 3 ? node.data.trim() : "";
    if (/^[a-z]+(\\.[a-z]+)+$/.test(text) || /\\{\\w+\\}/.test(text))
      found.push("no words: " + text);
  }
  return [...new Set(found)];
}"""

#: Marks what has letters of its own: asking for the fonts of every element takes longer than axe.
WITH_LETTERS = """() => { for (const el of document.querySelectorAll("panel-app *"))
  el.toggleAttribute("data-letters", el.matches("input, select, option") ||
    [...el.childNodes].some(node => node.nodeType === 3 && node.data.trim())); }"""

AXE_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"],
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})).violations.flatMap(
    it => it.nodes.map(node => it.id + ": " + node.html.slice(0, 120)))"""


@contextmanager
def served(app: Starlette, port: int = 0) -> Iterator[str]:
    """The app on a port of the loopback (0: a free one), as an address."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, ws_per_message_deflate=False, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)
        listener.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser, driven by Playwright, which has none of its own here."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "chromium is not installed; see tests/system-packages.txt"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


class Onlooker:
    """One page on the fake room, that can be led to any screen."""

    def __init__(self, page: Page, address: str, room: Fake) -> None:
        self.page, self.room, self._address = page, room, address
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, query: str = "") -> None:
        self.page.goto(f"{self._address}/{query}")
        self.page.wait_for_selector("panel-app #bar")

    def see(self, name: str, language: str = "en", theme: str = "dark") -> None:
        """Lead the page to a screen by its name in ALL."""
        screen, role = PAGES.get(name, (name, "control"))
        if name in OWN:
            screen, role = "recording", {"sign_in": "none", "view": "view"}.get(name, "control")
        self.room.role = role  # type: ignore[assignment]
        self.room.show(screen)
        self.room.since = math.inf  # "starting" and "saving" stay until they have been looked at
        self.page.evaluate(  # looking takes long; a page that nobody touches goes dark
            "() => { const app = document.querySelector('panel-app');"
            " app._touched = performance.now(); app._dim(); }"
        )
        self._panel("panel._connection.send({type: 'snapshot'})")
        self._until(f"panel.held.state?.rev >= {self.room.rev} && panel.held.role === '{role}'")
        self._panel(f"panel.busy = false; panel.set({{theme: '{theme}'}}); panel.open('')")
        self._panel(f"panel._contact({'false' if name == 'lost' else 'true'})")
        if self._panel("panel.words.tag") != language:
            self._panel(f"panel.speak('{language}')")
            self._until(f"panel.words.tag === '{language}'")
        if name in PAGES:
            line = f", panel.held.state.queue.lectures[{LINES[name]}]" if name in LINES else ""
            self._panel(f"panel.open('{OPENED.get(name, name)}'{line})")
        if name == "fields":
            self.page.locator(".choices-wide button").last.click()
        if name in ("it", "checks"):
            self.page.wait_for_selector(".it-events li")
        if name == "checks":
            self.page.locator(".it-pair button").first.click()
            self.page.wait_for_selector(".it-found li")
        if name == "question":
            self.page.locator(".actions .stop").click()
        self.settle()

    def settle(self) -> None:
        """Wait until the fonts are there and the parts are drawn."""
        self.page.evaluate(
            "async () => { await document.fonts.ready; for (let n = 0; n < 3; n++)"
            " await new Promise(done => requestAnimationFrame(done)); await document.fonts.ready; }"
        )

    def findings(self, name: str) -> list[str]:
        """What is cut, covered, too small or without words."""
        return list(self.page.evaluate(FINDINGS, [name in SCROLLING, SLACK])) + self.errors

    def barriers(self) -> list[str]:
        """What axe finds against WCAG 2.2 A and AA."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.add_script_tag(path=AXE)
        return list(self.page.evaluate(AXE_RUN))

    def foreign_fonts(self) -> set[str]:
        """Fonts of this PC that were used for want of one of ours."""
        self.page.evaluate(WITH_LETTERS)
        talk = self.page.context.new_cdp_session(self.page)
        try:
            talk.send("DOM.enable")
            talk.send("CSS.enable")
            root = talk.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
            nodes = talk.send(
                "DOM.querySelectorAll", {"nodeId": root, "selector": "[data-letters]"}
            )
            used = [
                font
                for node in nodes["nodeIds"]
                for font in talk.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
            ]
        finally:
            talk.detach()
        return {font["familyName"] for font in used if not font["isCustomFont"]}

    def _panel(self, script: str) -> Any:
        """Run a script in which `panel` is the page's Panel."""
        body = script if "=" not in script or "===" in script else f"void 0; {script}"
        return self.page.evaluate(
            "script => { const panel = document.querySelector('panel-app').panel;"
            " return eval(script); }",
            body,
        )

    def _until(self, condition: str) -> None:
        deadline = time.monotonic() + HANG_MS / 1000
        while not self._panel(condition):
            assert time.monotonic() < deadline, f"never: {condition}"
            time.sleep(0.02)


@contextmanager
def onlooker(browser: Browser, size: tuple[int, int], query: str = "") -> Iterator[Onlooker]:
    """A fresh room and a page on it."""
    room = Fake()
    with served(fake(room)) as address:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_default_timeout(HANG_MS)
        try:
            looking = Onlooker(page, address, room)
            looking.open(query)
            yield looking
        finally:
            page.close()
