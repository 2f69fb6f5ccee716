"""The forms of the setup pages."""

from typing import Any

from flask_babel import lazy_gettext
from wtforms import BooleanField, IntegerField, PasswordField, SelectField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from registry.gate_kinds import GateKind, GateOption
from registry.models import DeviceRole
from webapp.forms import REQUIRED, Form, NumberField, ParagraphField, TextField, WatchForm, choices
from webapp.setup import gate_words
from webapp.setup.pages import optional_id

_MONO = {"class": "mono", "autocomplete": "off", "spellcheck": "false"}
_PORT = [Optional(), NumberRange(1, 65535)]
_NAME = [InputRequired(REQUIRED), Length(max=120)]

ROLE_CHOICES = choices(
    (DeviceRole.SWITCH, lazy_gettext("Switch")),
    (DeviceRole.OLT, lazy_gettext("OLT")),
    (DeviceRole.ROUTER, lazy_gettext("Router")),
    (DeviceRole.RADIO, lazy_gettext("Radio")),
    (DeviceRole.CPE, lazy_gettext("Router at the customer")),
    (DeviceRole.ONU, lazy_gettext("ONU")),
    (DeviceRole.OTHER, lazy_gettext("Other")),
)
SCHEMES = choices(("https", "https"), ("http", "http"), ("", lazy_gettext("no web page")))

_PACES = ("device_watch_s", "customer_watch_s")


class PopForm(Form):
    """A POP; its code stays as it was made."""

    ROWS: tuple[tuple[str, ...], ...] = (("name", "gate_id"), ("latitude", "longitude"), _PACES)

    name = TextField(lazy_gettext("Name"), _NAME)
    latitude = NumberField(lazy_gettext("Latitude"), [Optional()])
    longitude = NumberField(
        lazy_gettext("Longitude"), [Optional()], description=lazy_gettext("Degrees, such as 24.0316.")
    )
    gate_id = SelectField(
        lazy_gettext("Gate of its lines"),
        coerce=optional_id,
        description=lazy_gettext(
            "Where no device and no line has one of its own. What is closed at the gate before stays closed "
            "there: the list of drift shows it."
        ),
    )
    device_watch_s = IntegerField(lazy_gettext("Gear is swept every, s"), [Optional()])
    customer_watch_s = IntegerField(lazy_gettext("Customers are swept every, s"), [Optional()])


class NewPopForm(PopForm):
    """A POP with its code."""

    ROWS = (("code", "name"), ("gate_id",), ("latitude", "longitude"), _PACES)

    code = TextField(
        lazy_gettext("Code"),
        [InputRequired(REQUIRED), Length(max=32)],
        description=lazy_gettext(
            "Small letters, digits, minus; it cannot be changed. Its workers are started with it."
        ),
        render_kw=_MONO,
    )


class AccountGroupForm(Form):
    """A group of accounts: how debt treats them."""

    ROWS = (("name", "grace_days"), ("is_never_cut",))

    name = TextField(lazy_gettext("Name"), _NAME)
    grace_days = IntegerField(
        lazy_gettext("Days of grace"),
        [Optional(), NumberRange(0, 365)],
        description=lazy_gettext("Empty: as everybody. A customer's own grace beats it."),
    )
    is_never_cut = BooleanField(lazy_gettext("Debt never cuts these customers"))


class NetworkForm(Form):
    """An address range."""

    ROWS = (("name", "cidr"), ("pop_id", "gateway_id"), ("vlan", "colour"))

    name = TextField(lazy_gettext("Name"), _NAME)
    cidr = TextField(
        lazy_gettext("Range"),
        [InputRequired(REQUIRED), Length(max=50)],
        description=lazy_gettext("Such as 10.20.0.0/22. Ranges do not overlap."),
        render_kw=_MONO,
    )
    pop_id = SelectField(
        lazy_gettext("POP"),
        coerce=optional_id,
        description=lazy_gettext("Its workers ping the addresses."),
    )
    gateway_id = SelectField(
        lazy_gettext("Gateway"),
        coerce=optional_id,
        description=lazy_gettext("The router asked for the MACs behind it."),
    )
    vlan = IntegerField(lazy_gettext("VLAN"), [Optional(), NumberRange(1, 4094)])
    colour = TextField(lazy_gettext("Colour"), [Length(max=7)], render_kw={"type": "color"})


class DeviceTypeForm(Form):
    """A kind of device."""

    ROWS = (("name", "vendor"), ("role", "web_scheme", "web_port"))

    name = TextField(lazy_gettext("Name"), _NAME)
    vendor = TextField(lazy_gettext("Vendor"), [Length(max=80)])
    role = SelectField(lazy_gettext("Role"), choices=ROLE_CHOICES, coerce=DeviceRole)
    web_scheme = SelectField(lazy_gettext("Web page"), choices=SCHEMES)
    web_port = IntegerField(
        lazy_gettext("Web port"), _PORT, description=lazy_gettext("Empty: 443, or 80 for http.")
    )


class DeviceForm(WatchForm):
    """A device of the network."""

    ROWS = (
        ("name", "type_id"),
        ("pop_id", "parent_id"),
        ("gate_id",),
        ("address", "mac"),
        ("serial", "software", "snmp_port"),
        ("is_gateway",),
        ("is_unwatched", "unwatched_why"),
    )

    name = TextField(lazy_gettext("Name"), _NAME)
    type_id = SelectField(lazy_gettext("Type"), coerce=optional_id)
    pop_id = SelectField(lazy_gettext("POP"), coerce=optional_id)
    parent_id = SelectField(
        lazy_gettext("Hangs on"),
        coerce=optional_id,
        description=lazy_gettext("The device its uplink goes to."),
    )
    gate_id = SelectField(
        lazy_gettext("Gate of the customers on it"),
        coerce=optional_id,
        description=lazy_gettext(
            "Of those on its ports, and of the networks it is the gateway of. None: as their POP says. What "
            "is closed at the gate before stays closed there: the list of drift shows it."
        ),
    )
    address = TextField(lazy_gettext("IP address"), [Length(max=45)], render_kw=_MONO)
    mac = TextField(
        lazy_gettext("MAC"),
        [Length(max=30)],
        description=lazy_gettext("In any spelling."),
        render_kw=_MONO,
    )
    serial = TextField(lazy_gettext("Serial number"), [Length(max=80)])
    software = TextField(lazy_gettext("Software version"), [Length(max=120)])
    snmp_port = IntegerField(lazy_gettext("SNMP port"), [InputRequired(REQUIRED)], default=161)
    is_gateway = BooleanField(lazy_gettext("Routes networks: may be chosen as their gateway"))


class PortForm(Form):
    """A port of a device."""

    ROWS: tuple[tuple[str, ...], ...] = (("name",), ("is_uplink",))

    name = TextField(lazy_gettext("Name"), [Length(max=80)])
    is_uplink = BooleanField(lazy_gettext("Uplink: no customer is put on it, no gate closes it"))


class NewPortsForm(PortForm):
    """One port or a row of them."""

    ROWS = (("indexes", "name"), ("is_uplink",))

    indexes = TextField(
        lazy_gettext("Interface indexes"),
        [InputRequired(REQUIRED), Length(max=200)],
        description=lazy_gettext("As SNMP counts them (ifIndex): 1-24, 49"),
        render_kw=_MONO,
    )
    name = TextField(
        lazy_gettext("Name"),
        [Length(max=80)],
        description=lazy_gettext("Of several: what the names begin with, the index follows."),
    )


class GroupForm(Form):
    """A group of customers."""

    ROWS = (("name",), ("description",))

    name = TextField(
        lazy_gettext("Name"),
        [InputRequired(REQUIRED), Length(max=60)],
        description=lazy_gettext("Letters, digits, underscore and minus, no spaces: jobs refer to it."),
    )
    description = ParagraphField(lazy_gettext("Description"), [Length(max=500)])


class MarkForm(Form):
    """A label people see on a customer."""

    ROWS = (("name", "colour"),)

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=60)])
    colour = TextField(lazy_gettext("Colour"), [Length(max=7)], render_kw={"type": "color"})


def gate_form(kind: GateKind) -> Any:
    """Return the form of a gate of that kind, with a field for each of its options."""
    drawn: dict[str, Any] = {
        "__doc__": "A gate with its options.",
        "name": TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=80)]),
        "pop_id": SelectField(
            lazy_gettext("POP"),
            coerce=optional_id,
            description=lazy_gettext(
                "Its work is done by the workers there; none: by those of the default POP."
            ),
        ),
    }
    rows = [("name", "pop_id")]
    drawn |= {option.name: _option_field(option) for option in kind.options}
    names = [option.name for option in kind.options]
    rows += [tuple(names[place : place + 2]) for place in range(0, len(names), 2)]
    return type("GateForm", (Form,), {**drawn, "ROWS": tuple(rows)})


_OPTION_FIELDS = {"prefixes": ParagraphField, "secrets": ParagraphField, "secret": PasswordField}


def _option_field(option: GateOption) -> Any:
    """Return the field of one option; what was kept as a secret is never written into the page."""
    hint = gate_words.say(option.hint) if option.hint else ""
    if option.form == "choice":
        offered = choices(*((value, gate_words.say(label)) for value, label in option.choices))
        return SelectField(gate_words.say(option.label), choices=offered, description=hint)
    limit = 5000 if option.form in ("prefixes", "secrets") else option.longest
    field = _OPTION_FIELDS.get(option.form, TextField)
    return field(gate_words.say(option.label), [Length(max=limit)], description=hint, render_kw=_MONO)
