"""A real mosquitto with TLS, certificates, passwords and an ACL; and its command line tools."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.running import OnPort

#: Debian keeps daemons out of people's path.
MOSQUITTO = "/usr/sbin/mosquitto"
#: For tools on a PC with a hundred other tests.
PATIENT_S = 120
_EC = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


class Mosquitto(OnPort):
    """The broker `localhost`. `room.pem` and `room.key` are a certificate of the user `by-key`."""

    def __init__(self, root: Path, passwords: Mapping[str, str], acl: str) -> None:
        super().__init__(root / "mosquitto.log")
        self.root = root
        self._passwords = dict(passwords)
        self.ca = root / "ca.pem"
        self._certify()
        (root / "acl").write_text(acl)
        (root / "passwords").touch(0o600)
        for name, password in passwords.items():
            command = ["mosquitto_passwd", "-b", str(root / "passwords"), name, password]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENT_S)
        self.configure()

    def configure(self, *lines: str) -> None:
        """For its next start; further lines of its configuration."""
        settings = [
            "user root",  # started by root it would become a user who may not read this folder
            f"listener {self.port} 127.0.0.1",
            *(f"{name} {self.root}/{name}.pem" for name in ("cafile", "certfile", "keyfile")),
            f"password_file {self.root}/passwords",
            f"acl_file {self.root}/acl",
            "allow_anonymous false",
            *lines,
        ]
        (self.root / "mosquitto.conf").write_text("\n".join(settings) + "\n")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def without_tls(self) -> None:
        file = self.root / "mosquitto.conf"
        lines = file.read_text().splitlines()
        kept = [line for line in lines if line.split()[0] not in ("cafile", "certfile", "keyfile")]
        file.write_text("\n".join(kept) + "\n")

    def by_certificates(self) -> None:
        """No passwords: who has a certificate of ours is the user that it names."""
        self.configure("require_certificate true", "use_identity_as_username true")

    def command(self) -> list[str]:
        return [MOSQUITTO, "-c", str(self.root / "mosquitto.conf")]

    def tool(self, name: str, user: str, *more: str) -> list[str]:
        """A command line: mosquitto_`name`, as this user."""
        return [
            f"mosquitto_{name}",
            *("-h", "localhost", "-p", str(self.port), "--cafile", str(self.ca)),
            *("-V", "mqttv5", "-u", user, "-P", self._passwords[user], "-q", "1"),
            *more,
        ]

    def run(self, name: str, user: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = self.tool(name, user, *more)
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENT_S, check=False
        )

    def retained(self, user: str, topic: str) -> Any:
        """What is retained; None when nothing is for half a minute."""
        done = self.run("sub", user, "-t", topic, "-C", "1", "-W", "30")
        return json.loads(done.stdout) if done.stdout else None

    def _certify(self) -> None:
        root = self.root
        # With all that Python 3.13 asks of an authority and of what it signs.
        ca = f"-keyout {root}/ca.key -out {self.ca} -subj /CN=campus"
        _openssl(f"req -x509 {_EC} -days 2 {ca} -addext keyUsage=critical,keyCertSign,cRLSign")
        (root / "cafile.pem").symlink_to(self.ca)
        for key, certificate, name, more in (
            ("keyfile.pem", "certfile.pem", "localhost", "subjectAltName=DNS:localhost"),
            ("room.key", "room.pem", "by-key", "extendedKeyUsage=clientAuth"),
        ):
            _openssl(f"req {_EC} -keyout {root}/{key} -out {root}/request -subj /CN={name}")
            ids = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid"
            (root / "more").write_text(f"{more}\n{ids}\n")
            signed = f"-in {root}/request -out {root}/{certificate} -extfile {root}/more -days 2"
            _openssl(f"x509 -req -CA {self.ca} -CAkey {root}/ca.key -CAcreateserial {signed}")


def _openssl(arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True, timeout=60)
