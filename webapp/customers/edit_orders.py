"""In place: the work on a ticket of the customer, line by line, and billing it."""

from flask import Response, render_template
from flask_babel import gettext

from billing import acts
from core.money import Money
from desk import order_lines, orders, tickets
from desk.tickets import TicketView
from webapp import identity, order_form, permissions, rendering, runtime
from webapp.customers import answers
from webapp.order_form import Work

ORDER = "customers/forms/_order.html"


def of_ticket(customer_id: int, ticket: TicketView, *, is_sent: bool = False) -> Work:
    """Return the work on a ticket as its page shows it."""
    with runtime.current().database.reading() as session:
        lines = order_lines.of_tickets(session, [ticket.id], today=order_form.today())[ticket.id]
        offered = order_lines.to_choose(session, [customer_id])[customer_id]
    work = order_form.of_ticket(ticket.id, lines, offered, is_sent=is_sent)
    work.form.stand_apart("order")
    return work


@permissions.required("ticket.write")
def save(customer_id: int, item_id: int) -> Response:
    """Enter hours, pieces and days; take a line off, or add one."""
    ticket = _ticket(customer_id, item_id)
    work = of_ticket(customer_id, ticket, is_sent=True)
    if work.form.accept(lambda: _save(ticket, work)):
        return _answer(ticket, gettext("Saved."))
    return rendering.page_or_fragment(
        "customers/forms/page.html",
        ORDER,
        work.form.status,
        fragment=ORDER,
        customer_id=customer_id,
        title=ticket.subject,
        ticket=ticket,
        work=work,
    )


def _save(ticket: TicketView, work: Work) -> None:
    with runtime.current().database.transaction() as session:
        orders.edit(session, identity.actor(), ticket.id, order_form.edit_of(work), today=order_form.today())


@permissions.required("order.bill")
def bill(customer_id: int, item_id: int) -> Response:
    """Charge what was done on a closed ticket and is not billed yet."""
    ticket, settings = _ticket(customer_id, item_id), runtime.current().settings
    with runtime.current().database.transaction() as session:
        posted = orders.bill(
            session,
            identity.actor(),
            item_id,
            today=order_form.today(),
            zone=settings.isp.time_zone,
            terms=acts.terms_of(settings),
        )
    total = -sum(one.entry.amount_minor for one in posted)
    sum_in_words = rendering.format_money(Money(total, posted[0].entry.currency))
    return _answer(ticket, gettext("Billed: %(sum)s.", sum=sum_in_words))


def _ticket(customer_id: int, ticket_id: int) -> TicketView:
    with runtime.current().database.reading() as session:
        return tickets.view(session, customer_id, ticket_id)


def _answer(ticket: TicketView, text: str) -> Response:
    """Answer with the work as it is now."""
    if not rendering.is_htmx():
        rendering.say(text)
        return rendering.go("customers.ticket", customer_id=ticket.customer_id, item_id=ticket.id)
    answer = Response(_fragment(ticket, of_ticket(ticket.customer_id, ticket)))
    return rendering.with_event(rendering.with_toast(answer, text), answers.CHANGED, {"panel": "tickets"})


def _fragment(ticket: TicketView, work: Work) -> str:
    return render_template(ORDER, ticket=ticket, work=work)
