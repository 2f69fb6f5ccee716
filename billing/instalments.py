"""Instalments: a debt in dated parts; while they are kept, debt neither cuts nor reminds.

A plan holds the whole debt of the day it was made. What of it is open is what is owed now, less newer charges
whose time and grace are not over; so every payment, credit note and reversal counts by itself, and new bills
have to be paid beside the parts. Whether it is kept is never stored while it stands: see billing.parts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import structlog
from sqlalchemy import Date, func, literal, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import debt, ledger, parts, promises, suspensions
from billing.models import (
    Account,
    EntryKind,
    Instalment,
    InstalmentPlan,
    LedgerEntry,
    LockReason,
    Promise,
    PromiseStatus,
)
from billing.parts import Part, Standing
from billing.rules import Rules
from core import clock, db, errors
from core.columns import any_of
from core.money import Money, format_money
from core.words import N_

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Made:
    """A plan, the subscriptions whose line opens by it, and whether it was not there before."""

    plan: InstalmentPlan
    reopened: tuple[int, ...]
    is_new: bool = True


def active(session: Session, account_id: int) -> InstalmentPlan | None:
    """Return the account's plan that stands, if any."""
    return session.scalar(
        select(InstalmentPlan).where(
            InstalmentPlan.account_id == account_id, InstalmentPlan.status == PromiseStatus.ACTIVE
        )
    )


def latest(session: Session, account_id: int) -> InstalmentPlan | None:
    """Return the account's newest plan, whatever became of it."""
    query = select(InstalmentPlan).where(InstalmentPlan.account_id == account_id)
    return session.scalar(query.order_by(InstalmentPlan.id.desc()).limit(1))


def until_of() -> ColumnElement[date]:
    """Return, for a query on Account, the day of the last part of its plan that stands; NULL without one."""
    last = select(func.max(Instalment.due_on)).join(InstalmentPlan, InstalmentPlan.id == Instalment.plan_id)
    last = last.where(InstalmentPlan.account_id == Account.id, InstalmentPlan.status == PromiseStatus.ACTIVE)
    return last.correlate(Account).scalar_subquery()


def parts_of(session: Session, plan_ids: Iterable[int]) -> dict[int, list[Part]]:
    """Return the instalments of the plans, in order, by plan."""
    rows = session.execute(
        select(Instalment.plan_id, Instalment.due_on, Instalment.amount_minor)
        .where(Instalment.plan_id == any_of(plan_ids))
        .order_by(Instalment.plan_id, Instalment.position)
    )
    found: dict[int, list[Part]] = defaultdict(list)
    for plan_id, due_on, amount_minor in rows:
        found[plan_id].append(Part(due_on, amount_minor))
    return found


def standing(
    session: Session, on: date, *, rules: Rules, account_ids: Iterable[int] | None = None
) -> dict[int, Standing]:
    """Return how the plans that stand are kept on that day, by account: of all, or of those named."""
    grace = debt.grace_of(rules.grace_days)
    not_due = (
        select(func.coalesce(func.sum(LedgerEntry.amount_minor), 0))
        .where(
            LedgerEntry.account_id == Account.id,
            LedgerEntry.id > InstalmentPlan.last_entry_id,
            LedgerEntry.due_on >= literal(on, Date) - grace,
            # Who undoes a charge of the plan makes the plan smaller at once.
            or_(LedgerEntry.reverses_id.is_(None), LedgerEntry.reverses_id > InstalmentPlan.last_entry_id),
        )
        .correlate(Account, InstalmentPlan)
        .scalar_subquery()
    )
    query = (
        select(InstalmentPlan.id, Account.id, (not_due - Account.balance_minor).label("open"))
        .join(Account, Account.id == InstalmentPlan.account_id)
        .where(InstalmentPlan.status == PromiseStatus.ACTIVE)
    )
    if account_ids is not None:
        query = query.where(InstalmentPlan.account_id == any_of(account_ids))
    rows = session.execute(query).all()
    agreed = parts_of(session, [row[0] for row in rows]) if rows else {}
    return {row[1]: parts.standing(agreed[row[0]], int(row[2]), on) for row in rows}


def make(
    session: Session,
    account_id: int,
    agreed: Sequence[Part],
    *,
    author: ledger.Author,
    today: date,
    rules: Rules,
    note: str = "",
    idempotency_key: str | None = None,
) -> Made:
    """Agree on instalments of the whole debt, once by the key; lift the debt locks at once.

    Raises Invalid at the faulty part or when the rules do not allow a plan, Conflict when a plan or a promise
    stands already, NotFound.
    """
    account = ledger.lock_account(session, account_id)
    if (first := _made_by(session, account_id, idempotency_key)) is not None:
        return Made(first, reopened=(), is_new=False)
    if active(session, account_id) is not None:
        raise errors.Conflict("Instalments are agreed on already; end them before agreeing on others")
    if promises.active(session, account_id) is not None:
        raise errors.Conflict("A promise stands already; withdraw it before making another")
    owed = max(0, -account.balance_minor)
    if owed == 0:
        raise errors.Invalid("Nothing is owed, so there is nothing to promise")
    if rules.promise_needs_payment and not _has_paid_since_broken(session, account_id):
        raise errors.Invalid("The last instalments were broken; others only after a payment")
    faults = parts.faults(agreed, total_minor=owed, today=today, rules=rules)
    if faults:
        raise errors.Invalid("Not a plan", faults)
    plan = InstalmentPlan(
        account_id=account_id,
        total_minor=owed,
        last_entry_id=ledger.last_entry(session, account_id),
        made_on=today,
        status=PromiseStatus.ACTIVE,
        note=note.strip(),
        idempotency_key=idempotency_key,
        author_id=author.staff_id,
        author=author.name,
    )
    session.add(plan)
    session.flush()
    for number, part in enumerate(agreed, 1):
        session.add(
            Instalment(plan_id=plan.id, position=number, due_on=part.due_on, amount_minor=part.amount_minor)
        )
    session.flush()
    moved = suspensions.lift_of_account(
        session, account_id, LockReason.DEBT, by=N_("instalments by %(name)s", name=author.name), today=today
    )
    return Made(plan, suspensions.opened(session, moved))


def _made_by(session: Session, account_id: int, key: str | None) -> InstalmentPlan | None:
    """Return the plan the form of the key made; raises Conflict when it is another account's."""
    if key is None:
        return None
    found = session.scalar(select(InstalmentPlan).where(InstalmentPlan.idempotency_key == key))
    if found is not None and found.account_id != account_id:
        raise errors.Conflict("This form was used already for another sum; load the page again")
    return found


def end(session: Session, plan_id: int, *, author: ledger.Author, reason: str) -> InstalmentPlan:
    """End a plan by hand, with a reason; the next night may cut again. Raises NotFound, Invalid, Conflict."""
    found = session.get(InstalmentPlan, plan_id)
    if found is None:
        raise errors.NotFound("There are no such instalments")
    if not 0 < len(reason.strip()) <= 300:
        raise errors.Invalid("No reason", {"reason": N_("Say why, in at most 300 characters")})
    ledger.lock_account(session, found.account_id)
    session.refresh(found)
    if found.status is not PromiseStatus.ACTIVE:
        raise errors.Conflict("These instalments are kept, broken or ended already")
    words = N_("ended by %(who)s: %(why)s", who=author.name, why=reason.strip())
    return _close(session, found, PromiseStatus.WITHDRAWN, words)


def settle_paid(session: Session, account_id: int, *, today: date, rules: Rules) -> InstalmentPlan | None:
    """Call the standing plan kept once nothing is left of it; the caller locks the account."""
    plan = active(session, account_id)
    if plan is None:
        return None
    found = standing(session, today, rules=rules, account_ids=[account_id])[account_id]
    return _close(session, plan, PromiseStatus.KEPT) if found.is_fulfilled(rules) else None


def settle(session: Session, on: date, *, rules: Rules, account_id: int | None = None) -> promises.Settled:
    """Close the plans that are fulfilled, or broken: an instalment, or a bill beside it, did not come.

    Of all accounts, or of one. An account that fails is logged and left for the next night.
    """
    found = standing(session, on, rules=rules, account_ids=None if account_id is None else [account_id])
    ended = [key for key, one in found.items() if one.is_fulfilled(rules) or not one.is_kept(rules)]
    kept = broken = 0
    failed: list[int] = []
    for owner_id in sorted(ended):
        try:
            with db.part(session):
                status = _end(session, owner_id, on, rules)
        except Exception as error:
            if db.is_lost(error):
                raise
            log.exception("instalments_not_settled", account_id=owner_id)
            failed.append(owner_id)
            continue
        kept += status is PromiseStatus.KEPT
        broken += status is PromiseStatus.BROKEN
    return promises.Settled(kept, broken, tuple(failed))


def _end(session: Session, account_id: int, on: date, rules: Rules) -> PromiseStatus | None:
    account = ledger.lock_account(session, account_id)
    plan = active(session, account_id)
    if plan is None:
        return None
    found = standing(session, on, rules=rules, account_ids=[account_id])[account_id]
    if found.is_fulfilled(rules):
        return _close(session, plan, PromiseStatus.KEPT).status
    if found.is_kept(rules):
        return None
    return _close(session, plan, PromiseStatus.BROKEN, missed(found, account.currency)).status


def missed(found: Standing, currency: str) -> str:
    """Say what was not kept of a plan, in words that are kept with it."""
    sum_ = format_money(Money(found.missing_minor, currency))
    if found.missed_on is None:
        return N_("bills beside the instalments were not paid: %(sum)s missing", sum=sum_)
    return N_(
        "instalments were not kept: %(sum)s missing since %(day)s, with the bills beside them",
        sum=sum_,
        day=found.missed_on,
    )


def broken_words(session: Session, account_ids: Sequence[int]) -> dict[int, str]:
    """Return why the newest plan of an account broke, by account; of those whose newest plan did."""
    newest = (
        select(func.max(InstalmentPlan.id))
        .where(InstalmentPlan.account_id == any_of(account_ids))
        .group_by(InstalmentPlan.account_id)
    )
    rows = session.execute(
        select(InstalmentPlan.account_id, InstalmentPlan.reason).where(
            InstalmentPlan.id.in_(newest), InstalmentPlan.status == PromiseStatus.BROKEN
        )
    )
    return {row[0]: row[1] for row in rows}


def spared(session: Session, on: date, *, rules: Rules, account_id: int | None = None) -> set[int]:
    """Return the accounts that are neither reminded nor fined: who promised, who keeps instalments."""
    ids = None if account_id is None else [account_id]
    query = select(Promise.account_id).where(Promise.status == PromiseStatus.ACTIVE, Promise.until >= on)
    if account_id is not None:
        query = query.where(Promise.account_id == account_id)
    kept = standing(session, on, rules=rules, account_ids=ids)
    return {*session.scalars(query), *(key for key, one in kept.items() if one.is_kept(rules))}


def _has_paid_since_broken(session: Session, account_id: int) -> bool:
    plan = latest(session, account_id)
    if plan is None or plan.status is not PromiseStatus.BROKEN:
        return True
    paid = select(LedgerEntry.id).where(
        LedgerEntry.account_id == account_id,
        LedgerEntry.kind == EntryKind.PAYMENT,
        LedgerEntry.id > (plan.ended_entry_id or 0),
    )
    undone = select(LedgerEntry.reverses_id).where(
        LedgerEntry.account_id == account_id, LedgerEntry.reverses_id.is_not(None)
    )
    return session.scalar(paid.where(LedgerEntry.id.not_in(undone)).limit(1)) is not None


def _close(session: Session, plan: InstalmentPlan, status: PromiseStatus, reason: str = "") -> InstalmentPlan:
    plan.status, plan.reason, plan.settled_at = status, reason, clock.now()
    plan.ended_entry_id = ledger.last_entry(session, plan.account_id)
    session.flush()
    return plan
