"""The rights of money, each on its own: who lacks one finds neither the button nor the door behind it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import documents
from billing import testing as money
from billing.ledger import Author
from billing.models import Document, DocumentKind, Seller
from core import clock, secrets
from registry import audit, customers, gateways
from registry.models import AuditEvent
from webapp import permissions

TODAY = clock.today("Europe/Kyiv")
CLERK = audit.Actor(None, "clerk")


@pytest.fixture
def without(sign_in_as, monkeypatch):
    """Return a function that signs somebody in who may everything but these rights."""

    def lacking(*names):
        role = names[0].replace(".", "-")
        monkeypatch.setitem(permissions.ROLES, role, permissions.ROLES["administrator"] - set(names))
        return sign_in_as(role)

    return lacking


@pytest.fixture
def owing(database):
    """A customer with a charge that stands on an invoice."""
    with database.transaction() as session:
        session.add(Seller(name="Fibre Ltd", written_by="test"))
        customer = customers.create(session, CLERK, currency="EUR", first_name="Olha", last_name="Koval")
        due_on = TODAY - timedelta(days=10)
        charge = money.charge(session, customer.account_id, 3000, due_on=due_on)
        documents.issue(session, [charge.id], kind=DocumentKind.INVOICE, on=TODAY, author=Author("night"))
    return customer


# Files without a sum, or (the disconnect queue) without sums for who may not take them.
NO_MONEY = {
    *("cashier.export_locks", "drift.export", "desk.export_disconnects", "setup.import_faults"),
    *("notices.export_list", "notices.export", "notices.export_contracts", "setup.import_template"),
}


def test_every_file_of_money_asks_for_the_right_to_take_it(web_app):
    files = {
        rule.endpoint
        for rule in web_app.url_map.iter_rules()
        if "ending" in rule.arguments or rule.rule.endswith((".csv", ".xlsx"))
    }
    asked = {one for one in files if permissions.of(web_app.view_functions[one]) == "report.read"}
    assert files - asked == NO_MONEY


@pytest.mark.parametrize("role", ["technician", "noc"])
def test_who_works_on_lines_sees_balances_and_takes_no_file_of_money(sign_in_as, owing, role):
    browser, page = sign_in_as(role), f"/customers/{owing.id}/money"
    for shown in (page, "/documents", *(("/debtors", "/instalments", "/reminders") if role == "noc" else ())):
        answer = browser.get(shown)
        assert answer.status_code == 200, shown
        assert ".xlsx" not in answer.text, shown
    for file in ("/documents.csv", f"{page}/ledger.xlsx", "/debtors.xlsx", "/instalments.csv"):
        assert browser.get(file).status_code == 403, file
    if role == "noc":
        assert "Balance" not in browser.get("/disconnects.csv").text
    assert f"{page}/ledger.xlsx" in sign_in_as("billing").get(page).text


def test_charges_terms_and_plans_are_each_somebody_elses_work(without, owing):
    page, changing = f"/customers/{owing.id}/money", f"/customers/{owing.id}/services/new"
    adds, terms = (f"{page}/charge", f"/customers/{owing.id}/liabilities/new"), f"{page}/terms"
    seller = without("charge.add", "terms.set")
    for door in (*adds, terms):
        assert door not in seller.get(page).text
        assert seller.get(door).status_code == seller.post(door, data={}).status_code == 403
    assert seller.get(changing).status_code == 200
    clerk = without("service.edit")
    for door in (*adds, terms):
        assert door in clerk.get(page).text
        assert clerk.get(door).status_code == 200
    assert clerk.get(changing).status_code == 403


def test_prices_the_rules_of_debt_and_the_secrets_of_gateways_are_not_the_networks(without, sign_in_as):
    prices = ("/setup/plans/new", "/setup/discounts/new", "/setup/vat/new", "/setup/articles/new")
    rules = ("/setup/cutoff-policy/new", "/setup/debt-groups/new", "/reminders/steps/new")
    engineer = without("price.edit", "cutoff.policy", "gateway.edit")
    for door in (*prices, *rules, "/setup/gateways/new"):
        assert engineer.get(door).status_code == 403, door
        assert door not in engineer.get(door.rsplit("/", 1 if "steps" not in door else 2)[0]).text
    assert engineer.get("/setup/pops/new").status_code == 200
    desk, accountant = sign_in_as("billing"), sign_in_as("accountant")
    assert {desk.get(door).status_code for door in prices} == {200}
    assert {desk.get(door).status_code for door in rules} == {403}
    assert {accountant.get(door).status_code for door in rules} == {200}
    assert accountant.get("/setup/gateways/new").status_code == 403


def test_who_issues_documents_forgives_no_debt_by_a_credit_note(sign_in_as, without, database, owing):
    with database.reading() as session:
        url = f"/documents/{session.scalars(select(Document.id)).one()}"
    clerk = without("document.credit")
    assert f"{url}/send" in clerk.get(url).text
    assert f"{url}/credit" not in clerk.get(url).text
    refused = clerk.post(f"{url}/credit", data={"key": "x" * 16, "reason": "a friend", "line_1": "30.00"})
    assert refused.status_code == clerk.get(f"{url}/credit").status_code == 403
    assert f"{url}/credit" in sign_in_as("billing").get(url).text
    with database.reading() as session:
        assert len(session.scalars(select(Document.id)).all()) == 1


def test_the_history_says_what_changed_of_a_gateway_and_never_its_secret(session):
    cipher, clerk = secrets.Ring(["k" * 43 + "="]), CLERK
    facts = {"slug": "liq", "name": "Liq", "tolerance_s": 300, "is_active": True}
    made = gateways.save(session, clerk, cipher, None, secret="s" * 16, **facts)
    gateways.save(session, clerk, cipher, made.id, secret="t" * 16, **facts | {"tolerance_s": 900})
    gateways.save(session, clerk, cipher, made.id, secret="", **facts | {"is_active": False})
    query = select(AuditEvent.changes).where(AuditEvent.action == "gateway.saved").order_by(AuditEvent.id)
    added, changed, closed = session.scalars(query).all()
    assert added["slug"] == [None, "liq"]
    assert changed == {"tolerance_s": [300, 900], "secret": [None, "written"]}
    assert closed == {"tolerance_s": [900, 300], "is_active": [True, False]}
