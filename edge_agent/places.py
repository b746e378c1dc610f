"""Where configuration, spool and runtime folder are, and the configuration as it is written.

Stands apart from `edge_agent.config` so that `edge-agent status` can find the running agent without
loading the models. Reads files; never checks values: that is the models' job.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

SERVICE_FOLDER = Path("/etc/edge-agent")
SERVICE_SPOOL = Path("/var/lib/edge-agent")
SERVICE_RUNTIME = Path("/run/edge-agent")

KeyPath = tuple[str, ...]
NOTHING_ELSE: Mapping[Path, bytes] = MappingProxyType({})


class ConfigError(Exception):
    """The configuration cannot be used; `problems` has one sentence for each fault."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Written:
    """What the configuration files say together, and which file said it."""

    main: Path
    values: dict[str, Any]
    origin: dict[KeyPath, Path] = field(default_factory=dict)

    def file_of(self, path: KeyPath) -> Path:
        """The file that set a key, or the table nearest to it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origin:
                return self.origin[path[:length]]
        return self.main


def main_file(env: Mapping[str, str], service_folder: Path = SERVICE_FOLDER) -> Path:
    """The configuration file to use when none is named. It need not exist.

    The folder, not the file, tells that this PC runs the agent as a service: then everybody's
    `edge-agent status` looks at the service, configured or not.
    """
    if service_folder.is_dir():
        return service_folder / "config.toml"
    return _xdg(env, "XDG_CONFIG_HOME", ".config") / "edge-agent" / "config.toml"


def read(
    path: Path | None,
    env: Mapping[str, str],
    service_folder: Path = SERVICE_FOLDER,
    instead: Mapping[Path, bytes] = NOTHING_ELSE,
) -> Written:
    """Read the main file and conf.d/*.toml beside it (sorted, the later one wins).

    `instead` has what files would say that are not written yet.
    """
    if path is not None and path not in instead and not path.is_file():
        raise ConfigError(
            [f"{path}: there is no such file; see which one is used with: edge-agent config path"]
        )
    main = path or main_file(env, service_folder)
    written = Written(main, {})
    for file in sorted({*_files(main), *instead}, key=lambda file: (file != main, file)):
        _merge(written, (), written.values, _parse(file, instead.get(file)), file)
    _fill_places(written.values, main, env, service_folder)
    return written


def files(main: Path) -> list[Path]:
    """The files that exist, in the order in which they are read."""
    return list(_files(main))


def storage(written: Written) -> tuple[Path, Path]:
    """Spool and runtime folder, without checking anything else."""
    section = written.values["storage"]
    if not isinstance(section, dict):
        raise ConfigError([f"{written.file_of(('storage',))}: storage: must be a table"])
    for key in ("spool", "runtime"):
        if not isinstance(section[key], str):
            where = written.file_of(("storage", key))
            raise ConfigError([f"{where}: storage.{key}: must be a path in quotes"])
    return Path(section["spool"]).expanduser(), Path(section["runtime"]).expanduser()


def _files(main: Path) -> Iterator[Path]:
    if main.is_file():
        yield main
    yield from sorted((main.parent / "conf.d").glob("*.toml"))


def _parse(file: Path, data: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((file.read_bytes() if data is None else data).decode())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: this is not valid TOML: {error}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{file}: this is not UTF-8 text; save it as UTF-8"]) from None
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from None


def _merge(
    written: Written, at: KeyPath, into: dict[str, Any], new: Mapping[str, Any], file: Path
) -> None:
    for key, value in new.items():
        path = (*at, key)
        written.origin[path] = file
        if isinstance(value, dict):
            table = into.get(key)
            into[key] = table if isinstance(table, dict) else {}
            _merge(written, path, into[key], value, file)
        else:
            into[key] = value


def _fill_places(
    values: dict[str, Any], main: Path, env: Mapping[str, str], service_folder: Path
) -> None:
    """systemd's folders win over the file: the unit may write nowhere else."""
    section = values.setdefault("storage", {})
    if not isinstance(section, dict):
        return  # the models say what is wrong with it
    service = main.parent == service_folder
    state = _xdg(env, "XDG_STATE_HOME", ".local/state")
    spool = SERVICE_SPOOL if service else state / "edge-agent"
    session = env.get("XDG_RUNTIME_DIR")
    volatile = Path(session) / "edge-agent" if session else state / "edge-agent-run"
    for key, variable, default in (
        ("spool", "STATE_DIRECTORY", spool),
        ("runtime", "RUNTIME_DIRECTORY", SERVICE_RUNTIME if service else volatile),
    ):
        if env.get(variable):
            section[key] = env[variable].split(":")[0]
        else:
            section.setdefault(key, str(default))


def _xdg(env: Mapping[str, str], variable: str, fallback: str) -> Path:
    """A relative XDG path is invalid by its specification and counts as unset."""
    value = env.get(variable, "")
    if value.startswith("/"):
        return Path(value)
    return Path(env["HOME"] if env.get("HOME") else Path.home()) / fallback
