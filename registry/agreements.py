"""What is agreed with a customer beside his plans: suspensions, liabilities, charges by hand, discounts.

Each act of billing with its line of history.
"""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import (
    access,
    bill_days,
    discounts,
    freezes,
    ledger,
    liabilities,
    subscriptions,
    suspensions,
)
from billing.acts import Act, Terms
from billing.models import AccessState, Account, AccountDiscount, Liability, LockReason, Subscription
from core import errors
from registry import audit, money


def suspend(
    session: Session,
    actor: audit.Actor,
    subscription_id: int,
    agreed: freezes.Agreed,
    *,
    today: date,
    terms: Terms,
) -> int:
    """Suspend a service as agreed (see billing.freezes.agree); return whose it is."""
    moved = freezes.agree(session, subscription_id, Act(today, terms, money.author(actor)), agreed)
    if not moved.locks and agreed.from_on <= today:
        raise errors.Conflict("This service is suspended by hand already")
    facts = {
        "reason": agreed.reason,
        "from_on": agreed.from_on,
        "to_on": agreed.to_on,
        "billed_percent": agreed.billed_percent,
        "effect": agreed.effect,
    }
    service = subscriptions.get(session, subscription_id)
    return money.record_service(
        session, actor, "service.suspended", service, changes=_facts(facts), note=agreed.note.strip()
    )


def cut_off_all(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    note: str,
    today: date,
    terms: Terms,
    billed_percent: int = 100,
) -> int:
    """Close every running service of the customer by hand; return how many were not closed so.

    Their days are billed at so much. What was only slowed or led to a page by hand before is closed in its
    place.
    """
    agreed = freezes.Agreed(LockReason.MANUAL, from_on=today, billed_percent=billed_percent, note=note)
    closed = 0
    for one in _running(session, customer_id, today):
        standing = suspensions.standing_of(session, one, LockReason.MANUAL)
        if standing is not None and standing.effect is AccessState.CLOSED:
            continue
        if standing is not None:
            let_in(session, actor, one, today=today, terms=terms)
        suspend(session, actor, one, agreed, today=today, terms=terms)
        closed += 1
    return closed


def restore_all(
    session: Session, actor: audit.Actor, customer_id: int, *, today: date, terms: Terms
) -> tuple[int, list[LockReason]]:
    """Lift what was suspended by hand on every service of the customer, and nothing else.

    Returns on how many services, and why lines of his stay off all the same.
    """
    account_id = money.account_id(session, customer_id)
    ids = session.scalars(suspensions.standing_of_account(account_id, LockReason.MANUAL)).all()
    for one in ids:
        let_in(session, actor, one, today=today, terms=terms)
    left = suspensions.standing(session, account_id)
    return len(ids), sorted({lock.reason for lock in left if lock.effect is not AccessState.NOTICE})


def _running(session: Session, customer_id: int, today: date) -> list[int]:
    account_id = money.account_id(session, customer_id)
    query = select(Subscription.id).where(Subscription.account_id == account_id, access.is_running(today))
    return list(session.scalars(query.order_by(Subscription.id)))


def let_in(
    session: Session,
    actor: audit.Actor,
    subscription_id: int,
    *,
    today: date,
    terms: Terms,
    reason: LockReason = LockReason.MANUAL,
) -> int:
    """Lift the suspension a person made for this reason, and no other; return whose service it is."""
    if reason not in freezes.AGREED:
        raise errors.Invalid("Only what people agreed on is lifted by hand")
    service = subscriptions.get(session, subscription_id)
    moved = freezes.lift(session, subscription_id, Act(today, terms, money.author(actor)), reason)
    if not moved.locks:
        raise errors.Conflict("This service is not suspended by hand any more")
    return money.record_service(session, actor, "service.let_in", service)


def forget_suspension(session: Session, actor: audit.Actor, planned_id: int) -> int:
    """Take a suspension to come back; return whose it is."""
    gone = freezes.forget_planned(session, planned_id)
    service = subscriptions.get(session, gone.subscription_id)
    changes = audit.difference({"from_on": gone.from_on}, {"from_on": None})
    return money.record_service(session, actor, "service.suspension_forgotten", service, changes=changes)


def change_billing(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    wanted: bill_days.Wanted,
    *,
    on: date,
    today: date,
    terms: Terms,
) -> int:
    """Let services be billed otherwise from a day on (see billing.bill_days); return how many change."""
    changed = 0
    for one in bill_days.chosen(session, money.account_id(session, customer_id), wanted):
        choice = bill_days.choice(one, wanted)
        if choice != subscriptions.agreed_on(one):
            money.change_service(session, actor, one.id, choice=choice, on=on, today=today, terms=terms)
            changed += 1
    return changed


def forget_change(
    session: Session, actor: audit.Actor, subscription_id: int, *, on: date, today: date, terms: Terms
) -> int:
    """Take terms to come back (see billing.subscriptions.forget_planned); return whose they are."""
    act = Act(today, terms, money.author(actor))
    subscriptions.forget_planned(session, subscription_id, act, on=on)
    service = subscriptions.get(session, subscription_id)
    changes = audit.difference({"from": on}, {"from": None})
    return money.record_service(session, actor, "service.change_forgotten", service, changes=changes)


def add_liability(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    owed: liabilities.Owed,
    *,
    today: date,
    terms: Terms,
    idempotency_key: str | None = None,
) -> liabilities.Added:
    """Let a customer owe something, once by its key (see billing.liabilities.add)."""
    act = Act(today, terms, money.author(actor))
    account_id = money.account_id(session, customer_id)
    added = liabilities.add(session, account_id, act, owed, idempotency_key=idempotency_key)
    if not added.is_new:
        return added
    made = added.liability
    facts = {
        "description": made.description,
        "price_minor": made.price_minor,
        "period": made.period,
        "starts_on": made.starts_on,
        "ends_on": made.ends_on,
    }
    _record(session, actor, "liability.added", customer_id, subject=("liability", made.id), facts=facts)
    return added


def end_liability(
    session: Session, actor: audit.Actor, liability_id: int, *, ends_on: date, today: date, terms: Terms
) -> int:
    """Let a liability end with that day; return whose it is."""
    owed = liabilities.get(session, liability_id)
    liabilities.end(session, liability_id, Act(today, terms, money.author(actor)), ends_on=ends_on)
    return _record_liability(session, actor, "liability.ended", owed, {"ends_on": ends_on})


def take_back_liability(
    session: Session, actor: audit.Actor, liability_id: int, *, reason: str, today: date, terms: Terms
) -> int:
    """Take a liability back as if it had never been; return what is given back (minor units)."""
    owed = liabilities.get(session, liability_id)
    account_id, words = owed.account_id, owed.description
    made = liabilities.take_back(session, liability_id, Act(today, terms, money.author(actor)))
    given_minor = sum(entry.amount_minor for entry in made)
    customer_id, account = money.customer_id_of(session, account_id), session.get_one(Account, account_id)
    facts = {"description": words, "amount_minor": given_minor, "currency": account.currency}
    subject = ("liability", liability_id)
    _record(session, actor, "liability.taken_back", customer_id, subject=subject, facts=facts, note=reason)
    return given_minor


def charge(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    amount_minor: int,
    vat_rate_id: int | None,
    reason: str,
    idempotency_key: str,
    today: date,
    terms: Terms,
) -> ledger.Posted:
    """Charge a customer by hand (see billing.liabilities.charge)."""
    posted = liabilities.charge(
        session,
        money.account_id(session, customer_id),
        Act(today, terms, money.author(actor)),
        amount_minor=amount_minor,
        vat_rate_id=vat_rate_id,
        reason=reason,
        idempotency_key=idempotency_key,
    )
    if posted.is_new:
        entry = posted.entry
        facts = {"amount_minor": entry.amount_minor, "currency": entry.currency, "reason": entry.description}
        _record(session, actor, "charge.made", customer_id, subject=("ledger_entry", entry.id), facts=facts)
    return posted


def give_discount(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    given: discounts.Given,
) -> list[AccountDiscount]:
    """Give discount letters to a customer or one of his services (see billing.discounts.give)."""
    made = discounts.give(session, money.account_id(session, customer_id), money.author(actor), given)
    for one in made:
        facts = {
            "discount": one.discount.name,
            "starts_on": given.starts_on,
            "ends_on": given.ends_on,
        }
        _record(
            session, actor, "discount.given", customer_id, subject=("account_discount", one.id), facts=facts
        )
    return made


def end_discount(session: Session, actor: audit.Actor, given_id: int, *, today: date) -> int:
    """Let a given discount end with yesterday, or take it back when it has not begun; return whose it is."""
    found = discounts.given(session, given_id)
    name, account_id = found.discount.name, found.account_id
    discounts.end(session, given_id, today=today)
    customer_id = money.customer_id_of(session, account_id)
    facts = {"discount": name}
    _record(
        session, actor, "discount.ended", customer_id, subject=("account_discount", given_id), facts=facts
    )
    return customer_id


def _facts(facts: dict[str, Any]) -> dict[str, list[Any]]:
    return audit.difference({}, {name: value for name, value in facts.items() if value is not None})


def _record_liability(
    session: Session, actor: audit.Actor, action: str, owed: Liability, facts: dict[str, Any]
) -> int:
    customer_id = money.customer_id_of(session, owed.account_id)
    facts = {"description": owed.description, **facts}
    _record(session, actor, action, customer_id, subject=("liability", owed.id), facts=facts)
    return customer_id


def _record(
    session: Session,
    actor: audit.Actor,
    action: str,
    customer_id: int,
    *,
    subject: tuple[str, int],
    facts: dict[str, Any],
    note: str = "",
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=customer_id,
        object_kind=subject[0],
        object_id=subject[1],
        changes=_facts(facts),
        note=note.strip(),
    )
