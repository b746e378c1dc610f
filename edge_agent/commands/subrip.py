"""SubRip files (.srt) become WebVTT. Nothing may get lost on the way: a cue less is an error."""

from __future__ import annotations

import io
import re

from edge_agent.rules.webvtt import BadCaptions, escaped

#: A number, and in the next line a time with a comma.
_SUBRIP = re.compile(r"\s*\d+[ \t]*\n[ \t]*\d+:\d{1,2}:\d{1,2}[,.]\d+[ \t]*-->")


def as_webvtt(text: str) -> str:
    """WebVTT as it is; SubRip converted; anything else as it is. Raises BadCaptions.

    The library passes over what it does not understand, so what comes out is counted.
    """
    if not _SUBRIP.match(text):
        return text
    from webvtt import WebVTT
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    try:
        found = WebVTT.from_buffer(io.StringIO(text.lstrip()), format="srt")
    except (MalformedCaptionError, MalformedFileError) as error:
        raise BadCaptions(f"the SubRip file cannot be read: {error}") from None
    there, read = text.count("-->"), len(found.captions)
    if read < there:
        raise BadCaptions(f"{there - read} of its {there} captions cannot be read as SubRip")
    for caption in found.captions:
        caption.lines = escaped("\n".join(caption.lines)).split("\n")
    return str(found.content) + "\n"
