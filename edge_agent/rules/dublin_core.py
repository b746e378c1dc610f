"""The catalogue of a lecture that Opencast reads. Pure: no I/O."""

from __future__ import annotations

from xml.etree import ElementTree

from edge_agent.finish_messages import LectureFacts
from edge_agent.rules.manifest import UNTITLED, iso_duration

_DCTERMS = "http://purl.org/dc/terms/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_OPENCAST = "http://www.opencastproject.org/xsd/1.0/dublincore/"


def dublin_core(facts: LectureFacts, duration_s: float) -> bytes:
    """The episode catalogue that Opencast reads. Empty facts are left out.

    The course is the subject: Opencast's isPartOf is the id of a series, which only the
    destination knows.
    """
    ElementTree.register_namespace("dcterms", _DCTERMS)
    ElementTree.register_namespace("xsi", _XSI)
    root = ElementTree.Element("dublincore", {"xmlns": _OPENCAST})
    end = facts.ended_utc or ""
    period = f"start={facts.started_utc}; end={end}; scheme=W3C-DTF;"
    for term, text, kind in (
        ("title", facts.title or UNTITLED, None),
        ("identifier", facts.id, None),
        ("creator", facts.lecturer, None),
        ("subject", facts.course, None),
        ("publisher", facts.institution, None),
        ("language", facts.language, None),
        ("license", facts.licence, None),
        ("spatial", facts.room, None),
        ("created", facts.started_utc, "dcterms:W3CDTF"),
        ("temporal", period if end else "", "dcterms:Period"),
        ("extent", iso_duration(duration_s), "dcterms:ISO8601"),
    ):
        if text:
            element = ElementTree.SubElement(root, f"{{{_DCTERMS}}}{term}")
            element.text = printable(text)
            if kind:
                element.set(f"{{{_XSI}}}type", kind)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n").encode()


def printable(text: str) -> str:
    """Without the characters that XML 1.0 cannot carry at all."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and not _unpaired(c)))


def _unpaired(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff"
