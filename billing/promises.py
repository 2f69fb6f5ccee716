"""Promises to pay: an agreed day until whose end debt does not cut."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import allocation, ledger, suspensions
from billing import rules as arithmetic
from billing.models import EntryKind, InstalmentPlan, LedgerEntry, LockReason, Promise, PromiseStatus
from billing.rules import Rules
from core import clock, db, errors
from core.columns import any_of
from core.words import N_

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Made:
    """A new promise, and the subscriptions whose line opens by it."""

    promise: Promise
    reopened: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the night made of promises whose day is over; `failed` are accounts that could not be settled."""

    kept: int = 0
    broken: int = 0
    failed: tuple[int, ...] = ()


def active(session: Session, account_id: int) -> Promise | None:
    """Return the account's promise that stands, if any."""
    return session.scalar(
        select(Promise).where(Promise.account_id == account_id, Promise.status == PromiseStatus.ACTIVE)
    )


def history(session: Session, account_id: int, *, limit: int = 20) -> list[Promise]:
    """Return the account's promises, newest first: they tell how far the next may reach."""
    return list(
        session.scalars(
            select(Promise).where(Promise.account_id == account_id).order_by(Promise.id.desc()).limit(limit)
        )
    )


def make(
    session: Session,
    account_id: int,
    *,
    until: date,
    author: ledger.Author,
    today: date,
    rules: Rules,
    note: str = "",
    amount_minor: int | None = None,
) -> Made:
    """Write down a promise (of the whole debt unless `amount_minor` says less); lift the debt locks at once.

    Raises Invalid when the rules do not allow it, Conflict when one stands already, NotFound.
    """
    account = ledger.lock_account(session, account_id)
    owed = max(0, -account.balance_minor)
    if active(session, account_id) is not None:
        raise errors.Conflict("A promise stands already; withdraw it before making another")
    agreed = select(InstalmentPlan.id).where(
        InstalmentPlan.account_id == account_id, InstalmentPlan.status == PromiseStatus.ACTIVE
    )
    if session.scalar(agreed) is not None:
        raise errors.Conflict("Instalments are agreed on already; end them before giving a promise")
    refusal = arithmetic.promise_refusal(
        until, today=today, rules=rules, owed_minor=owed, record=record(session, account_id)
    )
    if refusal is not None:
        raise errors.Invalid(refusal, {"until": refusal})
    if amount_minor is not None and not 0 < amount_minor <= owed:
        raise errors.Invalid("Not what is owed", {"amount": "Promise more than nothing and at most the debt"})
    promise = Promise(
        account_id=account_id,
        until=until,
        amount_minor=owed if amount_minor is None else amount_minor,
        last_entry_id=ledger.last_entry(session, account_id),
        status=PromiseStatus.ACTIVE,
        note=note.strip(),
        author_id=author.staff_id,
        author=author.name,
    )
    session.add(promise)
    session.flush()
    moved = suspensions.lift_of_account(
        session, account_id, LockReason.DEBT, by=N_("promise by %(name)s", name=author.name), today=today
    )
    return Made(promise, suspensions.opened(session, moved))


def record(session: Session, account_id: int) -> arithmetic.Record:
    """Return how the account kept its promises; those taken back count neither way."""
    ended = [
        one
        for one in history(session, account_id, limit=100)
        if one.status in {PromiseStatus.KEPT, PromiseStatus.BROKEN}
    ]
    broken = list(takewhile(lambda one: one.status is PromiseStatus.BROKEN, ended))
    return arithmetic.Record(len(broken), not broken or _paid_since(session, broken[0]) > 0)


def broken_words(session: Session, account_ids: Iterable[int]) -> dict[int, str]:
    """Return which promise an account did not keep, by account, while something it was about is still open.

    The last that was kept or broken counts.
    """
    newest = (
        select(func.max(Promise.id))
        .where(
            Promise.account_id == any_of(account_ids),
            Promise.status.in_([PromiseStatus.KEPT, PromiseStatus.BROKEN]),
        )
        .group_by(Promise.account_id)
    )
    query = select(Promise.account_id, Promise.until, Promise.last_entry_id)
    broken = session.execute(
        query.where(Promise.id.in_(newest), Promise.status == PromiseStatus.BROKEN)
    ).all()
    if not broken:
        return {}
    entries = allocation.open_by_entry([row.account_id for row in broken])
    first = select(entries.c.account_id, func.min(entries.c.entry_id)).group_by(entries.c.account_id)
    still_open = dict(session.execute(first).all())
    return {
        row.account_id: N_("promise until %(day)s not kept", day=row.until)
        for row in broken
        if row.account_id in still_open and still_open[row.account_id] <= row.last_entry_id
    }


def withdraw(session: Session, promise_id: int, *, author: ledger.Author, note: str = "") -> Promise:
    """Take a promise back; the next night's plan may cut again. Raises NotFound, Conflict."""
    found = session.get(Promise, promise_id)
    if found is None:
        raise errors.NotFound("There is no such promise")
    ledger.lock_account(session, found.account_id)
    session.refresh(found)
    if found.status is not PromiseStatus.ACTIVE:
        raise errors.Conflict("This promise is kept, broken or taken back already")
    words = N_("withdrawn by %(who)s", who=author.name) + (f": {note.strip()}" if note.strip() else "")
    found.note = f"{found.note} ({words})" if found.note else words
    return _close(session, found, PromiseStatus.WITHDRAWN)


def settle_paid(session: Session, account_id: int, *, rules: Rules) -> Promise | None:
    """Call the standing promise kept once what was owed at it is paid; the caller locks the account.

    One of a part stands after its sum came, until its day: who pays early is not cut sooner for it.
    """
    promise = active(session, account_id)
    if promise is None or not _is_settled(session, promise, rules):
        return None
    return _close(session, promise, PromiseStatus.KEPT)


def settle(session: Session, on: date, *, rules: Rules, account_id: int | None = None) -> Settled:
    """Close the promises whose day was over before `on`: kept when the promised sum came, else broken.

    Of all accounts, or of one. An account that fails is logged and left for the next night.
    """
    query = (
        select(Promise.id, Promise.account_id)
        .where(Promise.status == PromiseStatus.ACTIVE, Promise.until < on)
        .order_by(Promise.account_id)
    )
    if account_id is not None:
        query = query.where(Promise.account_id == account_id)
    ended = session.execute(query).all()
    kept = broken = 0
    failed: list[int] = []
    for promise_id, owner_id in ended:
        try:
            with db.part(session):
                status = _end(session, promise_id, owner_id, rules)
        except Exception as error:
            if db.is_lost(error):
                raise
            log.exception("promise_not_settled", account_id=owner_id)
            failed.append(owner_id)
            continue
        kept += status is PromiseStatus.KEPT
        broken += status is PromiseStatus.BROKEN
    return Settled(kept, broken, tuple(failed))


def _end(session: Session, promise_id: int, account_id: int, rules: Rules) -> PromiseStatus | None:
    ledger.lock_account(session, account_id)
    promise = session.get_one(Promise, promise_id, populate_existing=True)
    if promise.status is not PromiseStatus.ACTIVE:
        return None
    is_kept = _paid_since(session, promise) >= promise.amount_minor or _is_settled(session, promise, rules)
    return _close(session, promise, PromiseStatus.KEPT if is_kept else PromiseStatus.BROKEN).status


def _is_settled(session: Session, promise: Promise, rules: Rules) -> bool:
    """Whether of what was owed at the promise nothing is open, or too little to cut for.

    Whether it is past due by now is no matter: a promise may be given in time. Where all of it was too little
    to cut for, all of it is to be paid.
    """
    entries = allocation.open_by_entry([promise.account_id])
    left = session.scalar(
        select(func.sum(entries.c.open_minor)).where(entries.c.entry_id <= promise.last_entry_id)
    )
    return not left or (rules.is_cuttable(promise.amount_minor) and not rules.is_cuttable(left))


# A refund and a transfer away are below zero.
_MOVED = (EntryKind.PAYMENT, EntryKind.WRITEOFF, EntryKind.TRANSFER, EntryKind.REFUND)


def _paid_since(session: Session, promise: Promise) -> int:
    """Return what came in since the promise and stayed: not what was reversed, or paid out again.

    Told by the entries' numbers, given under the account's lock: two acts at once begin in any order.
    """
    reversals = select(LedgerEntry.reverses_id).where(
        LedgerEntry.account_id == promise.account_id, LedgerEntry.reverses_id.is_not(None)
    )
    total = session.scalar(
        select(func.sum(LedgerEntry.amount_minor)).where(
            LedgerEntry.account_id == promise.account_id,
            LedgerEntry.kind.in_(_MOVED),
            LedgerEntry.id > promise.last_entry_id,
            LedgerEntry.id.not_in(reversals),
        )
    )
    return int(total or 0)


def _close(session: Session, promise: Promise, status: PromiseStatus) -> Promise:
    promise.status = status
    promise.settled_at = clock.now()
    session.flush()
    return promise
