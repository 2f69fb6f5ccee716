"""Visits: planned, moved, made or not made, and what they do to their ticket."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core import errors
from desk import tickets, visits
from desk.models import TicketStatus, VisitResult
from registry import audit, customers
from registry import testing as records

ZONE = "Europe/Kyiv"
NINE = datetime(2026, 11, 25, 9, 0, tzinfo=ZoneInfo(ZONE))
DAY = date(2026, 11, 25)


@pytest.fixture
def taras(session):
    return records.person(session, "taras", roles=("technician",))


def raised(session, actor, subject="No light"):
    olha = customers.create(session, actor, currency="EUR", last_name="Коваль")
    return tickets.open(session, actor, olha.id, subject=subject)


def planned(session, actor, at=NINE, **options):
    ticket = raised(session, actor, **options)
    return visits.plan(session, actor, ticket.id, staff_id=actor.staff_id, starts_at=at)


def test_a_ticket_has_one_open_visit_and_planning_again_moves_it(session, taras):
    ticket = raised(session, taras)
    first = visits.plan(session, taras, ticket.id, staff_id=taras.staff_id, starts_at=NINE)
    later = NINE + timedelta(hours=2)
    again = visits.plan(session, taras, ticket.id, staff_id=taras.staff_id, starts_at=later, minutes=120)
    assert again.id == first.id
    assert ticket.assignee_id == taras.staff_id
    view = visits.open_of(session, ticket.id)
    assert (view.starts_at, view.minutes) == (later, 120)
    acts = [event.action for event in audit.of_customer(session, ticket.customer_id)]
    assert [act for act in acts if act.startswith("visit")] == ["visit.moved", "visit.planned"]


def test_a_day_is_that_of_the_isp_and_begins_with_what_was_left_over(session, taras):
    morning = datetime(2026, 11, 25, 0, 30, tzinfo=ZoneInfo(ZONE))  # still the 24th in UTC
    for at, subject in (
        (NINE, "nine"),
        (morning, "night"),
        (NINE - timedelta(days=1), "left over"),
        (NINE + timedelta(days=1), "tomorrow"),
    ):
        planned(session, taras, at, subject=subject)
    called_off = planned(session, taras, NINE, subject="called off")
    visits.cancel(session, taras, called_off.ticket_id)
    found = visits.of_day(session, taras.staff_id, DAY, ZONE)
    assert [one.subject for one in found] == ["left over", "night", "nine"]


def test_done_closes_the_ticket_and_sent_again_changes_nothing(session, taras):
    visit = planned(session, taras)
    for _ in range(2):
        visits.finish(session, taras, visit.id, VisitResult.DONE, "New cable, 941 Mbit/s")
    ticket = tickets.get(session, visit.ticket_id)
    assert ticket.status is TicketStatus.CLOSED
    assert [said.content for said in tickets.comments(session, ticket.id)] == ["New cable, 941 Mbit/s"]
    with pytest.raises(errors.Conflict):
        visits.finish(session, taras, visit.id, VisitResult.NOT_DONE, "changed my mind")


def test_not_done_needs_a_reason_and_leaves_the_ticket_open_for_another_visit(session, taras):
    visit = planned(session, taras)
    with pytest.raises(errors.Invalid) as refused:
        visits.finish(session, taras, visit.id, VisitResult.NOT_DONE, "  ")
    assert "note" in refused.value.fields
    visits.finish(session, taras, visit.id, VisitResult.NOT_DONE, "Nobody at home")
    ticket = tickets.get(session, visit.ticket_id)
    assert ticket.status is TicketStatus.OPEN
    assert [said.content for said in tickets.comments(session, ticket.id)] == ["Nobody at home"]
    other = visits.plan(session, taras, ticket.id, staff_id=taras.staff_id, starts_at=NINE)
    assert other.id != visit.id


def test_nobody_ends_the_visit_of_another_and_none_is_planned_for_a_closed_ticket(session, taras):
    visit = planned(session, taras)
    with pytest.raises(errors.Forbidden):
        visits.finish(session, records.person(session, "ihor"), visit.id, VisitResult.DONE)
    with pytest.raises(errors.NotFound):
        visits.finish(session, taras, 10**9, VisitResult.DONE)
    tickets.close(session, taras, visit.ticket_id)
    with pytest.raises(errors.Conflict):
        visits.plan(session, taras, visit.ticket_id, staff_id=taras.staff_id, starts_at=NINE)
