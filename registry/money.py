"""A customer's money, as staff handle it: each act of billing with its line of history."""

from datetime import date
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from billing import accounts, ledger, payments, plans, promises, reconnect, subscriptions
from billing.acts import Act, Terms
from billing.ledger import Author
from billing.models import (
    Account,
    Documented,
    LedgerEntry,
    Method,
    Promise,
    Subscription,
)
from billing.rules import Rules
from core import errors
from core.words import N_
from registry import audit, lines
from registry.models import Customer, CustomerStatus
from registry.words import idle_words

_ACCOUNT_ID = select(Customer.account_id).where(Customer.id == bindparam("customer_id"))
_HELD = (
    select(Account)
    .join(Customer, Customer.account_id == Account.id)
    .where(Customer.id == bindparam("customer_id"))
    .with_for_update(key_share=True, of=Account)
    .execution_options(populate_existing=True)
)
_KINDS: dict[type, str] = {
    LedgerEntry: "ledger_entry",
    Promise: "promise",
    Subscription: "subscription",
}


def author(actor: audit.Actor) -> Author:
    """Return the actor as the ledger names its authors."""
    return Author(actor.name, actor.staff_id)


def hold(session: Session, customer_id: int) -> Account:
    """Lock the customer's account until the transaction ends and return it fresh; raises NotFound."""
    found = session.scalar(_HELD, {"customer_id": customer_id})
    if found is None:
        raise errors.NotFound("There is no such customer")
    return found


def receive(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    account: Account,
    amount_minor: int,
    *,
    method: Method,
    dated_on: date,
    reference: str,
    idempotency_key: str,
    today: date,
    rules: Rules,
    again: bool = False,
    paid_on: date | None = None,
) -> payments.Received:
    """Book a payment on the customer's account, which the caller holds (see billing.payments.receive).

    Unless it is said to be meant `again`, one of the same sum and reference within days is refused. `paid_on`
    is the day it came, where the books are closed for that and it is dated later; the entry says so.
    """
    is_late = paid_on is not None and paid_on < dated_on
    if reference and not again:
        payments.refuse_known(
            session,
            account.id,
            amount_minor,
            reference=reference,
            dated_on=dated_on,
            paid_on=paid_on,
            idempotency_key=idempotency_key,
        )
    received = payments.receive(
        session,
        account,
        amount_minor,
        method=method,
        dated_on=dated_on,
        reference=reference,
        idempotency_key=idempotency_key,
        author=author(actor),
        today=today,
        rules=rules,
        description=N_("Paid on %(day)s", day=paid_on) if is_late else "",
    )
    _record_entry(session, actor, customer_id, "payment.received", received)
    return received


def pay_back(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    kind: payments.PaybackKind,
    method: Method,
    expected_minor: int,
    idempotency_key: str,
    today: date,
    rules: Rules,
) -> payments.Received:
    """Set the customer's debt to zero by one entry (see billing.payments.payback)."""
    received = payments.payback(
        session,
        account_id(session, customer_id),
        kind=kind,
        method=method,
        expected_minor=expected_minor,
        idempotency_key=idempotency_key,
        author=author(actor),
        today=today,
        rules=rules,
    )
    _record_entry(session, actor, customer_id, f"debt.{kind}", received)
    return received


def reverse(
    session: Session, actor: audit.Actor, entry_id: int, *, reason: str, today: date, rules: Rules
) -> payments.Received:
    """Undo a ledger entry by a counter entry (see billing.payments.reverse)."""
    received = payments.reverse(
        session, entry_id, author=author(actor), reason=reason, today=today, rules=rules
    )
    customer_id = customer_id_of(session, received.entry.account_id)
    _record_entry(session, actor, customer_id, "entry.reversed", received, note=reason)
    if received.mate is not None:
        mate = payments.Received(received.mate, received.is_new, ())
        other_id = customer_id_of(session, received.mate.account_id)
        _record_entry(session, actor, other_id, "entry.reversed", mate, note=reason)
    return received


def promise(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    until: date,
    note: str,
    today: date,
    rules: Rules,
    amount_minor: int | None = None,
) -> promises.Made:
    """Write down the customer's promise to pay, all or that much (see billing.promises.make)."""
    made = promises.make(
        session,
        account_id(session, customer_id),
        until=until,
        amount_minor=amount_minor,
        note=note,
        author=author(actor),
        today=today,
        rules=rules,
    )
    facts = {"until": until, "amount_minor": made.promise.amount_minor}
    _record(session, actor, "promise.made", customer_id, made.promise, facts=facts, note=note)
    return made


def withdraw_promise(session: Session, actor: audit.Actor, promise_id: int) -> int:
    """Take a promise back; return whose it was."""
    withdrawn = promises.withdraw(session, promise_id, author=author(actor))
    customer_id = customer_id_of(session, withdrawn.account_id)
    _record(session, actor, "promise.withdrawn", customer_id, withdrawn, facts={})
    return customer_id


def start_service(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    choice: subscriptions.Choice,
    starts_on: date,
    today: date,
    terms: Terms,
    ends_on: date | None = None,
    is_first_free: bool = False,
    idempotency_key: str | None = None,
) -> Subscription:
    """Give the customer a plan, with the line that opens and closes it, once by the key.

    Of who is not connected it is off and not billed until he is. See billing.subscriptions.start.
    """
    own_id = account_id(session, customer_id)
    ledger.lock_account(session, own_id)
    if (first := subscriptions.started_by(session, own_id, idempotency_key)) is not None:
        return first
    status = session.scalar(select(Customer.status).where(Customer.id == customer_id))
    started = subscriptions.start(
        session,
        own_id,
        Act(today, terms, author(actor)),
        choice=choice,
        starts_on=starts_on,
        ends_on=ends_on,
        is_first_free=is_first_free,
        idempotency_key=idempotency_key,
        idle=idle_words(status or CustomerStatus.CONNECTED),
    )
    facts = {
        "plan": started.plan.name,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "price_minor": choice.price_minor,
        "quantity": choice.quantity,
    }
    _record(session, actor, "service.started", customer_id, started, facts=facts)
    lines.attach(session, started.id, customer_id, actor=actor, today=today)
    return started


def change_service(
    session: Session,
    actor: audit.Actor,
    subscription_id: int,
    *,
    choice: subscriptions.Choice,
    on: date,
    today: date,
    terms: Terms,
) -> int:
    """Let new terms hold from a day on (see billing.subscriptions.change); return whose service it is."""
    service = subscriptions.get(session, subscription_id)
    before = _agreed(service, service.plan.name)
    act = Act(today, terms, author(actor))
    subscriptions.change(session, subscription_id, act, choice=choice, on=on)
    if on > today:
        plan = plans.get(session, choice.plan_id)
        after = {name: getattr(choice, name, None) for name in before} | {"plan": plan.name}
    else:
        after = _agreed(service, service.plan.name)
    changes = {**audit.difference(before, after), **audit.difference({"from": None}, {"from": on})}
    return record_service(session, actor, "service.changed", service, changes=changes)


def _agreed(service: Subscription, plan: str) -> dict[str, Any]:
    """Return what is agreed for a service, as history compares it."""
    names = ("price_minor", "quantity", "bill_day", "bill_month", "is_postpaid")
    return {"plan": plan, **{name: getattr(service, name) for name in names}}


def end_service(
    session: Session,
    actor: audit.Actor,
    subscription_id: int,
    *,
    ends_on: date | None,
    today: date,
    terms: Terms,
) -> int:
    """Let a service end with that day, or go on (see billing.subscriptions.end); return whose it is."""
    service = subscriptions.get(session, subscription_id)
    before = {"ends_on": service.ends_on}
    subscriptions.end(session, subscription_id, Act(today, terms, author(actor)), ends_on=ends_on)
    changes = audit.difference(before, {"ends_on": ends_on})
    action = "service.ended" if ends_on else "service.goes_on"
    return record_service(session, actor, action, service, changes=changes)


def set_terms(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    payment_days: int | None,
    grace_days: int | None,
    is_never_cut: bool,
    never_cut_note: str,
    group_id: int | None = None,
    credit_limit_minor: int = 0,
    credit_until: date | None = None,
    documented: Documented | None = None,
    today: date,
    rules: Rules,
) -> tuple[int, ...]:
    """Change by what terms debt treats the customer; return the services whose line opens by it."""
    own_id = account_id(session, customer_id)
    terms: dict[str, Any] = {
        "payment_days": payment_days,
        "grace_days": grace_days,
        "is_never_cut": is_never_cut,
        "never_cut_note": never_cut_note.strip() if is_never_cut else "",
        "group_id": group_id,
        "credit_limit_minor": credit_limit_minor,
        "credit_until": credit_until if credit_limit_minor else None,
        "documented": documented,
    }
    before = accounts.terms(session, own_id)
    accounts.set_terms(session, own_id, **terms)
    changes = audit.difference(before, terms)
    if changes:
        audit.record(session, actor, "account.terms", customer_id=customer_id, changes=changes)
    return reconnect.review(
        session, own_id, today=today, rules=rules, by=N_("terms set by %(name)s", name=actor.name)
    )


def account_id(session: Session, customer_id: int) -> int:
    """Return the customer's account; raises NotFound."""
    found: int | None = session.scalar(_ACCOUNT_ID, {"customer_id": customer_id})
    if found is None:
        raise errors.NotFound("There is no such customer")
    return found


def customer_id_of(session: Session, account_id: int) -> int:
    """Return whose account it is; raises NotFound."""
    found = session.scalar(select(Customer.id).where(Customer.account_id == account_id))
    if found is None:
        raise errors.NotFound("This account belongs to no customer")
    return found


def _record_entry(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    action: str,
    received: payments.Received,
    *,
    note: str = "",
) -> None:
    """Write the line of history of a new entry; an act sent twice has one already."""
    entry = received.entry
    if received.is_new:
        facts = {"amount_minor": entry.amount_minor, "currency": entry.currency, "method": entry.method}
        _record(session, actor, action, customer_id, entry, facts=facts, note=note)


def record_service(
    session: Session,
    actor: audit.Actor,
    action: str,
    service: Subscription,
    *,
    changes: dict[str, list[Any]] | None = None,
    note: str = "",
) -> int:
    """Write the line of history of a service; return whose it is."""
    customer_id = customer_id_of(session, service.account_id)
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind=_KINDS[Subscription],
        object_id=service.id,
        changes=changes,
        note=note,
    )
    return customer_id


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    customer_id: int,
    subject: LedgerEntry | Promise | Subscription,
    *,
    facts: dict[str, Any],
    note: str = "",
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind=_KINDS[type(subject)],
        object_id=subject.id,
        changes=audit.difference({}, {name: value for name, value in facts.items() if value is not None}),
        note=note,
    )
