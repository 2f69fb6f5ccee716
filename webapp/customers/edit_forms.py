"""The forms of the customer card: who he is, whom to call, where he lives, what was said."""

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from billing.idle import Left
from core import errors
from core.words import N_
from desk.models import TicketKind
from registry.models import CustomerKind, CustomerStatus
from webapp.forms import REQUIRED, CheckListField, Form, ParagraphField, TextField, choices

NOBODY = lazy_gettext("nobody")
KINDS = choices(
    (CustomerKind.PERSON, lazy_gettext("Person")), (CustomerKind.COMPANY, lazy_gettext("Company"))
)
STATUSES = choices(
    (CustomerStatus.CONNECTED, lazy_gettext("Connected")),
    (CustomerStatus.WAITING, lazy_gettext("Waiting")),
    (CustomerStatus.PROSPECT, lazy_gettext("Prospect")),
    (CustomerStatus.FORMER, lazy_gettext("Former")),
)
TICKET_KINDS = choices(
    (TicketKind.FAULT, lazy_gettext("Fault")),
    (TicketKind.REQUEST, lazy_gettext("Request")),
    (TicketKind.TASK, lazy_gettext("Task")),
    (TicketKind.ORDER, lazy_gettext("Work order")),
)
PRIORITIES = choices(
    ("1", lazy_gettext("1, at once")),
    ("2", lazy_gettext("2, today")),
    ("3", lazy_gettext("3, usual")),
    ("4", lazy_gettext("4, when there is time")),
)


def optional_id(value: Any) -> int | None:
    """Read an id out of a select in which one choice means: none."""
    return int(value) if value not in (None, "", "None") else None


class CustomerForm(Form):
    """Who the customer is. `version` tells whether somebody changed him meanwhile."""

    version = HiddenField()
    kind = RadioField(lazy_gettext("Kind"), choices=KINDS, coerce=CustomerKind)
    company_name = TextField(
        lazy_gettext("Company name"),
        [Length(max=200)],
        description=lazy_gettext("Only a company has one; the names below are its representative's."),
    )
    last_name = TextField(lazy_gettext("Last name"), [Length(max=120)])
    first_name = TextField(lazy_gettext("First name"), [Length(max=120)])
    dba = TextField(lazy_gettext("Also known as"), [Length(max=200)])


class NumberForm(Form):
    """The customer's number."""

    version = HiddenField()
    number = TextField(lazy_gettext("Customer number"), [InputRequired(REQUIRED), Length(max=32)])


class StatusForm(Form):
    """Where the customer stands with us; of who leaves, what becomes of his services.

    Set by the view: `is_billed`, whether there is anything to say that of, `has_liabilities`, whether he owes
    something periodically.
    """

    is_billed = False
    has_liabilities = False

    version = HiddenField()
    new_status = RadioField(
        lazy_gettext("Status"),
        choices=STATUSES,
        coerce=CustomerStatus,
        description=lazy_gettext("Only a connected customer's lines are open; any other status closes them."),
    )
    services = RadioField(
        lazy_gettext("The services"),
        choices=choices(
            ("end", lazy_gettext("end")),
            ("none", lazy_gettext("stay, off and not billed")),
            ("part", lazy_gettext("stay, off and billed in part")),
            ("full", lazy_gettext("stay, off and billed in full")),
        ),
        validators=[Optional()],
    )
    last_on = DateField(
        lazy_gettext("Last day"),
        [Optional()],
        description=lazy_gettext("Billed to the end of this day; what was charged beyond it is given back."),
    )
    percent = IntegerField(lazy_gettext("Percent billed"), [Optional(), NumberRange(0, 100)])
    liabilities = BooleanField(lazy_gettext("What is owed periodically and is no plan ends too"))
    note = TextField(lazy_gettext("Why"), [Length(max=300)])

    @property
    def leaves(self) -> bool:
        """Whether the customer is to be a former one."""
        return bool(self.new_status.data is CustomerStatus.FORMER)

    def left(self) -> Left:
        """Return what becomes of the services; raises Invalid while it is not said of who leaves."""
        if not self.leaves or not self.is_billed:
            return Left()
        percents = {"none": 0, "full": 100, "part": self.percent.data}
        if self.services.data == "end":
            if self.last_on.data is None:
                raise errors.Invalid("No day", {"last_on": N_("Say which day is the last one")})
            return Left(self.last_on.data, ends_liabilities=bool(self.liabilities.data))
        if self.services.data not in percents:
            raise errors.Invalid("Not said", {"services": N_("Say what becomes of the services")})
        percent = percents[self.services.data]
        if percent is None:
            raise errors.Invalid("No percent", {"percent": N_("Say how much is billed")})
        return Left(billed_percent=percent)


class LabelsForm(Form):
    """Groups and marks."""

    groups = CheckListField(lazy_gettext("Groups"), coerce=int)
    marks = CheckListField(lazy_gettext("Marks"), coerce=int)


class AlertForm(Form):
    """The banner on the card."""

    alert = ParagraphField(
        lazy_gettext("Banner"),
        [Length(max=500)],
        description=lazy_gettext("Everybody who opens the card sees it first. Empty takes it off."),
    )


class ContactForm(Form):
    """Somebody to call or write to."""

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=160)])
    title = TextField(lazy_gettext("Who it is"), [Length(max=120)])
    phone = TextField(lazy_gettext("Phone"), [Length(max=40)])
    email = TextField(lazy_gettext("E-mail"), [Length(max=254)])
    is_primary = BooleanField(lazy_gettext("Call this one first"))
    takes_reminders = BooleanField(lazy_gettext("Takes reminders of debt by e-mail"), default=True)
    takes_sms = BooleanField(lazy_gettext("Takes reminders of debt by text message"))


class AddressForm(Form):
    """A postal address. Floor 0 is the ground floor; an empty one is not known."""

    street = TextField(lazy_gettext("Street"), [InputRequired(REQUIRED), Length(max=160)])
    building = TextField(lazy_gettext("Building"), [Length(max=32)])
    entrance = TextField(lazy_gettext("Entrance"), [Length(max=16)])
    floor = IntegerField(lazy_gettext("Floor"), [Optional()])
    unit = TextField(lazy_gettext("Flat"), [Length(max=16)])
    city = TextField(lazy_gettext("City"), [InputRequired(REQUIRED), Length(max=120)])
    region = TextField(lazy_gettext("Region"), [Length(max=120)])
    postcode = TextField(lazy_gettext("Postcode"), [Length(max=16)])
    country = TextField(lazy_gettext("Country"), [Length(max=2)])


class NoteForm(Form):
    """Staff's own text."""

    content = ParagraphField(lazy_gettext("Text"), [InputRequired(REQUIRED), Length(max=10_000)])
    is_urgent = BooleanField(lazy_gettext("Urgent: comes first, above the card"))
    device_id = SelectField(lazy_gettext("About"), coerce=optional_id)


class FileForm(Form):
    """A file to keep with the customer."""

    file = FileField(
        lazy_gettext("File"),
        [FileRequired(REQUIRED)],
        description=lazy_gettext("PDF, images, office documents, zip, gz, text such as configurations."),
    )


class TicketForm(Form):
    """Something broken, asked for, or to be done."""

    kind = SelectField(lazy_gettext("Kind"), choices=TICKET_KINDS, coerce=TicketKind)
    subject = TextField(lazy_gettext("What it is about"), [InputRequired(REQUIRED), Length(max=200)])
    content = ParagraphField(lazy_gettext("Details"), [Length(max=10_000)])
    priority = SelectField(lazy_gettext("Urgency"), choices=PRIORITIES, default="3")
    assignee_id = SelectField(lazy_gettext("Given to"), coerce=optional_id)


class CommentForm(Form):
    """What somebody says on a ticket."""

    content = ParagraphField(lazy_gettext("Comment"), [Length(max=10_000)])


class AssignForm(Form):
    """Who works on a ticket."""

    assignee_id = SelectField(lazy_gettext("Given to"), coerce=optional_id)


class VisitForm(Form):
    """When somebody goes there for a ticket; the time is that of the ISP's zone."""

    staff_id = SelectField(lazy_gettext("Who goes"), coerce=optional_id)
    starts_at = DateTimeLocalField(lazy_gettext("When"), [InputRequired(REQUIRED)], format="%Y-%m-%dT%H:%M")
    minutes = SelectField(
        lazy_gettext("Takes"),
        coerce=int,
        choices=choices(
            ("30", lazy_gettext("half an hour")),
            ("60", lazy_gettext("1 hour")),
            ("120", lazy_gettext("2 hours")),
            ("240", lazy_gettext("half a day")),
        ),
        default=60,
    )


VLAN = [Optional(), NumberRange(1, 4094, lazy_gettext("A VLAN is between 1 and 4094."))]
