"""The board of tickets of all customers, as rows and as a page."""

import pytest

from desk import board, tickets
from desk.board import BoardFilter
from desk.models import TicketKind
from registry import audit, customers

ROOT = audit.Actor(None, "setup")


@pytest.fixture
def busy(database, add_staff):
    """Five tickets of two customers; the last is closed, the second is Taras's."""
    taras = add_staff("noc", login="taras").id
    with database.transaction() as session:
        people = [customers.create(session, ROOT, currency="EUR", last_name=n) for n in ("Коваль", "Мельник")]
        made = [
            tickets.open(
                session,
                ROOT,
                people[place % 2].id,
                subject=f"ticket {place}",
                priority=priority,
                kind=TicketKind.TASK if place == 3 else TicketKind.FAULT,
                assignee_id=taras if place == 1 else None,
            ).id
            for place, priority in enumerate((3, 1, 2, 3, 4))
        ]
        tickets.close(session, ROOT, made[4])
    return {"taras": taras, "ids": made, "customers": [one.id for one in people]}


def subjects(session, **values):
    return [row.subject for row in board.page(session, BoardFilter(**values)).rows]


def test_open_tickets_stand_by_urgency_and_age(database, busy):
    with database.reading() as session:
        assert subjects(session) == ["ticket 1", "ticket 2", "ticket 0", "ticket 3"]
        assert subjects(session, is_closed=True) == ["ticket 4"]
        assert subjects(session, assignee_id=busy["taras"]) == ["ticket 1"]
        assert subjects(session, is_unassigned=True, kind=TicketKind.TASK) == ["ticket 3"]
        assert subjects(session, priority=2) == ["ticket 2"]
        assert board.open_counts(session, busy["taras"]) == (4, 1, 3)


@pytest.mark.parametrize("is_closed", [False, True])
def test_pages_of_the_board_meet(database, busy, is_closed):
    if is_closed:
        with database.transaction() as session:
            for ticket_id in busy["ids"][:4]:
                tickets.close(session, ROOT, ticket_id)
    filters = BoardFilter(is_closed=is_closed)
    with database.reading() as session:
        whole = [row.id for row in board.page(session, filters).rows]
        first = board.page(session, filters, limit=3)
        rest = board.page(session, filters, limit=3, after=first.next.next)
        assert [row.id for row in (*first.rows, *rest.rows)] == whole
        assert rest.next.next is None
        for sort in board.keys(is_closed=is_closed):
            first = board.page(session, filters, sort=f"-{sort}", limit=3)
            rest = board.page(session, filters, sort=f"-{sort}", after=first.next.next)
            assert sorted(row.id for row in (*first.rows, *rest.rows)) == sorted(whole), sort


def test_a_broken_cursor_gives_the_first_page(database, busy):
    with database.reading() as session:
        for filters in (BoardFilter(), BoardFilter(is_closed=True)):
            whole = board.page(session, filters).rows
            for after in ("%", "WyJjbG9zZWQiLDAsIngiLDFd"):
                assert board.page(session, filters, after=after).rows == whole


def test_the_page_shows_mine_nobodys_and_closed_ones(sign_in_as, busy):
    taras = sign_in_as("noc", login="taras")
    whole = taras.get("/tickets")
    assert whole.status_code == 200
    assert whole.text.index("ticket 1") < whole.text.index("ticket 3")
    assert "ticket 4" not in whole.text
    assert "ticket 0" not in taras.get("/tickets?show=mine").text
    assert "ticket 1" not in taras.get("/tickets?show=nobody").text
    assert "ticket 4" in taras.get("/tickets?show=closed").text
    assert "ticket 3" in taras.get("/tickets?kind=task&show=odd").text
    assert "ticket 3" in taras.get("/tickets?q=TICKET 3").text
    assert "ticket 1" not in taras.get("/tickets?q=TICKET 3&sort=-opened").text
    newest = taras.get("/tickets?sort=-opened").text
    assert newest.index("ticket 3") < newest.index("ticket 1")
    assert "No tickets here" in taras.get("/tickets?kind=request").text


def test_a_ticket_leads_to_its_customers_card(sign_in_as, busy):
    noc = sign_in_as("noc")
    answer = noc.get(f"/tickets/{busy['ids'][1]}")
    assert answer.status_code == 303
    assert answer.location.endswith(f"/customers/{busy['customers'][1]}/edit/tickets/{busy['ids'][1]}")
    assert "ticket 1" in noc.get(answer.location).text
    assert noc.get("/tickets/999999").status_code == 404
