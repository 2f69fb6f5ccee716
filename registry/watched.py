"""How a watched target stands, in one of five words that every page says alike; and whom nobody watches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import clock, errors
from core.words import N_
from registry import audit
from registry.models import Device, IpAddress, WatchState, WatchStatus

UNWATCHED, PREFIX = "unwatched", "prefix"
_LEAST, _MOST = 3, 200


@dataclass(frozen=True, slots=True)
class Watched:
    """`word` is of WatchState, PREFIX (nobody answers for it), or UNWATCHED, then with who said so and why.

    `since` is when it died, was cut off, or was left out; else None.
    """

    word: str
    since: datetime | None = None
    last_seen_at: datetime | None = None
    why: str = ""
    by: str = ""


def of(status: WatchStatus | None, target: Device | IpAddress) -> Watched:
    """Return how a target stands; one without a status was not asked yet."""
    known = (getattr(target, "last_seen_at", None), status and status.last_seen_at)
    seen = max((at for at in known if at), default=None)
    if isinstance(target, IpAddress) and target.is_prefix:
        return Watched(PREFIX)
    if target.is_unwatched:
        return Watched(UNWATCHED, target.unwatched_at, seen, target.unwatched_why, target.unwatched_by)
    if status is None:
        return Watched(WatchState.UNKNOWN.value, last_seen_at=seen)
    is_down = status.state in (WatchState.DEAD, WatchState.BEHIND)
    since = (status.died_at or status.silent_since or status.since) if is_down else None
    return Watched(status.state.value, since, seen)


def leave_out(
    actor: audit.Actor, target: Device | IpAddress, *, is_unwatched: bool, why: str
) -> dict[str, list[Any]]:
    """Leave a target out of watching for a reason, or take it in again; return the changes for history.

    Raises Invalid at unwatched_why when there is no reason, or a long one.
    """
    after: dict[str, Any] = {"is_unwatched": is_unwatched, "unwatched_why": why.strip() * is_unwatched}
    if is_unwatched and not _LEAST <= len(after["unwatched_why"]) <= _MOST:
        words = N_("Write why it is not to be watched, in at most 200 characters")
        raise errors.Invalid("A reason is needed", {"unwatched_why": words})
    changes = audit.difference({field: getattr(target, field) for field in after}, after)
    if changes:
        target.is_unwatched, target.unwatched_why = is_unwatched, after["unwatched_why"]
        target.unwatched_by = actor.name[:120] if is_unwatched else ""
        target.unwatched_at = clock.now() if is_unwatched else None
    return changes
