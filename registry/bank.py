"""Bank statements as staff handle them: read in, matched, booked, ignored, undone."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import books, ledger
from billing.banking import batches, reading
from billing.ledger import Author
from billing.models import (
    BankBatch,
    BankLine,
    BatchStatus,
    Certainty,
    LineStatus,
    MatchRule,
    Method,
)
from billing.payments import BANK_KEY
from billing.rules import Rules
from core import db, errors
from core.words import N_
from registry import audit, bank_matching, customers, money
from registry.models import Customer


def read_in(
    session: Session,
    actor: audit.Actor,
    *,
    file_name: str,
    content: bytes,
    mapping_id: int | None,
    currency: str,
) -> BankBatch:
    """Read a bank's file and keep its lines; a worker matches them. Raises Invalid at the field `file`."""
    mapping = batches.mapping_of(session, mapping_id)
    statement = reading.read(content, mapping=mapping, currency=currency)
    batch = batches.keep(session, statement, file_name=file_name, author=money.author(actor))
    audit.record(session, actor, "bank.read", object_kind="bank_batch", object_id=batch.id, note=file_name)
    return batch


def match_some(session: Session, batch_id: int, *, limit: int = 500) -> int:
    """Say of some lines whose they are; return how many were left to look at, 0 at the end."""
    lines = batches.unmatched(session, batch_id, limit=limit)
    for line, match in zip(lines, bank_matching.match(session, lines), strict=True):
        batches.note_match(line, match)
    session.flush()
    return len(lines)


def book(
    session: Session,
    actor: audit.Actor,
    line: BankLine,
    account_id: int,
    *,
    today: date,
    rules: Rules,
    again: bool,
) -> tuple[int, ...]:
    """Book a locked line as a payment, once, and learn its source; return the lines that open by it.

    Raises Conflict when the line does not wait, Invalid when the customer has another currency, when the
    books are closed for its day and nobody chose another, or when the same money was booked by hand and
    nobody says it came `again`.
    """
    if line.status is not LineStatus.WAITING:
        raise errors.Overtaken("This line is settled already; load the page again")
    customer = session.scalar(select(Customer).where(Customer.account_id == account_id))
    if customer is None:
        raise errors.NotFound("This account belongs to no customer")
    account = money.hold(session, customer.id)
    if account.currency != line.currency:
        raise errors.Invalid("Another currency", {"to": "This customer is charged in another currency"})
    received = money.receive(
        session,
        actor,
        customer.id,
        account,
        line.amount_minor,
        method=Method.BANK if line.gateway_id is None else Method.ONLINE,
        dated_on=line.book_on or min(line.booked_on, today),
        paid_on=line.booked_on,
        reference=line.reference or line.message[:200],
        idempotency_key=f"{BANK_KEY}{line.id}",
        today=today,
        rules=rules,
        again=again or not line.reference,
    )
    line.account_id = account_id
    batches.settle(line, LineStatus.BOOKED, money.author(actor), entry_id=received.entry.id)
    batches.learn_source(session, line.payer_account, account_id, line.booked_on)
    session.flush()
    return received.reopened


def choose(
    session: Session,
    actor: audit.Actor,
    line_id: int,
    number: str,
    *,
    today: date,
    rules: Rules,
) -> BankLine:
    """Book a line for the customer of that number: a person says whose it is."""
    line = batches.lock_line(session, line_id)
    customer = customers.find_by_number(session, number.strip())
    if customer is None:
        raise errors.Invalid("No such customer", {"to": "There is no customer of that number"})
    if customer.account_id != line.account_id:
        line.rule, line.certainty = MatchRule.PERSON, Certainty.SURE
    book(session, actor, line, customer.account_id, today=today, rules=rules, again=True)
    return line


def choose_day(
    session: Session, actor: audit.Actor, batch_id: int | None, on: date | None, *, today: date
) -> int:
    """Let all lines of closed days be booked on that day, of a statement or of all that wait; say how many.

    Raises Invalid at `on` for a day that is closed itself, or to come.
    """
    closed = books.hold(session)
    if on is None or on < books.first_open(closed) or on > today:
        words = N_("Choose a day from %(first)s to %(last)s", first=books.first_open(closed), last=today)
        raise errors.Invalid("Not an open day", {"on": words})
    count = batches.choose_day(session, batch_id, on)
    if count:
        changes = audit.difference({"day": None, "lines": None}, {"day": on, "lines": count})
        kind = "bank_batch" if batch_id is not None else "bank_line"
        audit.record(session, actor, "bank.day_chosen", object_kind=kind, object_id=batch_id, changes=changes)
    return count


def ignore(session: Session, actor: audit.Actor, line_id: int, *, reason: str) -> BankLine:
    """Put a line aside with a reason; it can be taken up again. Raises Invalid, Conflict."""
    if not reason.strip():
        raise errors.Invalid("A reason is needed", {"reason": "Say why this is no payment"})
    line = batches.lock_line(session, line_id)
    if line.status is not LineStatus.WAITING:
        raise errors.Overtaken("This line is settled already; load the page again")
    line.note = reason.strip()[:300]
    batches.settle(line, LineStatus.IGNORED, money.author(actor))
    audit.record(session, actor, "bank.ignored", object_kind="bank_line", object_id=line.id, note=line.note)
    return line


def take_up(session: Session, actor: audit.Actor, line_id: int) -> BankLine:
    """Let an ignored line wait again; why it was put aside stays in the history. Raises Conflict."""
    line = batches.lock_line(session, line_id)
    if line.status is not LineStatus.IGNORED or line.amount_minor < 0:
        raise errors.Conflict("This line was not put aside by a person")
    reason, line.note = line.note, ""
    batches.settle(line, LineStatus.WAITING, money.author(actor))
    changes = audit.difference({"reason": reason}, {"reason": ""})
    audit.record(session, actor, "bank.taken_up", object_kind="bank_line", object_id=line.id, changes=changes)
    return line


def want(session: Session, actor: audit.Actor, batch_id: int, status: BatchStatus) -> BankBatch:
    """Ask for all sure lines to be booked, or for all to be undone; a worker does it.

    Raises Conflict while the batch is worked on or when it is undone.
    """
    batch = batches.lock_batch(session, batch_id)
    if batch.status is not BatchStatus.READY:
        raise errors.Conflict("This statement is being worked on; wait a moment")
    batch.status, batch.wanted_by_id, batch.wanted_by = status, actor.staff_id, actor.name
    batch.error = ""
    audit.record(session, actor, f"bank.{status.value}", object_kind="bank_batch", object_id=batch.id)
    return batch


def work(session: Session, batch_id: int, *, today: date, rules: Rules) -> bool:
    """Do a part of what is wanted of a batch; say whether there is more to do.

    One transaction a part: a worker that dies leaves whole parts, and the next one goes on.
    """
    if not db.try_advisory_lock(session, f"bank:{batch_id}"):
        return False
    batch = batches.lock_batch(session, batch_id)
    actor = audit.Actor(batch.wanted_by_id, batch.wanted_by)
    if batch.status is BatchStatus.MATCHING:
        count = match_some(session, batch_id)
        batch.lines_done += count
        batch.status = batch.status if count else BatchStatus.READY
    elif batch.status is BatchStatus.BOOKING:
        count = _book_some(session, actor, batch, today=today, rules=rules)
        batch.status = batch.status if count else BatchStatus.READY
    elif batch.status is BatchStatus.UNDOING:
        count = _undo_some(session, actor, batch, today=today, rules=rules)
        if not count:
            batches.undo_rest(session, batch_id, money.author(actor))
            batch.status = BatchStatus.UNDONE
    session.flush()
    return batch.status in (BatchStatus.MATCHING, BatchStatus.BOOKING, BatchStatus.UNDOING)


def _book_some(
    session: Session, actor: audit.Actor, batch: BankBatch, *, today: date, rules: Rules, limit: int = 50
) -> int:
    lines = batches.sure(session, batch.id, limit=limit)
    for line in lines:
        try:
            with db.part(session):
                account_id = line.account_id or 0
                book(session, actor, line, account_id, today=today, rules=rules, again=False)
        except errors.Unavailable:
            raise  # it passes: the line stays sure, and the next round tries it again
        except errors.LinecardError as error:
            # One line that cannot be booked holds up no other: a person looks at it.
            session.refresh(line)
            line.certainty, line.note = Certainty.UNSURE, str(error)[:300]
    return len(lines)


def _undo_some(
    session: Session, actor: audit.Actor, batch: BankBatch, *, today: date, rules: Rules, limit: int = 50
) -> int:
    lines = batches.booked(session, batch.id, limit=limit)
    reason = N_("Bank statement %(name)s undone", name=batch.file_name)
    ledger.hold(session, [line.account_id for line in lines if line.account_id is not None])
    for line in lines:
        try:
            with db.part(session):
                money.reverse(session, actor, line.entry_id or 0, reason=reason, today=today, rules=rules)
        except errors.Conflict:
            pass  # somebody undid this payment by hand before
        batches.forget_source(session, line.payer_account, line.account_id or 0)
        batches.settle(line, LineStatus.UNDONE, Author(actor.name, actor.staff_id))
    return len(lines)


def own_account(session: Session, account_id: int) -> str:
    """Return the bank account number that is this account's alone; empty when it has none."""
    return batches.virtual_account_of(session, account_id)


def set_own_account(session: Session, actor: audit.Actor, customer_id: int, number: str) -> None:
    """Give the customer a bank account number of his own, or take it away; raises Invalid when taken."""
    account_id = customers.get(session, customer_id).account_id
    before = own_account(session, account_id)
    try:
        batches.set_virtual_account(session, account_id, number)
    except errors.Conflict as error:
        raise errors.Invalid("Taken", {"own_account": error.message}) from error
    changes = audit.difference({"own_account": before}, {"own_account": own_account(session, account_id)})
    if changes:
        audit.record(session, actor, "account.terms", customer_id=customer_id, changes=changes)
