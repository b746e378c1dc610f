"""A room without a secret: the platform signs each of its requests to the store."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.s3_room import BUCKET, DATA, MakeRoom, Office, Room, key_of
from tests.s3_room import make_room as make_room
from uploader.bodies import Source
from uploader.exchange import Answer, Request, Response
from uploader.s3_destination import S3Destination
from uploader.s3_doors import TicketDoor
from uploader.sender import Artifact, Permanent, Progress, Transient


@dataclass
class RoomWithTickets(Room):
    office: Office = field(init=False)

    def __post_init__(self) -> None:
        self.office = Office(self.store)

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        return self.office(request)

    def destination(self, utc: str = "a time") -> S3Destination:
        def door(lecture: str, artifact: Artifact) -> TicketDoor:
            office = "https://platform.example.edu/tickets"
            return TicketDoor(office, BUCKET, key_of(lecture, artifact), lecture, artifact)

        return S3Destination(self, door, key_of, self.notes, "test", lambda: utc)


@pytest.fixture
def ticket_room(make_room: MakeRoom) -> RoomWithTickets:
    room = make_room()
    return RoomWithTickets(room.path, room.store)


def test_with_tickets_a_room_needs_no_secret(ticket_room: RoomWithTickets) -> None:
    ticket_room.send()
    assert [*ticket_room.held().values()] == [DATA]
    parts = [q for q in ticket_room.office.asked if q["calls"][0]["operation"] == "UploadPart"]
    assert [len(q["calls"]) for q in parts] == [3], "one question for all parts"
    assert "Content-MD5" in parts[0]["calls"][0]["headers"]


def test_an_expired_ticket_is_asked_for_again(ticket_room: RoomWithTickets) -> None:
    ticket_room.office.expired = 2
    ticket_room.send()
    assert [*ticket_room.held().values()] == [DATA]


@pytest.mark.parametrize(
    ("tickets", "word"),
    [
        ([{"url": "https://elsewhere.example/bucket/x"}], "elsewhere.example"),
        ([{"url": "http://store.example.edu/bucket/x"}], "not the store"),
        ([{}], "no address"),
        ([], "1 tickets"),
        ([7], "not an object"),
        ("yes", "1 tickets"),
        (None, "no list"),
    ],
)
def test_a_ticket_that_leads_elsewhere_is_not_used(
    ticket_room: RoomWithTickets, tickets: Any, word: str
) -> None:
    body = {"tickets": tickets} if tickets is not None else {}
    ticket_room.office.answer = Response(200, {}, json.dumps(body).encode())
    with pytest.raises(Transient, match=word):
        ticket_room.send()


def test_what_the_platform_says_no_to_is_said(ticket_room: RoomWithTickets) -> None:
    said = json.dumps({"detail": "room 7 is not enrolled"}).encode()
    ticket_room.office.answer = Response(403, {"content-type": "application/problem+json"}, said)
    with pytest.raises(Permanent, match="room 7 is not enrolled"):
        ticket_room.send()
