"""One entry looked at; money given back or moved to another customer: confirmed, then booked once."""

from collections.abc import Sequence
from typing import Any

from flask import Response, request
from flask_babel import gettext

from billing import books
from billing.models import LedgerEntry, Method
from billing.payments import Received
from core import errors
from core.money import Money
from registry import entries, money_out
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day, forms, pages, undo_rights


@permissions.required("money.view")
def entry(entry_id: int) -> Response:
    """Show an entry: what it belongs to, and which documents its money paid."""
    with runtime.current().database.reading() as session:
        customer_id, found = entries.show(session, entry_id)
    frame = {
        "till": pages.till(customer_id),
        "found": found,
        "as_money": Money,
        "undoable": undo_rights.allowed(),
    }
    return rendering.page_or_fragment("cashier/entry.html", "cashier/entry.html", **frame)


@permissions.required("payment.refund")
def refund(customer_id: int) -> Response:
    """Give money back out of the credit: the sum and the customer are confirmed on a second look."""
    till = pages.till(customer_id)
    credit = Money(max(0, till.debt.balance_minor), till.currency)
    form = forms.refund_form(till.currency)(dated_on=day.today(), amount=credit if credit.minor else None)
    if form.is_confirmed and form.accept(lambda: _refund(customer_id, form)):
        _say(form.result, gettext("%(amount)s given back.", amount=_shown(form.result)))
        return rendering.go("cashier.statement", customer_id=customer_id)
    asked, closed = form.is_looked_at, pages.closed_through()
    # As the domain would refuse it, but before the second look.
    if asked and form.amount.data.minor > credit.minor:
        form.refuse(_too_much())
        asked = False
    elif asked and closed is not None and form.dated_on.data <= closed:
        form.refuse(books.too_old(closed))
        asked = False
    frame = {"credit": credit, "asked": asked, "closed": closed}
    return pages.form_page("refund", gettext("Give money back"), till, form, **frame)


def _too_much() -> errors.Invalid:
    return errors.Invalid("", {"amount": "More than stands to the customer's credit cannot be given back"})


def _refund(customer_id: int, form: Any) -> Received:
    with runtime.current().database.transaction() as session:
        return money_out.refund(
            session,
            identity.actor(),
            customer_id,
            form.amount.data.minor,
            method=Method(form.method.data),
            dated_on=form.dated_on.data,
            reference=form.reference.data or "",
            idempotency_key=form.once,
            today=day.today(),
        )


@permissions.required("payment.refund")
def transfer(customer_id: int) -> Response:
    """Move money to another customer: the names, the sum and what both then have are confirmed."""
    till = pages.till(customer_id)
    with runtime.current().database.reading() as session:
        named = request.values.get("payment", type=int)
        payments = money_out.payments_of(session, customer_id, also=named)
    form = forms.transfer_form(till.currency, payments)(**_filled(payments, named))
    if form.is_confirmed and form.accept(lambda: _transfer(customer_id, form)):
        _say(form.result, gettext("%(amount)s moved.", amount=_shown(form.result)))
        return rendering.go("cashier.statement", customer_id=customer_id)
    asked = _look(customer_id, form) if form.is_looked_at else None
    return pages.form_page("transfer", gettext("Move money to another customer"), till, form, asked=asked)


def _filled(payments: Sequence[LedgerEntry], named: int | None) -> dict[str, Any]:
    """Return how the form is filled when it was opened for one of the payments."""
    found = next((one for one in payments if one.id == named), None)
    return {"payment": str(found.id), "amount": Money(found.amount_minor, found.currency)} if found else {}


def _look(customer_id: int, form: Any) -> money_out.Move | None:
    """Return what the move would do; None, and the words at the field, where it is refused."""
    try:
        with runtime.current().database.reading() as session:
            return money_out.look(session, customer_id, form.to.data, form.amount.data.minor, **_bounds(form))
    except errors.Invalid as error:
        form.refuse(error)
        return None


def _bounds(form: Any) -> dict[str, Any]:
    return {"payment_id": int(form.payment.data or 0) or None, "may_owe": identity.may("debt.move")}


def _transfer(customer_id: int, form: Any) -> Received:
    with runtime.current().database.transaction() as session:
        moved = money_out.transfer(
            session,
            identity.actor(),
            customer_id,
            form.to.data,
            form.amount.data.minor,
            note=form.note.data or "",
            idempotency_key=form.once,
            today=day.today(),
            terms=day.terms(),
            rules=day.limits(session),
            **_bounds(form),
        )
        if moved.reopened:
            day.wake_gates(session)
        return moved


def _shown(received: Received) -> str:
    return rendering.format_money(Money(abs(received.entry.amount_minor), received.entry.currency))


def _say(received: Received, text: str) -> None:
    if received.is_new:
        rendering.say(text)
    else:
        rendering.say(gettext("This was booked already: %(amount)s.", amount=_shown(received)), "info")
