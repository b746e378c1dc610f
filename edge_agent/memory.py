"""What the C library does with the memory of pictures. Linux with glibc; elsewhere nothing."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: The most that glibc takes; a raw 4K picture has 16 MiB.
_LARGE = 32 * 1024 * 1024
#: How much free memory is kept: two dozen raw 1080p pictures are more than ever wait in peace.
_KEPT = 96 * 1024 * 1024


def keep_picture_memory() -> None:
    """Reuse the memory of a picture for the next one.

    glibc gives blocks of some megabytes back to the kernel and fetches them anew, each page with a
    fault: two thirds of what an unchanged raw picture costs.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_ARENA_MAX, 1)
