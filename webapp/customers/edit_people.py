"""In place: contacts and addresses."""

from flask import Response, request
from flask_babel import gettext

from registry import addresses, contacts, customers
from registry.models import Address, AddressKind, Contact
from webapp import identity, permissions, runtime
from webapp.customers import answers
from webapp.customers.edit_forms import AddressForm, ContactForm


@permissions.required("customer.edit")
def contact(customer_id: int, item_id: int | None = None) -> Response:
    """Add or change a contact."""
    form = ContactForm(obj=_contact(customer_id, item_id))
    if form.accept(lambda: _save_contact(customer_id, item_id, form)):
        return answers.saved(customer_id, "contacts", gettext("The contact is saved."))
    title = gettext("Edit a contact") if item_id else gettext("Add a contact")
    return answers.show(customer_id, "contacts", title, form, "contact")


def _contact(customer_id: int, item_id: int | None) -> Contact | None:
    if item_id is None:
        return None
    with runtime.current().database.reading() as session:
        return contacts.get(session, customer_id, item_id)


def _save_contact(customer_id: int, item_id: int | None, form: ContactForm) -> None:
    found = runtime.current()
    values = {
        "name": form.name.data or "",
        "title": form.title.data or "",
        "phone": form.phone.data or "",
        "email": form.email.data or "",
        "is_primary": form.is_primary.data,
        "takes_reminders": form.takes_reminders.data,
        "takes_sms": form.takes_sms.data,
        "region": found.settings.isp.phone_region,
    }
    with found.database.transaction() as session:
        if item_id is None:
            contacts.add(session, identity.actor(), customer_id, **values)
        else:
            contacts.change(session, identity.actor(), customer_id, item_id, **values)


@permissions.required("customer.edit")
def remove_contact(customer_id: int, item_id: int) -> Response:
    """Remove a contact."""
    with runtime.current().database.transaction() as session:
        contacts.remove(session, identity.actor(), customer_id, item_id)
    return answers.saved(customer_id, "contacts", gettext("The contact is removed."))


@permissions.required("customer.edit")
def address(customer_id: int, item_id: int | None = None) -> Response:
    """Change an address, or add the one of `?kind=`; there is one of each kind."""
    item = _address(customer_id, item_id, _kind(request.args.get("kind", "")))
    kind = item.kind if item else _kind(request.args.get("kind", ""))
    form = AddressForm(obj=item)
    if form.accept(lambda: _save_address(customer_id, kind, form)):
        return answers.saved(customer_id, "addresses", gettext("The address is saved."))
    return answers.show(customer_id, "addresses", _address_title(kind), form, "address", kind=kind)


def _kind(word: str) -> AddressKind:
    return AddressKind(word) if word in set(AddressKind) else AddressKind.VISITING


def _address_title(kind: AddressKind) -> str:
    titles = {
        AddressKind.VISITING: gettext("Address of the service"),
        AddressKind.INVOICE: gettext("Address for invoices"),
        AddressKind.MAIL: gettext("Address for mail"),
    }
    return titles[kind]


def _address(customer_id: int, item_id: int | None, kind: AddressKind) -> Address | None:
    with runtime.current().database.reading() as session:
        if item_id is not None:
            return addresses.find(session, customer_id, item_id)
        customers.get(session, customer_id)
        return addresses.get(session, customer_id, kind)


def _save_address(customer_id: int, kind: AddressKind, form: AddressForm) -> None:
    with runtime.current().database.transaction() as session:
        addresses.save(
            session,
            identity.actor(),
            customer_id,
            kind,
            street=form.street.data or "",
            building=form.building.data or "",
            entrance=form.entrance.data or "",
            floor=form.floor.data,
            unit=form.unit.data or "",
            city=form.city.data or "",
            region=form.region.data or "",
            postcode=form.postcode.data or "",
            country=form.country.data or "",
        )


@permissions.required("customer.edit")
def remove_address(customer_id: int, item_id: int) -> Response:
    """Remove the invoice or mail address."""
    with runtime.current().database.transaction() as session:
        kind = addresses.find(session, customer_id, item_id).kind
        addresses.remove(session, identity.actor(), customer_id, kind)
    return answers.saved(customer_id, "addresses", gettext("The address is removed."))
