"""What makes a call good once and for a while: the mark of the box it must carry, and the calls done already.

No clock is compared with another: a mark is as old as this box measures it to be, whoever kept the letter.
"""

import secrets
import threading
import time
from collections.abc import Callable

from core import errors

# Marks and calls are remembered so long: no call may be good for longer.
LONGEST_S = 180.0


class Stale(errors.Unavailable):
    """A call carries no mark of this box, or one too old: it was kept by somebody, or the box began anew."""


class Repeated(errors.Conflict):
    """A call was done already."""


class Freshness:
    """The marks one life of a box has given out, and the calls it was given; several threads may ask."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, threading.Lock()
        self._marks: dict[str, float] = {}
        self._done: dict[str, float] = {}

    def mark(self) -> str:
        """Return a new mark, for the next sign of life."""
        made = secrets.token_hex(16)
        with self._lock:
            self._forget()
            self._marks[made] = self._now()
        return made

    def take(self, call: str, mark: str, within_s: float) -> None:
        """Take a call that is to be done within so many seconds of its mark; raises Stale, Repeated."""
        with self._lock:
            self._forget()
            given_at = self._marks.get(mark)
            if given_at is None or self._now() - given_at > within_s:
                raise Stale("this call is too old, or meant for a worker that has begun anew since")
            if call in self._done:
                raise Repeated("this call was done already")
            self._done[call] = self._now()

    def _forget(self) -> None:
        until = self._now() - LONGEST_S
        for kept in (self._marks, self._done):
            # Both are in the order of their times.
            while kept and kept[first := next(iter(kept))] < until:
                del kept[first]
