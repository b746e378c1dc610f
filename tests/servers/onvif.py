"""A network camera for tests, as far as ONVIF goes: a probe's answer, and six calls over SOAP.

It wants a UsernameToken with the right digest, as real ones do, and tells an address of itself
that nobody can reach (as behind a port forward).
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "viewer", "s3cret <&>"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope'
    ' xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"'
    ' xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
_FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value>"
    "</s:Subcode></s:Code><s:Reason><s:Text>{}</s:Text></s:Reason></s:Fault>"
)
_PROFILE = (
    '<trt:Profiles token="{token}"><tt:Name>{name}</tt:Name>'
    '<tt:VideoEncoderConfiguration token="e"><tt:Encoding>{encoding}</tt:Encoding>'
    "<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
    "<tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit></tt:RateControl>"
    "</tt:VideoEncoderConfiguration></trt:Profiles>"
)
_MATCH = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"><e:Body><d:ProbeMatches>'
    "<d:ProbeMatch><w:EndpointReference><w:Address>urn:uuid:1</w:Address></w:EndpointReference>"
    "<d:Types>dn:NetworkVideoTransmitter</d:Types>"
    "<d:Scopes>onvif://www.onvif.org/name/Hall onvif://www.onvif.org/hardware/M3045</d:Scopes>"
    "<d:XAddrs>{service}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
)


@dataclass
class FakeCamera:
    """`profiles`: token, encoding, width, height."""

    service: str = ""
    probe_port: int = 0
    profiles: list[tuple[str, str, int, int]] = field(
        default_factory=lambda: [
            ("uhd", "H264", 3840, 2160),
            ("main", "H264", 1920, 1080),
            ("sub", "H264", 640, 360),
            ("jpeg", "JPEG", 1920, 1080),
        ]
    )
    #: What it says to whom it does not know.
    refusal: str = "Sender not Authorized"
    #: Token and name of the places that it keeps; the one that it was turned to.
    presets: list[tuple[str, str]] = field(
        default_factory=lambda: [("1", "Lectern"), ("2", "Board"), ("3", "")]
    )
    turned: str = ""
    #: Every request's body.
    seen: list[str] = field(default_factory=list)


@contextmanager
def fake_camera() -> Iterator[FakeCamera]:
    camera = FakeCamera()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            camera.seen.append(body)
            allowed = _allowed(body)
            inner = _answer(camera, body) if allowed else _FAULT.format(camera.refusal)
            text = _ENVELOPE.format(inner).encode()
            self.send_response(200 if allowed else 400)
            self.send_header("Content-Type", "application/soap+xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        camera.service = f"http://127.0.0.1:{server.server_port}/onvif/device_service"
        probes = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probes.bind(("127.0.0.1", 0))
        camera.probe_port = probes.getsockname()[1]
        threads = [
            threading.Thread(target=server.serve_forever, daemon=True),
            threading.Thread(target=_match, args=(probes, camera), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield camera
        finally:
            server.shutdown()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", ("127.0.0.1", camera.probe_port))
            for thread in threads:
                thread.join(10)
            probes.close()


def _match(probes: socket.socket, camera: FakeCamera) -> None:
    while True:
        data, sender = probes.recvfrom(65535)
        if data == b"end":
            return
        if b"Probe>" in data:
            probes.sendto(_MATCH.format(service=camera.service).encode(), sender)


def _allowed(body: str) -> bool:
    """Services and time are told to everybody; else the digest must be right."""
    if re.search(r"GetServices|GetCapabilities|GetSystemDateAndTime", body):
        return True
    found = [re.search(rf"<[^>]*:{tag}[^>]*>([^<]*)<", body) for tag in ("Nonce", "Created")]
    told = re.search(r"<[^>]*:Password [^>]*PasswordDigest[^>]*>([^<]*)<", body)
    if not told or not all(found) or f">{USER}<" not in body:
        return False
    nonce, created = (it[1] for it in found if it)
    mine = hashlib.sha1(base64.b64decode(nonce) + created.encode() + PASSWORD.encode())
    return base64.b64encode(mine.digest()).decode() == told[1]


def _answer(camera: FakeCamera, body: str) -> str:
    media = "http://10.255.255.1/onvif/media"
    if "GetServices" in body:
        return (
            "<tds:GetServicesResponse><tds:Service>"
            "<tds:Namespace>http://www.onvif.org/ver10/media/wsdl</tds:Namespace>"
            f"<tds:XAddr>{media}</tds:XAddr></tds:Service><tds:Service>"
            "<tds:Namespace>http://www.onvif.org/ver20/ptz/wsdl</tds:Namespace>"
            f"<tds:XAddr>{media}</tds:XAddr></tds:Service></tds:GetServicesResponse>"
        )
    if "GetDeviceInformation" in body:
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>ACME</tds:Manufacturer>"
            "<tds:Model>M3045</tds:Model><tds:SerialNumber>A1B2</tds:SerialNumber>"
            "</tds:GetDeviceInformationResponse>"
        )
    if "GetProfiles" in body:
        inner = "".join(
            _PROFILE.format(token=token, name=token, encoding=encoding, width=width, height=height)
            for token, encoding, width, height in camera.profiles
        )
        return f"<trt:GetProfilesResponse>{inner}</trt:GetProfilesResponse>"
    if "GetPresets" in body:
        inner = "".join(
            f'<tptz:Preset token="{token}"><tt:Name>{name}</tt:Name></tptz:Preset>'
            for token, name in camera.presets
        )
        return f"<tptz:GetPresetsResponse>{inner}</tptz:GetPresetsResponse>"
    if "GotoPreset" in body:
        told = re.search(r"PresetToken>([^<]*)<", body)
        camera.turned = told[1] if told else ""
        return "<tptz:GotoPresetResponse/>"
    token = re.search(r"ProfileToken>([^<]*)<", body)
    name = token[1] if token else ""
    return (
        "<trt:GetStreamUriResponse><trt:MediaUri>"
        f"<tt:Uri>rtsp://10.255.255.1:554/{name}</tt:Uri>"
        "</trt:MediaUri></trt:GetStreamUriResponse>"
    )
