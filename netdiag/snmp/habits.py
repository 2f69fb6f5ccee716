"""What agents can bear, as learned by asking them: how much in one answer, and whether GETBULK at all.

Remembered per agent for the life of the process, without a lock: a lost or stale entry costs a request more,
never an answer.
"""

import dataclasses

# An answer of this size fits one packet on an Ethernet: fragments get lost where filters drop them.
ONE_PACKET = 1400
SEVERAL_PACKETS = 5600
_LEAST = 16
_KEPT = 32_768
_DOUBTS = 2
_FULL_ANSWERS = 6


@dataclasses.dataclass(slots=True)
class Habits:
    """How one agent wants to be asked; `ceiling` counts values, `budget` octets of an answer."""

    has_bulk: bool = True
    budget: int = ONE_PACKET
    ceiling: int = 1000
    octets_per_value: int = 24
    batch: int = 24
    doubts: int = 0
    full_answers: int = 0

    @property
    def values(self) -> int:
        """Return how many values to ask for in one request."""
        return max(1, min(self.ceiling, self.budget // self.octets_per_value))

    def answered(self, asked: int, got: int, octets: int) -> None:
        """Learn from an answer to GETBULK: many whole ones let us ask for more, a cut one for what fitted."""
        self.doubts = 0
        if got >= 8:
            self.octets_per_value = max(8, octets // got)
        if got < asked:
            self.full_answers = 0
            self.budget = max(_LEAST, min(self.budget, octets))
            return
        self.full_answers += 1
        if self.full_answers >= _FULL_ANSWERS and self.budget < SEVERAL_PACKETS:
            self.budget *= 2
            self.full_answers = 0

    def fell_silent(self) -> None:
        """Learn that a smaller request was answered where a larger was not: it may have been too large."""
        self.full_answers = 0
        self.budget = max(_LEAST, self.budget // 2)

    def was_too_big(self, asked: int) -> None:
        """Learn that the agent cannot answer so many values at once."""
        self.fell_silent()
        self.ceiling = max(1, asked // 2)

    def doubt(self) -> None:
        """Learn that GETNEXT was answered where GETBULK was not; twice in a row and it is given up."""
        self.doubts += 1
        self.has_bulk = self.has_bulk and self.doubts < _DOUBTS


_HABITS: dict[tuple[str, int], Habits] = {}


def of(host: str, port: int) -> Habits:
    """Return what is known of an agent; the caller may write on it."""
    key = (host, port)
    known = _HABITS.get(key)
    if known is None:
        if len(_HABITS) >= _KEPT:
            _HABITS.clear()
        known = _HABITS[key] = Habits()
    return known


def forget() -> None:
    """Forget every agent's habits (tests)."""
    _HABITS.clear()
