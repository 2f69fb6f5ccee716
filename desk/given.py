"""To whom a notice was given, and what became of it: narrowed, in an order, a page at a time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from desk import leading
from desk.models import Notice, NoticeAssignment
from registry import keyset, search
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-given"
STATES = ("open", "seen", "unseen", "confirmed", "withdrawn")
KEYS = {
    "given": Key(NoticeAssignment.id, int),
    "customer": Key(Customer.sort_name, str),
    "number": Key(Customer.number, str),
}


@dataclass(frozen=True, slots=True)
class GivenFilter:
    """What the list is narrowed to; all given must hold. `state` is a word of STATES."""

    text: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class GivenRow:
    """A notice given to a customer."""

    given: NoticeAssignment
    notice: Notice
    customer_id: int
    number: str
    name: str

    @property
    def state(self) -> str:
        """A word of STATES: what became of it."""
        if self.given.withdrawn_at is not None:
            return "withdrawn"
        if self.given.confirmed_at is not None:
            return "confirmed"
        return "seen" if self.given.seen_at is not None else "unseen"


def page(
    session: Session, notice_id: int, filters: GivenFilter, *, sort: str, after: str | None, limit: int = PAGE
) -> tuple[list[GivenRow], Marks]:
    """Return a page of the customers of a notice in an order of KEYS, and the mark of the next."""
    found, mark = keyset.page(
        session,
        _narrowed(filters).where(NoticeAssignment.notice_id == notice_id),
        sort=sort,
        keys=KEYS,
        id_column=NoticeAssignment.id,
        after=after,
        limit=limit,
    )
    return [_row(*row) for row in found], mark


def of_customer(session: Session, customer_id: int, *, limit: int = 20) -> list[GivenRow]:
    """Return what was given to a customer, the newest first."""
    query = _narrowed(GivenFilter()).where(NoticeAssignment.customer_id == customer_id)
    return [_row(*row) for row in session.execute(query.order_by(NoticeAssignment.id.desc()).limit(limit))]


def _narrowed(filters: GivenFilter) -> Select[Any]:
    columns: tuple[Any, ...] = (NoticeAssignment, Notice, Customer)
    query = select(*columns).select_from(NoticeAssignment)
    query = query.join(Notice, Notice.id == NoticeAssignment.notice_id)
    query = query.join(Customer, Customer.id == NoticeAssignment.customer_id)
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.state in ("open", "seen", "unseen"):
        query = query.where(leading.open_notice())
    if filters.state == "seen":
        query = query.where(NoticeAssignment.seen_at.is_not(None))
    elif filters.state == "unseen":
        query = query.where(NoticeAssignment.seen_at.is_(None))
    elif filters.state == "confirmed":
        query = query.where(NoticeAssignment.confirmed_at.is_not(None))
    elif filters.state == "withdrawn":
        query = query.where(NoticeAssignment.withdrawn_at.is_not(None))
    return query


def _row(one: NoticeAssignment, notice: Notice, customer: Customer) -> GivenRow:
    return GivenRow(one, notice, customer.id, customer.number, customer.name)
