"""Bank batches and their lines in the database: kept once by hash, booked once, undone as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, false, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing import books
from billing.banking import words
from billing.banking.csv_lines import CsvMapping
from billing.banking.words import Statement, StatementLine
from billing.ledger import Author
from billing.models import (
    Account,
    BankBatch,
    BankLine,
    BankMapping,
    BatchStatus,
    Certainty,
    LineStatus,
    MatchRule,
    PayerSource,
    VirtualAccount,
)
from core import clock, errors
from core.columns import any_of
from core.words import N_

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Match:
    """Whose a line is, by which rule, and how sure; candidates when there are several."""

    rule: MatchRule | None
    certainty: Certainty
    account_id: int | None = None
    candidates: tuple[int, ...] = field(default=())
    note: str = ""


def keep(session: Session, statement: Statement, *, file_name: str, author: Author) -> BankBatch:
    """Keep a statement; lines that are known already are counted and left out. Matching comes after."""
    batch = BankBatch(
        file_name=file_name[:200],
        kind=statement.kind,
        own_account=statement.own_account,
        statement_number=statement.number,
        currency=statement.currency,
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        total_minor=statement.total_minor,
        lines_total=len(statement.lines),
        lines_known=0,
        status=BatchStatus.MATCHING,
        wanted_by_id=author.staff_id,
        wanted_by=author.name,
        read_by=author.name,
    )
    session.add(batch)
    session.flush()
    hashes = words.hashes(statement)
    rows = [
        _row(line, batch.id, position, line_hash)
        for position, (line, line_hash) in enumerate(zip(statement.lines, hashes, strict=True), 1)
    ]
    kept = 0
    for start in range(0, len(rows), _AT_ONCE):
        kept += len(_insert(session, rows[start : start + _AT_ONCE]))
    batch.lines_known = len(rows) - kept
    session.flush()
    return batch


def _row(line: StatementLine, batch_id: int, position: int, line_hash: str) -> dict[str, Any]:
    came = line.amount_minor > 0
    return {
        "batch_id": batch_id,
        "position": position,
        "line_hash": line_hash,
        "booked_on": line.booked_on,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
        "payer_name": line.payer_name,
        "payer_account": line.payer_account,
        "own_account": line.own_account,
        "message": line.message,
        "reference": line.reference,
        "status": LineStatus.WAITING if came else LineStatus.IGNORED,
        "note": "" if came else N_("Money that went out"),
    }


def _insert(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert lines whose hash is new; return their ids."""
    # The index's own words: in a plan the server keeps for any parameters, one would not be known for them.
    statement = insert(BankLine).on_conflict_do_nothing(
        index_elements=["line_hash"], index_where=text("status <> 'undone'")
    )
    return list(session.scalars(statement.values(rows).returning(BankLine.id)))


def keep_event(
    session: Session,
    line: StatementLine,
    *,
    gateway_id: int,
    line_hash: str,
    told_number: str | None = None,
    contradicts_id: int | None = None,
) -> BankLine | None:
    """Keep what a gateway told (see BankLine); none when it was told before."""
    more = {"gateway_id": gateway_id, "told_number": told_number, "contradicts_id": contradicts_id}
    made = _insert(session, [{**_row(line, 0, 1, line_hash), "batch_id": None, **more}])
    return session.get_one(BankLine, made[0]) if made else None


def by_hash(session: Session, line_hash: str) -> BankLine | None:
    """Return the line of this hash that is not undone, if any."""
    return session.scalar(
        select(BankLine).where(BankLine.line_hash == line_hash, BankLine.status != LineStatus.UNDONE)
    )


def unmatched(session: Session, batch_id: int, *, limit: int) -> list[BankLine]:
    """Return lines that wait and were not looked at yet, locked."""
    return list(
        session.scalars(
            select(BankLine)
            .where(
                BankLine.batch_id == batch_id,
                BankLine.status == LineStatus.WAITING,
                BankLine.certainty.is_(None),
            )
            .order_by(BankLine.id)
            .limit(limit)
            .with_for_update()
        )
    )


def note_match(line: BankLine, match: Match) -> None:
    """Write down whose a line is."""
    line.rule, line.certainty, line.account_id = match.rule, match.certainty, match.account_id
    line.candidates, line.note = list(match.candidates), match.note


def is_old() -> ColumnElement[bool]:
    """Return which lines wait of days the books are closed for, as long as nobody chose another."""
    day = func.coalesce(BankLine.book_on, BankLine.booked_on)
    return (BankLine.status == LineStatus.WAITING) & func.coalesce(day <= books.CLOSED, false())


def choose_day(session: Session, batch_id: int | None, on: date) -> int:
    """Let the old lines of a batch, or of all that wait, be booked on that day; return how many there are."""
    old = select(BankLine.id).where(is_old())
    if batch_id is not None:
        old = old.where(BankLine.batch_id == batch_id)
    ids = session.scalars(old.order_by(BankLine.id).with_for_update()).all()
    session.execute(update(BankLine).where(BankLine.id == any_of(ids)).values(book_on=on))
    return len(ids)


def sure(session: Session, batch_id: int, *, limit: int) -> list[BankLine]:
    """Return lines that are booked without a look at each, locked; by account, as charge runs lock them.

    What is of a closed day waits for a person to choose another.
    """
    return list(
        session.scalars(
            select(BankLine)
            .where(
                BankLine.batch_id == batch_id,
                BankLine.status == LineStatus.WAITING,
                BankLine.certainty == Certainty.SURE,
                BankLine.account_id.is_not(None),
                ~is_old(),
            )
            .order_by(BankLine.account_id, BankLine.id)
            .limit(limit)
            .with_for_update()
        )
    )


def booked(session: Session, batch_id: int, *, limit: int) -> list[BankLine]:
    """Return booked lines of a batch, locked, by account."""
    return list(
        session.scalars(
            select(BankLine)
            .where(BankLine.batch_id == batch_id, BankLine.status == LineStatus.BOOKED)
            .order_by(BankLine.account_id, BankLine.id)
            .limit(limit)
            .with_for_update()
        )
    )


def lock_line(session: Session, line_id: int) -> BankLine:
    """Return the line, locked and fresh; raises NotFound."""
    line = session.get(BankLine, line_id, with_for_update=True, populate_existing=True)
    if line is None:
        raise errors.NotFound("There is no such bank line")
    return line


def lock_batch(session: Session, batch_id: int) -> BankBatch:
    """Return the batch, locked and fresh; raises NotFound."""
    batch = session.get(BankBatch, batch_id, with_for_update=True, populate_existing=True)
    if batch is None:
        raise errors.NotFound("There is no such bank statement")
    return batch


def settle(line: BankLine, status: LineStatus, author: Author, *, entry_id: int | None = None) -> None:
    """Write down what became of a line and by whom."""
    line.status, line.settled_by, line.settled_at = status, author.name, clock.now()
    if entry_id is not None:
        line.entry_id = entry_id


def undo_rest(session: Session, batch_id: int, author: Author) -> None:
    """Let go of the lines of a batch that were not booked: their hashes are free again."""
    for line in session.scalars(
        select(BankLine).where(BankLine.batch_id == batch_id, BankLine.status != LineStatus.UNDONE)
    ):
        settle(line, LineStatus.UNDONE, author)


def learn_source(session: Session, source: str, account_id: int, on: date) -> None:
    """Remember that this bank account paid for this customer."""
    if not source:
        return
    statement = insert(PayerSource).values(source=source, account_id=account_id, last_on=on)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["source", "account_id"],
            set_={
                "times": PayerSource.times + 1,
                "last_on": func.greatest(PayerSource.last_on, statement.excluded.last_on),
            },
        )
    )


def forget_source(session: Session, source: str, account_id: int) -> None:
    """Take back what one payment taught; what was taught by none is forgotten."""
    known = session.get(PayerSource, (source, account_id), with_for_update=True)
    if known is None:
        return
    known.times -= 1
    if known.times <= 0:
        session.delete(known)


def set_virtual_account(session: Session, account_id: int, number: str) -> None:
    """Give an account a bank account number of its own; an empty one takes it away. Raises Conflict."""
    number = words.account(number)
    for old in session.scalars(select(VirtualAccount).where(VirtualAccount.account_id == account_id)):
        if old.number != number:
            session.delete(old)
    session.flush()
    found = session.get(VirtualAccount, number) if number else None
    if found is not None and found.account_id != account_id:
        raise errors.Conflict("This number belongs to another customer")
    if number and found is None:
        session.add(VirtualAccount(number=number, account_id=account_id))
        session.flush()


def virtual_account_of(session: Session, account_id: int) -> str:
    """Return the bank account number of the account's own; empty when it has none."""
    query = select(VirtualAccount.number).where(VirtualAccount.account_id == account_id).limit(1)
    return session.scalar(query) or ""


def account_of(session: Session, account_id: int) -> Account:
    """Return the account a line is booked to; raises NotFound."""
    found = session.get(Account, account_id)
    if found is None:
        raise errors.NotFound("There is no such account")
    return found


def mapping_of(session: Session, mapping_id: int | None) -> CsvMapping | None:
    """Return a saved mapping as the reader takes it; raises NotFound."""
    if mapping_id is None:
        return None
    row = session.get(BankMapping, mapping_id)
    if row is None:
        raise errors.NotFound("There is no such mapping")
    columns = {name: int(number) for name, number in row.columns.items()}
    return CsvMapping(
        row.delimiter, row.encoding, row.date_format, row.decimal_mark, row.skipped_rows, columns
    )


def is_open(session: Session) -> Sequence[int]:
    """Return the batches that a worker has still to do something with."""
    working = (BatchStatus.MATCHING, BatchStatus.BOOKING, BatchStatus.UNDOING)
    return session.scalars(select(BankBatch.id).where(BankBatch.status.in_(working))).all()


def gap_minor(batch: BankBatch) -> int | None:
    """Return by how much the closing balance differs from the opening one and the lines; None: not told."""
    if batch.opening_minor is None or batch.closing_minor is None:
        return None
    return batch.closing_minor - batch.opening_minor - batch.total_minor
