"""Bank statements as pages show them: the batches with their totals, their lines with whose they may be."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

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
from registry.models import Customer

PAGE = 50
# What a review may be narrowed to, each a state of lines.
SHOWN = ("look", "sure", "booked", "ignored", "all")


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

    @property
    def amount(self) -> Money:
        """The sum of the line."""
        return Money(self.line.amount_minor, self.line.currency)


@dataclass(frozen=True, slots=True)
class Review:
    """Lines to look at: of one statement, or of all; `sure` is what one press would book."""

    row: BatchRow | None
    lines: tuple[LineRow, ...]
    next_id: int | None
    shown: str
    counts: dict[str, int]
    sure: Count


def listing(
    session: Session, *, before_id: int | None = None, q: str = "", limit: int = PAGE
) -> list[BatchRow]:
    """Return the statements, newest first."""
    query = select(BankBatch).order_by(BankBatch.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(BankBatch.id < before_id)
    if q.strip():
        words = f"%{q.strip()}%"
        query = query.where(or_(BankBatch.file_name.ilike(words), BankBatch.statement_number.ilike(words)))
    return _rows(session, session.scalars(query).all())


def _rows(session: Session, found: Sequence[BankBatch]) -> list[BatchRow]:
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
    *,
    shown: str,
    q: str = "",
    after_id: int = 0,
    limit: int = PAGE,
) -> Review:
    """Return a page of lines, of a statement or, without one, of whatever waits. Raises NotFound."""
    row = None
    if batch_id is not None:
        batch = session.get(BankBatch, batch_id)
        if batch is None:
            raise errors.NotFound("There is no such bank statement")
        (row,) = _rows(session, [batch])
    scope = BankLine.batch_id == batch_id if batch_id is not None else BankLine.status == LineStatus.WAITING
    shown = shown if shown in SHOWN else "all" if batch_id is not None else "look"
    wanted = _wanted()
    counts = {
        name: session.scalar(select(func.count()).select_from(BankLine).where(scope, condition)) or 0
        for name, condition in wanted.items()
    }
    query = select(BankLine).where(scope, BankLine.id > after_id).order_by(BankLine.id).limit(limit + 1)
    if shown in wanted:
        query = query.where(wanted[shown])
    lines = session.scalars(_with_words(query, q)).all()
    total = session.scalar(select(func.sum(BankLine.amount_minor)).where(scope, wanted["sure"])) or 0
    return Review(
        row,
        tuple(_line_rows(session, lines[:limit])),
        lines[limit - 1].id if len(lines) > limit else None,
        shown,
        counts,
        Count(counts["sure"], int(total)),
    )


def _wanted() -> dict[str, ColumnElement[bool]]:
    """Return which lines each tab shows."""
    is_waiting = BankLine.status == LineStatus.WAITING
    return {
        "look": is_waiting & (BankLine.certainty.is_(None) | (BankLine.certainty != Certainty.SURE)),
        "sure": is_waiting & (BankLine.certainty == Certainty.SURE),
        "booked": BankLine.status == LineStatus.BOOKED,
        "ignored": BankLine.status == LineStatus.IGNORED,
    }


def _with_words(query: Select[BankLine], q: str) -> Select[BankLine]:
    if not q.strip():
        return query
    words = f"%{q.strip()}%"
    texts = (BankLine.payer_name, BankLine.message, BankLine.payer_account, BankLine.reference)
    return query.where(or_(*(column.ilike(words) for column in texts)))


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
    return [
        LineRow(
            line,
            people.get(line.account_id or 0),
            tuple(people[one] for one in line.candidates if one in people),
            gateways.get(line.gateway_id, "") if line.gateway_id else names.get(line.batch_id or 0, ""),
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
