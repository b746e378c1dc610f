"""The texts of the configuration's files with keys set and keys taken out, comments kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_agent.commands.output import Exit, Failure
from edge_agent.config_change import ConfigDesk
from edge_agent.config_edit import CannotEdit, with_value, without
from edge_agent.places import KeyPath


@contextmanager
def editing(file: Path) -> Iterator[None]:
    try:
        yield
    except CannotEdit as error:
        raise Failure(
            Exit.FAILED,
            "cannot-edit",
            f"{file}: {error}",
            "change a copy by hand, then: edge-agent config apply COPY",
        ) from None


def edited(
    place: ConfigDesk, values: Mapping[KeyPath, Any], gone: Iterable[KeyPath] = ()
) -> dict[Path, bytes]:
    """Each key goes into the file that sets it already, else into the main one.

    What is gone and not set anywhere is passed over. Raises ConfigError, Failure.
    """
    written, texts = place.written(), dict[Path, str]()

    def before(file: Path) -> str:
        return texts[file] if file in texts else place.text(file).decode()

    for path in gone:
        file = written.origin.get(path)
        if file is not None:
            with editing(file):
                texts[file] = without(before(file), path)
    for path, value in values.items():
        file = written.origin.get(path, place.main)
        with editing(file):
            texts[file] = with_value(before(file), path, value)
    return {file: text.encode() for file, text in texts.items()}
