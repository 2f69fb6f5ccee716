"""The clocks of watching: which POP sweeps what how often, who does it now, and what came of it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from core.settings import Settings
from registry.models import Pop, RoundKind, WatchRound

# Longer than this times its interval nobody holds a round: then another worker may begin.
_LEASE_LEAST_S = 120
# Beat looks so often whose turn it is: what waits for less is not late.
_PUNCTUAL_S = 10


@dataclass(frozen=True, slots=True)
class Claim:
    """A round this worker does: nobody else does it before the lease ends, nobody settles it twice."""

    pop: str
    kind: RoundKind
    number: int
    at: datetime
    interval_s: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a kind of round of a POP goes: its pace, the last one, and by how much the rounds are late."""

    kind: RoundKind
    pace_s: int
    finished_at: datetime | None
    lag_s: float
    targets: int
    answered: int
    error: str

    @property
    def is_late(self) -> bool:
        """Whether a whole round was missed."""
        return self.lag_s > self.pace_s


def interval_s(session: Session, settings: Settings, pop: str, kind: RoundKind) -> int:
    """Return how often a POP does a kind of round: its own pace, else the settings'."""
    return _interval(settings, kind, _paces(session).get(pop, (None, None)))


def _paces(session: Session) -> dict[str, tuple[int | None, int | None]]:
    rows = session.execute(select(Pop.code, Pop.device_watch_s, Pop.customer_watch_s))
    return {code: (devices_s, customers_s) for code, devices_s, customers_s in rows}


def _interval(settings: Settings, kind: RoundKind, own: tuple[int | None, int | None]) -> int:
    watch = settings.watch
    return {
        RoundKind.DEVICES: own[0] or watch.device_interval_s,
        RoundKind.CUSTOMERS: own[1] or watch.customer_interval_s,
        RoundKind.COUNTERS: watch.counter_interval_s,
    }[kind]


def ensure(session: Session, settings: Settings, now: datetime) -> None:
    """Give every POP, and the default one, its clocks; forget those of POPs that are gone."""
    codes = {settings.diagnostics.default_pop, *session.scalars(select(Pop.code))}
    rows = [{"pop": pop, "kind": kind, "due_at": now} for pop in sorted(codes) for kind in RoundKind]
    session.execute(insert(WatchRound).on_conflict_do_nothing(), rows)
    session.execute(delete(WatchRound).where(WatchRound.pop.not_in(codes)))


def put_out(session: Session, settings: Settings, now: datetime) -> list[tuple[str, RoundKind, int]]:
    """Return the (pop, kind, interval) whose turn it is and nobody was asked for; they count as asked now.

    A call nobody took is repeated after its interval: by then the queue has dropped it.
    """
    paces = _paces(session)
    free = or_(WatchRound.leased_until.is_(None), WatchRound.leased_until < now)
    query = select(WatchRound).where(WatchRound.due_at <= now, free).order_by(WatchRound.due_at)
    found = []
    for row in session.scalars(query.with_for_update(skip_locked=True)):
        pace_s = _interval(settings, row.kind, paces.get(row.pop, (None, None)))
        if (
            row.asked_at is not None
            and row.asked_at >= row.due_at
            and now - row.asked_at < timedelta(seconds=pace_s)
        ):
            continue
        row.asked_at = now
        found.append((row.pop, row.kind, pace_s))
    session.flush()
    return found


def claim(session: Session, settings: Settings, pop: str, kind: RoundKind, now: datetime) -> Claim | None:
    """Take a round whose turn it is; None when it is not due or another worker has it."""
    pace_s = interval_s(session, settings, pop, kind)
    lease = timedelta(seconds=max(_LEASE_LEAST_S, 2 * pace_s))
    lag = func.extract("epoch", now - WatchRound.due_at)
    taken = session.execute(
        update(WatchRound)
        .where(
            WatchRound.pop == pop,
            WatchRound.kind == kind,
            WatchRound.due_at <= now,
            or_(WatchRound.leased_until.is_(None), WatchRound.leased_until < now),
        )
        .values(
            leased_until=now + lease,
            number=WatchRound.number + 1,
            started_at=now,
            lag_s=lag,
            # A worker that was away begins a new rhythm instead of catching up rounds nobody needs.
            due_at=func.greatest(
                WatchRound.due_at + timedelta(seconds=pace_s), now + timedelta(seconds=pace_s / 2)
            ),
        )
        .returning(WatchRound.number)
    ).one_or_none()
    return None if taken is None else Claim(pop, kind, taken.number, now, pace_s)


def holds(session: Session, claim: Claim) -> bool:
    """Say whether the claim is still this worker's, and keep it until the transaction ends."""
    query = select(WatchRound.number).where(_is(claim)).with_for_update()
    return session.scalar(query) is not None


def release(
    session: Session, claim: Claim, now: datetime, *, targets: int, answered: int, error: str = ""
) -> None:
    """Note what came of a round and let the next one begin; does nothing for a claim that was taken over."""
    session.execute(
        update(WatchRound)
        .where(_is(claim))
        .values(leased_until=None, finished_at=now, targets=targets, answered=answered, error=error[:500])
    )


def _is(claim: Claim) -> ColumnElement[bool]:
    return and_(
        tuple_(WatchRound.pop, WatchRound.kind) == tuple_(claim.pop, claim.kind),
        WatchRound.number == claim.number,
    )


def lag_s(round: WatchRound, now: datetime) -> float:
    """Return by how many seconds a round is late: the one that waits now, else the last one."""
    is_held = round.leased_until is not None and round.leased_until >= now
    waits_s = 0.0 if is_held else (now - round.due_at).total_seconds()
    return max(waits_s, 0.0) if waits_s > _PUNCTUAL_S else round.lag_s or 0.0


def pulses(session: Session, settings: Settings, now: datetime) -> dict[str, tuple[Pulse, ...]]:
    """Return how the rounds of each POP go, by the POP's code."""
    paces, found = _paces(session), defaultdict[str, list[Pulse]](list)
    for row in list_all(session):
        pace_s = _interval(settings, row.kind, paces.get(row.pop, (None, None)))
        found[row.pop].append(
            Pulse(row.kind, pace_s, row.finished_at, lag_s(row, now), row.targets, row.answered, row.error)
        )
    return {pop: tuple(rows) for pop, rows in found.items()}


def list_all(session: Session) -> list[WatchRound]:
    """Return every clock by POP and kind."""
    return list(session.scalars(select(WatchRound).order_by(WatchRound.pop, WatchRound.kind)))


def worker_of(pop: str, alive: Collection[str], default: str) -> str:
    """Return the POP whose worker sweeps for `pop`: its own while it lives, else the default one."""
    return pop if pop in alive else default
