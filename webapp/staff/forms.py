"""The forms of the staff area."""

from flask_babel import lazy_gettext
from wtforms import BooleanField, PasswordField, SelectField
from wtforms.validators import EqualTo, InputRequired, Length

from registry import passwords
from webapp import texts
from webapp.forms import REQUIRED, CheckListField, Form, TextField, choices

ROLE_CHOICES = choices(
    ("noc", lazy_gettext("NOC: diagnoses and changes lines")),
    ("billing", lazy_gettext("Billing: takes money, runs the cutoff")),
    ("accountant", lazy_gettext("Accountant: what billing may, undoes charges, closes the books")),
    ("technician", lazy_gettext("Technician: works on lines")),
    ("administrator", lazy_gettext("Administrator: everything, and the staff")),
)
LOCALES = choices(("", lazy_gettext("as the company")), *texts.languages().items())

_NEW = [InputRequired(REQUIRED), Length(passwords.MINIMUM_LENGTH, passwords.LIMIT_LENGTH)]
_ADVICE = lazy_gettext("At least 8 characters. A few words make a better one than signs do.")


class SignInForm(Form):
    """Name and password."""

    login = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=120)])
    password = PasswordField(lazy_gettext("Password"), [InputRequired(REQUIRED), Length(max=1000)])


class OwnPasswordForm(Form):
    """A new password for oneself; the old one proves who sits there."""

    current = PasswordField(lazy_gettext("Password now"), [InputRequired(REQUIRED), Length(max=1000)])
    password = PasswordField(lazy_gettext("New password"), _NEW, description=_ADVICE)
    again = PasswordField(
        lazy_gettext("New password again"),
        [InputRequired(REQUIRED), EqualTo("password", lazy_gettext("The two are not the same."))],
    )


class OwnLanguageForm(Form):
    """The language of one's own pages."""

    locale = SelectField(
        lazy_gettext("Language"),
        choices=LOCALES,
        description=lazy_gettext("Of the words; numbers, dates and sums of money are written its way too."),
    )


class PersonForm(Form):
    """A member of staff."""

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=120)])
    email = TextField(lazy_gettext("E-mail"), [Length(max=254)])
    roles = CheckListField(lazy_gettext("Roles"), choices=ROLE_CHOICES)
    locale = SelectField(lazy_gettext("Language"), choices=LOCALES)
    is_active = BooleanField(lazy_gettext("May sign in"), default=True)


class NewPersonForm(PersonForm):
    """A member of staff who is new, with a first password."""

    login = TextField(
        lazy_gettext("Sign-in name"),
        [InputRequired(REQUIRED), Length(max=120)],
        description=lazy_gettext("Small letters, digits, dot, minus; it cannot be changed later."),
    )
    password = PasswordField(lazy_gettext("First password"), _NEW, description=_ADVICE)


class SetPasswordForm(Form):
    """A new password for somebody else."""

    password = PasswordField(lazy_gettext("New password"), _NEW, description=_ADVICE)
