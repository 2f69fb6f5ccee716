"""The rules of life and death, pure: what one more round makes of a target, and who is only cut off."""

import dataclasses
from collections.abc import Collection, Mapping
from datetime import datetime

from registry.models import WatchState

_MOST_ROUNDS = 30_000


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a target stands; `silent_since` is the first round of the present silence."""

    state: WatchState
    since: datetime
    silent_rounds: int = 0
    silent_since: datetime | None = None
    last_seen_at: datetime | None = None
    died_at: datetime | None = None

    @property
    def is_silent(self) -> bool:
        """Whether it did not answer the last time, having answered before: nothing passes it now."""
        is_down = self.state in (WatchState.DEAD, WatchState.BEHIND)
        return self.last_seen_at is not None and (is_down or self.silent_rounds > 0)


def judge(before: Standing, *, is_answered: bool, is_cut_off: bool, at: datetime, limit: int) -> Standing:
    """Return how a target stands after a round begun at `at`.

    An answer makes it alive. `limit` silent rounds in a row make it dead since the first of them, or behind
    while what is before it is silent too (`is_cut_off`). Who is behind has no rounds counted; they count
    anew when the way is open again. The dead stay dead, whatever dies before them.
    """
    if is_answered:
        since = before.since if before.state is WatchState.ALIVE else at
        return Standing(WatchState.ALIVE, since, last_seen_at=at)
    silent_since = before.silent_since or at
    rounds = min(before.silent_rounds + 1, _MOST_ROUNDS)
    if before.state is WatchState.DEAD:
        return dataclasses.replace(before, silent_rounds=rounds)
    if before.state is WatchState.BEHIND and is_cut_off:
        return dataclasses.replace(before, silent_rounds=0)
    if rounds < limit:
        return dataclasses.replace(before, silent_rounds=rounds, silent_since=silent_since)
    if is_cut_off:
        return dataclasses.replace(
            before, state=WatchState.BEHIND, since=at, silent_rounds=0, silent_since=silent_since
        )
    return dataclasses.replace(
        before,
        state=WatchState.DEAD,
        since=at,
        silent_rounds=rounds,
        silent_since=silent_since,
        died_at=silent_since,
    )


def chain(device_id: int | None, parents: Mapping[int, int | None]) -> list[int]:
    """Return a device and all it hangs on, nearest first; a loop ends it."""
    found: list[int] = []
    while device_id is not None and device_id not in found:
        found.append(device_id)
        device_id = parents.get(device_id)
    return found


def is_cut_off(
    upstream_id: int | None,
    parents: Mapping[int, int | None],
    standings: Mapping[int, Standing],
    passing: Collection[int],
) -> bool:
    """Say whether the nearest watched device before a target is silent: nothing behind it can be asked.

    `standings` are those of the watched devices; one that was never seen proves nothing. `passing` are the
    devices behind which somebody answered just now: a silent one of them lets packets through all the same.
    """
    for device_id in chain(upstream_id, parents):
        standing = standings.get(device_id)
        if device_id in passing:
            return False
        if standing is not None and standing.last_seen_at is not None:
            return standing.is_silent
    return False
