"""Contacts: people reachable for the customer, with phones in E.164."""

import re
from typing import Any

import phonenumbers
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import errors
from core.words import N_
from registry import audit, payers
from registry.models import Contact, Customer

_EMAIL = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+\.[^@\s<>\"'.]{2,}")


def normal_phone(text: str, region: str) -> str:
    """Return the phone in E.164, such as +380671234567; empty stays empty.

    A number without + is read as one of `region` (ISO 3166, such as UA). Raises Invalid at `phone`.
    """
    if not text.strip():
        return ""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    like = phonenumbers.format_number(example, 1) if example else "+"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise errors.Invalid(
            "Not a phone number", {"phone": N_("Write a phone number such as %(like)s", like=like)}
        ) from error
    if not phonenumbers.is_possible_number(number) or number.extension:
        raise errors.Invalid(
            "Not a phone number",
            {"phone": N_("No phone has so long or short a number; write one such as %(like)s", like=like)},
        )
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def readable_phone(phone: str) -> str:
    """Return a stored phone as people write it internationally: +380 67 123 4567."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return phone
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def of_customer(session: Session, customer_id: int) -> list[Contact]:
    """Return the customer's contacts, the primary one first."""
    query = select(Contact).where(Contact.customer_id == customer_id)
    return list(session.scalars(query.order_by(Contact.is_primary.desc(), Contact.id)))


def get(session: Session, customer_id: int, contact_id: int) -> Contact:
    """Return the customer's contact; raises NotFound, also when it is another customer's."""
    contact = session.get(Contact, contact_id)
    if contact is None or contact.customer_id != customer_id:
        raise errors.NotFound("There is no such contact")
    return contact


def add(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    name: str,
    region: str,
    title: str = "",
    phone: str = "",
    email: str = "",
    is_primary: bool = False,
    takes_reminders: bool = True,
    takes_sms: bool = False,
) -> Contact:
    """Add a contact; raises Invalid at the faulty field, NotFound without such a customer.

    `takes_reminders` is the consent to be reminded of debt by e-mail, `takes_sms` by text message.
    """
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    values = _checked(name, title, phone, email, region)
    contact = Contact(
        customer_id=customer_id,
        is_primary=is_primary,
        takes_reminders=takes_reminders,
        takes_sms=takes_sms,
        **values,
    )
    session.add(contact)
    session.flush()
    _keep_one_primary(session, contact)
    changes = audit.difference({}, {field: value for field, value in values.items() if value})
    payers.follow(session, [customer_id])
    _record(session, actor, "contact.added", contact, changes)
    return contact


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    contact_id: int,
    *,
    name: str,
    region: str,
    title: str = "",
    phone: str = "",
    email: str = "",
    is_primary: bool = False,
    takes_reminders: bool = True,
    takes_sms: bool = False,
) -> Contact:
    """Change a contact; raises Invalid at the faulty field, NotFound."""
    contact = get(session, customer_id, contact_id)
    values = {**_checked(name, title, phone, email, region), "is_primary": is_primary}
    values |= {"takes_reminders": takes_reminders, "takes_sms": takes_sms}
    changes = audit.difference({field: getattr(contact, field) for field in values}, values)
    for field, value in values.items():
        setattr(contact, field, value)
    session.flush()
    _keep_one_primary(session, contact)
    if changes:
        payers.follow(session, [customer_id])
        _record(session, actor, "contact.changed", contact, changes)
    return contact


def remove(session: Session, actor: audit.Actor, customer_id: int, contact_id: int) -> None:
    """Remove a contact; history keeps what it said."""
    contact = get(session, customer_id, contact_id)
    before = {field: getattr(contact, field) for field in ("name", "title", "phone", "email")}
    changes = audit.difference(before, dict.fromkeys(before))
    _record(session, actor, "contact.removed", contact, changes)
    session.delete(contact)
    payers.follow(session, [customer_id])


def _checked(name: str, title: str, phone: str, email: str, region: str) -> dict[str, Any]:
    """Return the tidied values; raises Invalid with every fault at once."""
    name, title, email, faults = name.strip(), title.strip(), email.strip(), {}
    if not 0 < len(name) <= 160:
        faults["name"] = N_("Write a name of at most 160 characters")
    if len(title) > 120:
        faults["title"] = N_("At most 120 characters")
    if email and (len(email) > 254 or not _EMAIL.fullmatch(email)):
        faults["email"] = N_("Write an address such as name@example.org")
    try:
        phone = normal_phone(phone, region)
    except errors.Invalid as error:
        faults |= error.fields
    if not faults and not phone and not email:
        faults["phone"] = N_("Give a phone or an e-mail address")
    if faults:
        raise errors.Invalid("The contact is not complete", faults)
    return {"name": name, "title": title, "phone": phone, "email": email}


def _keep_one_primary(session: Session, contact: Contact) -> None:
    if contact.is_primary:
        others = update(Contact).where(Contact.customer_id == contact.customer_id, Contact.id != contact.id)
        session.execute(others.values(is_primary=False))


def _record(
    session: Session, actor: audit.Actor, action: str, contact: Contact, changes: dict[str, list[Any]]
) -> None:
    audit.record(
        session,
        actor,
        action,
        customer_id=contact.customer_id,
        object_kind="contact",
        object_id=contact.id,
        changes=changes,
    )
