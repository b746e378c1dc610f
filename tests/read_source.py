"""A child that opens a source and tells on stdout, as JSON lines, what it gives.

    python tests/read_source.py '{"kind": "v4l2", "device": "/dev/video0"}' COUNT [decode]

Lines: {"opened": {…}} · {"pts", "dts", "late", "key", "bytes", "number", "peak", "samples"} for
each sample · {"error", "reason", "hint"} at the end. A child: drivers are preloaded, and hang.
"""

import dataclasses
import json
import sys
import time

import av
import numpy as np

from capture.source import CODED, Sample, Source, SourceError, SourceSpec, open_source
from capture.units import UnitPacket


def say(**fact: object) -> None:
    print(json.dumps(fact), flush=True)


def facts(source: Source, sample: Sample, decode: bool) -> dict[str, object]:
    late = time.monotonic_ns() - (sample.pts or 0)
    found: dict[str, object] = {"pts": sample.pts, "late": late}
    if not isinstance(sample, UnitPacket):
        found["base"] = str(sample.time_base)
    if isinstance(sample, av.AudioFrame):
        samples = sample.to_ndarray().astype(np.int64)
        return found | {
            "samples": sample.samples,
            "peak": int(np.abs(samples).max()),
            "form": f"{sample.format.name} {sample.layout.name} {sample.sample_rate}",
        }
    if isinstance(sample, CODED):
        packet = sample.packet() if isinstance(sample, UnitPacket) else sample
        found |= {"dts": sample.dts, "key": sample.is_keyframe, "bytes": sample.size}
        found["head"] = bytes(packet)[:64].hex()
    return found | (pictures(source, sample) if decode else {})


def pictures(source: Source, sample: Sample) -> dict[str, object]:
    from capture.testcard import read_number

    frames = [frame for frame in source.decode(sample) if isinstance(frame, av.VideoFrame)]
    return {
        "pictures": len(frames),
        "number": read_number(frames[-1]) if frames else None,
        "picture_pts": frames[-1].pts if frames else None,
        "type": int(frames[-1].pict_type) if frames else None,
        "size": [frames[-1].width, frames[-1].height] if frames else None,
    }


def main() -> int:
    given = json.loads(sys.argv[1])
    if given.get("size"):
        given["size"] = tuple(given["size"])
    source = open_source(SourceSpec(**given))
    try:
        info = dataclasses.asdict(source.open())
        info["extradata"] = info["extradata"].hex()
        say(opened=info)
        for _ in range(int(sys.argv[2])):
            say(**facts(source, source.read(), decode="decode" in sys.argv))
    except SourceError as error:
        say(error=type(error).__name__, reason=error.reason, hint=error.hint)
    finally:
        source.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
