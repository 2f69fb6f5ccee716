"""What is done with documents: issue by hand, turn a proforma into an invoice, credit, receipt, send."""

from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext, ngettext

from billing import crediting, document_acts, documents
from billing.models import Document, DocumentKind
from core import db, errors
from core.money import Money
from registry import paper_acts, payers, tills
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime, waking
from webapp.documents import asking, forms
from webapp.forms import KEY

# Of so many a browser hardly waits; more take another press.
SEND_LIMIT = 1000
INVOICE, PROFORMA = DocumentKind.INVOICE, DocumentKind.PROFORMA


@permissions.required("document.issue")
def issue(customer_id: int) -> Response:
    """Issue an invoice or a proforma of charges that stand on none."""
    form = forms.IssueForm(kind=_kind().value, entries=request.args.getlist("entries"))
    if form.accept(lambda: _issue(customer_id, form)):
        rendering.say(gettext("%(number)s is issued.", number=form.result.full_number))
        return rendering.go("documents.document", document_id=form.result.id)
    with runtime.current().database.reading() as session:
        account = tills.account(session, customer_id)
        form.offer(document_acts.undocumented(session, account.id, _kind()))
        is_any = bool(form.entries.choices or document_acts.undocumented(session, account.id, INVOICE))
    back = url_for("cashier.statement", customer_id=customer_id)
    return _form_page("documents/issue.html", form, back=back, is_any=is_any)


def _kind() -> DocumentKind:
    """Return what the chosen charges are to make: the form asks anew for what is free for it."""
    return PROFORMA if request.values.get("kind") == PROFORMA else INVOICE


def _issue(customer_id: int, form: Any) -> Document:
    with runtime.current().database.transaction() as session:
        return paper_acts.issue(
            session,
            identity.actor(),
            customer_id,
            [int(entry) for entry in form.entries.data or () if entry.isdecimal() and len(entry) < 19],
            kind=_kind(),
            on=asking.today(),
            idempotency_key=form.once,
        )


@permissions.required("document.credit")
def credit(document_id: int) -> Response:
    """Give back a part of an invoice by a credit note."""
    with runtime.current().database.reading() as session:
        invoice = documents.get(session, document_id)
        left = crediting.creditable(session, invoice) if invoice.kind is DocumentKind.INVOICE else {}
    lines = [
        (line, Money(left[line.position], invoice.currency))
        for line in invoice.lines
        if left.get(line.position)
    ]
    form = forms.credit_form(lines)()
    if form.accept(lambda: _credit(document_id, form)):
        rendering.say(gettext("%(number)s is issued.", number=form.result.full_number))
        return rendering.go("documents.document", document_id=form.result.id)
    back = url_for("documents.document", document_id=document_id)
    fields = [f"line_{line.position}" for line, _ in lines]
    return _form_page("documents/credit.html", form, back=back, invoice=invoice, fields=fields)


def _credit(document_id: int, form: Any) -> Document:
    sums = {
        int(field.short_name.removeprefix("line_")): field.data.minor
        for field in form
        if field.short_name.startswith("line_") and field.data is not None
    }
    with runtime.current().database.transaction() as session:
        made = paper_acts.credit(
            session,
            identity.actor(),
            document_id,
            sums,
            on=asking.today(),
            reason=form.reason.data or "",
            idempotency_key=form.once,
        )
        waking.let_in(session)
        return made


@permissions.required("document.issue")
def invoice(document_id: int) -> Response:
    """Turn a proforma into an invoice."""
    with runtime.current().database.transaction() as session:
        made = paper_acts.invoice_of(session, identity.actor(), document_id, on=asking.today())
    rendering.say(gettext("%(number)s is issued.", number=made.full_number))
    return rendering.go("documents.document", document_id=made.id)


@permissions.required("document.issue")
def payer(customer_id: int) -> Response:
    """Change the customer's tax number and the language of his documents."""
    with runtime.current().database.reading() as session:
        known = payers.of_customer(session, customer_id)
    form = forms.PayerForm(obj=known)
    back = url_for("cashier.statement", customer_id=customer_id)
    if form.accept(lambda: _change_payer(customer_id, form)):
        rendering.say(gettext("Saved. Documents issued from now on bear it."))
        return rendering.go_to(back)
    return _form_page("documents/payer.html", form, back=back, payer=known)


def _change_payer(customer_id: int, form: forms.PayerForm) -> None:
    with runtime.current().database.transaction() as session:
        payers.change(
            session,
            identity.actor(),
            customer_id,
            tax_number=form.tax_number.data or "",
            language=form.language.data or "",
            takes_documents=bool(form.takes_documents.data),
        )


@permissions.required("document.issue")
def receipt(entry_id: int) -> Response:
    """Give the receipt of a payment."""
    with runtime.current().database.transaction() as session:
        made = paper_acts.receipt(session, identity.actor(), entry_id, on=asking.today())
    rendering.say(gettext("%(number)s is issued.", number=made.full_number))
    return rendering.go("documents.document", document_id=made.id)


@permissions.required("document.issue")
def send(document_id: int) -> Response:
    """Have the document sent to its payer by e-mail; a form sent twice sends it once."""
    key = request.form.get("key", "")
    if not KEY.match(key):
        raise errors.Invalid("Load the page again, then send")
    settings = runtime.current().settings
    with runtime.current().database.transaction() as session:
        address = paper_acts.send(
            session, identity.actor(), document_id, locale=settings.isp.locale, idempotency_key=key
        )
        queue = runtime.current().queue
        db.after_commit(session, lambda: enqueue.deliver(queue))
    if address:
        rendering.say(gettext("It goes to %(address)s.", address=address))
    else:
        rendering.say(gettext("It is on its way already."), "info")
    return rendering.go("documents.document", document_id=document_id)


@permissions.required("document.issue")
def send_all() -> Response:
    """Have what the list's filters leave sent by e-mail, each document once, so many at a press."""
    settings = runtime.current().settings
    with runtime.current().database.transaction() as session:
        put, left = paper_acts.send_all(
            session,
            identity.actor(),
            asking.filters(),
            today=asking.today(),
            locale=settings.isp.locale,
            limit=SEND_LIMIT,
        )
        queue = runtime.current().queue
        db.after_commit(session, lambda: enqueue.deliver(queue))
    if put:
        rendering.say(ngettext("%(num)s document is on its way.", "%(num)s documents are on their way.", put))
    else:
        rendering.say(
            gettext("None is left to send: each was sent before, or its customer takes none by e-mail."),
            "info",
        )
    if left:
        rendering.say(gettext("More are left: send all again."), "info")
    return rendering.go("documents.listing", **rendering.carried("after", "before"))


def _form_page(template: str, form: Any, **context: Any) -> Response:
    return rendering.page_or_fragment(template, template, form.status, form=form, **context)
