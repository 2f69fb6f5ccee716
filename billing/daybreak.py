"""What a business day begins with: lift what is over, place what is planned, let new terms hold, settle.

The night does it for everybody, what looks ahead for one account; whoever charges a day by hand lets the
terms of that day hold first.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import access, freezes, ledger, settling, subscriptions, suspensions
from billing.acts import Act
from billing.charges import ChargeReport
from billing.models import EntryKind, LedgerEntry
from core.columns import any_of


@dataclass(frozen=True, slots=True)
class Begun:
    """What the day began with: numbers of locks, lines, terms and entries."""

    locks_expired: int
    locks_placed: int
    lines_changed: int
    terms_changed: int
    settled: int


def begin(session: Session, act: Act, now: datetime, *, account_id: int | None = None) -> Begun:
    """Begin the act's day for all accounts, or for one.

    All accounts concerned are held before any line is: a cashier holds his account first, and so do we.
    """
    concerned = [
        *suspensions.expired_accounts(session, now, today=act.today, account_id=account_id),
        *freezes.planned_accounts(session, act.today, account_id=account_id),
        *subscriptions.planned_accounts(session, act.today, account_id=account_id),
        *settling.unsettled_accounts(session, account_id=account_id),
    ]
    ledger.hold(session, concerned)
    by = act.author.name
    freed = suspensions.lift_expired(session, now, by=by, today=act.today, account_id=account_id)
    frozen = freezes.apply_planned(session, act, account_id=account_id)
    terms = subscriptions.apply_planned(session, act, account_id=account_id)
    settled = settling.settle_pending(session, act, account_id=account_id)
    # Last, as its lines are of accounts that are not held.
    changed = access.refresh_dates(session, act.today) if account_id is None else {}
    return Begun(
        locks_expired=len(freed.locks),
        locks_placed=len(frozen.locks),
        lines_changed=len({*freed.lines, *frozen.lines, *changed}),
        terms_changed=terms,
        settled=settled,
    )


def let_terms_hold(session: Session, act: Act, *, account_id: int | None = None) -> ChargeReport:
    """Let the terms hold whose day has come, before a charge run by hand; return what that charged."""
    accounts = ledger.hold(session, subscriptions.planned_accounts(session, act.today, account_id=account_id))
    if not accounts:
        return ChargeReport()
    last_id = session.scalar(select(func.max(LedgerEntry.id))) or 0
    subscriptions.apply_planned(session, act, account_id=account_id)
    rows = session.execute(
        select(
            LedgerEntry.currency,
            func.count(),
            -func.sum(LedgerEntry.amount_minor),
            func.array_agg(LedgerEntry.account_id.distinct()),
        )
        .where(
            LedgerEntry.account_id == any_of(accounts),
            LedgerEntry.kind == EntryKind.CHARGE,
            LedgerEntry.id > last_id,
        )
        .group_by(LedgerEntry.currency)
    ).all()
    totals = {currency: int(minor) for currency, _, minor, _ in rows}
    return ChargeReport(
        entries=sum(count for _, count, _, _ in rows),
        total_minor=sum(totals.values()),
        accounts=sum(len(ids) for *_, ids in rows),
        totals=totals,
    )
