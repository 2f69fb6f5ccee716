"""The locks that stand, whoever placed them: a list by reason, owner, age, effect; and one lock's history."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Select, cast, func, literal, select
from sqlalchemy.orm import Session

from billing.models import AccessState, LockReason, Plan, Subscription, SuspensionLock
from core import errors
from registry import keyset, search
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-age"
NEVER = date(9999, 12, 31)
_lock = SuspensionLock
_until = func.coalesce(_lock.to_on, cast(_lock.until, Date), literal(NEVER, Date))
KEYS = {
    "age": Key(_lock.id, int),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
    "reason": Key(_lock.reason, str),
    "owner": Key(_lock.owner, str),
    "effect": Key(_lock.effect, str),
    "until": Key(_until, date),
}


@dataclass(frozen=True, slots=True)
class LockFilter:
    """What the list is narrowed to; all given must hold. `older_days`: placed so many days ago at least."""

    text: str = ""
    reason: LockReason | None = None
    effect: AccessState | None = None
    owner: str = ""
    older_days: int | None = None


@dataclass(frozen=True, slots=True)
class LockRow:
    """A lock with the customer and the service it is on; an account may belong to nobody."""

    lock: SuspensionLock
    plan: str
    customer_id: int | None
    name: str
    number: str

    @property
    def until_on(self) -> date | None:
        """The last day it stands, when it lifts itself."""
        return self.lock.to_on or (self.lock.until.date() if self.lock.until else None)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a lock's effect: when, by whom, why, from what to what."""

    at: datetime
    by: str
    note: str
    was: AccessState
    effect: AccessState


@dataclass(frozen=True, slots=True)
class LockHistory:
    """One lock with its changes, oldest first, and what else was ever on its service, newest first."""

    row: LockRow
    begun: AccessState
    changes: tuple[Change, ...]
    others: tuple[SuspensionLock, ...]


def page(
    session: Session,
    filters: LockFilter,
    *,
    now: datetime,
    sort: str,
    after: str | None,
    limit: int = PAGE,
) -> tuple[list[LockRow], Marks]:
    """Return a page of the standing locks in an order of KEYS, and the mark of the next."""
    found, mark = keyset.page(
        session,
        _narrowed(filters, now),
        sort=sort,
        keys=KEYS,
        id_column=_lock.id,
        after=after,
        limit=limit,
    )
    return [_row(*row[:3]) for row in found], mark


def counts(session: Session) -> dict[LockReason, int]:
    """Return how many locks stand of each reason."""
    rows = session.execute(
        select(_lock.reason, func.count()).where(_lock.lifted_at.is_(None)).group_by(_lock.reason)
    )
    return {row[0]: row[1] for row in rows}


def history(session: Session, lock_id: int) -> LockHistory:
    """Return one lock, lifted or not, with what happened around it. Raises NotFound."""
    found = session.execute(_rows().where(_lock.id == lock_id)).one_or_none()
    if found is None:
        raise errors.NotFound("There is no such lock")
    row = _row(*found[:3])
    others = session.scalars(
        select(_lock)
        .where(_lock.subscription_id == row.lock.subscription_id, _lock.id != lock_id)
        .order_by(_lock.id.desc())
        .limit(PAGE)
    )
    changes = _changes(row.lock)
    begun = changes[0].was if changes else row.lock.effect
    return LockHistory(row, begun, changes, tuple(others))


def _changes(lock: SuspensionLock) -> tuple[Change, ...]:
    effects = [AccessState(one["was"]) for one in lock.changes] + [lock.effect]
    return tuple(
        Change(datetime.fromisoformat(one["at"]), one["by"], one["note"], was, effect)
        for one, was, effect in zip(lock.changes, effects, effects[1:], strict=False)
    )


def _rows() -> Select[Any]:
    columns: tuple[Any, ...] = (_lock, Plan.name, Customer)
    return (
        select(*columns)
        .select_from(_lock)
        .join(Subscription, Subscription.id == _lock.subscription_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(Customer, Customer.account_id == Subscription.account_id)
    )


def _narrowed(filters: LockFilter, now: datetime) -> Select[Any]:
    query = _rows().where(_lock.lifted_at.is_(None))
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.reason is not None:
        query = query.where(_lock.reason == filters.reason)
    if filters.effect is not None:
        query = query.where(_lock.effect == filters.effect)
    if filters.owner:
        query = query.where(_lock.owner.icontains(filters.owner, autoescape=True))
    if filters.older_days is not None:
        query = query.where(_lock.placed_at <= now - timedelta(days=filters.older_days))
    return query


def _row(lock: SuspensionLock, plan: str, customer: Customer | None) -> LockRow:
    if customer is None:
        return LockRow(lock, plan, None, "", "")
    return LockRow(lock, plan, customer.id, customer.name, customer.number)
