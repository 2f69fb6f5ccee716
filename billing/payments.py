"""Payments: receive, pay back a debt, reverse; each once, and the line is looked at in the same act."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from billing import crediting, documents, ledger, reconnect, transfers
from billing.ledger import Author
from billing.models import Account, EntryKind, LedgerEntry, Method
from billing.rules import Rules
from core import errors
from core.words import N_, Text

# The same sum and reference within so many days is the same money, until a person says otherwise.
SAME_DAYS = 10
# What the key of a payment begins with that a line of a bank statement became.
BANK_KEY = "bank:"
# What let a line in, by the entry that did.
_OF_ENTRY = {
    EntryKind.CHARGE: N_("charge no. %(entry)s"),
    EntryKind.PAYMENT: N_("payment no. %(entry)s"),
    EntryKind.WRITEOFF: N_("write-off no. %(entry)s"),
    EntryKind.REFUND: N_("refund no. %(entry)s"),
    EntryKind.ADJUSTMENT: N_("adjustment no. %(entry)s"),
    EntryKind.TRANSFER: N_("transfer no. %(entry)s"),
    EntryKind.REVERSAL: N_("reversal no. %(entry)s"),
}

PaybackKind = Literal["cash", "writeoff"]


@dataclass(frozen=True, slots=True)
class Received:
    """The entry, whether this call wrote it, and the subscriptions whose line opens by it.

    `mate` is the entry on the other account when the act wrote to two.
    """

    entry: LedgerEntry
    is_new: bool
    reopened: tuple[int, ...]
    mate: LedgerEntry | None = None


def receive(
    session: Session,
    account: int | Account,
    amount_minor: int,
    *,
    method: Method,
    dated_on: date,
    reference: str = "",
    idempotency_key: str | None,
    author: Author,
    today: date,
    rules: Rules,
    description: str = "",
) -> Received:
    """Book a payment (minor units, above zero) and lift the debt lock at once when it is enough.

    `account` is as ledger.post_once() takes it. Sent twice with the same key it is booked once. Raises
    Invalid, NotFound, and Conflict when the key stands for another payment.
    """
    if amount_minor <= 0:
        raise errors.Invalid("Not a payment", {"amount": "The amount must be above zero"})
    if method is Method.NONE:
        raise errors.Invalid("No method", {"method": "Say how the money came"})
    if dated_on > today:
        raise errors.Invalid("A payment from the future", {"dated_on": "The day must not be after today"})
    posted = ledger.post_once(
        session,
        account,
        EntryKind.PAYMENT,
        amount_minor,
        dated_on=dated_on,
        author=author,
        method=method,
        reference=reference,
        idempotency_key=idempotency_key,
        description=description,
    )
    return received(session, posted, today, rules)


def refuse_known(
    session: Session,
    account_id: int,
    amount_minor: int,
    *,
    reference: str,
    dated_on: date,
    idempotency_key: str,
    paid_on: date | None = None,
) -> None:
    """Raise Invalid at `again` when another payment of this sum and reference was made within days.

    Of its day, or of the day it came (`paid_on`) where that is another. The caller holds the account's lock.
    Two lines of the bank are two payments, whatever they say.
    """
    undone = aliased(LedgerEntry)
    near = timedelta(days=SAME_DAYS)
    query = select(LedgerEntry.dated_on).where(
        LedgerEntry.account_id == account_id,
        LedgerEntry.kind == EntryKind.PAYMENT,
        LedgerEntry.amount_minor == amount_minor,
        LedgerEntry.dated_on.between(min(dated_on, paid_on or dated_on) - near, dated_on + near),
        func.lower(LedgerEntry.reference) == reference.strip().lower(),
        LedgerEntry.idempotency_key.is_distinct_from(idempotency_key),
        ~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists(),
    )
    if idempotency_key.startswith(BANK_KEY):
        key = func.coalesce(LedgerEntry.idempotency_key, "")
        query = query.where(~key.startswith(BANK_KEY))
    known_on = session.scalar(query.limit(1))
    if known_on is not None:
        words = N_("The same sum with this reference is booked already, on %(day)s", day=known_on)
        raise errors.Invalid(words, {"again": words})


def payback(
    session: Session,
    account_id: int,
    *,
    kind: PaybackKind,
    method: Method = Method.NONE,
    expected_minor: int,
    idempotency_key: str | None,
    author: Author,
    today: date,
    rules: Rules,
    reference: str = "",
) -> Received:
    """Set a debt to zero by exactly one entry: money taken ("cash", by `method`) or forgiven ("writeoff").

    `expected_minor` is the debt the person saw (positive minor units). Raises Conflict when it is another by
    now, Invalid for money without a method. A double click finds the first entry.
    """
    if kind == "cash" and method is Method.NONE:
        raise errors.Invalid("No method", {"method": "Say how the money came"})
    account = ledger.lock_account(session, account_id)
    if idempotency_key is not None and (first := ledger.find(session, idempotency_key)) is not None:
        if first.account_id != account_id or first.amount_minor != expected_minor:
            raise errors.Conflict("This form was used already for another sum; load the page again")
        return Received(first, is_new=False, reopened=())
    if account.balance_minor >= 0:
        raise errors.Conflict("Nothing is owed any more")
    if -account.balance_minor != expected_minor:
        raise errors.Overtaken("The debt changed since the page was shown; look at the new sum")
    posted = ledger.post_once(
        session,
        account_id,
        EntryKind.PAYMENT if kind == "cash" else EntryKind.WRITEOFF,
        -account.balance_minor,
        dated_on=today,
        author=author,
        method=method if kind == "cash" else Method.NONE,
        reference=reference,
        idempotency_key=idempotency_key,
        description=N_("Debt paid back") if kind == "cash" else N_("Debt written off"),
    )
    return received(session, posted, today, rules)


def reverse(
    session: Session,
    entry_id: int,
    *,
    author: Author,
    reason: str,
    today: date,
    rules: Rules,
    dated_on: date | None = None,
    idempotency_key: str | None = None,
) -> Received:
    """Undo an entry and look at the line again: a charge undone may open it. Both halves of a transfer go.

    A charge that stands on an invoice gets its credit note, a credit that stands on a credit note the invoice
    that asks again, a payment's receipt the one that cancels it. A payment undone cuts nothing by itself:
    that is left to the normal ladder. Raises what ledger.reverse does, and Conflict for a charge credited
    already.
    """
    undone = _look_at(session, entry_id)
    other = transfers.other_half(session, entry_id)
    if other is not None:
        ledger.lock_accounts(session, [other.account_id, session.get_one(LedgerEntry, entry_id).account_id])
    posted = ledger.reverse_once(
        session,
        entry_id,
        author=author,
        reason=reason,
        dated_on=dated_on or today,
        idempotency_key=idempotency_key,
    )
    if posted.is_new and undone is not None:
        if undone.amount_minor < 0:
            documents.correct(session, posted.entry, undone, author=author)
        elif undone.kind is EntryKind.PAYMENT:
            documents.cancel_receipt(session, posted.entry, undone, author=author)
        else:
            documents.ask_again(session, posted.entry, undone, author=author)
    if other is None or not posted.is_new:
        return received(session, posted, today, rules)
    mate = ledger.reverse_once(
        session,
        other.id,
        author=author,
        reason=reason,
        dated_on=dated_on or today,
        counterpart_id=posted.entry.id,
    )
    return both(received(session, posted, today, rules), received(session, mate, today, rules))


def _look_at(session: Session, entry_id: int) -> LedgerEntry | None:
    """Return the claim (its account locked), credit or payment to be undone; None for anything else."""
    entry = session.get(LedgerEntry, entry_id)
    if entry is None:
        return None
    if entry.amount_minor > 0:
        return entry if entry.kind in (EntryKind.ADJUSTMENT, EntryKind.PAYMENT) else None
    if entry.due_on is None:
        return None
    ledger.lock_account(session, entry.account_id)
    if session.scalar(select(LedgerEntry.id).where(LedgerEntry.reverses_id == entry_id)) is None:
        crediting.refuse_undoing(session, entry)
    return entry


def both(first: Received, second: Received) -> Received:
    """Return what an act did that wrote to two accounts."""
    return Received(first.entry, first.is_new, first.reopened + second.reopened, second.entry)


def received(session: Session, posted: ledger.Posted, today: date, rules: Rules) -> Received:
    """Look at the line of whose entry this is, unless nothing stands or it was looked at; say what opened."""
    if not posted.is_new:
        return Received(posted.entry, is_new=False, reopened=())
    entry = posted.entry
    reopened: tuple[int, ...] = ()
    if posted.has_matter:
        reopened = reconnect.review(
            session,
            entry.account_id,
            today=today,
            rules=rules,
            by=Text(_OF_ENTRY[entry.kind], entry=entry.id),
        )
    return Received(entry, is_new=True, reopened=reopened)
