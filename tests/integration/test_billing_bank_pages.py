"""The bank's pages: a file is read in, reviewed, booked and undone from a browser; a worker does the work."""

import io
import re

import pytest
from sqlalchemy import func, select

from billing import rules
from billing.models import BankBatch, BankLine, LedgerEntry, LineStatus, PaymentGateway
from core import clock
from registry import bank, gateways, testing

TODAY = clock.today("Europe/Kyiv")
CSV = f"day;sum;payer;account;text\n{TODAY:%d.%m.%Y};10,00;Olha;DE01;for 20017\n{TODAY:%d.%m.%Y};20,00;Ivan;DE02;?\n"


@pytest.fixture
def customers(database):
    with database.transaction() as session:
        return [testing.customer(session, number) for number in ("20017", "20018")]


def work(database, web_settings):
    for _ in range(20):
        with database.transaction() as session:
            more = [
                bank.work(session, one, today=TODAY, rules=rules.rules_of(web_settings))
                for one in session.scalars(select(BankBatch.id))
            ]
        if not any(more):
            return


def read_in(browser, content=CSV, mapping=""):
    return browser.post(
        "/bank/new",
        data={"file": (io.BytesIO(content.encode()), "nov.csv"), "mapping": mapping},
        content_type="multipart/form-data",
    )


def add_mapping(browser):
    fields = {
        "name": "Our bank",
        "delimiter": ";",
        "encoding": "utf-8",
        "date_format": "%d.%m.%Y",
        "decimal_mark": ",",
        "skipped_rows": "1",
        "date": "1",
        "payer_name": "3",
        "payer_account": "4",
        "message": "5",
    }
    assert browser.post("/bank/mappings/new", data=fields).status_code == 422  # no column for the amount
    assert browser.post("/bank/mappings/new", data={**fields, "amount": "2"}).status_code == 303
    page = browser.get("/bank/mappings")
    return re.search(r"/bank/mappings/(\d+)", page.text).group(1)


def test_a_statement_is_read_in_reviewed_booked_and_undone(sign_in_as, database, web_settings, customers):
    browser = sign_in_as("billing")
    mapping = add_mapping(browser)
    assert "choose a mapping" in read_in(browser).text
    answer = read_in(browser, mapping=mapping)
    assert answer.status_code == 303
    page = browser.get(answer.location)
    assert "being matched" in page.text
    progress = browser.fragment(f"{answer.location}/progress")
    assert "HX-Refresh" not in progress.headers
    work(database, web_settings)
    assert browser.fragment(f"{answer.location}/progress").headers["HX-Refresh"] == "true"
    page = browser.get(answer.location)
    assert "by the number" in page.text
    assert "Book 1 sure" in page.text
    assert browser.get(f"{answer.location}/book").status_code == 405
    assert browser.post(f"{answer.location}/book").status_code == 303
    work(database, web_settings)
    with database.reading() as session:
        stray = session.scalars(select(BankLine).where(BankLine.status == LineStatus.WAITING)).one()
    line = f"/bank/lines/{stray.id}"
    assert "20018" in browser.fragment(f"{line}/people?to=20018").text
    refused = browser.fragment(f"{line}/book", method="POST", data={"to": "no such"})
    assert refused.status_code == 422
    assert re.search(
        r'name="to" value="no such"[^>]* aria-invalid="true".*no customer of that number', refused.text, re.S
    )
    plain = browser.post(f"{line}/book", data={"to": "no such"})
    assert (plain.status_code, 'name="to" value="no such"' in plain.text, "<title>nov.csv" in plain.text) == (
        422,
        1,
        1,
    )
    assert browser.fragment(f"{line}/ignore", method="POST", data={"reason": ""}).status_code == 422
    assert browser.fragment(f"{line}/ignore", method="POST", data={"reason": "ours"}).status_code == 200
    assert browser.fragment(f"{line}/take-up", method="POST").status_code == 200
    assert "booked" in browser.fragment(f"{line}/book", method="POST", data={"to": "20018"}).text
    late = browser.fragment(f"{line}/book", method="POST", data={"to": "20018"})
    assert (late.status_code, "Somebody else was first: This line is settled" in late.text) == (409, True)
    assert browser.post(f"{answer.location}/undo").status_code == 303
    work(database, web_settings)
    assert "undone" in browser.get("/bank").text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 4
        assert session.scalar(select(func.sum(LedgerEntry.amount_minor))) == 0


def test_what_waits_of_all_statements_stands_on_one_page(sign_in_as, database, web_settings, customers):
    browser = sign_in_as("billing")
    read_in(browser, mapping=add_mapping(browser))
    work(database, web_settings)
    page = browser.get("/bank/waiting?show=look")
    assert "Ivan" in page.text
    assert "Olha" not in page.text
    assert "Ivan" not in browser.fragment("/bank/waiting?show=look&q=nobody").text
    assert browser.get("/bank?q=nov").text.count("/bank/") > 3


def test_a_gateways_secret_is_sealed_and_never_shown(sign_in_as, database):
    browser = sign_in_as("administrator")
    fields = {"name": "Liq", "slug": "liq", "secret": "short", "tolerance_s": "300", "is_active": "y"}
    assert browser.post("/setup/gateways/new", data=fields).status_code == 422
    secret = "a long enough secret"
    assert browser.post("/setup/gateways/new", data={**fields, "secret": secret}).status_code == 303
    assert browser.post("/setup/gateways/new", data={**fields, "secret": secret}).status_code == 422
    assert "/hooks/payments/liq" in browser.get("/setup/gateways").text
    with database.reading() as session:
        row = session.scalars(select(PaymentGateway)).one()
    assert secret not in row.secret_sealed
    page = browser.get(f"/setup/gateways/{row.id}")
    assert secret not in page.text
    assert browser.post(f"/setup/gateways/{row.id}", data={**fields, "secret": ""}).status_code == 303


def test_what_a_gateway_told_has_a_page_that_shows_what_contradicts(sign_in_as, database, customers):
    with database.transaction() as session:
        gateway = PaymentGateway(slug="liq", name="Liq")
        session.add(gateway)
        session.flush()
        for amount in ("10.00", "10.00", "11.00"):
            body = f'{{"event_id": "E-7", "customer": "20017", "amount": "{amount}"}}'.encode()
            gateways.hear(session, gateway, body, usual_currency="EUR", today=TODAY, rules=rules.Rules())
        path = f"/setup/gateways/{gateway.id}/events"
    browser = sign_in_as("billing")
    assert "1 message contradicts an earlier one" in browser.get("/setup/gateways").text
    page = browser.get(path).text
    assert "1 message says another sum, currency or account" in page
    assert page.index("€11.00") < page.index("€10.00")
    alone = browser.get(f"{path}?show=contradicting").text
    assert "was told before with 10.00 EUR for 20017" in alone
    assert alone.count('<tr id="bank-line-') == 1
    assert "contradicts an earlier message" in browser.get("/bank/waiting?show=look").text
    assert sign_in_as("noc").get(path).status_code == 403


def test_a_customers_own_bank_account_is_kept_among_the_terms_and_is_his_alone(sign_in_as, customers):
    browser = sign_in_as("billing")
    first, second = (f"/customers/{one.id}/money/terms" for one in customers)
    assert browser.post(first, data={"own_account": "UA12 3456"}).status_code == 303
    assert 'value="UA123456"' in browser.get(first).text
    assert browser.post(second, data={"own_account": "ua123456"}).status_code == 422
