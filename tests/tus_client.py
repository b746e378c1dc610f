"""A client of the tus core, and the file that it sends to a server of the model."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

from tests.tus_model import RECEIPTS, URL, Model, Notes
from uploader.exchange import drive
from uploader.sender import Artifact, Pending, Receipt, SendError, Transient
from uploader.tus import Sending, Server

MIB = 1 << 20
DATA = random.Random(5).randbytes(3 * MIB + 77)
ARTIFACT = Artifact("presenter.mp4", len(DATA), hashlib.sha256(DATA).hexdigest(), "video/mp4")
LECTURE = "0193-lecture"


@dataclass
class Client:
    """Tries to deliver the file to a model."""

    model: Model
    receipts: bool = True
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        self.server = Server(URL, RECEIPTS if self.receipts else None)

    def attempt(self) -> Receipt | None:
        sending = Sending(self.server, self.notes, LECTURE, ARTIFACT)
        return drive(sending.deliver(), self.model.exchange)

    def insist(self, tries: int = 200) -> tuple[Receipt | None, list[SendError]]:
        """As the upload process does: again and again."""
        errors: list[SendError] = []
        while True:
            try:
                return self.attempt(), errors
            except (Transient, Pending) as error:
                errors.append(error)
                assert len(errors) < tries, errors[-1].reason
