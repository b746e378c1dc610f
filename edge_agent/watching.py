"""Look at something in a thread, again and again: a look that hangs is none.

For processes that show the room. What is older than they allow is not told as if it were so.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Watching(Generic[T]):
    """Used by one loop alone. Times are nanoseconds of a monotonic clock."""

    def __init__(
        self,
        look: Callable[[], T],
        nothing: T,
        *,
        every_ns: int,
        stale_ns: int,
        look_no_more: Callable[[], None] = lambda: None,
        name: str = "watching",
    ) -> None:
        """`nothing` is told while nothing is known; `look_no_more` is called at the end, in the
        same thread."""
        self._look = look
        self._nothing = nothing
        self._every_ns, self._stale_ns = every_ns, stale_ns
        self._end = look_no_more
        self._thread = ThreadPoolExecutor(1, name)
        self._waiting: Future[T] | None = None
        self._due_ns = 0
        self._seen = nothing
        self._seen_ns: int | None = None

    def sight(self, now_ns: int) -> T:
        """The latest; when it is too old, `nothing`."""
        if self._waiting is not None and self._waiting.done():
            self._seen, self._seen_ns = self._waiting.result(), now_ns
            self._waiting = None
        if self._waiting is None and now_ns >= self._due_ns:
            self._due_ns = now_ns + self._every_ns
            self._waiting = self._thread.submit(self._look)
        fresh = self._seen_ns is not None and now_ns - self._seen_ns < self._stale_ns
        return self._seen if fresh else self._nothing

    def close(self) -> None:
        """A look that hangs is not waited for."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._thread.submit(self._end)
        self._thread.shutdown(wait=False)
