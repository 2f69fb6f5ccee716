"""Tickets from opening to closing."""

import pytest

from core import errors
from desk import tickets
from desk.models import TicketKind, TicketStatus
from registry import audit, customers, staff

OLENA = audit.Actor(None, "Olena")


def person(session):
    return customers.create(session, OLENA, currency="EUR", last_name="Коваль")


def raised(session, customer, subject="No light", **fields):
    return tickets.open(session, OLENA, customer.id, subject=subject, **fields)


def test_a_ticket_lives_from_opening_to_reopening(session):
    olha = person(session)
    ticket = raised(session, olha, kind=TicketKind.FAULT, content="since morning")
    tickets.comment(session, OLENA, ticket.id, "Called back", customer_id=olha.id)
    tickets.close(session, OLENA, ticket.id, customer_id=olha.id, content="Fixed")
    assert (ticket.status, ticket.closed_by) == (TicketStatus.CLOSED, "Olena")
    assert [said.content for said in tickets.comments(session, ticket.id)] == ["Called back", "Fixed"]
    with pytest.raises(errors.Conflict):
        tickets.close(session, OLENA, ticket.id)
    tickets.reopen(session, OLENA, ticket.id)
    with pytest.raises(errors.Conflict):
        tickets.reopen(session, OLENA, ticket.id)
    view = tickets.view(session, olha.id, ticket.id)
    assert (view.is_open, view.closed_at, view.comments) == (True, None, 2)
    acts = [event.action for event in audit.of_customer(session, olha.id)]
    assert acts[:4] == ["ticket.reopened", "ticket.closed", "ticket.commented", "ticket.opened"]


def test_the_most_urgent_and_oldest_open_ticket_is_shown(session):
    olha = person(session)
    assert tickets.most_urgent_open(session, olha.id) is None
    raised(session, olha, "later", priority=3)
    first = raised(session, olha, "first", priority=2)
    raised(session, olha, "second", priority=2)
    done = raised(session, olha, "done", priority=1)
    tickets.close(session, OLENA, done.id)
    assert tickets.most_urgent_open(session, olha.id).id == first.id


def test_open_tickets_come_before_closed_ones(session):
    olha = person(session)
    done, low, high = (raised(session, olha, name, priority=p) for name, p in (("d", 1), ("l", 4), ("h", 1)))
    tickets.close(session, OLENA, done.id)
    assert [view.id for view in tickets.of_customer(session, olha.id)] == [high.id, low.id, done.id]
    assert [view.id for view in tickets.of_customer(session, olha.id, is_closed=True)] == [done.id]
    assert len(tickets.of_customer(session, olha.id, is_closed=False)) == 2


def test_a_ticket_is_given_to_somebody_who_works_here(session):
    olha = person(session)
    ticket = raised(session, olha)
    taras = staff.create(session, OLENA, login="taras", name="Taras", password="x" * 10, roles=["noc"])
    tickets.assign(session, OLENA, ticket.id, taras.id)
    assert tickets.most_urgent_open(session, olha.id).assignee == "Taras"
    assert audit.of_customer(session, olha.id)[0].changes == {"assignee": ["", "Taras"]}
    tickets.assign(session, OLENA, ticket.id, None)
    taras.is_active = False
    session.flush()
    for staff_id in (taras.id, 0):
        with pytest.raises(errors.Invalid):
            tickets.assign(session, OLENA, ticket.id, staff_id)


def test_faults_of_a_ticket_stand_at_their_fields(session):
    olha, other = person(session), person(session)
    with pytest.raises(errors.Invalid) as caught:
        raised(session, olha, " ", priority=5, content="x" * 10_001)
    assert sorted(caught.value.fields) == ["content", "priority", "subject"]
    ticket = raised(session, olha)
    with pytest.raises(errors.Invalid):
        tickets.comment(session, OLENA, ticket.id, " ")
    for call in (
        lambda: tickets.close(session, OLENA, ticket.id, customer_id=other.id),
        lambda: tickets.view(session, other.id, ticket.id),
        lambda: tickets.open(session, OLENA, 0, subject="x"),
    ):
        with pytest.raises(errors.NotFound):
            call()
