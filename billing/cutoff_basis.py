"""What a row of a cutoff plan rests on, kept with it: overdue charges and their documents, reminders sent."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import allocation, episodes
from billing.models import Document, DocumentLine, DunningNotice, LedgerEntry
from billing.rules import Rules
from core.columns import any_of

# So many charges a row keeps, the oldest; how many more there are is kept as a number.
LINES = 12

Basis = dict[str, Any]


def of_accounts(
    session: Session, oldest: Mapping[int, date | None], on: date, *, rules: Rules
) -> dict[int, Basis]:
    """Return by account what a verdict on that day rests on; `oldest` is the due date of its oldest debt.

    `policy` is the version of the rules, `lines` are the charges past due and not wholly paid, the oldest
    first: what, of which period, due when, open minor units, in which document; `more` counts those left out.
    `episode` is the day the episode bears, `notices` what was sent in it.
    """
    due = {account_id: day for account_id, day in oldest.items() if day is not None}
    lines = _lines(session, due, on)
    begun = episodes.begun(session, due, rules=rules) if due else {}
    notices = _notices(session, begun)
    return {
        account_id: {
            "policy": rules.version,
            "lines": lines[account_id][:LINES],
            "more": max(0, len(lines[account_id]) - LINES),
            "episode": begun[account_id].isoformat() if account_id in begun else None,
            "notices": notices[account_id],
        }
        for account_id in oldest
    }


def _lines(session: Session, oldest: Mapping[int, date], on: date) -> dict[int, list[dict[str, Any]]]:
    opened = allocation.open_by_entry(oldest, oldest=oldest)
    document = (
        select(func.min(Document.full_number))
        .join(DocumentLine, DocumentLine.document_id == Document.id)
        .where(DocumentLine.entry_id == opened.c.entry_id)
        .correlate(opened)
        .scalar_subquery()
    )
    rows = session.execute(
        select(opened, LedgerEntry.description, LedgerEntry.period_start, LedgerEntry.period_end, document)
        .join(LedgerEntry, LedgerEntry.id == opened.c.entry_id)
        .where(opened.c.due_on < on)
        .order_by(opened.c.account_id, opened.c.due_on, opened.c.entry_id)
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry_id, account_id, due_on, minor, what, start, end, number in rows:
        line = {"entry": entry_id, "due": due_on.isoformat(), "minor": minor, "what": what}
        if start is not None and end is not None:
            line |= {"from": start.isoformat(), "to": end.isoformat()}
        found[account_id].append(line | ({"document": number} if number else {}))
    return found


def _notices(session: Session, begun: Mapping[int, date]) -> dict[int, list[dict[str, Any]]]:
    rows = session.scalars(
        select(DunningNotice)
        .where(DunningNotice.account_id == any_of(begun))
        .order_by(DunningNotice.account_id, DunningNotice.run_on, DunningNotice.days)
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row.episode_on == begun[row.account_id]:
            found[row.account_id].append(
                {
                    "days": row.days,
                    "on": row.run_on.isoformat(),
                    "channel": row.channel.value,
                    "outcome": row.outcome,
                }
            )
    return found
