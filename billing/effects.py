"""What an act on money would do, seen before it is done: its entries, its documents, and the next bill.

It is really done, by the very functions that do it, in a session of Database.rehearsal(); so what is shown is
what then happens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from billing import charges, daybreak, ledger, liabilities, settling, subscriptions, suspensions
from billing.acts import Act
from billing.models import Account, Document, DocumentKind, EntryKind, LedgerEntry, PeriodKind, Subscription
from billing.periods import Cycle
from billing.rules import DAY, Period
from core import clock, db


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry that would be made; the sum as the ledger has it, minor units."""

    kind: EntryKind
    description: str
    period: Period | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A document that would be made, and its gross sum in minor units."""

    kind: DocumentKind
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Bill:
    """The next day something is charged, and what."""

    on: date
    entries: tuple[Booked, ...]

    @property
    def total_minor(self) -> int:
        """What is asked that day, positive."""
        return -sum(entry.amount_minor for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Effect:
    """What an act does at once, and the next bill without it and with it."""

    entries: tuple[Booked, ...]
    documents: tuple[Issued, ...]
    balance_before_minor: int
    balance_after_minor: int
    next_before: Bill | None
    next_after: Bill | None


def of(session: Session, account_id: int, act: Act, do: Callable[[], object]) -> Effect:
    """Do it and say what it did; the caller gives a session of a rehearsal. Raises what `do` raises."""
    before = ledger.lock_account(session, account_id).balance_minor
    next_before = next_bill(session, account_id, act)
    last_entry, last_document = _last(session)
    do()
    session.flush()
    made = _entries(session, account_id, last_entry)
    documents = session.execute(
        select(Document.kind, Document.gross_minor)
        .where(Document.account_id == account_id, Document.id > last_document)
        .order_by(Document.id)
    )
    issued = tuple(Issued(kind, gross) for kind, gross in documents)
    after = session.scalar(select(Account.balance_minor).where(Account.id == account_id))
    return Effect(made, issued, before, after or 0, next_before, next_bill(session, account_id, act))


def next_bill(session: Session, account_id: int, act: Act) -> Bill | None:
    """Return the next day after the act's on which the account is charged, as all stands now; none: never.

    Tried on a savepoint that is rolled back: that day's night is lived through for this account.
    """
    on = min(_next_days(session, account_id, act.today), default=None)
    if on is None:
        return None
    with db.tried(session):
        last, _ = _last(session)
        then = replace(act, today=on)
        daybreak.begin(session, then, clock.now(), account_id=account_id)
        charges.run(session, then, account_id=account_id)
        return Bill(on, _entries(session, account_id, last))


def _last(session: Session) -> tuple[int, int]:
    entry = session.scalar(select(func.max(LedgerEntry.id))) or 0
    return entry, session.scalar(select(func.max(Document.id))) or 0


def _entries(session: Session, account_id: int, after_id: int) -> tuple[Booked, ...]:
    rows = session.execute(
        select(
            LedgerEntry.kind,
            LedgerEntry.description,
            LedgerEntry.period_start,
            LedgerEntry.period_end,
            LedgerEntry.amount_minor,
        )
        .where(LedgerEntry.account_id == account_id, LedgerEntry.id > after_id)
        .order_by(LedgerEntry.id)
    )
    return tuple(
        Booked(kind, words, Period(begin, end) if begin and end else None, minor)
        for kind, words, begin, end, minor in rows
    )


def _next_days(session: Session, account_id: int, today: date) -> Sequence[date]:
    """Return for each thing billed the next day on which it is charged."""
    found: list[date | None] = []
    query = (
        select(Subscription)
        .options(joinedload(Subscription.plan))
        .where(Subscription.account_id == account_id)
    )
    changes: dict[int, date] = {}
    for change in subscriptions.planned(session, account_id):
        changes.setdefault(change.subscription_id, change.starts_on)
    unbilled = suspensions.unbilled_for_good(session, account_id)
    for one in session.scalars(query):
        if one.id in unbilled:
            continue
        is_postpaid = one.plan.is_postpaid if one.is_postpaid is None else one.is_postpaid
        last = changes[one.id] - DAY if one.id in changes else one.ends_on
        begin = max(one.starts_on, one.terms_from or one.starts_on)
        if one.free_until is not None:
            begin = max(begin, one.free_until + DAY)
        found.append(_next_day(settling.cycle_of(one), begin, last, today, is_postpaid=is_postpaid))
        found.append(changes.get(one.id))
    for owed in liabilities.of_account(session, account_id):
        cycle = liabilities.cycle_of(owed)
        found.append(_next_day(cycle, owed.starts_on, owed.ends_on, today, is_postpaid=owed.is_postpaid))
    return [day for day in found if day is not None and day > today]


def _next_day(cycle: Cycle, begin: date, last: date | None, today: date, *, is_postpaid: bool) -> date | None:
    """Return the first day after today on which a period is charged; none when all of them are over."""
    whole = cycle.whole(max(begin, today))
    if is_postpaid:
        on = (whole.end if last is None else min(whole.end, last)) + DAY
        return on if last is None or last >= today else None
    on = begin if begin > today else whole.end + DAY
    if last is not None and on > last:
        return None
    return on if begin > today or cycle.kind is not PeriodKind.ONCE else None
