"""The notices there are, with how many have, saw and confirmed each: narrowed, in an order, by pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from core.columns import any_of
from desk import leading
from desk.models import Notice, NoticeAssignment
from registry import keyset
from registry.keyset import Key, Marks

PAGE = 50
USUAL_SORT = "-state"
STATES = ("on", "off")
KEYS = {
    "state": Key(case((Notice.is_on, 1), else_=0), int),
    "title": Key(func.lower(Notice.title), str),
    "written": Key(Notice.id, int),
}


@dataclass(frozen=True, slots=True)
class WrittenFilter:
    """What the list is narrowed to; all given must hold. `state` is a word of STATES."""

    text: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A notice and how many it was given to: `open` neither confirmed nor withdrawn, `seen` of those."""

    notice: Notice
    open: int
    seen: int
    confirmed: int


def page(
    session: Session, filters: WrittenFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[Summary], Marks]:
    """Return a page of the notices in an order of KEYS, and the mark of the next."""
    query = select(Notice)
    if filters.text:
        is_meant = (
            one.icontains(filters.text, autoescape=True)
            for one in (Notice.title, Notice.content, Notice.author)
        )
        query = query.where(or_(*is_meant))
    if filters.state in STATES:
        query = query.where(Notice.is_on.is_(filters.state == "on"))
    rows, mark = keyset.page(
        session, query, sort=sort, keys=KEYS, id_column=Notice.id, after=after, limit=limit
    )
    counts = _counts(session, [row[0].id for row in rows])
    return [Summary(row[0], *counts.get(row[0].id, (0, 0, 0))) for row in rows], mark


def _counts(session: Session, notice_ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    one, is_open = NoticeAssignment, leading.open_notice()
    query = select(
        one.notice_id,
        func.count(one.id).filter(is_open),
        func.count(one.id).filter(is_open, one.seen_at.is_not(None)),
        func.count(one.id).filter(one.confirmed_at.is_not(None)),
    )
    rows = session.execute(query.where(one.notice_id == any_of(notice_ids)).group_by(one.notice_id))
    return {row[0]: (row[1], row[2], row[3]) for row in rows}
