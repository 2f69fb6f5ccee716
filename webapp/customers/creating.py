"""Adding a customer: who he is, and at once where he lives and how to reach him, if that is known."""

from flask import Response
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from wtforms import IntegerField, RadioField, SelectField
from wtforms.validators import Length, Optional

from core import errors
from registry import addresses, contacts, customers
from registry.models import AddressKind, Customer, CustomerKind, CustomerStatus
from webapp import identity, permissions, rendering, runtime
from webapp.forms import Form, TextField, choices

_PLACE = ("street", "building", "entrance", "unit", "city", "postcode")


class NewCustomerForm(Form):
    """A customer who is new; which name is needed depends on the kind."""

    kind = RadioField(
        lazy_gettext("Kind"),
        choices=choices(
            (CustomerKind.PERSON, lazy_gettext("Person")), (CustomerKind.COMPANY, lazy_gettext("Company"))
        ),
        default=CustomerKind.PERSON,
    )
    last_name = TextField(lazy_gettext("Last name"), description=lazy_gettext("Needed for a person."))
    first_name = TextField(lazy_gettext("First name"))
    company_name = TextField(
        lazy_gettext("Company name"),
        description=lazy_gettext("Needed for a company; the person above then speaks for it."),
    )
    dba = TextField(lazy_gettext("Doing business as"))
    number = TextField(
        lazy_gettext("Customer number"), description=lazy_gettext("Leave it empty for the next one.")
    )
    life = SelectField(
        lazy_gettext("Status"),
        choices=choices(
            (CustomerStatus.WAITING, lazy_gettext("waiting for connection")),
            (CustomerStatus.PROSPECT, lazy_gettext("prospect")),
            (CustomerStatus.CONNECTED, lazy_gettext("connected")),
        ),
        default=CustomerStatus.WAITING,
    )
    street = TextField(lazy_gettext("Street"))
    building = TextField(lazy_gettext("Building"))
    entrance = TextField(lazy_gettext("Entrance"))
    floor = IntegerField(lazy_gettext("Floor"), [Optional()])
    unit = TextField(lazy_gettext("Unit"))
    city = TextField(lazy_gettext("City"))
    postcode = TextField(lazy_gettext("Postcode"))
    phone = TextField(lazy_gettext("Phone"), [Length(max=40)])
    email = TextField(lazy_gettext("E-mail"))

    @property
    def has_place(self) -> bool:
        """Whether anything of an address was written."""
        return self.floor.data is not None or any(self[name].data for name in _PLACE)


@permissions.required("customer.create")
def new() -> Response:
    """Add a customer and go to his card."""
    form = NewCustomerForm()
    if form.accept(lambda: _create(form)):
        rendering.say(
            gettext("%(name)s is customer %(number)s now.", name=form.result[1], number=form.result[2])
        )
        return rendering.go("customers.card", customer_id=form.result[0])
    return rendering.page_or_fragment("customers/new.html", "customers/new.html", form.status, form=form)


def _create(form: NewCustomerForm) -> tuple[int, str, str]:
    """Write customer, address and contact in one transaction: all of it or nothing."""
    isp = runtime.current().settings.isp
    with runtime.current().database.transaction() as session:
        made = customers.create(
            session,
            identity.actor(),
            currency=isp.currency,
            number=form.number.data or "",
            kind=CustomerKind(form.kind.data),
            first_name=form.first_name.data or "",
            last_name=form.last_name.data or "",
            company_name=form.company_name.data or "",
            dba=form.dba.data or "",
            status=CustomerStatus(form.life.data),
        )
        _settle(session, form, made, isp.phone_region)
        return made.id, made.name, made.number


def _settle(session: Session, form: NewCustomerForm, made: Customer, region: str) -> None:
    """Write address and contact; the faults of both are told together."""
    faults: dict[str, str] = {}
    try:
        if form.has_place:
            place = {name: form[name].data or "" for name in _PLACE}
            addresses.save(
                session, identity.actor(), made.id, AddressKind.VISITING, floor=form.floor.data, **place
            )
    except errors.Invalid as error:
        faults |= error.fields
    try:
        if form.phone.data or form.email.data:
            contacts.add(
                session,
                identity.actor(),
                made.id,
                name=made.representative or made.name,
                region=region,
                phone=form.phone.data or "",
                email=form.email.data or "",
                is_primary=True,
            )
    except errors.Invalid as error:
        faults |= error.fields
    if faults:
        raise errors.Invalid("The customer is not complete", faults)
