"""Customers: who they are, their number, the banner on their card; registry.statuses has their status."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing.models import Account
from core import db, errors
from core.words import N_
from registry import audit, names, payers
from registry.list_orders import SORTS
from registry.listing import CustomerFilter, CustomerPage, CustomerRow, cities, page
from registry.models import Customer, CustomerKind, CustomerStatus
from registry.search import Hit, search

__all__ = [
    "SORTS",
    "CustomerFilter",
    "CustomerPage",
    "CustomerRow",
    "Hit",
    "change",
    "change_number",
    "cities",
    "create",
    "find_by_number",
    "get",
    "locked",
    "page",
    "search",
    "set_alert",
]

FIRST_NUMBER = 10001
_NUMBER_FORM = r"[0-9A-Za-z][0-9A-Za-z/_.-]{0,31}"


def get(session: Session, customer_id: int) -> Customer:
    """Return the customer; raises NotFound."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise errors.NotFound("There is no such customer")
    return customer


def currency_of(session: Session, customer_id: int) -> str:
    """Return the currency of the customer's account (ISO 4217); raises NotFound."""
    query = select(Account.currency).join(Customer, Customer.account_id == Account.id)
    found = session.scalar(query.where(Customer.id == customer_id))
    if found is None:
        raise errors.NotFound("There is no such customer")
    return found


def find_by_number(session: Session, number: str) -> Customer | None:
    """Return the customer who has the number, if anybody."""
    return session.scalar(select(Customer).where(Customer.number == number.strip()))


def create(
    session: Session,
    actor: audit.Actor,
    *,
    currency: str,
    number: str = "",
    kind: CustomerKind = CustomerKind.PERSON,
    first_name: str = "",
    last_name: str = "",
    company_name: str = "",
    dba: str = "",
    status: CustomerStatus = CustomerStatus.WAITING,
) -> Customer:
    """Add a customer with his money account; without a number he gets the next one.

    Raises Invalid at the faulty field, also for a number that somebody has.
    """
    values = _names(kind, first_name, last_name, company_name, dba)
    number = number.strip() or _next_number(session)
    _check_number(number)
    account = Account(currency=currency)
    session.add(account)
    session.flush()
    customer = Customer(
        number=number, kind=kind, status=status, account_id=account.id, sort_name=_sort_name(values), **values
    )
    try:
        with db.part(session):
            session.add(customer)
    except IntegrityError as error:
        raise _number_taken(error, number) from error
    facts = {"number": number, "kind": kind, "status": status, **values}
    changes = audit.difference({}, {field: value for field, value in facts.items() if value})
    payers.follow(session, [customer.id])
    audit.record(session, actor, "customer.created", customer_id=customer.id, changes=changes)
    return customer


def _names(
    kind: CustomerKind, first_name: str, last_name: str, company_name: str, dba: str
) -> dict[str, str]:
    """Return the tidied names; raises Invalid where the kind's own name is missing or one is too long."""
    values = {
        "first_name": first_name.strip(),
        "last_name": last_name.strip(),
        "company_name": company_name.strip() if kind is CustomerKind.COMPANY else "",
        "dba": dba.strip(),
    }
    limits = {"first_name": 120, "last_name": 120, "company_name": 200, "dba": 200}
    faults = {
        field: N_("At most %(count)s characters", count=limits[field])
        for field, value in values.items()
        if len(value) > limits[field]
    }
    if kind is CustomerKind.COMPANY and not values["company_name"]:
        faults["company_name"] = N_("Write the company's name")
    if kind is CustomerKind.PERSON and not values["last_name"]:
        faults["last_name"] = N_("Write the last name")
    if faults:
        raise errors.Invalid("The customer's name is not complete", faults)
    return values


def _sort_name(values: Mapping[str, str]) -> str:
    parts = (
        [values["company_name"]] if values["company_name"] else [values["last_name"], values["first_name"]]
    )
    return names.sort_key(*parts)[:400]


def _next_number(session: Session) -> str:
    """Return the number after the highest one made of digits; whoever creates at the same time waits here."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('customers.number', 0))"))
    highest = session.scalar(
        select(Customer.number)
        .where(Customer.number.regexp_match("^[0-9]{1,18}$"))
        .order_by(func.length(Customer.number).desc(), Customer.number.desc())
        .limit(1)
    )
    return str(max(int(highest or 0) + 1, FIRST_NUMBER))


def _check_number(number: str) -> None:
    if not re.fullmatch(_NUMBER_FORM, number):
        rule = "Use at most 32 letters, digits and / _ . - and begin with a letter or digit"
        raise errors.Invalid("This is not a customer number", {"number": rule})


def _number_taken(error: IntegrityError, number: str) -> Exception:
    if "uq_customers_number" not in str(error.orig):
        return error
    return errors.Invalid(
        "The number is taken", {"number": N_("Another customer has the number %(number)s", number=number)}
    )


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    version: int,
    kind: CustomerKind,
    first_name: str = "",
    last_name: str = "",
    company_name: str = "",
    dba: str = "",
) -> Customer:
    """Change who the customer is; raises Conflict when `version` is not the one in the database any more."""
    customer = locked(session, customer_id, version)
    values = {"kind": kind, **_names(kind, first_name, last_name, company_name, dba)}
    before = {field: getattr(customer, field) for field in values}
    for field, value in values.items():
        setattr(customer, field, value)
    customer.sort_name = _sort_name({field: str(value) for field, value in values.items()})
    payers.follow(session, [customer.id])
    _record_changes(session, actor, customer, "customer.changed", audit.difference(before, values))
    return customer


def change_number(
    session: Session, actor: audit.Actor, customer_id: int, number: str, *, version: int
) -> Customer:
    """Give the customer another number; raises Invalid when it is no number or somebody has it."""
    customer = locked(session, customer_id, version)
    number, before = number.strip(), customer.number
    _check_number(number)
    try:
        with db.part(session):
            customer.number = number
    except IntegrityError as error:
        raise _number_taken(error, number) from error
    payers.follow(session, [customer.id])
    _record_changes(
        session,
        actor,
        customer,
        "customer.number_changed",
        audit.difference({"number": before}, {"number": number}),
    )
    return customer


def set_alert(session: Session, actor: audit.Actor, customer_id: int, alert: str) -> Customer:
    """Put a banner on the card; an empty text takes it off."""
    customer = locked(session, customer_id, None)
    before, alert = customer.alert, alert.strip()
    if len(alert) > 500:
        raise errors.Invalid("The banner is too long", {"alert": "At most 500 characters"})
    customer.alert = alert
    _record_changes(
        session, actor, customer, "customer.alert", audit.difference({"alert": before}, {"alert": alert})
    )
    return customer


def locked(session: Session, customer_id: int, version: int | None) -> Customer:
    """Return the customer's row, fresh and ours until the commit; raises NotFound, Conflict of versions."""
    query = select(Customer).where(Customer.id == customer_id).with_for_update()
    customer = session.scalar(query.execution_options(populate_existing=True))
    if customer is None:
        raise errors.NotFound("There is no such customer")
    if version is not None and customer.version != version:
        raise errors.Overtaken("Somebody changed this customer meanwhile: load the card again")
    return customer


def _record_changes(
    session: Session,
    actor: audit.Actor,
    customer: Customer,
    action: str,
    changes: Mapping[str, Any],
    *,
    note: str = "",
) -> None:
    if changes:
        audit.record(session, actor, action, customer_id=customer.id, changes=changes, note=note)
