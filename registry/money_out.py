"""Money given back and money moved to another customer, as staff handle it, each with its line of history."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from billing import payments, transfers
from billing.acts import Terms
from billing.models import LedgerEntry, Method
from billing.payments import Received
from billing.rules import Rules
from core import errors
from core.money import Money
from core.words import N_
from registry import audit, customers, tills
from registry.models import Customer
from registry.money import author

# So many payments of a customer are offered to be moved; an older one from the page of its entry.
_OFFERED = 30


@dataclass(frozen=True, slots=True)
class Receiver:
    """To whom money is moved."""

    customer_id: int
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Move:
    """What a move of money would do: to whom it goes, and the balances of both afterwards."""

    to: Receiver
    giver_after: Money
    taker_after: Money


def receiver(session: Session, number: str, *, giver_id: int) -> Receiver:
    """Return the customer of that number; raises Invalid at the field `to`."""
    found = customers.find_by_number(session, number.strip())
    if found is None:
        raise errors.Invalid("No such customer", {"to": "There is no customer of that number"})
    if found.id == giver_id:
        raise errors.Invalid("The same customer", {"to": "Choose another customer"})
    return Receiver(found.id, found.number, found.name)


def look(
    session: Session,
    customer_id: int,
    to_number: str,
    amount_minor: int,
    *,
    payment_id: int | None,
    may_owe: bool,
) -> Move:
    """Return what the move would do; raises Invalid as transfer() will."""
    to = receiver(session, to_number, giver_id=customer_id)
    giver, taker = tills.account(session, customer_id), tills.account(session, to.customer_id)
    transfers.refuse(session, giver, taker, amount_minor, payment_id=payment_id, may_owe=may_owe)
    return Move(
        to,
        Money(giver.balance_minor - amount_minor, giver.currency),
        Money(taker.balance_minor + amount_minor, taker.currency),
    )


def payments_of(session: Session, customer_id: int, *, also: int | None) -> list[LedgerEntry]:
    """Return the customer's newest payments that stand and that one, to name the one that is another's."""
    return transfers.payments_of(session, tills.account(session, customer_id).id, also=also, limit=_OFFERED)


def refund(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    amount_minor: int,
    *,
    method: Method,
    dated_on: date,
    reference: str,
    idempotency_key: str,
    today: date,
) -> Received:
    """Give the customer money back (see billing.transfers.refund)."""
    posted = transfers.refund(
        session,
        tills.account(session, customer_id).id,
        amount_minor,
        method=method,
        dated_on=dated_on,
        reference=reference,
        idempotency_key=idempotency_key,
        author=author(actor),
        today=today,
    )
    if posted.is_new:
        _record(session, actor, "payment.refunded", customer_id, posted.entry)
    return Received(posted.entry, posted.is_new, ())


def transfer(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    to_number: str,
    amount_minor: int,
    *,
    note: str,
    payment_id: int | None,
    may_owe: bool,
    idempotency_key: str,
    today: date,
    terms: Terms,
    rules: Rules,
) -> Received:
    """Move the customer's money to another one (see billing.transfers.transfer); both cards tell of it."""
    giver = customers.get(session, customer_id)
    to = receiver(session, to_number, giver_id=customer_id)
    left, came = transfers.transfer(
        session,
        giver.account_id,
        tills.account(session, to.customer_id).id,
        amount_minor,
        dated_on=today,
        idempotency_key=idempotency_key,
        author=author(actor),
        terms=terms,
        words=_words(giver, to),
        payment_id=payment_id,
        may_owe=may_owe,
    )
    if left.is_new:
        _record(
            session, actor, "payment.moved_out", customer_id, left.entry, note=f"{to.number} {note}".strip()
        )
        note = f"{giver.number} {note}".strip()
        _record(session, actor, "payment.moved_in", to.customer_id, came.entry, note=note)
    return payments.both(
        Received(left.entry, left.is_new, ()), payments.received(session, came, today, rules)
    )


def _words(giver: Customer, to: Receiver) -> tuple[str, str]:
    return (
        N_("Moved to customer %(number)s", number=to.number),
        N_("Moved from customer %(number)s", number=giver.number),
    )


def _record(
    session: Session, actor: audit.Actor, action: str, customer_id: int, entry: LedgerEntry, *, note: str = ""
) -> None:
    facts = {"amount_minor": entry.amount_minor, "currency": entry.currency, "method": entry.method}
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind="ledger_entry",
        object_id=entry.id,
        changes=audit.difference({}, facts),
        note=note,
    )
