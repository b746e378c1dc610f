"""A strict Opencast, written from its documented protocol and its code's behaviour; for tests.

It has what trips clients: fields after a file are not read, a name of 76 letters is refused, the
answer to an ingest calls itself text/html, a second ingest of a running event is a 500, a finished
one starts anew, working files vanish at the end of the processing, nonces die with the process.
What a client should never do is noted as a violation. State lies in a folder and outlives a kill.
Run: python -m tests.servers.opencast FOLDER PORT
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

from tests.servers.opencast_login import PAGE, Login
from tests.servers.opencast_notes import Heard, Notes, Said, md5
from tests.servers.opencast_schedule import Schedule

NS = "http://mediapackage.opencastproject.org"
API_ROLES = ["ROLE_API", "ROLE_API_EVENTS_VIEW", "ROLE_API_EVENTS_MEDIA_VIEW"]
PATHS = {
    "org.opencastproject.ingest": "/ingest",
    "org.opencastproject.capture.admin": "/capture-admin",
    "org.opencastproject.scheduler": "/recordings",
}
GROUPS = {"track": "media", "catalog": "metadata", "attachment": "attachments"}

ElementTree.register_namespace("", NS)


@dataclass
class Opencast:
    """`wishes.json` in the folder switches on what real installations do:

    auth: basic or digest · roles: besides ROLE_CAPTURE_AGENT · faults: [[path, what], …], each for
    one request: "lose" (done, not answered), "unheard" (not done, not answered) or a status
    archive: "at once" or "at the end" · registry: one, many, none, elsewhere
    schedule: [{uid, agent, start, end, title}, …], times as in iCalendar
    """

    folder: Path
    base: str
    nonces: dict[str, int] = field(default_factory=dict)

    def answer(self, heard: Heard) -> Said:
        path = urlsplit(heard.url).path
        fault = self.notes.fault(path)
        if fault == "unheard":
            return Said(0, lost=True)
        if isinstance(fault, int):
            return Said(fault, b"out of order", "text/plain", {"Retry-After": "1"})
        scheduled = path.startswith(("/capture-admin/", "/recordings/"))
        serve = Schedule(self.notes).answer if scheduled else self._served
        refused = Login(self.notes, self.base, self.nonces).stranger(heard)
        said = refused or serve(heard, path)
        said.lost = fault == "lose"
        return said

    # ------------------------------------------------------------ what tests look at

    @property
    def notes(self) -> Notes:
        return Notes(self.folder)

    def state(self) -> dict[str, Any]:
        return self.notes.state()

    def wish(self, **wishes: Any) -> None:
        self.notes.wish(**wishes)

    def finish(self, event: str) -> None:
        """The processing ends, and its clean-up removes the working files."""
        state = self.state()
        state["events"][event]["state"] = "SUCCEEDED"
        self.notes.write("state.json", state)
        self.lose_files(event)

    def lose_files(self, event: str) -> None:
        for file in sorted((self.folder / "files" / event).rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()

    def held(self, event: str) -> dict[str, bytes]:
        """The media of an event that was handed over, by file name."""
        found = self.state()["events"].get(event, {"tracks": []})
        return {track["name"]: self._kept(event, track) for track in found["tracks"]}

    # ------------------------------------------------------------ what is asked for

    def _served(self, heard: Heard, path: str) -> Said:
        state = self.state()
        state["requests"].append(f"{heard.method} {path.rpartition('/ingest/')[2]}")
        self.notes.write("state.json", state)
        match heard.method, path.split("/")[1:]:
            case "GET", ["login.html"]:
                return Said(200, PAGE, "text/html")
            case "GET", ["services", "available.json"]:
                return self._registry(heard.url)
            case "PUT", ["ingest", "createMediaPackageWithID", event]:
                root = ElementTree.Element(f"{{{NS}}}mediapackage", id=unquote(event))
                return Said(200, ElementTree.tostring(root))
            case "POST", ["ingest", "addDCCatalog"]:
                return self._catalog(dict(parse_qsl(heard.body.decode(), strict_parsing=True)))
            case "POST", ["ingest", "addTrack"]:
                return self._element("track", heard)
            case "POST", ["ingest", "addAttachment"]:
                return self._element("attachment", heard)
            case "POST", ["ingest", "discardMediaPackage"]:
                return self._discard(dict(parse_qsl(heard.body.decode())))
            case "POST", ["ingest", "ingest", *workflow]:
                return self._ingest(dict(parse_qsl(heard.body.decode())), *workflow)
            case "GET", ["api", "events", event, *what]:
                return self._event(unquote(event), what)
        return Said(404, b"HTTP ERROR 404 Not Found", "text/html")

    def _discard(self, said: dict[str, str]) -> Said:
        root = self._package(said.get("mediaPackage"))
        if root is None:
            return Said(400)
        self.lose_files(root.get("id", ""))
        return Said(200)

    def _registry(self, url: str) -> Said:
        kind = dict(parse_qsl(urlsplit(url).query)).get("serviceType", "")

        def service(host: str, online: bool = True) -> dict[str, Any]:
            return {"host": host, "path": PATHS[kind], "active": True, "online": online}

        services: dict[str, Any] = {
            "one": {"service": service(self.base)},
            "many": {"service": [service("http://away", False), service(self.base)]},
            "elsewhere": {"service": service("https://ingest.example.org")},
            "none": "",
        }
        found = services[self.notes.wishes().get("registry", "one")]
        return Said(200, json.dumps({"services": found}).encode(), "application/json")

    def _catalog(self, form: dict[str, str]) -> Said:
        try:
            episode = ElementTree.fromstring(form["dublinCore"])
        except (KeyError, ElementTree.ParseError):
            return Said(400)
        terms = {e.tag.rpartition("}")[2]: e.text or "" for e in episode}
        period = r"start=\S+Z; end=\S+Z; scheme=W3C-DTF;"
        if not terms.get("title") or not re.fullmatch(period, terms.get("temporal", "")):
            self.notes.violation(f"a catalog with {terms}")
        flavor = form.get("flavor", "dublincore/episode")
        data = form["dublinCore"].encode()
        return self._added("catalog", form.get("mediaPackage"), flavor, "dublincore.xml", data, "")

    def _element(self, kind: str, heard: Heard) -> Said:
        _, _, boundary = heard.headers.get("content-type", "").partition("boundary=")
        fields: dict[str, str] = {}
        parts = heard.body.split(f"--{boundary}".encode())[1:]
        for number, part in enumerate(parts, 2):
            head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            data = data.removesuffix(b"\r\n")
            name = re.search(rb'name="(\w+)"', head)
            file = re.search(rb'filename="([^"]*)"', head)
            if name is None:
                return Said(400)
            if file is None:
                fields[name[1].decode()] = data.decode()
                continue
            if "flavor" not in fields:
                return Said(400)
            if parts[number - 1 :] != [b"--\r\n"]:
                self.notes.violation("something stands after the file")
            there = (fields.get("mediaPackage"), fields["flavor"], file[1].decode())
            return self._added(kind, *there, data, fields.get("tags", ""))
        return Said(400)

    def _added(
        self, kind: str, text: str | None, flavor: str, name: str, data: bytes, tags: str
    ) -> Said:
        root = self._package(text)
        if root is None or len(flavor.split("/")) != 2:
            return Said(400)
        if len(name) > 75:
            self.notes.violation(f"a name of {len(name)} letters")
            return Said(400)
        several = flavor.startswith("captions/")  # told apart by their tags
        if any(e.get("type") == flavor for e in root.iter() if e.get("type") and not several):
            self.notes.violation(f"{flavor} twice")
        element = str(uuid.uuid4())
        file = self.folder / "files" / root.get("id", "") / element / name
        file.parent.mkdir(parents=True)
        file.write_bytes(data)
        group = root.find(f"{{{NS}}}{GROUPS[kind]}")
        if group is None:
            group = ElementTree.SubElement(root, f"{{{NS}}}{GROUPS[kind]}")
        added = ElementTree.SubElement(group, f"{{{NS}}}{kind}", id=element, type=flavor)
        ElementTree.SubElement(added, f"{{{NS}}}url").text = str(file)
        ElementTree.SubElement(added, f"{{{NS}}}tags").text = tags
        return Said(200, ElementTree.tostring(root))

    def _package(self, text: str | None) -> ElementTree.Element | None:
        try:
            root = ElementTree.fromstring(text or "")
        except ElementTree.ParseError:
            return None
        return root if root.tag == f"{{{NS}}}mediapackage" and root.get("id") else None

    def _ingest(self, form: dict[str, str], workflow: str = "") -> Said:
        root = self._package(form.pop("mediaPackage", None))
        if root is None:
            return Said(400)
        event = root.get("id", "")
        state = self.state()
        if state["events"].get(event, {}).get("state") == "RUNNING":
            return Said(500)
        elements = [e for e in root.iter() if e.get("type")]
        files = [Path(e.findtext(f"{{{NS}}}url", "")) for e in elements]
        if not all(file.is_file() for file in files):
            return Said(400, b"Could not retrieve all media package elements", "text/plain")
        found: dict[str, list[dict[str, str]]] = {"track": [], "catalog": [], "attachment": []}
        for element, file in zip(elements, files, strict=True):
            kept = self.folder / "archive" / event / file.name
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, kept)
            tags = element.findtext(f"{{{NS}}}tags", "")
            entry = {"name": file.name, "flavor": element.get("type", ""), "tags": tags}
            found[element.tag.rpartition("}")[2]].append(entry)
        state["events"][event] = {
            "state": "RUNNING", "tracks": found["track"], "catalogs": found["catalog"],
            "attachments": found["attachment"], "workflow": workflow, "settings": form,
        }  # fmt: skip
        state["begun"].append(event)
        self.notes.write("state.json", state)
        words = f'<?xml version="1.0"?><workflow xmlns="x" id="{len(state["begun"])}"/>'
        return Said(200, words.encode(), "text/html")

    def _event(self, event: str, what: list[str]) -> Said:
        role = "ROLE_API_EVENTS_MEDIA_VIEW" if what else "ROLE_API_EVENTS_VIEW"
        if role not in self.notes.wishes().get("roles", []):
            return Said(403, b"Access is denied", "text/plain")
        found = self.state()["events"].get(event)
        if found is None:
            return Said(404, b"", "application/json")
        if not what:
            return _json({"identifier": event, "processing_state": found["state"]})
        late = self.notes.wishes().get("archive") == "at the end" and found["state"] == "RUNNING"
        tracks = [] if late else [(t["flavor"], self._kept(event, t)) for t in found["tracks"]]
        return _json([
            {"flavor": flavor, "size": len(data), "checksum": f"{md5(data)} (md5)"}
            for flavor, data in tracks
        ])  # fmt: skip

    def _kept(self, event: str, track: dict[str, str]) -> bytes:
        return (self.folder / "archive" / event / track["name"]).read_bytes()


def _json(data: Any) -> Said:
    return Said(200, json.dumps(data).encode(), "application/v1.10.0+json")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    opencast: ClassVar[Opencast]

    def _serve(self) -> None:
        """A stranger's large body is refused unread, as servers do."""
        wanted = int(self.headers.get("Content-Length", "0"))
        unread = wanted > 1 << 20 and "Authorization" not in self.headers
        body = b"" if unread else self.rfile.read(wanted)
        if len(body) < wanted:
            self.close_connection = True
            if not unread:
                return  # the client has gone
        headers = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(self.command, self.path, headers, body)
        said = self.opencast.answer(heard)
        if said.lost:
            self.close_connection = True
            return
        self.send_response(said.status)
        for name, value in {**said.headers, "Content-Type": said.kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    do_GET = do_POST = do_PUT = _serve

    def log_message(self, *_arguments: object) -> None:
        """Tests look at the state instead."""


if __name__ == "__main__":
    _, folder_of, port_of = sys.argv
    Handler.opencast = Opencast(Path(folder_of), f"http://127.0.0.1:{port_of}")
    ThreadingHTTPServer(("127.0.0.1", int(port_of)), Handler).serve_forever()
