"""A real OpenSSH server for this user, and the client's configuration that knows its rooms."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers.running import OnPort

#: It wants to be called by its whole path; Debian keeps daemons out of people's path.
SSHD = "/usr/sbin/sshd"


class Sshd(OnPort):
    """`rooms`: the configuration file of each, which its user's sessions are told."""

    def __init__(self, root: Path, rooms: Mapping[str, Path]) -> None:
        super().__init__(root / "sshd.log")
        self._root = root
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)]
            subprocess.run(command, check=True)
        (root / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {root}/host\n"
            f"AuthorizedKeysFile {root}/user.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
            "AcceptEnv EDGE_AGENT_CONFIG\n"
        )
        key = (root / "host.pub").read_text().split()[:2]
        (root / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {' '.join(key)}\n")
        (root / "ssh_config").write_text(
            f"UserKnownHostsFile {root}/known_hosts\nIdentityFile {root}/user\n"
            f"IdentitiesOnly yes\nUser {getpass.getuser()}\nPort {self.port}\n"
            "HostName 127.0.0.1\n"
            + "".join(f"Host {n}\n  SetEnv EDGE_AGENT_CONFIG={f}\n" for n, f in rooms.items())
        )

    def command(self) -> list[str]:
        if os.geteuid() == 0:  # where it shuts away what has not signed in yet
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
        return [SSHD, "-D", "-e", "-f", str(self._root / "sshd_config")]

    def client(self) -> Path:
        """A folder with an `ssh` that uses that configuration and nobody's own."""
        folder = self._root / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self._root}/ssh_config "$@"\n')
        program.chmod(0o755)
        return folder
