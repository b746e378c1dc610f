"""A reference receiver, for tests and demonstrations only: what a platform owes to a room.

A tus server that nobody here wrote (`tuspyserver` or `tussi`) takes the files; beside it stand the
signed receipts, for which each file is read again. Its key is published, so its signatures prove
nothing outside of tests (it is the one of RFC 8037, appendix A).

Run: python -m tests.servers.receiver KIND FOLDER PORT
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from tuspyserver import create_tus_router
from tussi import TUSApp
from tussi.storage import FilesystemStorage

from uploader.keys import decoded
from uploader.signing import RECEIPT, sealed

TOKEN = "the token of room 7"
PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"


def completed(kind: str, folder: Path) -> Iterator[tuple[dict[str, str], bytes]]:
    """What the tus server has of whole files: their metadata and bytes."""
    if kind == "tussi":
        for note in folder.glob("completed/*.meta"):
            record = json.loads(note.read_text())
            yield record["metadata"], note.with_suffix("").read_bytes()
        return
    for note in folder.glob("*.info"):
        try:
            record, data = json.loads(note.read_text()), note.with_suffix("").read_bytes()
        except FileNotFoundError:
            continue  # it was ended while its last request was still being written down
        if len(data) == record["size"]:
            yield record["metadata"], data


def held(kind: str, folder: Path, lecture: str, wanted: str = "") -> dict[str, bytes]:
    """The whole files of a lecture by name. Where there are several of one name (a manifest has
    revisions), that with the digest `wanted`, else an undamaged one."""
    found: dict[str, tuple[int, bytes]] = {}
    for metadata, data in completed(kind, folder):
        if metadata["lecture"] == lecture:
            name, digest = metadata["filename"], hashlib.sha256(data).hexdigest()
            worth = 2 * (digest == wanted) + (digest == metadata["sha256"])
            if worth >= found.get(name, (0, b""))[0]:
                found[name] = worth, data
    return {name: data for name, (_, data) in found.items()}


def application(kind: str, folder: Path) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def only_with_the_token(request: Request, call_next: Any) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"title": "Who are you?"}, 401)
        answer: Response = await call_next(request)
        return answer

    @app.get("/receipts/{lecture}/{name}/{sha256}")
    def receipt(lecture: str, name: str, sha256: str) -> Response:
        data = held(kind, folder, unquote(lecture), sha256).get(unquote(name))
        if data is None:
            return JSONResponse({"title": "Nothing is known of this file."}, 404)
        found = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        place = {"lecture": lecture, "name": name, "state": "verified"}
        said = place | found | {"utc": "2026-11-22T10:00:00.000Z"}
        key = Ed25519PrivateKey.from_private_bytes(decoded(PRIVATE))
        return PlainTextResponse(sealed(said, RECEIPT, key, "test"), media_type="application/jose")

    if kind == "tuspyserver":
        app.include_router(create_tus_router(prefix="files", files_dir=str(folder)))
        return app
    (folder / "uploads").mkdir(exist_ok=True)
    (folder / "completed").mkdir(exist_ok=True)
    tus = TUSApp(storage=FilesystemStorage(folder / "uploads"), completed_dir=folder / "completed")

    @app.api_route("/files/{path:path}", methods=["HEAD", "PATCH", "POST", "OPTIONS"])
    async def files(request: Request) -> Response:
        answer: Response = await tus.get_response(request.scope, request.receive)
        return answer

    return app


if __name__ == "__main__":
    _, kind_of, folder_of, port_of = sys.argv
    uvicorn.run(
        application(kind_of, Path(folder_of)),
        host="127.0.0.1",
        port=int(port_of),
        log_level="warning",
        timeout_keep_alive=60,
    )
