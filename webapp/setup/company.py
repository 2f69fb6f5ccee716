"""The company as documents name it: name, address, bank account, logo."""

import io

from flask import Response, abort, send_file, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length

from registry import company
from webapp import identity, permissions, rendering, runtime, texts
from webapp.forms import REQUIRED, Form, ParagraphField, TextField, choices
from webapp.setup import pages

_MONO = {"class": "mono", "autocomplete": "off", "spellcheck": "false"}


class CompanyForm(Form):
    """Who issues the documents, and where they are paid."""

    ROWS = (
        ("name",),
        ("address",),
        ("country", "tax_number", "company_number"),
        ("iban", "bic", "bank_name"),
        ("phone", "email", "website"),
        ("logo",),
        ("is_logo_removed",),
        ("footer",),
        ("language",),
        ("sends_documents",),
    )

    name = TextField(lazy_gettext("Name"), [InputRequired(REQUIRED), Length(max=200)])
    address = ParagraphField(lazy_gettext("Address"), render_kw={"rows": 3})
    country = TextField(lazy_gettext("Country"), description=lazy_gettext("Two letters, such as UA."))
    tax_number = TextField(lazy_gettext("Tax number"), render_kw=_MONO)
    company_number = TextField(lazy_gettext("Company number"), render_kw=_MONO)
    iban = TextField("IBAN", render_kw=_MONO)
    bic = TextField("BIC", render_kw=_MONO)
    bank_name = TextField(lazy_gettext("Bank"))
    phone = TextField(lazy_gettext("Phone"))
    email = TextField(lazy_gettext("E-mail"))
    website = TextField(lazy_gettext("Web page"))
    logo = FileField(
        lazy_gettext("Logo"),
        description=lazy_gettext("PNG or JPEG, at most 512 KiB. It stands at the top right."),
        render_kw={"accept": "image/png,image/jpeg"},
    )
    is_logo_removed = BooleanField(lazy_gettext("Without the logo there is now"))
    footer = ParagraphField(lazy_gettext("Foot of each page"), [Length(max=400)], render_kw={"rows": 2})
    language = SelectField(
        lazy_gettext("Language of documents and letters"),
        description=lazy_gettext(
            "To customers for whom no other is chosen. What is issued keeps the language it was issued in."
        ),
    )
    sends_documents = BooleanField(
        lazy_gettext("Send invoices by e-mail as they are issued"),
        description=lazy_gettext("From now on; not to customers who take no documents by e-mail."),
    )


@permissions.required("company.edit")
def edit() -> Response:
    """Write the company down; what is issued already keeps what it says."""
    with runtime.current().database.reading() as session:
        known = company.get(session)
    names = (*company.FIELDS, "sends_documents")
    values = {name: getattr(known, name) for name in names} if known else {}
    own = runtime.current().settings.isp.locale
    values["language"] = values.get("language") or own
    form = CompanyForm(**values)
    form.language.choices = _languages(own, values["language"])
    if form.accept(lambda: _save(form)):
        rendering.say(
            gettext("Saved. Documents issued from now on bear it.") if form.result else gettext("Saved.")
        )
        return rendering.go("setup.company")
    rows = (
        form.ROWS if known and known.logo_type else tuple(r for r in form.ROWS if r != ("is_logo_removed",))
    )
    frame = pages.Frame(gettext("Company"), rows, url_for("documents.listing"))
    return pages.show(frame, form, "setup/company.html", known=known)


def _languages(*more: str) -> list[SelectChoice]:
    """Return the languages there are texts in, and these locales, which may say a country as well."""
    found = {**texts.languages(), **{code: texts.own_name(code) for code in more}}
    return choices(*found.items())


def _save(form: CompanyForm) -> bool:
    sent = form.logo.data
    content = sent.read(company.LOGO_LIMIT_BYTES + 1) if sent else b""
    with runtime.current().database.transaction() as session:
        return company.save(
            session,
            identity.actor(),
            logo=content or None,
            is_logo_removed=bool(form.is_logo_removed.data),
            sends_documents=bool(form.sends_documents.data),
            **{name: getattr(form, name).data or "" for name in company.FIELDS},
        )


@permissions.required("company.edit")
def logo() -> Response:
    """Show the logo."""
    with runtime.current().database.reading() as session:
        known = company.get(session, with_logo=True)
        if known is None or not known.logo:
            abort(404)
        content, kind = known.logo, known.logo_type
    return send_file(io.BytesIO(content), mimetype=kind, max_age=0)
