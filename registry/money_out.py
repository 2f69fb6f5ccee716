"""Money given back and money moved to another customer, as staff handle it, each with its line of history."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from billing import payments, transfers
from billing.models import LedgerEntry, Method
from billing.payments import Received
from billing.rules import Rules
from core import errors
from core.words import N_
from registry import audit, customers, tills
from registry.models import Customer
from registry.money import author


@dataclass(frozen=True, slots=True)
class Receiver:
    """To whom money is moved."""

    customer_id: int
    number: str
    name: str


def receiver(session: Session, number: str, *, giver_id: int) -> Receiver:
    """Return the customer of that number; raises Invalid at the field `to`."""
    found = customers.find_by_number(session, number.strip())
    if found is None:
        raise errors.Invalid("No such customer", {"to": "There is no customer of that number"})
    if found.id == giver_id:
        raise errors.Invalid("The same customer", {"to": "Choose another customer"})
    return Receiver(found.id, found.number, found.name)


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
    idempotency_key: str,
    today: date,
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
        words=_words(giver, to),
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
