"""`edge-agent devices network`: network cameras that speak ONVIF, and where their streams are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, room
from edge_agent.commands.words import table

if TYPE_CHECKING:
    from capture.onvif import Offer, Stream
    from capture.source import SourceError


def network(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Argument(
            metavar="[ADDRESS]",
            help="HOST, HOST:PORT or the address of its ONVIF service; without it: who answers.",
        ),
    ] = "",
    credential: Annotated[
        str,
        typer.Option(
            help="The credential with user:password of the camera.",
            autocompletion=completing.secrets,
        ),
    ] = "",
    seconds: Annotated[float, typer.Option(min=0.2, max=60.0, help="How long to listen.")] = 3.0,
    as_json: AsJson = False,
) -> None:
    """Find network cameras (ONVIF), and what can stand as the device of a track."""
    from capture.source import SourceError

    with reporting("devices.network", as_json) as report:
        try:
            if address:
                _tell_offer(room(context), address, credential, report)
            else:
                _tell_found(seconds, report)
        except SourceError as error:
            raise not_usable(error) from None


def not_usable(error: SourceError) -> Failure:
    """What a camera on the network has against us, as a command says it."""
    from capture.source import DeviceMissing

    missing = isinstance(error, DeviceMissing)
    code = "device-missing" if missing else "device-unusable"
    return Failure(Exit.DEVICE, code, error.reason, error.hint, retryable=missing)


def _tell_found(seconds: float, report: Report) -> None:
    from capture.onvif import discover

    found = discover(seconds)
    report.data = {"cameras": [asdict(it) for it in found]}
    if not found:
        report.say("no camera answers")
        report.note("next:  ask one by its address: edge-agent devices network 192.168.1.64")
        return
    rows = [(it.service, it.name or "–", it.hardware or "–") for it in found]
    report.say(*table(("SERVICE", "NAME", "HARDWARE"), rows))
    report.note(f"next:  edge-agent devices network {found[0].service} --credential NAME")


def _tell_offer(here: Room, address: str, credential: str, report: Report) -> None:
    from capture.onvif import ask, best

    user, password = user_of(here, credential)
    offer = ask(address, user, password)
    chosen = best(offer.streams)
    report.data = asdict(offer) | {"best": chosen.url if chosen else None}
    report.say(*_lines(offer, chosen))
    if chosen is None:
        report.warn("none of its streams is H.264: switch the camera to H.264, then ask again")
        report.exit = Exit.FINDINGS


def _lines(offer: Offer, chosen: Stream | None) -> Iterator[str]:
    yield " ".join(filter(None, (offer.maker, offer.model, offer.serial)))
    for it in offer.streams:
        size = f"{it.width}×{it.height}" if it.width else "size unknown"
        mark = "*" if it == chosen else " "
        yield f"{mark} {it.name}  {it.encoding or '?'}  {size}  {it.fps:g}/s  {it.url}"
    if chosen is not None:
        yield "to record it (with user:password@ behind rtsp:// where it wants them):"
        yield f"edge-agent config set tracks.camera.kind rtsp tracks.camera.device {chosen.url}"


def user_of(here: Room, credential: str) -> tuple[str, str]:
    """Raises Failure. Never from the command line: others on this PC could read it there."""
    if not credential:
        return "", ""
    from edge_agent.secrets import Secrets
    from uploader.sender import Transient

    try:
        text = Secrets.of(os.environ, here.written.main.parent).read(credential)
    except Transient as error:
        hint = f"edge-agent secret set {credential}"
        raise Failure(Exit.NOT_FOUND, "no-credential", error.reason, hint) from None
    user, colon, password = text.partition(":")
    if not colon:
        raise Failure(
            Exit.USAGE,
            "bad-credential",
            f"the credential {credential!r} is not user:password",
            f"edge-agent secret set {credential}",
        )
    return user, password
