"""Bank statements as pages show them: the batches with their totals, their lines with whose they may be."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import books
from billing.banking import batches
from billing.models import (
    BankBatch,
    BankLine,
    BankMapping,
    BatchStatus,
    Certainty,
    LineStatus,
    PaymentGateway,
)
from core import errors
from core.columns import any_of
from core.money import Money
from registry import keyset
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
# What a review may be narrowed to, each a state of lines; "waiting" is "look" and "sure" together.
SHOWN = ("waiting", "look", "sure", "old", "contradicting", "booked", "ignored", "all")
SIGNS = ("in", "out")
USUAL_SORT = "line"
KEYS = {
    "line": Key(BankLine.id, int),
    "day": Key(BankLine.booked_on, date),
    "payer": Key(BankLine.payer_name, str),
    "amount": Key(BankLine.amount_minor, int),
}


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What lines are narrowed to: a word of SHOWN, a text in them, whether money came in or went out."""

    shown: str = "all"
    text: str = ""
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many lines are in a state, and what they amount to."""

    lines: int = 0
    total_minor: int = 0


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A statement with what became of its lines."""

    batch: BankBatch
    waiting: Count
    booked: Count
    ignored: Count
    gap: Money | None

    @property
    def total(self) -> Money:
        """The sum of the statement's lines."""
        return Money(self.batch.total_minor, self.batch.currency)

    @property
    def is_worked_on(self) -> bool:
        """Whether a worker has something to do with it."""
        return self.batch.status not in (BatchStatus.READY, BatchStatus.UNDONE)

    @property
    def percent(self) -> int:
        """How far the worker is."""
        new = self.batch.lines_total - self.batch.lines_known
        done = {
            BatchStatus.MATCHING: self.batch.lines_done,
            BatchStatus.BOOKING: self.booked.lines,
            BatchStatus.UNDOING: new - self.booked.lines,
        }.get(self.batch.status, new)
        return min(100, 100 * done // new) if new else 100


@dataclass(frozen=True, slots=True)
class Person:
    """A customer a line may be of."""

    customer_id: int
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line, whose it is or may be, and where it came from."""

    line: BankLine
    person: Person | None
    candidates: tuple[Person, ...]
    origin: str
    is_old: bool

    @property
    def amount(self) -> Money:
        """The sum of the line."""
        return Money(self.line.amount_minor, self.line.currency)


@dataclass(frozen=True, slots=True)
class Review:
    """Lines to look at: of one statement, or of all; `sure` is what one press would book.

    `closed` is the last day the books are closed for: lines through it wait for another day to be chosen.
    """

    row: BatchRow | None
    lines: tuple[LineRow, ...]
    next: Marks
    counts: dict[str, int]
    sure: Count
    closed: date | None


def batch_rows(session: Session, found: Sequence[BankBatch]) -> list[BatchRow]:
    """Return the statements with what became of their lines."""
    counts: dict[tuple[int, str], Count] = defaultdict(Count)
    for batch_id, status, number, total in session.execute(
        select(BankLine.batch_id, BankLine.status, func.count(), func.sum(BankLine.amount_minor))
        .where(BankLine.batch_id == any_of(batch.id for batch in found))
        .group_by(BankLine.batch_id, BankLine.status)
    ):
        counts[batch_id or 0, status] = Count(number, int(total))
    return [
        BatchRow(
            batch,
            counts[batch.id, LineStatus.WAITING],
            counts[batch.id, LineStatus.BOOKED],
            counts[batch.id, LineStatus.IGNORED],
            _gap(batch),
        )
        for batch in found
    ]


def _gap(batch: BankBatch) -> Money | None:
    gap = batches.gap_minor(batch)
    return None if gap is None else Money(gap, batch.currency)


def review(
    session: Session,
    batch_id: int | None,
    filters: LineFilter,
    *,
    sort: str = USUAL_SORT,
    after: str | None = None,
    limit: int = PAGE,
) -> Review:
    """Return a page of lines, of a statement or, without one, of whatever waits. Raises NotFound."""
    row = batch_row(session, batch_id) if batch_id is not None else None
    scope, wanted = _scope(batch_id), _wanted()
    counts = {
        name: session.scalar(select(func.count()).select_from(BankLine).where(scope, condition)) or 0
        for name, condition in wanted.items()
    }
    total = session.scalar(select(func.sum(BankLine.amount_minor)).where(scope, wanted["sure"])) or 0
    found, mark = lines(session, batch_id, filters, sort=sort, after=after, limit=limit)
    one_press = Count(counts["sure"], int(total))
    return Review(row, tuple(found), mark, counts, one_press, books.closed_through(session))


def batch_row(session: Session, batch_id: int) -> BatchRow:
    """Return one statement with what became of its lines; raises NotFound."""
    batch = session.get(BankBatch, batch_id)
    if batch is None:
        raise errors.NotFound("There is no such bank statement")
    return batch_rows(session, [batch])[0]


def lines(
    session: Session,
    batch_id: int | None,
    filters: LineFilter,
    *,
    sort: str,
    after: str | None,
    limit: int = PAGE,
    gateway_id: int | None = None,
) -> tuple[list[LineRow], Marks]:
    """Return a page of lines in an order of KEYS, of a statement or of what waits, and the next's mark.

    Or of what a gateway told.
    """
    scope = _scope(batch_id) if gateway_id is None else BankLine.gateway_id == gateway_id
    found, mark = keyset.page(
        session,
        _narrowed(select(BankLine).where(scope), filters),
        sort=sort,
        keys=KEYS,
        id_column=BankLine.id,
        after=after,
        limit=limit,
    )
    return _line_rows(session, [row[0] for row in found]), mark


def _scope(batch_id: int | None) -> ColumnElement[bool]:
    return BankLine.batch_id == batch_id if batch_id is not None else BankLine.status == LineStatus.WAITING


def _wanted() -> dict[str, ColumnElement[bool]]:
    """Return which lines each tab shows."""
    is_waiting = BankLine.status == LineStatus.WAITING
    return {
        "waiting": is_waiting,
        "look": is_waiting & (BankLine.certainty.is_(None) | (BankLine.certainty != Certainty.SURE)),
        "sure": is_waiting & (BankLine.certainty == Certainty.SURE) & ~batches.is_old(),
        "old": batches.is_old(),
        "contradicting": BankLine.contradicts_id.is_not(None),
        "booked": BankLine.status == LineStatus.BOOKED,
        "ignored": BankLine.status == LineStatus.IGNORED,
    }


def _narrowed(query: Select[Any], filters: LineFilter) -> Select[Any]:
    if (condition := _wanted().get(filters.shown)) is not None:
        query = query.where(condition)
    if filters.text:
        texts = (BankLine.payer_name, BankLine.message, BankLine.payer_account, BankLine.reference)
        query = query.where(or_(*(column.icontains(filters.text, autoescape=True) for column in texts)))
    if filters.sign:
        is_in = BankLine.amount_minor > 0
        query = query.where(is_in if filters.sign == "in" else ~is_in)
    return query


def line_row(session: Session, line_id: int) -> LineRow:
    """Return one line as the review shows it; raises NotFound."""
    line = session.get(BankLine, line_id)
    if line is None:
        raise errors.NotFound("There is no such bank line")
    return _line_rows(session, [line])[0]


def _line_rows(session: Session, lines: Sequence[BankLine]) -> list[LineRow]:
    wanted = {line.account_id for line in lines} | {one for line in lines for one in line.candidates}
    people = _people(session, (one for one in wanted if one is not None))
    names = dict(
        session.execute(
            select(BankBatch.id, BankBatch.file_name).where(
                BankBatch.id == any_of(line.batch_id for line in lines if line.batch_id is not None)
            )
        ).all()
    )
    gateways = {one.id: one.name for one in session.scalars(select(PaymentGateway))}
    ids = any_of(line.id for line in lines)
    old = set(session.scalars(select(BankLine.id).where(BankLine.id == ids, batches.is_old())))
    return [
        LineRow(
            line,
            people.get(line.account_id or 0),
            tuple(people[one] for one in line.candidates if one in people),
            gateways.get(line.gateway_id, "") if line.gateway_id else names.get(line.batch_id or 0, ""),
            line.id in old,
        )
        for line in lines
    ]


def _people(session: Session, account_ids: Iterable[int]) -> dict[int, Person]:
    found = session.scalars(select(Customer).where(Customer.account_id == any_of(account_ids)))
    return {one.account_id: Person(one.id, one.number, one.name) for one in found}


def mappings(session: Session) -> list[BankMapping]:
    """Return the saved mappings, by name."""
    return list(session.scalars(select(BankMapping).order_by(BankMapping.name)))


def waiting(session: Session) -> int:
    """Return how many lines wait for a person or a press."""
    return session.scalar(select(func.count()).where(BankLine.status == LineStatus.WAITING)) or 0
