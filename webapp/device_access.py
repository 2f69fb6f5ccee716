"""What opens a device, SNMP and its login, as a form: kept encrypted, never shown again."""

from flask_babel import lazy_gettext
from wtforms import PasswordField, SelectField
from wtforms.validators import Length

from registry import credentials, equipment
from registry.models import Device
from webapp import identity, runtime
from webapp.forms import Form, TextField, choices

NONE = lazy_gettext("none")
VERSIONS = choices(*((version, version or NONE) for version in credentials.VERSIONS))
AUTH = choices(*((name, name or NONE) for name in ("", *credentials.AUTH_PROTOCOLS)))
PRIV = choices(*((name, name or NONE) for name in ("", *credentials.PRIV_PROTOCOLS)))
_KEPT = lazy_gettext("Leave empty to keep the one on file.")
_SECRET = {"autocomplete": "off", "data-1p-ignore": ""}


class CredentialsForm(Form):
    """What opens a device."""

    snmp_version = SelectField(lazy_gettext("SNMP version"), choices=VERSIONS)
    community = PasswordField(lazy_gettext("Community"), [Length(max=200)], description=_KEPT)
    snmp_user = TextField(lazy_gettext("SNMP user (v3)"), [Length(max=120)])
    auth_protocol = SelectField(lazy_gettext("Authentication (v3)"), choices=AUTH)
    auth_key = PasswordField(lazy_gettext("Authentication key"), [Length(max=200)], description=_KEPT)
    priv_protocol = SelectField(lazy_gettext("Privacy (v3)"), choices=PRIV)
    priv_key = PasswordField(lazy_gettext("Privacy key"), [Length(max=200)], description=_KEPT)
    login_name = TextField(lazy_gettext("Login name"), [Length(max=120)], render_kw=_SECRET)
    login_password = PasswordField(
        lazy_gettext("Login password"), [Length(max=200)], description=_KEPT, render_kw=_SECRET
    )


def form_of(device: Device) -> CredentialsForm:
    """Return the form with what may be shown of what is on file: names and protocols, no secret."""
    ring = runtime.current().ring
    shown, login = credentials.shown_snmp(device, ring), credentials.open_login(device, ring)
    return CredentialsForm(
        snmp_version=device.snmp_version,
        snmp_user=shown["user"],
        auth_protocol=shown["auth_protocol"],
        priv_protocol=shown["priv_protocol"],
        login_name=login.get("name", ""),
    )


def save(device_id: int, form: CredentialsForm) -> None:
    """Seal what the form holds for the device, in a transaction of its own; raises Invalid, NotFound."""
    found = runtime.current()
    snmp = {
        "version": form.snmp_version.data or "",
        "community": form.community.data or "",
        "user": form.snmp_user.data or "",
        "auth_protocol": form.auth_protocol.data or "",
        "auth_key": form.auth_key.data or "",
        "priv_protocol": form.priv_protocol.data or "",
        "priv_key": form.priv_key.data or "",
    }
    login = {"name": form.login_name.data or "", "password": form.login_password.data or ""}
    with found.database.transaction() as session:
        equipment.set_credentials(session, identity.actor(), device_id, found.ring, snmp=snmp, login=login)
