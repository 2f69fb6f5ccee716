"""Pauses of the cutoff: while one stands on an account, debt cuts none of its lines; who is cut stays cut."""

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from billing.models import CutoffPause
from core import clock


def place(session: Session, account_ids: Iterable[int], *, owner: str, note: str) -> int:
    """Pause the cutoff of these accounts for `owner`; returns how many were not paused by him before."""
    rows = [{"account_id": one, "owner": owner, "note": note} for one in sorted(set(account_ids))]
    if not rows:
        return 0
    placed = session.scalars(
        insert(CutoffPause)
        .values(rows)
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


def notes(session: Session, account_ids: Sequence[int]) -> dict[int, str]:
    """Return why the cutoff of an account is paused, by account; those not paused are left out."""
    rows = session.execute(
        select(CutoffPause.account_id, func.min(CutoffPause.note).label("note"))
        .where(
            CutoffPause.lifted_at.is_(None),
            CutoffPause.account_id == any_(literal(list(account_ids), ARRAY(BigInteger))),
        )
        .group_by(CutoffPause.account_id)
    )
    return {row.account_id: row.note for row in rows}
