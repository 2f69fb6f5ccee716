"""The list of debtors: filters, orders, pages, and the file of it."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import instalments, parts, promises
from billing import testing as money_testing
from billing.models import EntryKind, LedgerEntry, PeriodKind, Promise, PromiseStatus
from core import clock
from registry import debtor_list, testing

TODAY = clock.today("Europe/Kyiv")
HOW = {"author": money_testing.AUTHOR, "today": TODAY, "rules": money_testing.RULES}
AGREED = parts.split(6000, 2, TODAY, PeriodKind.MONTH)


@pytest.fixture
def people(database):
    """One who owes, one who promised, one in grace, and one who pays by instalments."""
    with database.transaction() as session:
        made = {number: testing.customer(session, number) for number in ("2001", "2002", "2003", "2004")}
        charges = (
            ("2001", 3000, 20),
            ("2002", 3000, 20),
            ("2003", 3000, 2),
            ("2004", 5000, 40),
            ("2004", 1000, 3),
        )
        for number, minor, past in charges:
            due_on = TODAY - timedelta(days=past)
            money_testing.charge(session, made[number].account_id, minor, due_on=due_on)
        promises.make(session, made["2002"].account_id, until=TODAY, **HOW)
        instalments.make(session, made["2004"].account_id, AGREED, **HOW)
    return made


def test_the_debtors_are_narrowed_sorted_and_counted(sign_in_as, people):
    browser = sign_in_as("billing")

    def listed(query):
        return re.findall(r"(200\d)</span>", browser.get(f"/debtors?{query}").text)

    assert listed("") == ["2004", "2003", "2002", "2001"]
    assert listed("sort=since") == ["2004", "2001", "2002", "2003"]
    assert listed("sort=customer") == sorted(listed("sort=-customer"))
    assert listed("state=promise") == ["2002"]
    assert listed("state=instalments") == ["2004"]
    assert listed("state=cut") == listed("state=never") == listed("state=deferred") == []
    assert listed("days=20&sort=-since") == ["2002", "2001", "2004"]
    assert listed("q=2003") == ["2003"]
    assert '<span class="count">1</span>' in browser.get("/debtors?q=2003").text
    assert "instalments until" in browser.get("/debtors").text


def test_the_debtors_go_on_by_age_where_the_page_ended_and_come_as_a_file(sign_in_as, database, people):
    with database.reading() as session:
        seen, after = [], None
        for _ in range(3):
            found = debtor_list.page(session, TODAY, grace_days=3, sort="-since", after=after, limit=2)
            seen, after = [*seen, *(row.number for row in found.rows)], found.next.next
            if after is None:
                break
    assert seen == ["2003", "2002", "2001", "2004"]
    browser = sign_in_as("billing")
    lines = browser.get("/debtors.csv?state=instalments").data.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("2004,")
    assert f"{TODAY - timedelta(days=40)},40,," in lines[1]
    assert AGREED[-1].due_on.isoformat() in lines[1]
    assert browser.get("/debtors.xlsx").data.startswith(b"PK")
    assert browser.get("/debtors.pdf").status_code == 404


def test_the_card_and_the_money_say_that_a_customer_pays_by_instalments(sign_in_as, people):
    browser = sign_in_as("billing")
    card = browser.get(f"/customers/{people['2004'].id}").text
    assert "instalments until" in card, "in the head"
    assert "Pays by instalments until" in card, "at the balance"
    assert "Pays by instalments until" in browser.get(f"/customers/{people['2004'].id}/money").text
    assert "instalments until" not in browser.get(f"/customers/{people['2001'].id}").text


def test_a_promise_may_be_of_a_part_of_the_debt_and_its_sum_is_shown_with_it(sign_in_as, database, people):
    browser = sign_in_as("billing")
    who = people["2001"]
    url = f"/customers/{who.id}/money"
    until = (TODAY + timedelta(days=3)).isoformat()
    for wrong in ("1000.00", "0", "much"):
        refused = browser.post(f"{url}/promise", data={"until": until, "amount": wrong})
        assert refused.status_code == 422, wrong
        assert 'id="amount-error"' in refused.text, wrong
    assert "If €12.34 is promised by" in browser.get(f"{url}/what-if?until={until}&sum=12.34").text
    assert browser.post(f"{url}/promise", data={"until": until, "amount": "12.34"}).status_code == 303
    with database.reading() as session:
        made = session.scalars(select(Promise).where(Promise.account_id == who.account_id)).one()
        assert (made.amount_minor, made.status) == (1234, PromiseStatus.ACTIVE)
    for path in (url, f"/customers/{who.id}", "/debtors?q=2001", "/debtors.csv?q=2001", "/promises?q=2001"):
        assert "12.34" in browser.get(path).text, path


def paying(page, customer):
    """Return what the page's button that pays his debt back would send."""
    form = re.search(rf'<form[^>]*action="/customers/{customer.id}/money/payback".*?</form>', page, re.DOTALL)
    assert form, "no button"
    assert 'method="post"' in form[0]
    assert "data-confirm=" in form[0]
    return dict(re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', form[0]))


def test_one_press_in_the_list_and_on_the_card_pays_a_debt_back_once_and_leads_back(
    sign_in_as, database, people
):
    browser, onlooker = sign_in_as("billing"), sign_in_as("noc")
    for number, path, then in (
        ("2001", "/customers?q=2001", "/customers?q=2001"),
        ("2003", f"/customers/{people['2003'].id}", f"/customers/{people['2003'].id}"),
        ("2004", f"/customers/{people['2004'].id}/money", f"/customers/{people['2004'].id}/money"),
    ):
        who = people[number]
        sent = paying(browser.get(path).text, who)
        assert f"/customers/{who.id}/money/payback" not in onlooker.get(path).text
        assert onlooker.post(f"/customers/{who.id}/money/payback", data=sent).status_code == 403
        for _ in range(2):  # a double press
            answer = browser.post(f"/customers/{who.id}/money/payback", data=sent)
            assert (answer.status_code, answer.headers["Location"]) == (303, then)
        with database.reading() as session:
            query = select(LedgerEntry).where(LedgerEntry.account_id == who.account_id)
            (paid,) = session.scalars(query.where(LedgerEntry.kind == EntryKind.PAYMENT))
            assert (paid.balance_after_minor, paid.amount_minor) == (0, int(sent["expected_minor"]))


def test_paybacks_are_found_in_the_ledger_and_nothing_else(sign_in_as, people):
    browser = sign_in_as("administrator")
    who = people["2001"]
    url = f"/customers/{who.id}/money"
    browser.post(
        f"{url}/payment",
        data={"key": "payment-1", "amount": "5.00", "method": "cash", "dated_on": TODAY.isoformat()},
    )
    sent = paying(browser.get(url).text, who)
    assert browser.post(f"{url}/payback", data=sent).status_code == 303
    shown = browser.fragment(f"{url}?kind=payback").text
    assert 'value="payback" selected' in shown
    lines = browser.get(f"{url}/ledger.csv?kind=payback").data.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "Debt paid back" in lines[1]
    assert "25.00" in lines[1]
