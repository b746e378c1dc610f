"""What is said to Opencast and heard from it: requests, forms, media packages, answers. Pure.

Of the media package only ids and flavors are read; its text is Opencast's, and goes back to it as
it came. In forms with files everything stands before the file: Opencast stops reading there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from uploader.exchange import Framed, Piece, Request, Response, within
from uploader.heard import document, tree
from uploader.sender import Artifact, Transient

CATALOG = "dublincore.xml"
EPISODE = "dublincore/episode"
MANIFEST = "manifest.json"
MANIFEST_FLAVOR = "edge-agent/manifest"
PRESENTER = "presenter/source"
#: Opencast keeps what bears this tag.
KEPT = "archive"
#: Longer file names are refused.
LONGEST_NAME = 75
INGEST_TYPE = "org.opencastproject.ingest"

#: Made here for other ways: Opencast makes its own, and its players show no others.
OWN_VERSIONS = frozenset({"audio-lite.webm", "camera-small.mp4"})
_MEDIA = (".mp4", ".m4a", ".webm", ".mkv")
#: Opencast keeps them as tracks of one flavor and tells them apart by their tags.
CAPTIONS = "captions/source"
_CAPTIONS = re.compile(r"captions\.([A-Za-z0-9-]+)\.vtt")
_KINDS = {"track", "catalog", "attachment"}
#: Of an event that only stands in the calendar there is no such state.
_BEGUN = {"RUNNING", "PAUSED", "STOPPED", "FAILING", "FAILED", "SUCCEEDED"}
_DCTERMS = "http://purl.org/dc/terms/"


# ---------------------------------------------------------------- which files, as what


def flavors_of(names: Iterable[str], wished: Mapping[str, str]) -> dict[str, str]:
    """The files of a package that go to Opencast, each with its flavor.

    `wished` is flavor by file name; an empty one leaves the file out. The main microphone is in the
    presenter's picture already, so it goes by itself only where there is none.
    """
    there = set(names)
    chosen: dict[str, str] = {}
    for name in sorted(there):
        known = name.endswith(_MEDIA) and name not in OWN_VERSIONS
        known = known or name == CATALOG or _CAPTIONS.fullmatch(name) is not None
        if name == "audio.m4a" and "presenter.mp4" in there:
            known = False
        flavor = wished.get(name, flavor_of(name) if known else "")
        if flavor:
            chosen[name] = flavor
    return chosen


def is_media(name: str) -> bool:
    """Something to see or hear: without any a lecture is none."""
    return name not in (CATALOG, MANIFEST) and not _CAPTIONS.fullmatch(name)


def tags_of(name: str) -> tuple[str, ...]:
    found = _CAPTIONS.fullmatch(name)
    return (f"lang:{found[1]}",) if found else ()


def flavor_of(name: str) -> str:
    if name == CATALOG:
        return EPISODE
    if _CAPTIONS.fullmatch(name):
        return CAPTIONS
    stem = name.rpartition(".")[0] or name
    return PRESENTER if stem == "audio" else f"{stem}/source"


# ---------------------------------------------------------------- requests


def find_service(base: str, kind: str = INGEST_TYPE) -> Request:
    url = f"{base}/services/available.json?serviceType={kind}"
    return Request("GET", url, {"Accept": "application/json"})


def service_address(answer: Response, base: str) -> str | None:
    """Where the registry says that a service is; None: it says nothing. Raises Transient.

    The least busy comes first. A credential goes to the configured host and to no other.
    """
    found = document(answer.body)
    services = found.get("services") if isinstance(found, dict) else None
    listed = services.get("service") if isinstance(services, dict) else None
    every = listed if isinstance(listed, list) else [listed]
    hosts = []
    for each in every:
        if not isinstance(each, dict) or not (_yes(each, "active") and _yes(each, "online")):
            continue
        host, path = each.get("host"), each.get("path")
        if isinstance(host, str) and isinstance(path, str):
            near = within(base, base, host.rstrip("/") + path)
            if near is not None:
                return near.rstrip("/")
            hosts.append(host)
    if hosts:
        raise Transient(
            f"Opencast takes lectures at {hosts[0]}, another host than that of this destination; "
            "set its url to that one"
        )
    return None


def create(ingest: str, event: str) -> Request:
    return Request("PUT", f"{ingest}/createMediaPackageWithID/{quote(event, safe='')}", _XML)


def add_catalog(ingest: str, package: str, flavor: str, text: str) -> Request:
    form = {"mediaPackage": package, "dublinCore": text, "flavor": flavor}
    return post_form(f"{ingest}/addDCCatalog", form)


def add_track(ingest: str, package: str, flavor: str, artifact: Artifact) -> Request:
    """The file itself is read while it leaves."""
    boundary = _boundary(artifact.sha256)
    fields = {"mediaPackage": package, "flavor": flavor}
    if tags := tags_of(artifact.name):
        fields["tags"] = ",".join(tags)
    head, tail = _around(fields, artifact.name, artifact.media_type, boundary)
    body = Framed.of(Piece(0, artifact.bytes), head, tail)
    return Request("POST", f"{ingest}/addTrack", _multipart(boundary), body)


def add_attachment(
    ingest: str, package: str, flavor: str, tags: Sequence[str], name: str, data: bytes
) -> Request:
    boundary = _boundary(f"{len(data)}-{name}")
    fields = {"mediaPackage": package, "flavor": flavor, "tags": ",".join(tags)}
    head, tail = _around(fields, name, "application/json", boundary)
    return Request("POST", f"{ingest}/addAttachment", _multipart(boundary), head + data + tail)


def ingest(address: str, package: str, workflow: str, settings: Mapping[str, str]) -> Request:
    """Begins Opencast's processing. Without a workflow the server's own, or the booking's."""
    where = f"/{quote(workflow, safe='')}" if workflow else ""
    return post_form(f"{address}/ingest{where}", {"mediaPackage": package, **settings})


def discard(ingest: str, package: str) -> Request:
    return post_form(f"{ingest}/discardMediaPackage", {"mediaPackage": package})


def ask_event(base: str, event: str) -> Request:
    return Request("GET", f"{base}/api/events/{quote(event, safe='')}", _JSON)


def ask_media(base: str, event: str) -> Request:
    return Request("GET", f"{base}/api/events/{quote(event, safe='')}/media", _JSON)


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Package:
    """A media package: Opencast's text, its id, and (kind, flavor) of each element by its id."""

    text: str
    id: str
    elements: Mapping[str, tuple[str, str]]

    def grown_from(self, before: Package, flavor: str) -> bool:
        """This is the same package with one more element, of that flavor."""
        kept = all(self.elements.get(key) == value for key, value in before.elements.items())
        added = [self.elements[key] for key in self.elements.keys() - before.elements.keys()]
        return self.id == before.id and kept and [each[1] for each in added] == [flavor]


def package_of(text: str) -> Package | None:
    """None: that is no media package."""
    root = tree(text)
    identity = root.get("id") if root is not None else None
    if root is None or _local(root) != "mediapackage" or not identity:
        return None
    elements = {
        each.get("id", ""): (_local(each), each.get("type", ""))
        for each in root.iter()
        if _local(each) in _KINDS
    }
    return Package(text, identity, elements)


def is_workflow(answer: Response) -> bool:
    """Whether ingest has been taken: its answer is a workflow, under the name text/html."""
    root = tree(answer.body)
    return root is not None and _local(root) == "workflow"


def has_begun(answer: Response) -> bool:
    """Whether an event is more than a booking."""
    found = document(answer.body)
    return isinstance(found, dict) and found.get("processing_state") in _BEGUN


def shows(answer: Response, flavor: str, size: int, md5: str) -> bool:
    """Whether Opencast's archive has a track of this flavor with these bytes, by its own word."""
    found = document(answer.body)
    tracks = found if isinstance(found, list) else []
    for track in tracks:
        if isinstance(track, dict) and track.get("flavor") == flavor:
            words = re.findall(r"[0-9a-f]{32}", str(track.get("checksum", "")).lower())
            if md5 in words and track.get("size") in (size, -1, 0, None):
                return True
    return False


def with_series(catalog: str, series: str) -> str:
    """The catalog with the series that the destination is configured for."""
    if not series:
        return catalog
    head, end, tail = catalog.rpartition("</")
    part = f'<dcterms:isPartOf xmlns:dcterms="{_DCTERMS}">{escape(series)}</dcterms:isPartOf>'
    return f"{head}{part}{end}{tail}"


# ---------------------------------------------------------------- pieces

_XML = {"Accept": "text/xml"}
_JSON = {"Accept": "application/json"}


def post_form(url: str, fields: Mapping[str, str]) -> Request:
    headers = {**_XML, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return Request("POST", url, headers, urlencode(fields).encode())


def _multipart(boundary: str) -> dict[str, str]:
    return {**_XML, "Content-Type": f"multipart/form-data; boundary={boundary}"}


def _boundary(salt: str) -> str:
    """No file contains its own digest."""
    return f"--edge-agent-{re.sub('[^A-Za-z0-9]', '', salt)[:40]}"


def _around(
    fields: Mapping[str, str], name: str, media_type: str, boundary: str
) -> tuple[bytes, bytes]:
    """What stands before and after the file. Fields keep their order."""
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n'
        f"Content-Type: text/plain; charset=UTF-8\r\n\r\n{value}\r\n"
        for key, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="BODY"; filename="{_short(name)}"'
        f"\r\nContent-Type: {media_type}\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


def _short(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    if len(plain) <= LONGEST_NAME:
        return plain
    end = dot + suffix if stem and len(suffix) < 8 else ""
    return plain[: LONGEST_NAME - len(end)] + end


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _yes(service: Mapping[str, Any], key: str) -> bool:
    """Some versions write booleans as words."""
    return str(service.get(key, True)).lower() == "true"
