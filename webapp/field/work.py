"""The work on tickets as the technician enters it at the customer: hours, pieces, days."""

from collections.abc import Mapping

from flask import Response, render_template
from flask_babel import gettext
from sqlalchemy.orm import Session

from core import errors
from desk import order_lines, orders, tickets
from webapp import identity, order_form, permissions, rendering, runtime
from webapp.order_form import Work


def of_tickets(session: Session, tickets_of: Mapping[int, int], *, is_sent: bool = False) -> dict[int, Work]:
    """Return the work on tickets, which are given with whose they are, by ticket."""
    lines = order_lines.of_tickets(session, tickets_of, today=order_form.today())
    offered = order_lines.to_choose(session, set(tickets_of.values()))
    return {
        ticket_id: order_form.of_ticket(ticket_id, lines[ticket_id], offered[customer_id], is_sent=is_sent)
        for ticket_id, customer_id in tickets_of.items()
    }


@permissions.required("field.work")
def save(ticket_id: int) -> Response:
    """Enter hours, pieces and days; take a line off, or add one."""
    identity.demand("ticket.write")
    customer_id, work = _load(ticket_id, is_sent=True)
    if not work.form.accept(lambda: _save(work)):
        raise work.form.conflict or errors.Invalid(_faults(work))
    if not rendering.is_htmx():
        rendering.say(gettext("Saved."))
        return rendering.go("field.line", customer_id=customer_id)
    _, work = _load(ticket_id)
    return rendering.with_toast(Response(render_template("field/_work.html", work=work)), gettext("Saved."))


def _load(ticket_id: int, *, is_sent: bool = False) -> tuple[int, Work]:
    with runtime.current().database.reading() as session:
        customer_id = tickets.get(session, ticket_id).customer_id
        return customer_id, of_tickets(session, {ticket_id: customer_id}, is_sent=is_sent)[ticket_id]


def _save(work: Work) -> None:
    with runtime.current().database.transaction() as session:
        orders.edit(
            session, identity.actor(), work.ticket_id, order_form.edit_of(work), today=order_form.today()
        )


def _faults(work: Work) -> str:
    """Return what is wrong in one sentence after the other: a phone shows them in a toast."""
    words = [f"{field.label.text}: {field.errors[0]}" for field in work.form if field.errors]
    return " ".join([*words, *map(str, work.form.form_errors)]) or gettext("Something is not right")
