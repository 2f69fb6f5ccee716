"""Money that goes out or over: refunds, and transfers between accounts as two entries of one act."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from billing import ledger
from billing.acts import Terms
from billing.ledger import Author, Posted
from billing.models import Account, EntryKind, LedgerEntry, Method
from core import errors
from core.words import N_

_ONLY_CREDIT = N_("More than stands to the customer's credit is only moved of a payment that is named")
_ONLY_PAYMENT = N_("So much of this payment cannot be moved any more")
_MONEY = (EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.TRANSFER)


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
    terms: Terms,
    words: tuple[str, str] = ("", ""),
    payment_id: int | None = None,
    may_owe: bool = False,
) -> tuple[Posted, Posted]:
    """Move money (minor units, above zero) to another account; return the half that left and that came.

    The half that came names the other by `counterpart_id`, the half that left the payment that is moved by
    `corrects_id`. `words` describe the halves. Raises NotFound, Conflict, and Invalid, also for more than
    movable() unless the giver `may_owe` what is beyond it. That is a new debt, and as a charge due by the
    giver's days to pay; what a moved payment had paid is open again by its own due date.
    """
    if amount_minor <= 0:
        raise errors.Invalid("Not a transfer", {"amount": "The amount must be above zero"})
    if from_account_id == to_account_id:
        raise errors.Invalid("The same customer", {"to": "Choose another customer"})
    accounts = ledger.lock_accounts(session, [from_account_id, to_account_id])
    giver, taker = accounts[from_account_id], accounts[to_account_id]
    first = ledger.find(session, idempotency_key)
    if first is not None:
        due_on = first.due_on
    elif refuse(session, giver, taker, amount_minor, payment_id=payment_id, may_owe=may_owe):
        due_on = terms.due_on(giver, dated_on)
    else:
        due_on = None
    left = ledger.post_once(
        session,
        from_account_id,
        EntryKind.TRANSFER,
        -amount_minor,
        dated_on=dated_on,
        author=author,
        idempotency_key=idempotency_key,
        due_on=due_on,
        corrects_id=payment_id,
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


def refuse(
    session: Session,
    giver: Account,
    taker: Account,
    amount_minor: int,
    *,
    payment_id: int | None,
    may_owe: bool,
) -> bool:
    """Say whether the giver would owe what is moved; what the second look asks beforehand.

    Raises Invalid, at the field, when so much cannot be moved.
    """
    if giver.currency != taker.currency:
        raise errors.Invalid("Another currency", {"to": "This customer is charged in another currency"})
    owes = amount_minor > movable(session, giver, payment_id)
    if owes and not may_owe:
        raise errors.Invalid("Too much", {"amount": _ONLY_CREDIT if payment_id is None else _ONLY_PAYMENT})
    return owes


def movable(session: Session, account: Account, payment_id: int | None) -> int:
    """Return how much may be moved (minor units): the credit, or a named payment that was another's.

    Of a payment counts what was not moved already, and no more than came in all and did not go out again:
    what was given back cannot be moved as well. Raises Invalid at `payment` when it is none that stands.
    """
    credit_minor = max(0, account.balance_minor)
    if payment_id is None:
        return credit_minor
    entry, undone = aliased(LedgerEntry), aliased(LedgerEntry)
    standing = select(func.coalesce(func.sum(entry.amount_minor), 0)).where(
        entry.account_id == account.id,
        entry.kind.in_(_MONEY),
        ~select(undone.id).where(undone.reverses_id == entry.id).exists(),
    )
    paid_minor = session.scalar(standing.where(entry.id == payment_id, entry.kind == EntryKind.PAYMENT))
    if not paid_minor:
        raise errors.Invalid("No such payment", {"payment": "No payment of this customer that stands"})
    moved_minor = session.scalar(standing.where(entry.corrects_id == payment_id)) or 0
    return max(credit_minor, min(paid_minor + moved_minor, session.scalar(standing) or 0))


def payments_of(session: Session, account_id: int, *, also: int | None, limit: int) -> list[LedgerEntry]:
    """Return the newest payments of an account that stand, and the one named by `also`."""
    undone, entry_id = aliased(LedgerEntry), LedgerEntry.id
    query = (
        select(LedgerEntry)
        .where(LedgerEntry.account_id == account_id, LedgerEntry.kind == EntryKind.PAYMENT)
        .where(~select(undone.id).where(undone.reverses_id == entry_id).exists())
        .order_by((entry_id == also).desc() if also is not None else entry_id.desc(), entry_id.desc())
        .limit(limit)
    )
    return sorted(session.scalars(query), key=lambda entry: -entry.id)


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
