"""In place: tickets of the customer, from opening to closing."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import Response
from flask_babel import gettext

from core import errors
from desk import tickets, visits
from desk.visits import VisitView
from registry import staff
from webapp import identity, permissions, rendering, runtime
from webapp.customers import answers, edit_orders
from webapp.customers.edit_forms import NOBODY, AssignForm, CommentForm, TicketForm, VisitForm

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


def _page(customer_id: int, item_id: int, form: CommentForm, plan: VisitForm | None = None) -> Response:
    with runtime.current().database.reading() as session:
        ticket = tickets.view(session, customer_id, item_id)
        said = tickets.comments(session, item_id)
        visit = visits.open_of(session, item_id)
    people = _people() if identity.may("ticket.write") else []
    assign = AssignForm(formdata=None, assignee_id=ticket.assignee_id)
    assign.stand_apart("assign")
    assign.assignee_id.choices = people
    plan = plan or _as_planned(ticket.assignee_id, visit)
    plan.stand_apart("visit")
    plan.staff_id.choices = people[1:]
    answer = answers.show(
        customer_id,
        PANEL,
        ticket.subject,
        form,
        "ticket_open",
        ticket=ticket,
        said=said,
        assign=assign,
        visit=visit,
        plan=plan,
        work=edit_orders.of_ticket(customer_id, ticket),
    )
    if plan.is_submitted() and plan.errors:
        answer.status_code = plan.status
    return answer


def _as_planned(assignee_id: int | None, visit: VisitView | None) -> VisitForm:
    """The form filled with the visit that is planned; its time in the ISP's zone, which it is typed in."""
    if visit is None:
        return VisitForm(formdata=None, staff_id=assignee_id)
    starts_at = visit.starts_at.astimezone(_zone())
    return VisitForm(formdata=None, staff_id=visit.staff_id, starts_at=starts_at, minutes=visit.minutes)


def _zone() -> ZoneInfo:
    return ZoneInfo(runtime.current().settings.isp.time_zone)


@permissions.required("ticket.write")
def plan_visit(customer_id: int, item_id: int) -> Response:
    """Agree on a visit for a ticket, or move the one that is agreed on."""
    form = VisitForm()
    form.staff_id.choices = _people()[1:]
    if form.accept(lambda: _plan(customer_id, item_id, form)):
        return _again(customer_id, item_id, gettext("The visit is planned."))
    return _page(customer_id, item_id, CommentForm(formdata=None), form)


def _plan(customer_id: int, item_id: int, form: VisitForm) -> None:
    with runtime.current().database.transaction() as session:
        visits.plan(
            session,
            identity.actor(),
            item_id,
            staff_id=form.staff_id.data,
            starts_at=form.starts_at.data.replace(tzinfo=_zone()),
            minutes=form.minutes.data,
            customer_id=customer_id,
        )


@permissions.required("ticket.write")
def cancel_visit(customer_id: int, item_id: int) -> Response:
    """Call the visit of a ticket off."""
    with runtime.current().database.transaction() as session:
        visits.cancel(session, identity.actor(), item_id, customer_id=customer_id)
    return _again(customer_id, item_id, gettext("The visit is called off."))


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
        raise form.conflict or errors.Invalid(gettext("Choose somebody who works here"))
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
