"""Forms: the one base class, and the fields that read what people type into values of the domain.

    form = ContactForm()                                    # filled from the request, or obj=..., or keywords
    if form.accept(lambda: save(form)):                     # sent, valid, and the domain took it
        return rendering.go("customers.card", customer_id=customer_id)
    return rendering.page_or_fragment("area/page.html", "area/_form.html", form.status, form=form)

`accept` puts an Invalid of the domain at the fields it names, the rest and a Conflict above the form: what
was typed stays, and the form is answered with 422 or 409.
"""

import re
import secrets
from collections.abc import Callable
from functools import cache
from typing import Any

from babel.support import NullTranslations, Translations
from flask_babel import get_locale, gettext, lazy_gettext
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DecimalField,
    Field,
    HiddenField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.i18n import messages_path
from wtforms.validators import Length, Regexp
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from core import errors, money
from core.money import Money
from core.words import N_
from webapp import texts


def strip(text: str | None) -> str | None:
    """Take the spaces around away; the filter of every text field here."""
    return text.strip() if isinstance(text, str) else text


class Form(FlaskForm):  # type: ignore[misc]
    """What every form is."""

    result: Any = None
    conflict: errors.Conflict | None = None

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """As the extension has it, but the validators' own texts are not read from disk in every request."""

        def get_translations(self, _form: Any) -> Any:
            """Return the texts of the library's validators in the language of the request."""
            return _Texts(str(get_locale()))

    @property
    def status(self) -> int:
        """The answer's status when the form is shown: 422 after a refusal, 409 after a conflict."""
        if self.conflict is not None:
            return 409
        return 422 if self.is_submitted() else 200

    def stand_apart(self, place: str) -> None:
        """Give the fields ids of their own, so that several forms may be open on one page."""
        for field in self:
            field.id = f"{place}-{field.short_name}"
            field.label.field_id = field.id

    def accept(self, act: Callable[[], Any]) -> bool:
        """Do `act` if the form was sent and is right; its result is kept. False: show the form (again)."""
        if not self.validate_on_submit():
            return False
        try:
            self.result = act()
        except errors.Invalid as error:
            self.refuse(error)
            return False
        except errors.Conflict as error:
            self.clash(error)
            return False
        return True

    def clash(self, error: errors.Conflict) -> None:
        """Put above the form why it does not go as things stand."""
        self.conflict = error
        words = texts.tell(error.message)
        if isinstance(error, errors.Overtaken):
            words = gettext("Somebody else was first: %(what)s", what=words)
        self.form_errors.append(words)

    def refuse(self, error: errors.Invalid) -> None:
        """Put the domain's words at the fields they are about."""
        is_placed = False
        for name, text in error.fields.items():
            if name in self._fields:
                self._fields[name].errors = [*self._fields[name].errors, texts.tell(text)]
                is_placed = True
            else:
                self.form_errors.append(texts.tell(text))
        if not is_placed and not error.fields:
            self.form_errors.append(texts.tell(error.message))


# What a form's key is made of: nothing that parts the words of a key a job makes.
KEY = re.compile(r"[A-Za-z0-9_-]{8,100}\Z")
_KEY_PREFIX = "form:"


def new_key() -> str:
    """Return a key for a form that is to act once."""
    return secrets.token_urlsafe(12)


class OnceForm(Form):
    """A form whose act is done once, however often it is sent."""

    key = HiddenField(validators=[Regexp(KEY)], default=new_key)

    @property
    def once(self) -> str:
        """What the act is known by: forms have a namespace apart from the keys jobs make for themselves."""
        return f"{_KEY_PREFIX}{self.key.data}"

    def validate(self, *args: Any, **more: Any) -> bool:
        """Check the fields; a key somebody tampered with is told above the form: nobody sees its field."""
        is_right = bool(super().validate(*args, **more))
        if self.key.errors:
            self.form_errors.append(gettext("Load the page again, then send"))
        return is_right


class _Texts:
    """The texts of a language as fields ask for them."""

    def __init__(self, locale: str) -> None:
        self.gettext = _catalogue(locale).ugettext
        self.ngettext = _catalogue(locale).ungettext


@cache
def _catalogue(locale: str) -> NullTranslations:
    return Translations.load(messages_path(), [locale], domain="wtforms")


class TextField(StringField):
    """One line of text, without the spaces around."""

    def __init__(self, label: Any = None, validators: Any = None, **options: Any) -> None:
        super().__init__(label, validators, filters=[strip, *options.pop("filters", ())], **options)


class ParagraphField(TextAreaField):
    """Several lines of text, without the spaces around."""

    def __init__(self, label: Any = None, validators: Any = None, **options: Any) -> None:
        super().__init__(label, validators, filters=[strip, *options.pop("filters", ())], **options)


class MoneyField(Field):  # type: ignore[misc]
    """An amount as people of the locale write it; `.data` is core.money.Money, or None when left empty."""

    widget = TextInput()

    def __init__(self, label: Any = None, validators: Any = None, *, currency: str, **options: Any) -> None:
        options.setdefault("render_kw", {"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(label, validators, **options)
        self.currency = currency

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return money.as_typed(self.data, str(get_locale())) if isinstance(self.data, Money) else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the text; a wrong one leaves the error of core.money at the field."""
        self.data = None
        if valuelist and valuelist[0].strip():
            try:
                self.data = money.parse(valuelist[0], self.currency, str(get_locale()))
            except errors.Invalid as error:
                raise ValueError(texts.tell(error.fields.get("amount", error.message))) from error


class NumberField(DecimalField):
    """A number with a decimal point or comma, kept as it was typed."""

    def __init__(self, label: Any = None, validators: Any = None, **options: Any) -> None:
        options.setdefault("render_kw", {"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(label, validators, places=None, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the text; nothing typed is no number."""
        text = valuelist[0].strip().replace(",", ".") if valuelist else ""
        if text:
            super().process_formdata([text])


def hundredths(field: Field) -> int:
    """Return the number of a filled field in hundredths; raises Invalid at it for more than two decimals."""
    value = field.data * 100
    if value != value.to_integral_value():
        raise errors.Invalid("Too many decimals", {field.short_name: N_("Two decimals at most")})
    return int(value)


class CheckListField(SelectMultipleField):
    """Several of a few choices, as check boxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class WatchForm(Form):
    """What a device or an address has beside its own fields: whether it is left out of watching, and why."""

    is_unwatched = BooleanField(lazy_gettext("Never watched: neither pinged nor read"))
    unwatched_why = TextField(
        lazy_gettext("Why it is not watched"),
        [Length(max=200)],
        description=lazy_gettext("Needed then. Your name goes beside it."),
    )

    @property
    def unwatched(self) -> dict[str, Any]:
        """What registry.watched.leave_out wants to know."""
        return {"is_unwatched": bool(self.is_unwatched.data), "why": self.unwatched_why.data or ""}


def choices(*pairs: tuple[str, Any]) -> list[SelectChoice]:
    """Return the choices of a select or check list, from (value, words) pairs."""
    return [SelectChoice(value, words) for value, words in pairs]


REQUIRED = lazy_gettext("Must be filled in.")
