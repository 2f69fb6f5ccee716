"""Work orders: articles that come by themselves, hours entered on their day, billed once."""

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from billing import testing, vat
from billing.acts import Terms
from billing.articles import Goods, Standing
from billing.models import Article, ArticleUnit, Document, LedgerEntry, Seller, StandingArticle
from core import clock, errors
from desk import order_lines, orders, tickets
from desk.models import OrderLine, Ticket, TicketKind
from desk.orders import Edit, Entered
from registry import audit, customers, money, price_list, standing_articles

ZONE = "Europe/Kyiv"
TODAY = clock.today(ZONE)
DAY = timedelta(days=1)
TERMS = Terms(14)
TARAS = audit.Actor(None, "Taras")
TRAVEL, HOURS = "Travel", "Technician"


def furnish(session):
    """A customer for whom travel and hours stand; travel is 20.00 gross, an hour 30.00 and VAT of 20 % on top."""
    rate = vat.create(session, name="Standard", valid_from=date(2020, 1, 1), percent_hundredths=2000)
    travel = Goods(TRAVEL, ArticleUnit.PIECE, 2000, vat_rate_id=rate.id)
    hours = Goods(HOURS, ArticleUnit.HOUR, 3000, is_net=True, vat_rate_id=rate.id)
    made = [price_list.add_article(session, TARAS, one, currency="EUR").id for one in (travel, hours)]
    customer = customers.create(session, TARAS, currency="EUR", last_name="Koval")
    standing_articles.give(session, TARAS, customer.id, made[0], Standing(100, is_on_service=True))
    standing_articles.give(session, TARAS, customer.id, made[1], Standing(0))
    return customer.id, made


def opened(session, customer_id, kind=TicketKind.ORDER):
    return tickets.open(session, TARAS, customer_id, subject="Swap the ONU", kind=kind).id


def lines(session, ticket_id):
    return order_lines.of_tickets(session, [ticket_id], today=TODAY)[ticket_id]


def shown(session, ticket_id):
    return [(one.name, one.quantity_hundredths, one.worked_on) for one in lines(session, ticket_id)]


def enter(session, ticket_id, hundredths, worked_on=None, *, today=TODAY):
    line = next(one for one in lines(session, ticket_id) if one.name == HOURS)
    wanted = Edit({line.id: Entered(hundredths, worked_on)})
    orders.edit(session, TARAS, ticket_id, wanted, today=today)


def bill(session, ticket_id, today=TODAY):
    return orders.bill(session, TARAS, ticket_id, today=today, zone=ZONE, terms=TERMS)


def test_a_new_work_order_holds_the_customers_articles_and_a_fault_those_of_service(session):
    customer_id, _ = furnish(session)
    assert shown(session, opened(session, customer_id)) == [(TRAVEL, 100, None), (HOURS, 0, None)]
    assert shown(session, opened(session, customer_id, TicketKind.FAULT)) == [(TRAVEL, 100, None)]
    assert shown(session, opened(session, customer_id, TicketKind.TASK)) == []


def test_the_work_is_of_the_day_the_first_hours_are_entered_and_stays_so(session):
    customer_id, _ = furnish(session)
    ticket_id = opened(session, customer_id)
    first = TODAY - 3 * DAY
    enter(session, ticket_id, 0, today=TODAY - 5 * DAY)
    assert shown(session, ticket_id)[1] == (HOURS, 0, None)
    enter(session, ticket_id, 250, today=first)
    enter(session, ticket_id, 300)
    assert shown(session, ticket_id)[1] == (HOURS, 300, first)
    enter(session, ticket_id, 0)
    enter(session, ticket_id, 100)
    assert shown(session, ticket_id)[1] == (HOURS, 100, first)
    enter(session, ticket_id, 100, TODAY - DAY)
    assert shown(session, ticket_id)[1] == (HOURS, 100, TODAY - DAY)
    for day in (TODAY + DAY, TODAY - 367 * DAY):
        with pytest.raises(errors.Invalid, match="cannot be entered") as refused:
            enter(session, ticket_id, 10_000_001, day)
        assert {name.rpartition("_")[0] for name in refused.value.fields} == {"quantity", "worked_on"}
    acts = [event.action for event in audit.of_customer(session, customer_id)]
    assert acts.count("order_line.changed") == 5


def test_a_closed_order_is_billed_once_on_one_document_and_no_hours_are_left_out(session):
    customer_id, (_, hours) = furnish(session)
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    session.flush()
    ticket_id = opened(session, customer_id)
    with pytest.raises(errors.Conflict, match="Close the ticket"):
        bill(session, ticket_id)
    enter(session, ticket_id, 250, TODAY - 2 * DAY)
    orders.edit(session, TARAS, ticket_id, Edit(added_id=hours), today=TODAY)
    tickets.close(session, TARAS, ticket_id)
    posted = [one.entry for one in bill(session, ticket_id)]
    # 2.5 x 30.00 = 75.00, and 15.00 of VAT on top.
    assert [(one.amount_minor, one.vat_hundredths, one.description) for one in posted] == [
        (-2000, 2000, TRAVEL), (-9000, 2000, f"{HOURS}, hours worked: 2.5"),
    ]  # fmt: skip
    assert [one.dated_on for one in posted] == [TODAY, TODAY - 2 * DAY]
    assert money.hold(session, customer_id).balance_minor == -11_000
    (document,) = session.scalars(select(Document))
    assert (document.gross_minor, document.vat_minor) == (11_000, 333 + 1500)
    assert [one.is_billed for one in lines(session, ticket_id)] == [True, True, False]
    with pytest.raises(errors.Conflict, match="Nothing is left"):
        bill(session, ticket_id)
    with pytest.raises(errors.Conflict, match="is billed"):
        enter(session, ticket_id, 100)


def test_what_is_undone_in_the_ledger_stays_on_the_order_and_a_new_line_is_billed(session):
    customer_id, (travel, _) = furnish(session)
    ticket_id = opened(session, customer_id, TicketKind.FAULT)
    tickets.close(session, TARAS, ticket_id)
    (posted,) = bill(session, ticket_id)
    money.reverse(session, TARAS, posted.entry.id, reason="twice", today=TODAY, rules=testing.RULES)
    (line,) = lines(session, ticket_id)
    assert (line.is_billed, line.is_reversed) == (True, True)
    orders.edit(session, TARAS, ticket_id, Edit(added_id=travel), today=TODAY)
    assert len(bill(session, ticket_id)) == 1
    assert money.hold(session, customer_id).balance_minor == -2000


def test_a_line_goes_and_comes_and_one_that_is_gone_is_passed_over(session):
    customer_id, (travel, _) = furnish(session)
    ticket_id = opened(session, customer_id)
    gone, kept = (one.id for one in lines(session, ticket_id))
    for _ in range(2):
        wanted = Edit({gone: Entered(500), kept: Entered(100)}, removed=[gone])
        orders.edit(session, TARAS, ticket_id, wanted, today=TODAY)
    assert shown(session, ticket_id) == [(HOURS, 100, TODAY)]
    dollars = price_list.add_article(session, TARAS, Goods("Socket", ArticleUnit.PIECE, 100), currency="USD")
    for article_id in (dollars.id, 10**9):
        with pytest.raises((errors.Invalid, errors.NotFound)):
            orders.edit(session, TARAS, ticket_id, Edit(added_id=article_id), today=TODAY)
    orders.edit(session, TARAS, ticket_id, Edit(added_id=travel), today=TODAY)
    assert shown(session, ticket_id)[1] == (TRAVEL, 100, TODAY)
    with pytest.raises(errors.Conflict, match="in use"):
        price_list.remove_article(session, TARAS, travel)
    price_list.remove_article(session, TARAS, dollars.id)


def test_two_who_bill_at_once_charge_once(fresh_database):
    with fresh_database.transaction() as session:
        customer_id, _ = furnish(session)
        ticket_id = opened(session, customer_id)
        enter(session, ticket_id, 100)
        tickets.close(session, TARAS, ticket_id)
    ready, results = threading.Barrier(4), []

    def press():
        ready.wait(20)
        try:
            with fresh_database.transaction() as session:
                results.append(len(bill(session, ticket_id)))
        except errors.Conflict:
            results.append(0)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == [0, 0, 0, 2]
    with fresh_database.reading() as session:
        assert sorted(session.scalars(select(LedgerEntry.amount_minor))) == [-3600, -2000]


def test_pages_lead_from_the_price_list_to_the_bill_and_the_phone_enters_the_hours(database, sign_in_as):
    with database.transaction() as session:
        customer_id = customers.create(session, TARAS, currency="EUR", last_name="Koval").id
    office, tech, card = sign_in_as("billing"), sign_in_as("technician"), f"/customers/{customer_id}"
    goods = {
        "name": HOURS,
        "unit": "hour",
        "price": "30",
        "is_net": "no",
        "vat_rate_id": "",
        "is_offered": "y",
    }
    assert office.post("/setup/articles/new", data={**goods, "is_net": "yes"}).status_code == 422
    for name, unit in ((HOURS, "hour"), (TRAVEL, "piece")):
        assert (
            office.post("/setup/articles/new", data={**goods, "name": name, "unit": unit}).status_code == 303
        )
    for sort in ("name", "-price", "unit", "vat", "given"):
        assert TRAVEL in office.get(f"/setup/articles?sort={sort}").text
    with database.reading() as session:
        known = {one.name: one.id for one in session.scalars(select(Article))}
    edit_url = f"/setup/articles/{known[TRAVEL]}"
    assert office.post(edit_url, data={**goods, "name": TRAVEL}).status_code == 422  # by the hour now
    assert (
        office.post(edit_url, data={**goods, "name": TRAVEL, "unit": "piece", "price": "20"}).status_code
        == 303
    )
    for name, quantity in ((HOURS, "0"), (TRAVEL, "1")):
        wanted = {"article_id": known[name], "quantity": quantity, "is_on_orders": "y"}
        assert office.post(f"{card}/articles/new", data={**wanted, "quantity": "0.001"}).status_code == 422
        assert office.post(f"{card}/articles/new", data=wanted).status_code == 303
        assert office.post(f"{card}/articles/new", data=wanted).status_code == 422
    assert HOURS in office.get(f"{card}/money").text

    ticket = {"kind": "order", "subject": "Swap", "content": "", "priority": "3", "assignee_id": ""}
    assert tech.post(f"{card}/edit/tickets", data=ticket).status_code == 303
    with database.reading() as session:
        (ticket_id,) = session.scalars(select(Ticket.id))
        hours, travel = session.scalars(select(OrderLine.id).order_by(OrderLine.id))
    page = f"{card}/edit/tickets/{ticket_id}"
    assert "no hours yet" in tech.get(page).text
    assert f'name="quantity_{hours}"' in tech.get(f"/field/line/{customer_id}").text
    typed = {
        f"was_{hours}": "0 ", f"quantity_{hours}": "2,5", f"worked_on_{hours}": "",
        f"was_{travel}": "100 ", f"quantity_{travel}": "1", f"worked_on_{travel}": "", "article_id": "",
    }  # fmt: skip
    refused = tech.fragment(
        f"/field/work/{ticket_id}", method="POST", data={**typed, f"quantity_{hours}": "x"}
    )
    assert refused.status_code == 422
    saved = tech.fragment(f"/field/work/{ticket_id}", method="POST", data=typed)
    assert f'value="250 {TODAY}"' in saved.text
    assert f'name="was_{travel}" type="hidden" value="100 "' in saved.text  # untouched, it has no day yet
    # A page shown before sends back what it showed: only what was changed on it counts.
    late = {**typed, f"quantity_{hours}": "0", f"quantity_{travel}": "2"}
    assert tech.fragment(f"{page}/work", method="POST", data=late).status_code == 200
    assert tech.post(f"{page}/work", data={"article_id": known[TRAVEL]}).status_code == 303
    with database.reading() as session:
        assert [one[1] for one in shown(session, ticket_id)] == [250, 200, 100]
        last = lines(session, ticket_id)[-1].id
    late = {"article_id": "", "remove": str(last)}
    assert tech.fragment(f"{page}/work", method="POST", data=late).status_code == 200

    assert office.post(f"{page}/bill").status_code == 409
    assert tech.post(f"{page}/close", data={"content": ""}).status_code == 303
    assert "Swap" in office.get("/tickets?show=bill").text
    assert office.get(page).text.count("Bill €115.00") >= 1
    assert "Bill €" not in tech.get(page).text
    assert tech.post(f"{page}/bill").status_code == 403
    assert office.fragment(f"{page}/bill", method="POST").status_code == 200
    assert office.post(f"{page}/bill").status_code == 409
    assert "Swap" not in office.get("/tickets?show=bill").text
    assert tech.fragment(f"/field/work/{ticket_id}", method="POST", data=typed).status_code == 200
    with database.reading() as session:
        assert sorted(session.scalars(select(LedgerEntry.amount_minor))) == [-7500, -4000]
        (standing, _) = session.scalars(select(StandingArticle.id))
    assert office.post(f"/articles/{standing}", data={"quantity": "2", "is_on_orders": ""}).status_code == 422
    assert (
        office.post(f"/articles/{standing}", data={"quantity": "2", "is_on_service": "y"}).status_code == 303
    )
    assert office.post(f"/articles/{standing}/take").status_code == 303
    assert office.post(f"{edit_url}/remove").status_code == 303
    assert TRAVEL in office.get("/setup/articles").text
