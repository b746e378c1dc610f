"""Checks of cameras, microphones, and what encodes their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_agent.accounts import Account, group_name, service_account
from edge_agent.commands.finding import Finding, Ground, Mend, State
from edge_agent.rules.guards import advice

#: What the recorders open: cameras, sound cards that record, cards that encode.
_NODES = ("video[0-9]*", "snd/pcm*c", "dri/renderD*")


def permissions(ground: Ground) -> Iterator[Finding]:
    """May the agent open cameras, sound cards and graphics cards?"""
    who = ground.account or service_account(ground.room.spool.root)
    nodes, found = _nodes(ground.root), closed(ground.root, who)
    yield from found
    if nodes and not found:
        yield Finding(f"{who.name} may open all {len(nodes)} devices")
    if not nodes:
        yield Finding(f"{who.name}: no device to open yet")


def closed(root: Path, who: Account) -> list[Finding]:
    """The devices that an account may not open: to it they look as if they were not plugged in."""
    shut: dict[int, list[Path]] = {}
    for node in _nodes(root):
        facts = node.stat()
        if not who.may_use(facts):
            shut.setdefault(facts.st_gid, []).append(node)
    return [_closed(who, gid, nodes) for gid, nodes in shut.items()]


def _nodes(root: Path) -> list[Path]:
    return [node for kind in _NODES for node in sorted((root / "dev").glob(kind))]


def _closed(who: Account, gid: int, nodes: Sequence[Path]) -> Finding:
    names = ", ".join(
        f"/dev/{'/'.join(node.parts[node.parts.index('dev') + 1 :])}" for node in nodes
    )
    what = f"{who.name} may not open {names}"
    group = group_name(gid)
    if gid == 0 or not group or gid in who.groups:
        fix = "udev gave it to nobody: sudo udevadm trigger; then look again"
        return Finding(what, State.WRONG, fix)
    mend = Mend((("usermod", "--append", "--groups", group, who.name),))
    after = "; then restart the agent (people log in again)"
    return Finding.mendable(what, State.WRONG, mend, after)


def devices(ground: Ground) -> Iterator[Finding]:
    """Does every camera and microphone deliver?"""
    if ground.status is not None and ground.status["tracks"]:
        for name, track in ground.status["tracks"].items():
            yield _track(name, track)
        return
    from edge_agent.commands.looking import list_devices
    from edge_agent.config_devices import known_as

    rows = list_devices()
    found = {str(each[key]) for each in rows for key in ("id", "identity", "name")}
    found |= {name for each in rows for name in each["also"]}
    said = (known_as(ground.config.devices, r["identity"], r["where"], r["also"]) for r in rows)
    found |= {each.name for each in said} - {""}
    plugged = "plug it in, then: edge-agent devices list"
    if not found and not ground.config.tracks:
        yield Finding("no camera, microphone or screen is plugged in", State.WRONG, plugged)
    for row in rows if not ground.config.tracks else ():
        yield Finding(f"{row['name']} is plugged in ({row['id']})")
    for name, track in ground.config.tracks.items():
        if track.kind in ("v4l2", "microphone") and track.device not in found:
            what = f"{name}: {track.device} is not listed by that name"
            yield Finding(what, State.NOTE, f"try it: edge-agent devices test {name}")
        else:
            yield Finding(f"{name}: {track.device or track.kind} is configured")


def _track(name: str, track: Mapping[str, Any]) -> Finding:
    if track["phase"] in ("absent", "starting"):
        why = track["reason"] or "it is starting"
        fix = track["hint"] or f"try it: edge-agent devices test {name}"
        return Finding(f"{name}: {why}", State.WRONG, fix)
    if track.get("warning"):
        return Finding(f"{name}: {track['warning']}", State.WRONG, advice(track["warning"]))
    if track.get("given_up"):
        fix = "when the lecture is over: edge-agent encoders --benchmark"
        return Finding(f"{name}: this PC is too slow: {track['given_up']}", State.NOTE, fix)
    return Finding(f"{name}: {track['description'] or track['device']}")


def encoders(ground: Ground) -> Iterator[Finding]:
    """What encodes pictures, and why the others do not?"""
    from edge_agent.encoder_book import load, this_computer, trial_size
    from encoders.ladder import SOFTWARE, rungs

    size = trial_size(track.size for track in ground.config.tracks.values())
    book = load(ground.room.spool.encoders, this_computer(size=size))
    failed = dict((ground.status or {}).get("failed_encoders", {}))
    for codec in sorted({"h264", *(track.codec for track in ground.config.tracks.values())}):
        verdicts, more = book.of(codec), f"edge-agent encoders --codec {codec}"
        if not verdicts:
            yield Finding(f"{codec}: encoders have not been tried yet", State.NOTE, more)
            continue
        name = next(iter(rungs(verdicts, codec, failed)), "")
        if not name:
            what = f"{codec}: no encoder works, h264 is recorded instead"
            yield Finding(what, State.WRONG, more)
            continue
        chosen = next(each for each in verdicts if each.name == name)
        slow = name == SOFTWARE[codec] and 0 < chosen.speed < 1
        fix = "measure what it can do: edge-agent encoders --benchmark" if slow else ""
        what = f"{codec}: {name}, {chosen.speed:.1f} × real time"
        yield Finding(what, State.WRONG if slow else State.OK, fix)
        for each in verdicts:
            why = failed.get(each.name, each.reason)
            if each.name != name and why:
                yield Finding(f"{codec}: not {each.name}: {why}")
    if book.headroom is not None and not book.headroom.get("fits", True):
        fix = "choose a smaller size or rate for a track: edge-agent encoders"
        yield Finding("the room's tracks are too much for this PC", State.WRONG, fix)
