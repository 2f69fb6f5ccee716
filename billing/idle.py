"""Accounts whose owner is not connected: their services end, or are off by a lock of their own.

Waiting for a connection costs nothing while it lasts; of who leaves it is said how the days are billed, or
with which day his services end. Who comes back is billed again from that day on, by the days that are left.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing import charges, ledger, liabilities, settling, subscriptions, suspensions
from billing.acts import Act
from billing.models import AccessState, LockReason, PeriodKind, Subscription, SubscriptionAccess
from billing.rules import DAY
from billing.suspensions import Moved
from core import errors
from core.columns import any_of
from core.words import N_

REASON = LockReason.STATUS


@dataclass(frozen=True, slots=True)
class Left:
    """What becomes of the services of who is not connected any more.

    They end with the last day, where one is said (what is owed periodically with them, if that is said too);
    else they stay, off, and billed at so much of their price.
    """

    last_on: date | None = None
    billed_percent: int = 0
    ends_liabilities: bool = False


@dataclass(frozen=True, slots=True)
class Rested:
    """What resting an account did: its locks and lines, and what was given an end."""

    moved: Moved
    subscriptions: tuple[int, ...]
    liabilities: tuple[int, ...]


def rest(session: Session, account_id: int, act: Act, left: Left, *, note: str) -> Rested:
    """Let the account's services end or be off, as it is said; what was charged beyond that is given back.

    The lines close at once, also of services that are billed to a later last day. Raises NotFound, Invalid at
    last_on or percent.
    """
    _check(left, act)
    ledger.lock_account(session, account_id)
    ids = _not_over(session, account_id, act.today)
    before = _wanted(session, ids)
    ended = _end_services(session, ids, act, left.last_on) if left.last_on else ()
    owed = _end_liabilities(session, account_id, act, left.last_on) if left.ends_liabilities else ()
    words: dict[str, Any] = {"owner": act.author.name, "note": note, "today": act.today}
    stay = _not_over(session, account_id, act.today)
    # Whose end is said is billed to it; what begins later than that never is.
    to_their_end = _ending_by(session, stay, left.last_on)
    locks = suspensions.place(session, to_their_end, REASON, **words).locks
    others = set(stay) - set(to_their_end)
    percent = left.billed_percent if left.last_on is None else 0
    locks += suspensions.bill_otherwise(session, others, REASON, billed_percent=percent, **words).locks
    settling.settle_pending(session, act, account_id=account_id)
    after = _wanted(session, ids)
    lines = tuple(one for one in ids if before.get(one) is not after.get(one))
    return Rested(Moved(tuple(sorted(locks)), lines), ended, owed)


def resume(session: Session, account_id: int, act: Act) -> Moved:
    """Let the account's services go on: their lines open, and from today on they are billed in full again."""
    ledger.lock_account(session, account_id)
    by = act.author.name
    moved = suspensions.lift_of_account(session, account_id, REASON, by=by, today=act.today)
    settling.settle_pending(session, act, account_id=account_id)
    if moved.locks:
        charges.run(session, act, account_id=account_id)
    return moved


def _check(left: Left, act: Act) -> None:
    faults = {}
    if left.last_on is not None and left.last_on < act.today - DAY:
        faults["last_on"] = N_("The last day is yesterday at the earliest")
    if not 0 <= left.billed_percent <= 100:
        faults["percent"] = N_("A percent is 0 to 100")
    if faults:
        raise errors.Invalid("Say what becomes of the services", faults)


def running(session: Session, account_id: int, today: date) -> bool:
    """Say whether anything of the account's is billed by its days from today on."""
    if _not_over(session, account_id, today):
        return True
    return bool(periodic_liabilities(session, account_id))


def periodic_liabilities(session: Session, account_id: int) -> list[int]:
    """Return what the account owes again and again, without an end."""
    found = liabilities.of_account(session, account_id)
    return [one.id for one in found if one.ends_on is None and one.period is not PeriodKind.ONCE]


def _not_over(session: Session, account_id: int, today: date) -> list[int]:
    query = select(Subscription.id).where(
        Subscription.account_id == account_id,
        or_(Subscription.ends_on.is_(None), Subscription.ends_on >= today),
    )
    return list(session.scalars(query.order_by(Subscription.id)))


def _ending_by(session: Session, ids: list[int], last_on: date | None) -> list[int]:
    if last_on is None:
        return []
    query = select(Subscription.id).where(Subscription.id == any_of(ids), Subscription.ends_on <= last_on)
    return list(session.scalars(query))


def _end_services(session: Session, ids: list[int], act: Act, last_on: date) -> tuple[int, ...]:
    """Let every service that has begun by then end with that day, unless it ends before."""
    query = select(Subscription.id).where(
        Subscription.id == any_of(ids),
        Subscription.starts_on <= last_on,
        or_(Subscription.ends_on.is_(None), Subscription.ends_on > last_on),
    )
    found = tuple(session.scalars(query.order_by(Subscription.id)))
    for one in found:
        subscriptions.end(session, one, act, ends_on=last_on)
    return found


def _end_liabilities(session: Session, account_id: int, act: Act, last_on: date | None) -> tuple[int, ...]:
    found = []
    for one in periodic_liabilities(session, account_id):
        if last_on is not None and liabilities.get(session, one).starts_on <= last_on:
            liabilities.end(session, one, act, ends_on=last_on)
            found.append(one)
    return tuple(found)


def _wanted(session: Session, ids: list[int]) -> dict[int, AccessState]:
    query = select(SubscriptionAccess.subscription_id, SubscriptionAccess.wanted).where(
        SubscriptionAccess.subscription_id == any_of(ids)
    )
    return dict(session.execute(query).all())
