"""In place: tickets of the customer, from opening to closing."""

from typing import Any

from flask import Response
from flask_babel import gettext

from core import errors
from desk import tickets
from registry import staff
from webapp import identity, permissions, rendering, runtime
from webapp.customers import answers
from webapp.customers.edit_forms import NOBODY, AssignForm, CommentForm, TicketForm

PANEL = "tickets"


@permissions.required("ticket.write")
def add(customer_id: int) -> Response:
    """Open a ticket."""
    form = TicketForm()
    form.assignee_id.choices = _people()
    if form.accept(lambda: _open(customer_id, form)):
        return answers.saved(customer_id, PANEL, gettext("The ticket is open."))
    return answers.show(customer_id, PANEL, gettext("Open a ticket"), form, "ticket")


def _people() -> list[tuple[Any, Any]]:
    with runtime.current().database.reading() as session:
        people = staff.list_all(session, is_active=True)
    return [("", NOBODY), *((person.id, person.name) for person in people)]


def _open(customer_id: int, form: TicketForm) -> None:
    with runtime.current().database.transaction() as session:
        tickets.open(
            session,
            identity.actor(),
            customer_id,
            kind=form.kind.data,
            subject=form.subject.data or "",
            content=form.content.data or "",
            priority=int(form.priority.data or 3),
            assignee_id=form.assignee_id.data,
        )


@permissions.required("customer.view")
def show(customer_id: int, item_id: int) -> Response:
    """One ticket with everything that was said on it, in place of the list."""
    return _page(customer_id, item_id, CommentForm(formdata=None))


def _page(customer_id: int, item_id: int, form: CommentForm) -> Response:
    with runtime.current().database.reading() as session:
        ticket = tickets.view(session, customer_id, item_id)
        said = tickets.comments(session, item_id)
    assign = AssignForm(formdata=None, assignee_id=ticket.assignee_id)
    assign.stand_apart("assign")
    assign.assignee_id.choices = _people() if identity.may("ticket.write") else []
    return answers.show(
        customer_id, PANEL, ticket.subject, form, "ticket_open", ticket=ticket, said=said, assign=assign
    )


@permissions.required("ticket.write")
def comment(customer_id: int, item_id: int) -> Response:
    """Say something on a ticket."""
    form = CommentForm()
    if form.accept(lambda: _comment(customer_id, item_id, form)):
        return _again(customer_id, item_id, gettext("Written."))
    return _page(customer_id, item_id, form)


def _comment(customer_id: int, item_id: int, form: CommentForm) -> None:
    with runtime.current().database.transaction() as session:
        tickets.comment(session, identity.actor(), item_id, form.content.data or "", customer_id=customer_id)


@permissions.required("ticket.write")
def close(customer_id: int, item_id: int) -> Response:
    """Close a ticket; what stands in the comment field is its last word."""
    form = CommentForm()
    if form.accept(lambda: _close(customer_id, item_id, form)):
        return answers.saved(customer_id, PANEL, gettext("The ticket is closed."))
    return _page(customer_id, item_id, form)


def _close(customer_id: int, item_id: int, form: CommentForm) -> None:
    with runtime.current().database.transaction() as session:
        tickets.close(
            session, identity.actor(), item_id, customer_id=customer_id, content=form.content.data or ""
        )


@permissions.required("ticket.write")
def reopen(customer_id: int, item_id: int) -> Response:
    """Open a closed ticket again."""
    with runtime.current().database.transaction() as session:
        tickets.reopen(session, identity.actor(), item_id, customer_id=customer_id)
    return _again(customer_id, item_id, gettext("The ticket is open again."))


@permissions.required("ticket.write")
def assign(customer_id: int, item_id: int) -> Response:
    """Give a ticket to somebody, or to nobody."""
    form = AssignForm()
    form.assignee_id.choices = _people()
    if not form.accept(lambda: _assign(customer_id, item_id, form)):
        raise errors.Invalid(gettext("Choose somebody who works here"))
    return _again(customer_id, item_id, gettext("Saved."))


def _assign(customer_id: int, item_id: int, form: AssignForm) -> None:
    with runtime.current().database.transaction() as session:
        tickets.assign(session, identity.actor(), item_id, form.assignee_id.data, customer_id=customer_id)


def _again(customer_id: int, item_id: int, text: str) -> Response:
    """Answer with the ticket as it is now."""
    if not rendering.is_htmx():
        rendering.say(text)
        return rendering.go("customers.ticket", customer_id=customer_id, item_id=item_id)
    answer = rendering.with_toast(_page(customer_id, item_id, CommentForm(formdata=None)), text)
    answer.status_code = 200
    return rendering.with_event(answer, answers.CHANGED, {"panel": PANEL})
