"""The list of customers as people use it: search, filters, order, pages, money, a new customer."""

import re

import pytest
from sqlalchemy import insert, update

from billing.models import Account, EntryKind, LedgerEntry
from core import clock
from registry import (
    addresses,
    audit,
    contacts,
    customers,
    device_types,
    equipment,
    labels,
    networks,
)
from registry.models import AddressKind, CustomerStatus, DeviceRole
from webapp import identity

OLENA = audit.Actor(None, "Olena")


@pytest.fixture
def town(database):
    """Two customers who differ in everything the list can tell apart."""
    with database.transaction() as session:
        kind = device_types.create(session, OLENA, name="hAP", role=DeviceRole.CPE)
        net = networks.create(session, OLENA, name="Home", cidr="10.9.0.0/24", colour="#00aa00")
        group = labels.create_group(session, OLENA, name="vip")
        koval = customers.create(
            session,
            OLENA,
            currency="EUR",
            last_name="Коваль",
            first_name="Ольга",
            dba="Salon Olha",
            status=CustomerStatus.CONNECTED,
        )
        nowak = customers.create(session, OLENA, currency="EUR", last_name="Nowak")
        labels.set_groups(session, OLENA, koval.id, [group.id])
        customers.set_alert(session, OLENA, koval.id, "Dog")
        contacts.add(session, OLENA, koval.id, name="Olha", region="UA", phone="0671234567")
        addresses.save(session, OLENA, koval.id, AddressKind.VISITING, street="Зелена", city="Львів")
        addresses.save(session, OLENA, nowak.id, AddressKind.VISITING, street="Lipowa", city="Kraków")
        equipment.create(
            session, OLENA, name="r", type_id=kind.id, customer_id=koval.id, mac="02:00:00:00:00:aa"
        )
        networks.give(session, OLENA, koval.id, address="10.9.0.7")
        owe(session, koval)
        return {"koval": koval, "nowak": nowak, "group": group, "network": net, "type": kind}


def owe(session, customer, minor=1250):
    today = clock.today("Europe/Kyiv")
    session.execute(
        insert(LedgerEntry).values(
            account_id=customer.account_id,
            kind=EntryKind.CHARGE,
            amount_minor=-minor,
            currency="EUR",
            balance_after_minor=-minor,
            dated_on=today,
            due_on=today.replace(year=today.year - 1, day=1),
            author="test",
        )
    )
    session.execute(update(Account).where(Account.id == customer.account_id).values(balance_minor=-minor))


def names(answer):
    return re.findall(r'class="row-link"[^>]*>([^<]+)<', answer.text)


@pytest.mark.parametrize(
    "query",
    ["q=коваль", "q=10001", "q=10.9.0.7", "q=02-00-00-00-00-AA", "q=067 123 45 67", "q=зелена", "q=Salon"],
)
def test_the_box_finds_by_everything_a_customer_is_known_by(town, sign_in_as, query):
    answer = sign_in_as("noc").get(f"/customers?{query}")
    assert names(answer) == ["Коваль Ольга"]


def test_each_filter_narrows_and_stands_in_the_address(town, sign_in_as):
    browser = sign_in_as("noc")
    for query in (
        "status=connected",
        f"group={town['group'].id}",
        "city=Львів",
        f"network={town['network'].id}",
        f"type={town['type'].id}",
        "debtors=1",
    ):
        answer = browser.get(f"/customers?{query}")
        assert names(answer) == ["Коваль Ольга"], query
        assert 'id="customer-total" role="status">1<' in answer.text
    assert names(browser.get("/customers?city=Kraków")) == ["Nowak"]


def test_a_filter_value_that_is_none_filters_nothing(town, sign_in_as):
    answer = sign_in_as("noc").get("/customers?status=x&group=one&network=-1&type=²&sort=up&after=zzz")
    assert len(names(answer)) == 2


def test_every_column_sorts_both_ways(town, sign_in_as):
    browser = sign_in_as("noc")
    heads = re.findall(r'href="(/customers\?sort=[a-z]+)"', browser.get("/customers?sort=-name").text)
    assert len(heads) == 7
    for head in heads:
        rising, falling = browser.get(head), browser.get(head.replace("sort=", "sort=-"))
        assert 'aria-sort="ascending"' in rising.text, head
        assert 'aria-sort="descending"' in falling.text, head
        assert len(names(rising)) == len(names(falling)) == 2
    assert names(browser.get("/customers?sort=-number")) == ["Nowak", "Коваль Ольга"]


def test_the_next_page_begins_where_the_last_one_ended(database, sign_in_as):
    with database.transaction() as session:
        for number in range(60):
            customers.create(session, OLENA, currency="EUR", last_name=f"Kit {number:02}")
    browser = sign_in_as("noc")
    first = browser.get("/customers?q=kit&sort=-name")
    assert names(first)[0] == "Kit 59"
    assert len(names(first)) == 50
    following = re.search(r'rel="next"[^>]*href="([^"]+)"', first.text)[1].replace("&amp;", "&")
    assert "q=kit" in following
    assert "sort=-name" in following
    second = browser.get(following)
    assert names(second) == [f"Kit {number:02}" for number in range(9, -1, -1)]
    back = re.search(r'rel="prev"[^>]*href="([^"]+)"', second.text)[1].replace("&amp;", "&")
    assert names(browser.get(back)) == names(first)


def test_htmx_gets_the_table_alone_and_a_clean_address(town, sign_in_as):
    answer = sign_in_as("noc").fragment("/customers?q=nowak&status=&city=")
    assert answer.text.lstrip().startswith('<div class="table-page" id="customer-list"')
    assert "<html" not in answer.text
    assert names(answer) == ["Nowak"]
    assert answer.headers["HX-Push-Url"] == "/customers?q=nowak"
    assert "HX-Request" in answer.headers["Vary"]


def test_a_row_tells_debt_line_and_alert_in_words_not_by_colour_alone(town, sign_in_as):
    text = sign_in_as("billing").get("/customers").text
    assert 'aria-label="Debtor: €12.50 past due"' in text
    assert 'aria-label="Has an alert"' in text
    assert f'action="/customers/{town["koval"].id}/money/payback"' in text
    assert f'action="/customers/{town["nowak"].id}/money/payback"' not in text
    assert "no service" in text


def test_who_may_not_take_money_has_no_way_to_it_in_the_list(town, sign_in_as):
    text = sign_in_as("noc").get("/customers").text
    assert "money/payback" not in text
    assert 'href="/customers/new"' not in text


def test_without_the_right_to_money_the_list_neither_shows_nor_sorts_nor_filters_by_it(town, web_app):
    with web_app.test_request_context("/customers?debtors=1&sort=-balance"):
        from flask import g

        g.person = identity.Person(1, "x", "X", (), "", 1, frozenset({"customer.view"}))
        text = web_app.view_functions["customers.listing"]().get_data(as_text=True)
    assert "€" not in text
    assert "Balance" not in text
    assert 'name="debtors"' not in text
    assert text.count("row-link") == 2


def test_an_empty_house_and_a_search_without_a_match_say_so(sign_in_as):
    browser = sign_in_as("billing")
    assert "There are no customers yet" in browser.get("/customers").text
    assert "No customer matches" in browser.get("/customers?q=nobody").text


def test_names_are_escaped(database, sign_in_as):
    with database.transaction() as session:
        customers.create(session, OLENA, currency="EUR", last_name="<b>x</b>")
    assert "&lt;b&gt;x&lt;/b&gt;" in sign_in_as("noc").get("/customers").text


def test_a_new_customer_lands_on_his_card_with_address_and_phone(database, sign_in_as):
    browser = sign_in_as("billing")
    answer = browser.post(
        "/customers/new",
        data={
            "kind": "person",
            "last_name": " Коваль ",
            "life": "waiting",
            "street": "Зелена",
            "city": "Львів",
            "floor": "0",
            "phone": "0671234567",
        },
    )
    assert answer.status_code == 303
    text = browser.get(answer.location).text
    assert "Коваль" in text
    assert "floor 0" in text
    assert 'href="tel:+380671234567"' in text
    assert "is customer 10001 now" in text


def test_what_is_missing_is_said_at_the_fields_and_nothing_is_written(database, sign_in_as):
    browser = sign_in_as("billing")
    answer = browser.post("/customers/new", data={"kind": "company", "life": "waiting", "last_name": "K"})
    assert answer.status_code == 422
    assert 'id="company_name-error"' in answer.text
    answer = browser.post(
        "/customers/new",
        data={"kind": "person", "last_name": "K", "life": "waiting", "city": "Львів", "phone": "12"},
    )
    assert answer.status_code == 422
    assert 'id="street-error"' in answer.text
    assert 'id="phone-error"' in answer.text
    assert 'value="Львів"' in answer.text
    assert "There are no customers yet" in browser.get("/customers").text


def test_a_number_that_somebody_has_is_said_at_the_number(town, sign_in_as):
    answer = sign_in_as("billing").post(
        "/customers/new", data={"kind": "person", "last_name": "K", "life": "waiting", "number": "10001"}
    )
    assert answer.status_code == 422
    assert 'id="number-error"' in answer.text
