"""The guest's base: Debian, its kernel, and Python with what the product depends on.

No version is pinned: a security update of the kernel makes a new base.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.appliance import cache

MACHINE = "amd64"
WHEELS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
#: Of no use to this classroom, and half of the kernel's size.
NO_MODULES = ("drivers/gpu", "drivers/infiniband", "drivers/net/wireless", "drivers/scsi")


class CannotBuild(Exception):
    """The guest cannot be built here; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs what builds the guest, with its output in a log."""

    log: Path

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] = {}
    ) -> str:
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(map(str, command))}\n".encode())
            log.flush()
            done = subprocess.run(
                list(map(str, command)),
                cwd=cwd,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", **env},
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
            )
            log.write(done.stdout)
        if done.returncode:
            raise CannotBuild(f"{command[0]} failed with {done.returncode}; see {self.log}")
        return done.stdout.decode()

    def within(self, root: Path, *command: str) -> None:
        """Run in the guest's file system. The host's settings of pip do not count there."""
        clean = [name for name in os.environ if name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))]
        unset = [word for name in clean for word in ("-u", name)]
        self.run("env", *unset, "chroot", root, *command)


def base_of(shell: Shell) -> Path:
    """The folder with `root` (the guest's files) and `vmlinuz`, from the cache if it is there."""
    kernel, release = _kernel_package(shell), _release()
    project = tomllib.loads((cache.PROJECT / "pyproject.toml").read_text())
    needs = sorted(project["project"]["dependencies"])
    parts = [release, kernel, *needs, Path(__file__), cache.HERE / "guest-packages.txt"]
    name = cache.key(parts)
    return cache.kept("base", name, lambda place: _base(shell, place, release, kernel, needs))


def _release() -> str:
    facts = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    if facts.get("ID") != "debian":
        raise CannotBuild("the virtual classroom is built from Debian's packages, on Debian")
    return facts["VERSION_CODENAME"].strip('"')


def _kernel_package(shell: Shell) -> str:
    """The kernel that Debian's generic package stands for now, with its version."""
    found = re.search(
        r"Depends: (linux-image-\S+)", shell.run("apt-cache", "depends", f"linux-image-{MACHINE}")
    )
    if found is None:
        raise CannotBuild("apt knows no kernel: apt-get update")
    policy = shell.run("apt-cache", "policy", found.group(1))
    version = re.search(r"Candidate: (\S+)", policy)
    return f"{found.group(1)}={version.group(1) if version else ''}"


def _base(shell: Shell, place: Path, release: str, kernel: str, needs: list[str]) -> None:
    root = place / "root"
    packages = ",".join(cache.words(cache.HERE / "guest-packages.txt"))
    shell.run("mmdebstrap", "--variant=minbase", f"--include={packages}", release, root)
    _unpack_kernel(shell, place, root, kernel)
    python = (root / "usr/bin/python3").readlink().name.removeprefix("python")
    wheels = root / "wheels"
    platforms = [f"--platform={platform}" for platform in WHEELS]
    shell.run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"),
        *(
            f"--python-version={python}",
            "--implementation=cp",
            *platforms,
            "--dest",
            wheels,
            *needs,
        ),
    )
    shell.within(root, "/usr/bin/python3", "-m", "venv", "/opt/edge-agent")
    install = ("/opt/edge-agent/bin/python", "-m", "pip", "install", "--quiet", "--no-index")
    names = [f"/wheels/{path.name}" for path in wheels.iterdir()]
    shell.within(root, *install, *names)
    shutil.rmtree(wheels)


def _unpack_kernel(shell: Shell, place: Path, root: Path, kernel: str) -> None:
    """Kernel and modules without their package's scripts, which make an initrd for minutes."""
    with tempfile.TemporaryDirectory() as temporary:
        there = Path(temporary)
        there.chmod(0o777)  # apt downloads as a user of its own
        shell.run("apt-get", "download", "-qq", kernel, cwd=there)
        shell.run("dpkg", "-x", next(there.glob("*.deb")), there / "kernel")
        modules = next((there / "kernel/lib/modules").iterdir())
        for name in NO_MODULES:
            shutil.rmtree(modules / "kernel" / name, ignore_errors=True)
        shutil.copy(next((there / "kernel/boot").glob("vmlinuz-*")), place / "vmlinuz")
        (root / "lib/modules").mkdir(exist_ok=True)
        shutil.copytree(modules, root / "lib/modules" / modules.name, symlinks=True)
    shell.run("depmod", "-b", root, modules.name)
