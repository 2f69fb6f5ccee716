"""A customer's money: the statement, payments, paying back a debt, undoing an entry, promises."""

from datetime import timedelta
from typing import Any

from flask import Response, render_template, request
from flask_babel import format_date, gettext

from billing import rules
from billing.models import Method
from billing.payments import Received
from core import errors
from core.money import Money
from registry import entries, money, tills
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day, forms, ledger, lock_rights, pages, undo_rights


@permissions.required("money.view")
def statement(customer_id: int) -> Response:
    """Show what is owed, what is billed, what happened, and the ledger with its running balance.

    htmx asks for the ledger alone, with its filters and its order.
    """
    if rendering.is_htmx():
        return ledger.fragment(customer_id)
    with runtime.current().database.reading() as session:
        found = tills.statement(session, customer_id, today=day.today(), rules=day.limits(session))
        entries = ledger.page(session, found.till.account.id)
    answer = Response(
        render_template(
            "cashier/statement.html",
            found=found,
            till=found.till,
            today=day.today(),
            as_money=Money,
            usual=_usual(found.till),
            lockable=lock_rights.allowed(),
            **entries,
        )
    )
    answer.vary.add("HX-Request")
    return answer


def _usual(till: tills.Till) -> dict[str, Any]:
    """Return what holds where the customer has no terms of his own, and the document his charges make."""
    terms = day.terms()
    return {
        "payment_days": terms.payment_days,
        "grace_days": day.grace_days(),
        "documented": terms.documented_of(till.account),
    }


@permissions.required("payment.take")
def payment(customer_id: int) -> Response:
    """Record a payment; how the customer stands is asked only when the form is to be shown."""
    if request.method == "POST":
        form = forms.PaymentForm()
        if form.accept(lambda: _receive(customer_id, form)):
            _say_received(form.result)
            return rendering.go("cashier.statement", customer_id=customer_id)
        till = pages.till(customer_id)
    else:
        till = pages.till(customer_id)
        form = forms.PaymentForm(dated_on=day.today(), amount=forms.written(till.owed))
    closed = pages.closed_through()
    return pages.form_page("payment", gettext("Record a payment"), till, form, closed=closed)


def _receive(customer_id: int, form: forms.PaymentForm) -> Received:
    with runtime.current().database.transaction() as session:
        account = money.hold(session, customer_id)
        received = money.receive(
            session,
            identity.actor(),
            customer_id,
            account,
            forms.read(form.amount.data, account.currency).minor,
            method=Method(form.method.data),
            dated_on=form.dated_on.data,
            reference=form.reference.data or "",
            idempotency_key=form.once,
            today=day.today(),
            rules=day.limits(session),
            again=form.again.data,
        )
        if received.reopened:
            day.wake_gates(session)
        return received


@permissions.required("payment.take")
def payback(customer_id: int) -> Response:
    """Set the debt to zero by one entry: by one confirmed press, or by the form when it is written off."""
    till = pages.till(customer_id)
    form = forms.PaybackForm(expected_minor=till.debt.debt_minor)
    if form.accept(lambda: _pay_back(customer_id, form)):
        _say_received(form.result)
        return pages.back(customer_id)
    if form.conflict:  # most of all: the debt is another by now, and is to be seen anew
        till = pages.till(customer_id)
        form.expected_minor.data = till.debt.debt_minor
    return pages.form_page("payback", gettext("Pay back the debt"), till, form)


def _pay_back(customer_id: int, form: forms.PaybackForm) -> Received:
    if form.kind.data == "writeoff":
        identity.demand("debt.writeoff")
    with runtime.current().database.transaction() as session:
        received = money.pay_back(
            session,
            identity.actor(),
            customer_id,
            kind="writeoff" if form.kind.data == "writeoff" else "cash",
            method=Method(form.method.data),
            expected_minor=form.expected,
            idempotency_key=form.once,
            today=day.today(),
            rules=day.limits(session),
        )
        if received.reopened:
            day.wake_gates(session)
        return received


@permissions.required("payment.reverse")
def reverse(entry_id: int) -> Response:
    """Undo a ledger entry by a counter entry, with a reason."""
    with runtime.current().database.reading() as session:
        customer_id, entry = tills.entry(session, entry_id)
        undoing = entries.undoing(session, entry)
    undo_rights.demand(entry.kind)
    till = pages.till(customer_id)
    form = forms.ReverseForm()
    if form.accept(lambda: _reverse(entry_id, form)):
        rendering.say(gettext("The entry is undone by a counter entry."))
        return rendering.go("cashier.statement", customer_id=customer_id)
    shown = {"entry": entry, "undoing": undoing}
    return pages.form_page("reverse", gettext("Undo an entry"), till, form, **shown)


def _reverse(entry_id: int, form: forms.ReverseForm) -> None:
    with runtime.current().database.transaction() as session:
        received = money.reverse(
            session,
            identity.actor(),
            entry_id,
            reason=form.reason.data or "",
            today=day.today(),
            rules=day.limits(session),
        )
        if received.reopened:
            day.wake_gates(session)


@permissions.required("promise.give")
def promise(customer_id: int) -> Response:
    """Write down until when the customer promised to pay; his debt does not cut until then."""
    till = pages.till(customer_id)
    form = forms.promise_form(till.currency)
    if form.accept(lambda: _promise(customer_id, form)):
        until = format_date(form.until.data, "medium")
        rendering.say(gettext("Debt does not cut until the end of %(day)s.", day=until))
        return rendering.go("cashier.statement", customer_id=customer_id)
    last_day = day.today() + timedelta(days=rules.promise_days(day.limits(), till.record))
    return pages.form_page("promise", gettext("Promise to pay"), till, form, last_day=last_day)


def _promise(customer_id: int, form: Any) -> None:
    with runtime.current().database.transaction() as session:
        made = money.promise(
            session,
            identity.actor(),
            customer_id,
            until=form.until.data,
            amount_minor=form.amount.data.minor if form.amount.data else None,
            note=form.note.data or "",
            today=day.today(),
            rules=day.limits(session),
        )
        if made.reopened:
            day.wake_gates(session)


@permissions.required("promise.give")
def withdraw_promise(promise_id: int) -> Response:
    """Take a promise back: the next plan may cut."""
    with runtime.current().database.transaction() as session:
        customer_id = money.withdraw_promise(session, identity.actor(), promise_id)
    rendering.say(gettext("The promise is taken back."))
    return rendering.go("cashier.statement", customer_id=customer_id)


def _say_received(received: Received | None) -> None:
    if received is None:
        raise errors.Conflict(gettext("Nothing was booked"))
    entry = received.entry
    amount = rendering.format_money(Money(entry.amount_minor, entry.currency))
    if not received.is_new:
        rendering.say(gettext("This was booked already: %(amount)s.", amount=amount), "info")
    elif received.reopened:
        rendering.say(gettext("%(amount)s booked. The line is being opened.", amount=amount))
    else:
        rendering.say(gettext("%(amount)s booked.", amount=amount))
