"""How a watched target stands, in one of five words that every page says alike."""

from dataclasses import dataclass
from datetime import datetime

from registry.models import WatchState, WatchStatus

UNWATCHED = "unwatched"


@dataclass(frozen=True, slots=True)
class Watched:
    """`word` is of WatchState, or UNWATCHED; `since` is when it died or was cut off, else None."""

    word: str
    since: datetime | None = None
    last_seen_at: datetime | None = None


def of(status: WatchStatus | None, *, is_unwatched: bool, last_seen_at: datetime | None = None) -> Watched:
    """Return how a target stands; one without a status was not asked yet. `last_seen_at` if that is later."""
    seen = max((at for at in (last_seen_at, status and status.last_seen_at) if at), default=None)
    if is_unwatched:
        return Watched(UNWATCHED, last_seen_at=seen)
    if status is None:
        return Watched(WatchState.UNKNOWN.value, last_seen_at=seen)
    is_down = status.state in (WatchState.DEAD, WatchState.BEHIND)
    since = (status.died_at or status.silent_since or status.since) if is_down else None
    return Watched(status.state.value, since, seen)
