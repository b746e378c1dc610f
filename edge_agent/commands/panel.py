"""`edge-agent panel …`: the control panel's server, and what IT staff set up around it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Annotated

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, config_option, room
from edge_agent.locks import is_held

app = typer.Typer(help="The control panel for lecturers, in a browser.", no_args_is_help=True)

#: Debian and Ubuntu, Fedora, Google's own.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHORTEST_PIN, LONGEST_PIN = 4, 64


@app.command()
def run(context: typer.Context) -> None:
    """Serve the panel in the foreground, until told to stop (systemd runs this)."""
    with reporting("panel.run") as report:
        from edge_agent.commands.metrics_room import telling
        from edge_agent.panel import server
        from edge_agent.secrets import Secrets

        settings = config(context)
        report.note(f"the panel is at {_url(settings.panel.listen, settings.panel.port)}")
        try:
            file = config_option(context)
            options = ["--config", str(file)] if file else []
            secrets = Secrets.of(os.environ, room(context).written.main.parent)
            server.run(settings, secrets, telling(settings), options)
        except server.PortTaken as error:
            raise Failure(
                Exit.FAILED,
                "port-taken",
                f"the panel cannot listen on {error}",
                "set listen and port in [panel]; see them with: edge-agent config show",
            ) from None


@app.command("open")
def open_(
    context: typer.Context,
    mini: Annotated[
        bool, typer.Option("--mini", help="A small window, where the screen is recorded.")
    ] = False,
) -> None:
    """Show the panel on this PC's screen, in a browser that shows nothing else."""
    with reporting("panel.open"):
        settings, here = config(context), room(context)
        _demand_running(here)
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            raise Failure(
                Exit.NOT_FOUND,
                "no-browser",
                "there is no Chromium on this PC",
                "install it with: sudo apt install chromium; or open the panel's address in "
                "another browser: edge-agent panel url",
            )
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise Failure(
                Exit.FAILED,
                "no-screen",
                "this terminal has no screen to show a window on",
                "run it on the PC's own desktop, not over ssh",
            )
        address = _url(settings.panel.listen, settings.panel.port)
        sys.stdout.flush()
        os.execv(browser, [browser, *window(address, mini)])


def window(address: str, mini: bool) -> list[str]:
    """Chromium's arguments: nothing of its own on the screen, and its profile apart."""
    shape = [f"--app={address}/?mini=1", "--window-size=320,96"] if mini else ["--kiosk", address]
    return [
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-session-crashed-bubble",
        "--disable-pinch",
        "--overscroll-history-navigation=0",
        "--autoplay-policy=no-user-gesture-required",
        f"--user-data-dir={_profile()}",
        *shape,
    ]


def _profile() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 -- raises nothing
    return f"{home}/edge-agent-panel"


@app.command()
def url(context: typer.Context, as_json: AsJson = False) -> None:
    """Where the panel is, on this PC and for tablets."""
    with reporting("panel.url", as_json) as report:
        from edge_agent.panel.addresses import addresses

        settings, here = config(context), room(context)
        local = _url(settings.panel.listen, settings.panel.port)
        others = addresses(settings.panel)
        running = is_held(here.runtime.panel_lock)
        report.data = {"url": local, "network": others, "running": running}
        report.say(local, *others)
        if not running:
            report.warn(_NOT_RUNNING)


@app.command()
def pair(
    context: typer.Context,
    role: Annotated[
        str, typer.Option(help="What the tablet may do: view, control or it.")
    ] = "control",
    as_json: AsJson = False,
) -> None:
    """Let one tablet in: shows a QR code that is good for a minute, once."""
    with reporting("panel.pair", as_json) as report:
        if role not in ("view", "control", "it"):
            raise Failure(
                Exit.USAGE, "bad-role", f"{role!r} is no role", "one of view, control, it"
            )
        from edge_agent.panel.addresses import addresses

        settings, here = config(context), room(context)
        _demand_running(here)
        if not addresses(settings.panel):
            raise Failure(
                Exit.WRONG_STATE,
                "not-on-the-network",
                "the panel listens on this PC only, so no tablet can reach it",
                'set listen = "0.0.0.0" in [panel] and restart the panel',
            )
        found = _ask_pairing(here, role)
        address, seconds = str(found["url"]), found["expires_s"]
        report.data = {"url": address, "expires_s": seconds}
        report.say(_qr(address), address, f"good for {seconds} s, once")


@app.command()
def pin(
    context: typer.Context,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Set the PIN for the page for IT staff; asked for, never on the command line."""
    with reporting("panel.pin", as_json) as report:
        if more:
            raise Failure(
                Exit.USAGE,
                "secret-in-arguments",
                "a PIN may not stand on the command line: others can read it there, and it stays "
                "in the shell's history. Choose another one",
                "without it: edge-agent panel pin",
            )
        settings, here = config(context), room(context)
        name = settings.panel.pin or "panel-pin"
        store_pin(here, name, _asked_pin(), report)
        report.data = {"name": name, "configured": settings.panel.pin is not None}
        if settings.panel.pin is None:
            report.say(f'now set pin = "{name}" in [panel] and restart the panel')


def _asked_pin() -> str:
    if sys.stdin.isatty():
        typed = typer.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    else:
        typed = sys.stdin.readline()
    return checked_pin(str(typed))


def checked_pin(typed: str) -> str:
    """Raises Failure."""
    found = typed.strip()
    if not SHORTEST_PIN <= len(found) <= LONGEST_PIN:
        raise Failure(
            Exit.USAGE,
            "bad-pin",
            f"a PIN has {SHORTEST_PIN} to {LONGEST_PIN} characters",
            "six digits or more are a good one",
        )
    return found


def store_pin(here: Room, name: str, found: str, report: Report) -> None:
    """Keep it as a hash, for the services alone. Raises OSError."""
    from edge_agent.accounts import owner_of_secrets
    from edge_agent.credential_desk import store
    from edge_agent.panel.sessions import hash_pin

    folder = here.written.main.parent / "credentials"
    store(folder, name, hash_pin(found), owner_of_secrets(here.spool.root))
    report.say(f"the PIN is kept in {folder / name}, as a hash")


_NOT_RUNNING = (
    "the panel is not running; start it with: sudo systemctl start edge-agent-panel "
    "(or, without a service: edge-agent panel run)"
)


def _demand_running(here: Room) -> None:
    if not is_held(here.runtime.panel_lock):
        raise Failure(
            Exit.NOT_REACHABLE,
            "panel-not-running",
            "the panel is not running",
            "start it with: sudo systemctl start edge-agent-panel (or, without a service: "
            "edge-agent panel run)",
            retryable=True,
        )


def _url(listen: str, port: int) -> str:
    """From this PC itself."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(listen, listen)
    return f"http://{f'[{name}]' if ':' in name and '[' not in name else name}:{port}"


def _qr(address: str) -> str:
    import io

    import segno

    out = io.StringIO()
    segno.make(address, error="m").terminal(out=out, compact=True)
    return out.getvalue()


def _ask_pairing(here: Room, role: str) -> dict[str, object]:
    from edge_agent.panel.client import post

    return post(here.runtime.panel_socket, "/api/v1/pairings", {"role": role})
