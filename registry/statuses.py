"""The status of a customer: where he stands in his life with us, and what that makes of his services."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from billing import idle, ledger, liabilities, subscriptions
from billing.acts import Act, Terms
from billing.idle import Left
from billing.suspensions import Moved
from registry import audit, customers, money
from registry.models import Customer, CustomerStatus
from registry.words import STATUS_WORDS

STAYS = Left()


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    status: CustomerStatus,
    *,
    today: date,
    terms: Terms,
    left: Left = STAYS,
    note: str = "",
    version: int | None = None,
) -> Moved:
    """Move the customer to another status and say which lines that opened or closed.

    Who becomes former leaves his services as `left` says; of who waits, or asks only, they are off and not
    billed while he does. Becoming connected lets them go on, and lifts no other lock. Raises NotFound,
    Conflict when `version` is not the one in the database any more, Invalid at last_on or percent.
    """
    # The account before the customer's row, as whoever books a payment and writes its line of history.
    ledger.lock_account(session, money.account_id(session, customer_id))
    customer = customers.locked(session, customer_id, version)
    before, customer.status = customer.status, status
    act = Act(today, terms, money.author(actor))
    changes = audit.difference({"status": before}, {"status": status})
    if status is CustomerStatus.CONNECTED:
        _record(session, actor, customer, changes, note)
        session.flush()
        return idle.resume(session, customer.account_id, act)
    left = left if status is CustomerStatus.FORMER else STAYS
    if idle.running(session, customer.account_id, today) and status is CustomerStatus.FORMER:
        changes |= audit.difference({}, _said(left))
    _record(session, actor, customer, changes, note)
    session.flush()
    done = idle.rest(session, customer.account_id, act, left, note=note or STATUS_WORDS[status])
    _record_ends(session, actor, customer_id, done, left)
    return done.moved


def _said(left: Left) -> dict[str, Any]:
    return {"billed_percent": left.billed_percent} if left.last_on is None else {"ends_on": left.last_on}


def _record(
    session: Session, actor: audit.Actor, customer: Customer, changes: dict[str, Any], note: str
) -> None:
    if changes:
        audit.record(session, actor, "customer.status", customer_id=customer.id, changes=changes, note=note)


def _record_ends(
    session: Session, actor: audit.Actor, customer_id: int, done: idle.Rested, left: Left
) -> None:
    for one in done.subscriptions:
        service = subscriptions.get(session, one)
        changes = audit.difference({}, {"ends_on": left.last_on})
        money.record_service(session, actor, "service.ended", service, changes=changes)
    for one in done.liabilities:
        facts = {"description": liabilities.get(session, one).description, "ends_on": left.last_on}
        audit.record(
            session,
            actor,
            "liability.ended",
            customer_id=customer_id,
            object_kind="liability",
            object_id=one,
            changes=audit.difference({}, facts),
        )
