"""Pauses of the cutoff and of reminders: times in which something of ours is broken for an account.

While one stands, debt cuts none of the account's lines; who is cut stays cut. Reminders of debt must ask here
too, by account and period: `notes` for now, `stood` for whether a pause stood at any time of a period, which
is a period in which no step of a reminder may be counted.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing.models import CutoffPause
from core import clock
from core.columns import any_of, for_each


def place(session: Session, account_ids: Iterable[int], *, owner: str, note: str) -> int:
    """Pause the cutoff of these accounts for `owner`; returns how many were not paused by him before."""
    ids = sorted(set(account_ids))
    if not ids:
        return 0
    columns = {"owner": owner, "note": note}
    placed = session.scalars(
        insert(CutoffPause)
        .from_select(["account_id", *columns], for_each(ids, CutoffPause.__table__, columns))
        .on_conflict_do_nothing(
            index_elements=["account_id", "owner"], index_where=CutoffPause.lifted_at.is_(None)
        )
        .returning(CutoffPause.id)
    )
    return len(placed.all())


def lift(session: Session, *, owner: str) -> int:
    """End every pause of `owner`; returns how many stood."""
    lifted = session.scalars(
        update(CutoffPause)
        .where(CutoffPause.owner == owner, CutoffPause.lifted_at.is_(None))
        .values(lifted_at=clock.now())
        .returning(CutoffPause.id)
    )
    return len(lifted.all())


def stood(
    session: Session, account_ids: Sequence[int], begin: datetime, end: datetime
) -> dict[int, list[tuple[datetime, datetime | None]]]:
    """Return the pauses that stood at any time from `begin` to before `end`, by account, oldest first.

    Each is from when until when, None while it still stands; accounts without one are left out.
    """
    rows = session.execute(
        select(CutoffPause.account_id, CutoffPause.placed_at, CutoffPause.lifted_at)
        .where(
            CutoffPause.account_id == any_of(account_ids),
            CutoffPause.placed_at < end,
            or_(CutoffPause.lifted_at.is_(None), CutoffPause.lifted_at > begin),
        )
        .order_by(CutoffPause.placed_at, CutoffPause.id)
    )
    found: dict[int, list[tuple[datetime, datetime | None]]] = {}
    for row in rows:
        found.setdefault(row.account_id, []).append((row.placed_at, row.lifted_at))
    return found


def notes(session: Session, account_ids: Sequence[int]) -> dict[int, str]:
    """Return why the cutoff of an account is paused, by account; those not paused are left out."""
    rows = session.execute(
        select(CutoffPause.account_id, func.min(CutoffPause.note).label("note"))
        .where(
            CutoffPause.lifted_at.is_(None),
            CutoffPause.account_id == any_of(account_ids),
        )
        .group_by(CutoffPause.account_id)
    )
    return {row.account_id: row.note for row in rows}
