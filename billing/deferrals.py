"""Deferrals: a day until whose end a person keeps an account from being cut. It lets nobody in who is cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing.ledger import Author
from billing.models import CutoffDeferral
from core import clock, errors
from core.columns import any_of
from core.words import N_

LONGEST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Deferred:
    """Until when an account is not cut, by whom, and why."""

    until: date
    author: str
    note: str


def make(
    session: Session,
    account_ids: Iterable[int],
    until: date,
    *,
    note: str,
    author: Author,
    today: date,
    run_id: int | None = None,
) -> list[CutoffDeferral]:
    """Keep the accounts from being cut until the end of that day; one that stands gives way to the new one.

    Raises Invalid at `until` or `note`.
    """
    check(until, note, today)
    ids = sorted(set(account_ids))
    end(session, ids, by=author.name)
    made = [
        CutoffDeferral(
            account_id=one,
            until=until,
            note=note.strip(),
            run_id=run_id,
            author_id=author.staff_id,
            author=author.name,
        )
        for one in ids
    ]
    session.add_all(made)
    session.flush()
    return made


def check(until: date, note: str, today: date) -> None:
    """Refuse a day that is over or too far, and a deferral without a reason. Raises Invalid."""
    if until < today:
        raise errors.Invalid("Not a day", {"until": N_("The day is over already")})
    if until > today + timedelta(days=LONGEST_DAYS):
        words = N_("At most %(days)s days ahead", days=LONGEST_DAYS)
        raise errors.Invalid("Not a day", {"until": words})
    if not note.strip():
        raise errors.Invalid("No reason", {"note": N_("Write why")})


def end(session: Session, account_ids: Iterable[int], *, by: str, run_id: int | None = None) -> list[int]:
    """End the standing deferrals of these accounts, or only those this plan made; return whose they were."""
    is_meant = [CutoffDeferral.account_id == any_of(account_ids), CutoffDeferral.ended_at.is_(None)]
    if run_id is not None:
        is_meant.append(CutoffDeferral.run_id == run_id)
    ended = session.scalars(
        update(CutoffDeferral)
        .where(*is_meant)
        .values(ended_at=clock.now(), ended_by=by)
        .returning(CutoffDeferral.account_id)
    )
    return sorted(ended.all())


def standing(session: Session, on: date, account_ids: Sequence[int]) -> dict[int, Deferred]:
    """Return the deferrals that hold on that day, by account."""
    rows = session.scalars(
        select(CutoffDeferral).where(
            CutoffDeferral.account_id == any_of(account_ids),
            CutoffDeferral.ended_at.is_(None),
            CutoffDeferral.until >= on,
        )
    )
    return {row.account_id: Deferred(row.until, row.author, row.note) for row in rows}


def latest(session: Session, account_id: int) -> CutoffDeferral | None:
    """Return the account's deferral that was not ended by hand, if there is one; it may be over."""
    return session.scalar(
        select(CutoffDeferral).where(
            CutoffDeferral.account_id == account_id, CutoffDeferral.ended_at.is_(None)
        )
    )
