"""The forms of the customer card for what he hangs on: equipment, addresses, switch port, cables."""

from flask_babel import lazy_gettext
from wtforms import BooleanField, DecimalField, IntegerField, SelectField
from wtforms.validators import InputRequired, Length, Optional

from registry.models.cables import CableType
from webapp.customers.edit_forms import VLAN, optional_id
from webapp.forms import REQUIRED, Form, TextField, WatchForm, choices

NONE = lazy_gettext("none")
CABLE_TYPES = choices(
    (CableType.FIBRE, lazy_gettext("Fibre")),
    (CableType.COPPER, lazy_gettext("Copper")),
    (CableType.COAX, lazy_gettext("Coax")),
)


class DeviceForm(WatchForm):
    """A device at the customer."""

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=120)])
    type_id = SelectField(lazy_gettext("Type"), coerce=optional_id)
    address = TextField(lazy_gettext("IP address"), [Length(max=45)])
    mac = TextField(lazy_gettext("MAC"), [Length(max=30)], description=lazy_gettext("In any spelling."))
    serial = TextField(lazy_gettext("Serial number"), [Length(max=80)])
    software = TextField(lazy_gettext("Software version"), [Length(max=120)])
    pop_id = SelectField(lazy_gettext("POP"), coerce=optional_id)
    snmp_port = IntegerField(lazy_gettext("SNMP port"), [InputRequired(REQUIRED)], default=161)


class RevealForm(Form):
    """Why somebody wants to see a device's password."""

    reason = TextField(
        lazy_gettext("Why do you need it"),
        [InputRequired(REQUIRED), Length(max=300)],
        description=lazy_gettext("The reason and your name go into the history."),
    )


class IpForm(WatchForm):
    """What is on file of an address given to the customer."""

    mac = TextField(lazy_gettext("MAC"), [Length(max=30)], description=lazy_gettext("In any spelling."))
    device_id = SelectField(lazy_gettext("Device"), coerce=optional_id)
    line_id = SelectField(lazy_gettext("Service"), coerce=optional_id)
    description = TextField(lazy_gettext("Description"), [Length(max=200)])
    has_colour = BooleanField(lazy_gettext("A colour of its own"))
    colour = TextField(lazy_gettext("Colour"), [Length(max=7)], render_kw={"type": "color"})


class LineForm(Form):
    """A line: the name it dials in with, and its POP and gate where they differ."""

    login = TextField(
        lazy_gettext("Login"),
        [Length(max=120)],
        description=lazy_gettext(
            "User-Name of its sessions, capitals as RADIUS has them; empty: it dials in nowhere."
        ),
        render_kw={"class": "mono", "autocomplete": "off", "spellcheck": "false"},
    )
    pop_id = SelectField(
        lazy_gettext("POP"),
        coerce=optional_id,
        description=lazy_gettext("None: that of its network, else of the device it is on."),
    )
    gate_id = SelectField(
        lazy_gettext("Gate"),
        coerce=optional_id,
        description=lazy_gettext(
            "None: that of its device or POP, else the default one. What is closed at the gate before stays "
            "closed there: the list of drift shows it."
        ),
    )


class NewIpForm(IpForm):
    """An address to give."""

    address = TextField(
        lazy_gettext("IP address or prefix"),
        [InputRequired(REQUIRED), Length(max=49)],
        description=lazy_gettext(
            "The next free ones are offered. A network routed to him: 203.0.113.8/29, 2001:db8:5600::/56."
        ),
        render_kw={"list": "free-addresses", "autocomplete": "off"},
    )


class ConnectionForm(Form):
    """The details of a connection."""

    vlan = IntegerField(lazy_gettext("VLAN"), VLAN)
    line_id = SelectField(lazy_gettext("Service"), coerce=optional_id)


class NewConnectionForm(ConnectionForm):
    """The switch port to put the customer on."""

    port_id = SelectField(lazy_gettext("Port"), coerce=optional_id)


class CableForm(Form):
    """A cable line that ends at the customer."""

    name = TextField(
        lazy_gettext("Name"), [Length(max=120)], description=lazy_gettext("Empty: by type and number.")
    )
    type = SelectField(lazy_gettext("Type"), choices=CABLE_TYPES, coerce=CableType)
    fibres = IntegerField(lazy_gettext("Fibres"), [Optional()])
    length_m = DecimalField(lazy_gettext("Length, m"), [Optional()], places=None)
    other = SelectField(lazy_gettext("Other end"), validate_choice=True)
    other_customer = TextField(lazy_gettext("or a customer's number"), [Length(max=32)])
