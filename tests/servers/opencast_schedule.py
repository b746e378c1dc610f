"""The schedule of a strict Opencast, and what its capture agents say of themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers.opencast_notes import Heard, Notes, Said, md5

#: The words that it knows; any other is a 400.
AGENT_STATES = {"idle", "capturing", "uploading", "shutting_down", "error", "offline", "unknown"}
RECORDING_STATES = {
    *("unknown", "capturing", "capture_finished", "capture_error", "manifest"),
    *("manifest_finished", "manifest_error", "compressing", "compressing_error"),
    *("uploading", "upload_finished", "upload_error"),
}


@dataclass
class Schedule:
    notes: Notes

    def answer(self, heard: Heard, path: str) -> Said:
        _, service, *what = path.split("/")
        if (service, what) == ("recordings", ["calendars"]):
            return self._calendar(heard)
        if service == "recordings" or heard.method != "POST":
            return Said(404)
        return self._told(what, dict(parse_qsl(heard.body.decode())))

    def _told(self, what: list[str], form: dict[str, str]) -> Said:
        """An agent exists from its first word on; an event that nobody has scheduled is unknown."""
        state, said = self.notes.state(), form.get("state", "")
        match what:
            case ["agents", name] if said in AGENT_STATES:
                state["agents"].setdefault(unquote(name), {"states": []})["states"].append(said)
            case ["agents", name, "configuration"] if unquote(name) in state["agents"]:
                if not form.get("configuration", "").startswith("{"):
                    return Said(400)
                state["agents"][unquote(name)]["has"] = json.loads(form["configuration"])
            case ["recordings", event] if said in RECORDING_STATES:
                if unquote(event) not in [
                    it["uid"] for it in self.notes.wishes().get("schedule", [])
                ]:
                    return Said(404)
                state["recordings"].setdefault(unquote(event), []).append(said)
            case ["agents", _, "configuration"]:
                return Said(404)
            case _:
                return Said(400)
        changed = state != self.notes.state()
        self.notes.write("state.json", state)
        words = f"{unquote(what[1])} set to {said}" if said and changed else ""
        return Said(200, words.encode(), "text/html" if words else "text/plain")

    def _calendar(self, heard: Heard) -> Said:
        """The mark has no quotes, and is compared as it stands."""
        agent = dict(parse_qsl(urlsplit(heard.url).query)).get("agentid")
        events = [it for it in self.notes.wishes().get("schedule", []) if it["agent"] == agent]
        mark = f"mod{int(md5(json.dumps(events).encode())[:10], 16) if events else 0}"
        if heard.headers.get("if-none-match") == mark:
            return Said(304, b"", "text/calendar", {"ETag": mark})
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Opencast//EN"]
        for it in events:
            lines += [
                *("BEGIN:VEVENT", f"UID:{it['uid']}", f"DTSTART:{it['start']}"),
                *(f"DTEND:{it['end']}", f"SUMMARY:{it['title']}", f"LOCATION:{agent}"),
                "END:VEVENT",
            ]
        text = "\r\n".join([*lines, "END:VCALENDAR", ""])
        return Said(200, text.encode(), "text/calendar; charset=UTF-8", {"ETag": mark})
