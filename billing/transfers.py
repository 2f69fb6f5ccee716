"""Money that goes out or over: refunds, and transfers between accounts as two entries of one act."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import ledger
from billing.ledger import Author, Posted
from billing.models import EntryKind, LedgerEntry, Method
from core import errors


def refund(
    session: Session,
    account_id: int,
    amount_minor: int,
    *,
    method: Method,
    dated_on: date,
    reference: str = "",
    idempotency_key: str | None,
    author: Author,
    today: date,
    description: str = "",
) -> Posted:
    """Give money back (minor units, above zero) out of what stands to the account's credit.

    Sent twice with the same key it is booked once. Raises Invalid, NotFound, and Conflict when the credit is
    smaller.
    """
    if amount_minor <= 0:
        raise errors.Invalid("Not a refund", {"amount": "The amount must be above zero"})
    if method is Method.NONE:
        raise errors.Invalid("No method", {"method": "Say how the money goes back"})
    if dated_on > today:
        raise errors.Invalid("A refund from the future", {"dated_on": "The day must not be after today"})
    account = ledger.lock_account(session, account_id)
    is_again = idempotency_key is not None and ledger.find(session, idempotency_key) is not None
    if not is_again and account.balance_minor < amount_minor:
        raise errors.Invalid(
            "Too much", {"amount": "More than stands to the customer's credit cannot be given back"}
        )
    return ledger.post_once(
        session,
        account_id,
        EntryKind.REFUND,
        -amount_minor,
        dated_on=dated_on,
        author=author,
        method=method,
        reference=reference,
        idempotency_key=idempotency_key,
        description=description,
    )


def transfer(
    session: Session,
    from_account_id: int,
    to_account_id: int,
    amount_minor: int,
    *,
    dated_on: date,
    idempotency_key: str,
    author: Author,
    words: tuple[str, str] = ("", ""),
) -> tuple[Posted, Posted]:
    """Move money (minor units, above zero) to another account; return the half that left and that came.

    The half that came names the other by `counterpart_id`. `words` describe the halves. The giver may fall
    below zero: a payment booked to the wrong customer is moved whole. Raises Invalid, NotFound, Conflict.
    """
    if amount_minor <= 0:
        raise errors.Invalid("Not a transfer", {"amount": "The amount must be above zero"})
    if from_account_id == to_account_id:
        raise errors.Invalid("The same customer", {"to": "Choose another customer"})
    accounts = ledger.lock_accounts(session, [from_account_id, to_account_id])
    if accounts[from_account_id].currency != accounts[to_account_id].currency:
        raise errors.Invalid("Another currency", {"to": "This customer is charged in another currency"})
    left = ledger.post_once(
        session,
        from_account_id,
        EntryKind.TRANSFER,
        -amount_minor,
        dated_on=dated_on,
        author=author,
        idempotency_key=idempotency_key,
        description=words[0],
    )
    came = ledger.post_once(
        session,
        to_account_id,
        EntryKind.TRANSFER,
        amount_minor,
        dated_on=dated_on,
        author=author,
        idempotency_key=f"{idempotency_key}:came",
        counterpart_id=left.entry.id,
        description=words[1],
    )
    return left, came


def other_half(session: Session, entry_id: int) -> LedgerEntry | None:
    """Return the other half of a transfer; none when the entry is no transfer."""
    entry = session.get(LedgerEntry, entry_id)
    if entry is None or entry.kind is not EntryKind.TRANSFER:
        return None
    if entry.counterpart_id is not None:
        return session.get_one(LedgerEntry, entry.counterpart_id)
    return session.scalar(
        select(LedgerEntry).where(
            LedgerEntry.counterpart_id == entry_id, LedgerEntry.kind == EntryKind.TRANSFER
        )
    )
