"""Builds the guest: Debian with the product installed as docs/it.md says, and its kernel.

Two layers. The base (a minute or two, see `debian`) depends on lists of packages; the product on
top (seconds) is installed anew whenever its wheel, its units or the guest's files are other ones.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.appliance import cache
from tests.appliance.debian import CannotBuild, Shell, base_of

#: Sparse; about 1.3 GiB are used.
ROOT_BYTES = 6 << 30
#: What the guest needs before its root file system is mounted.
EARLY_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")


@dataclass(frozen=True, slots=True)
class Image:
    """What a machine boots."""

    kernel: Path
    initrd: Path
    #: Raw ext4, labelled "root". Never written to: machines take a copy or a layer on top.
    root: Path
    #: Changes with everything in it.
    key: str


def build(log: Path) -> Image:
    """The guest, from the cache where nothing has changed. Needs root."""
    if os.geteuid() != 0:
        raise CannotBuild("the virtual classroom is built as root: sudo make classroom")
    shell = Shell(log)
    base = base_of(shell)
    with tempfile.TemporaryDirectory() as wheels:
        wheel = _wheel(shell, Path(wheels))
        files = [wheel, Path(__file__), *sorted((cache.HERE / "guest").iterdir()), *_units()]
        name = cache.key([base.name, *files])
        place = cache.kept("product", name, lambda it: _product(shell, base, it, wheel))
    return Image(base / "vmlinuz", place / "initrd.gz", place / "root.ext4", name)


def _units() -> list[Path]:
    return sorted((cache.PROJECT / "systemd").iterdir())


def _wheel(shell: Shell, place: Path) -> Path:
    shell.run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--wheel-dir", place, cache.PROJECT),
        env={"SOURCE_DATE_EPOCH": "1700000000"},
    )
    return next(place.glob("*.whl"))


def _product(shell: Shell, base: Path, place: Path, wheel: Path) -> None:
    root = base / "root"
    shutil.copy(wheel, root / wheel.name)
    install = ("/opt/edge-agent/bin/python", "-m", "pip", "install", "--quiet", "--no-index")
    shell.within(root, *install, "--no-deps", "--force-reinstall", f"/{wheel.name}")
    (root / wheel.name).unlink()
    _set_up_service(shell, root)
    _set_up_classroom(shell, root)
    _initrd(shell, root, place / "initrd.gz")
    with (place / "root.ext4").open("wb") as disk:
        disk.truncate(ROOT_BYTES)
    shell.run("mkfs.ext4", "-q", "-F", "-L", "root", "-d", root, place / "root.ext4")


def _set_up_service(shell: Shell, root: Path) -> None:
    """What docs/it.md asks IT staff to do."""
    link = root / "usr/local/bin/edge-agent"
    link.unlink(missing_ok=True)
    link.symlink_to("/opt/edge-agent/bin/edge-agent")
    for unit in _units():
        if unit.suffix in (".service", ".target"):
            shutil.copy(unit, root / "etc/systemd/system")
    (root / "etc/sysusers.d").mkdir(exist_ok=True)
    shutil.copy(
        cache.PROJECT / "systemd/edge-agent.sysusers.conf", root / "etc/sysusers.d/edge-agent.conf"
    )
    rules = root / "etc/udev/rules.d/60-edge-agent-lights.rules"
    shutil.copy(cache.PROJECT / "systemd/edge-agent-lights.rules", rules)
    shell.within(root, "systemd-sysusers")
    (root / "etc/edge-agent").mkdir(exist_ok=True)
    shutil.copy(cache.HERE / "guest/config.toml", root / "etc/edge-agent")
    names = ("edge-agent.target", "edge-agent.service", "edge-agent-upload.service")
    shell.within(root, "systemctl", "enable", *names)


def _set_up_classroom(shell: Shell, root: Path) -> None:
    """What makes the guest a classroom: its command channel, its devices, its voice."""
    guest, tools = cache.HERE / "guest", root / "usr/local/lib/classroom"
    tools.mkdir(parents=True, exist_ok=True)
    for tool in guest.glob("*.py"):
        shutil.copy(tool, tools)
        (tools / tool.name).chmod(0o755)
    _voice(tools / "voice.wav")
    for unit in guest.glob("*.service"):
        shutil.copy(unit, root / "etc/systemd/system")
        shell.within(root, "systemctl", "enable", unit.name)
    shutil.copy(guest / "modules-load.conf", root / "etc/modules-load.d/classroom.conf")
    shutil.copy(guest / "modprobe.conf", root / "etc/modprobe.d/classroom.conf")
    network = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n"
    (root / "etc/systemd/network/eth0.network").write_text(network)
    shell.within(root, "systemctl", "enable", "systemd-networkd.service")
    (root / "etc/fstab").write_text("LABEL=root / ext4 rw 0 0\n")
    shell.within(root, "install", "-d", "-o", "edge-agent", "-g", "edge-agent", "/srv/lectures")


def _voice(path: Path) -> None:
    """A minute of rising and falling tones, 48 kHz mono."""
    import wave

    import numpy as np

    seconds = np.arange(60 * 48_000) / 48_000
    tone = np.sin(2 * np.pi * (300 + 40 * np.floor(seconds % 10)) * seconds)
    loud = 0.15 + 0.1 * np.sin(2 * np.pi * seconds / 3)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((tone * loud * 32767).astype("<i2").tobytes())


def _initrd(shell: Shell, root: Path, target: Path) -> None:
    """Busybox and the modules of the root disk: 2 MB instead of Debian's 30."""
    release = next((root / "lib/modules").iterdir()).name
    with tempfile.TemporaryDirectory() as temporary:
        there = Path(temporary)
        for name in ("bin", "dev", "proc", "sys", "mnt", "modules"):
            (there / name).mkdir()
        shutil.copy("/bin/busybox", there / "bin")
        shutil.copy(cache.HERE / "guest/init", there / "init")
        (there / "init").chmod(0o755)
        order: list[str] = []
        for module in EARLY_MODULES:
            shown = shell.run("modprobe", "-d", root, "-S", release, "--show-depends", module)
            for line in shown.splitlines():
                words = line.split()
                if words[0] == "insmod" and Path(words[1]).name not in order:
                    shutil.copy(words[1], there / "modules")
                    order.append(Path(words[1]).name)
        (there / "modules/order").write_text("\n".join(order))
        packed = subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"],
            input="\n".join(str(p.relative_to(there)) for p in sorted(there.rglob("*"))).encode(),
            cwd=there,
            stdout=subprocess.PIPE,
            check=True,
        )
        target.write_bytes(gzip.compress(packed.stdout, 1))
