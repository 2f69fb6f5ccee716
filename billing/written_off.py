"""Documents of which a write-off settled something: they are not paid, though nothing of them is open.

It says by sets what billing.allocation says of one account. Money and what went out again stand in the order
they came; what of them is left below a point of that order for good is the least their running sum falls to
from there on, for what goes out takes the newest money first. So each write-off fills a stretch of all the
money there is, each claim one of all that was asked, in the order of payment; where both meet, it settled.
"""

from collections.abc import Iterable

from sqlalchemy import CTE, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from billing.models import DocumentKind, DocumentLine, EntryKind, LedgerEntry
from core.columns import any_of


def documents(account_ids: Iterable[int] | None = None) -> Select[int]:
    """Return the query of the ids of invoices and proformas a write-off settled something of.

    Only accounts with a write-off are read, all of them or those named.
    """
    one = _standing(account_ids).c
    asked = func.sum(-one.amount_minor).over(partition_by=one.account_id, order_by=(one.due_on, one.id))
    claims = select(
        one.id, one.account_id, (asked + one.amount_minor).label("begin"), asked.label("end")
    ).where(one.is_claim)
    came = func.sum(one.amount_minor).over(partition_by=one.account_id, order_by=one.id)
    flow = select(one.id, one.account_id, one.kind, one.amount_minor, came.label("came")).where(~one.is_claim)
    running, wanted = flow.subquery("running"), claims.subquery("wanted")
    stays = func.min(running.c.came).over(
        partition_by=running.c.account_id, order_by=running.c.id, rows=(0, None)
    )
    money = select(
        running.c.account_id,
        running.c.kind,
        func.greatest(0, func.least(running.c.came - running.c.amount_minor, stays)).label("begin"),
        func.greatest(0, stays).label("end"),
    ).subquery("money")
    meets = and_(
        money.c.account_id == wanted.c.account_id,
        money.c.begin < wanted.c.end,
        money.c.end > wanted.c.begin,
        money.c.end > money.c.begin,
    )
    return (
        select(DocumentLine.document_id)
        .join(wanted, wanted.c.id == DocumentLine.entry_id)
        .join(money, meets)
        .where(money.c.kind == EntryKind.WRITEOFF)
        .where(or_(DocumentLine.kind == DocumentKind.INVOICE, DocumentLine.kind == DocumentKind.PROFORMA))
        .distinct()
    )


def _standing(account_ids: Iterable[int] | None) -> CTE:
    """Return what stands of accounts with a write-off; `is_claim` is whether an entry asks for money."""
    has_one = select(LedgerEntry.account_id).where(LedgerEntry.kind == EntryKind.WRITEOFF)
    if account_ids is not None:
        has_one = has_one.where(LedgerEntry.account_id == any_of(account_ids))
    undone = aliased(LedgerEntry)
    return (
        select(
            LedgerEntry.id,
            LedgerEntry.account_id,
            LedgerEntry.kind,
            LedgerEntry.amount_minor,
            LedgerEntry.due_on,
            and_(LedgerEntry.amount_minor < 0, LedgerEntry.due_on.is_not(None)).label("is_claim"),
        )
        .where(LedgerEntry.account_id.in_(has_one), LedgerEntry.reverses_id.is_(None))
        .where(~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists())
        .cte("standing")
    )
