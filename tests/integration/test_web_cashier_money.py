"""The money pages: statement, payment, payback, reversal, promise, services, as staff use them."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from billing import plans, subscriptions, suspensions
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    LockReason,
    Method,
    PeriodKind,
    PromiseStatus,
    SubscriptionAccess,
)
from billing.subscriptions import Choice
from core import clock
from registry import money as customer_money
from registry import testing
from registry.models import AuditEvent, Customer, Line

TODAY = clock.today("Europe/Kyiv")


@pytest.fixture
def owing(database):
    """A customer with one service, a month's price past due and cut for it."""
    with database.transaction() as session:
        actor = testing.person(session, "setup")
        customer = testing.customer(session, "1001")
        plan = money_testing.plan(session, 3000)
        service = customer_money.start_service(
            session,
            actor,
            customer.id,
            choice=Choice(plan.id, bill_day=min(TODAY.day, 28)),
            starts_on=TODAY,
            today=TODAY,
            terms=Terms(14),
        )
        money_testing.charge(session, customer.account_id, 3000, due_on=TODAY - timedelta(days=10))
        suspensions.place(session, [service.id], LockReason.DEBT, owner="cutoff", today=TODAY)
        balance = session.get_one(Account, customer.account_id, populate_existing=True).balance_minor
    return {"id": customer.id, "service": service.id, "account": customer.account_id, "owed": -balance}


def hidden(page, name):
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page.text)
    assert found, page.text[:3000]
    return found.group(1)


def newest(database, owing):
    with database.reading() as session:
        return session.scalars(
            select(LedgerEntry)
            .where(LedgerEntry.account_id == owing["account"])
            .order_by(LedgerEntry.id.desc())
            .limit(1)
        ).one()


def wanted(database, owing):
    with database.reading() as session:
        return session.get_one(SubscriptionAccess, owing["service"]).wanted


def actions(database, owing):
    with database.reading() as session:
        return session.scalars(
            select(AuditEvent.action).where(AuditEvent.customer_id == owing["id"]).order_by(AuditEvent.id)
        ).all()


def url(owing, rest=""):
    return f"/customers/{owing['id']}/money{rest}"


def test_the_statement_shows_the_debt_the_lock_and_the_running_balance(sign_in_as, owing):
    page = sign_in_as("billing").get(url(owing))
    assert page.status_code == 200
    assert "past due since" in page.text
    assert "cutoff" in page.text
    assert "Pay back" in page.text
    assert sign_in_as("billing").get("/customers/999999/money").status_code == 404


def test_the_noc_sees_the_statement_without_the_buttons_of_money(sign_in_as, owing):
    page = sign_in_as("noc").get(url(owing))
    assert page.status_code == 200
    assert "Pay back" not in page.text
    assert "/reverse" not in page.text


def test_the_statement_goes_on_where_the_page_ended(sign_in_as, database, owing):
    with database.transaction() as session:
        for number in range(60):
            money_testing.pay(session, owing["account"], number + 1)
    browser = sign_in_as("billing")
    first = browser.get(url(owing))
    after = re.search(r"after=([\w-]+)", first.text).group(1)
    rest = browser.fragment(url(owing, f"?after={after}"))
    assert rest.text.count("<tr") == 1 + 12
    assert "after=" not in rest.text
    assert browser.get(url(owing, "?after=nonsense")).status_code == 200


def payment(page, **changes):
    fields = {
        "key": hidden(page, "key"),
        "amount": "30.00",
        "method": "bank",
        "dated_on": TODAY.isoformat(),
        "reference": "R-77",
    }
    return {**fields, **changes}


def test_a_payment_is_booked_audited_and_opens_the_line(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    page = browser.get(url(owing, "/payment"))
    assert "Record the payment" in page.text
    answer = browser.post(url(owing, "/payment"), data=payment(page, amount="60,00"))
    assert answer.status_code == 422  # in English a comma groups thousands
    answer = browser.post(url(owing, "/payment"), data=payment(page))
    assert answer.status_code == 303
    entry = newest(database, owing)
    assert (entry.kind, entry.amount_minor, entry.method) == (EntryKind.PAYMENT, 3000, Method.BANK)
    assert (entry.reference, entry.author) == ("R-77", "Billing Person")
    assert wanted(database, owing) is AccessState.OPEN
    assert actions(database, owing)[-1] == "payment.received"
    assert "The line is being opened" in browser.get(answer.location).text


def test_a_payment_sent_twice_is_booked_once(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    fields = payment(browser.get(url(owing, "/payment")))
    assert [browser.post(url(owing, "/payment"), data=fields).status_code for _ in range(2)] == [303, 303]
    with database.reading() as session:
        count = select(func.count()).where(LedgerEntry.kind == "payment")
        assert session.scalar(count) == 1
    assert actions(database, owing).count("payment.received") == 1
    assert "booked already" in browser.get(url(owing)).text
    assert browser.post(url(owing, "/payment"), data={**fields, "amount": "31"}).status_code == 409


def test_the_same_sum_and_reference_is_booked_again_only_when_that_is_meant(sign_in_as, database, owing):
    browser, path = sign_in_as("billing"), url(owing, "/payment")
    for _ in range(2):
        answer = browser.post(path, data=payment(browser.get(path)))
    assert (answer.status_code, "is booked already, on" in answer.text) == (422, True)
    assert browser.post(path, data=payment(answer, again="y")).status_code == 303
    assert actions(database, owing).count("payment.received") == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "-5"}, "above zero"),
        ({"amount": "1.234"}, "2 decimal places"),
        ({"amount": ""}, "Must be filled in"),
        ({"dated_on": (TODAY + timedelta(days=2)).isoformat()}, "not be after today"),
        ({"method": "shells"}, "Not a valid choice"),
    ],
)
def test_a_wrong_payment_comes_back_with_the_fault_at_its_field(sign_in_as, owing, changes, words):
    browser = sign_in_as("billing")
    fields = payment(browser.get(url(owing, "/payment")), **changes)
    answer = browser.fragment(url(owing, "/payment"), method="POST", data=fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert fields["key"] in answer.text


def test_one_confirmed_click_pays_the_debt_back_once(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    page = browser.get(url(owing))
    fields = {
        "key": hidden(page, "key"),
        "expected_minor": hidden(page, "expected_minor"),
        "kind": "cash",
        "method": "cash",
    }
    assert fields["expected_minor"] == str(owing["owed"])
    for _ in range(2):
        assert browser.post(url(owing, "/payback"), data=fields).status_code == 303
    assert newest(database, owing).balance_after_minor == 0
    assert actions(database, owing).count("debt.cash") == 1
    assert wanted(database, owing) is AccessState.OPEN
    assert "Nothing is owed" in browser.get(url(owing, "/payback")).text


def test_a_debt_can_be_written_off_and_a_changed_one_is_not(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    page = browser.get(url(owing, "/payback"))
    fields = {"key": hidden(page, "key"), "expected_minor": "1", "kind": "writeoff", "method": "cash"}
    assert browser.post(url(owing, "/payback"), data=fields).status_code == 409
    anew = browser.post(url(owing, "/payback"), data={**fields, "expected_minor": "-5"})
    assert (anew.status_code, "look at the new sum" in anew.text) == (409, True)
    fields["expected_minor"] = hidden(anew, "expected_minor")
    assert browser.post(url(owing, "/payback"), data=fields).status_code == 303
    assert newest(database, owing).kind is EntryKind.WRITEOFF


def test_an_entry_is_undone_with_a_reason_and_once(sign_in_as, database, owing):
    browser = sign_in_as("accountant")
    entry = newest(database, owing)
    assert "counter entry" in browser.get(f"/ledger/{entry.id}/reverse").text
    assert browser.post(f"/ledger/{entry.id}/reverse", data={"reason": ""}).status_code == 422
    answer = browser.post(f"/ledger/{entry.id}/reverse", data={"reason": "our fault"})
    assert answer.status_code == 303
    assert newest(database, owing).reverses_id == entry.id
    assert actions(database, owing)[-1] == "entry.reversed"
    assert wanted(database, owing) is AccessState.OPEN
    assert browser.post(f"/ledger/{entry.id}/reverse", data={"reason": "again"}).status_code == 409
    assert browser.get("/ledger/999999/reverse").status_code == 404
    assert "undone" in browser.get(url(owing)).text


def test_a_promise_opens_the_line_and_can_be_taken_back(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    assert "At the latest" in browser.get(url(owing, "/promise")).text
    late = (TODAY + timedelta(days=90)).isoformat()
    refused = browser.post(url(owing, "/promise"), data={"until": late})
    assert refused.status_code == 422
    assert "14 days ahead" in refused.text
    until = (TODAY + timedelta(days=3)).isoformat()
    answer = browser.post(url(owing, "/promise"), data={"until": until, "note": "called"})
    assert answer.status_code == 303
    assert wanted(database, owing) is AccessState.OPEN
    page = browser.get(url(owing))
    assert "Promised to pay €60.00 until" in page.text
    promise_id = re.search(r"/promises/(\d+)/withdraw", page.text).group(1)
    assert browser.post(f"/promises/{promise_id}/withdraw").status_code == 303
    assert actions(database, owing)[-2:] == ["promise.made", "promise.withdrawn"]
    assert PromiseStatus.WITHDRAWN.value in browser.get(url(owing)).text
    assert browser.post(f"/promises/{promise_id}/withdraw").status_code == 409


def test_a_manual_lock_stays_whatever_is_paid_and_only_a_hand_lifts_it(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    path = f"/services/{owing['service']}/suspend"
    assert "by hand" in browser.get(path).text
    assert browser.post(path, data={"note": ""}).status_code == 422
    assert browser.post(path, data={"note": "spam"}).status_code == 303
    assert browser.post(path, data={"note": "spam"}).status_code == 409
    with database.transaction() as session:
        customer_money.receive(
            session,
            testing.person(session),
            owing["id"],
            customer_money.hold(session, owing["id"]),
            owing["owed"],
            method=Method.CASH,
            dated_on=TODAY,
            reference="",
            idempotency_key="till",
            today=TODAY,
            rules=money_testing.RULES,
        )
    assert wanted(database, owing) is AccessState.CLOSED
    assert "spam" in browser.get(url(owing)).text
    let_in = f"/services/{owing['service']}/let-in"
    by_hand = {"reason": "manual"}
    assert browser.post(let_in).status_code == 422
    assert browser.post(let_in, data=by_hand).status_code == 303
    assert wanted(database, owing) is AccessState.OPEN
    assert browser.post(let_in, data=by_hand).status_code == 409
    assert {"service.suspended", "service.let_in"} <= set(actions(database, owing))


def test_adding_a_service_shows_the_first_charge_before_and_makes_it(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    path = f"/customers/{owing['id']}/services"
    with database.transaction() as session:
        plan_id = money_testing.plan(session, 1200).id
    assert "Charged at once" in browser.get(f"{path}/new").text
    choice = {"plan": plan_id, "quantity": "1", "starts_on": TODAY.isoformat()}
    choice["bill_day"] = str(min(TODAY.day, 28))
    shown = browser.fragment(f"{path}/first-charge", query_string={**choice, "price": "7.50"})
    assert "€7.50" in shown.text or TODAY.day > 28
    later = {**choice, "starts_on": "nonsense"}
    assert "Fill in the rest" in browser.fragment(f"{path}/first-charge", query_string=later).text
    assert browser.post(f"{path}/new", data={**choice, "price": "-1"}).status_code == 422
    answer = browser.post(f"{path}/new", data={**choice, "price": "7.50"})
    assert answer.status_code == 303
    assert newest(database, owing).description == "Plan 1200 EUR"
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Line.customer_id == owing["id"])) == 2
    assert actions(database, owing)[-2:] == ["service.started", "line.attached"]


def test_a_service_is_changed_and_ended(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    path = f"/services/{owing['service']}"
    with database.transaction() as session:
        dearer = money_testing.plan(session, 6000).id
    assert browser.get(f"{path}/change").status_code == 200
    assert browser.post(f"{path}/change", data={"plan": "0"}).status_code == 422
    terms = {"quantity": "1", "starts_on": TODAY.isoformat(), "bill_day": str(min(TODAY.day, 28))}
    assert browser.post(f"{path}/change", data={"plan": dearer, **terms}).status_code == 303
    assert browser.get(f"{path}/end").status_code == 200
    early = (TODAY - timedelta(days=30)).isoformat()
    assert browser.post(f"{path}/end", data={"ends_on": early}).status_code == 422
    assert browser.post(f"{path}/end", data={"ends_on": TODAY.isoformat()}).status_code == 303
    assert actions(database, owing)[-2:] == ["service.changed", "service.ended"]
    with database.reading() as session:
        service = subscriptions.get(session, owing["service"])
        assert (service.plan_id, service.ends_on) == (dearer, TODAY)
    assert browser.get("/services/999999/end").status_code == 404


def test_an_act_shows_its_effect_before_and_what_is_to_come_is_taken_back(sign_in_as, database, owing):
    browser, path = sign_in_as("billing"), f"/services/{owing['service']}"
    with database.transaction() as session:
        plan = plans.create(session, name="Weekly", price_minor=900, currency="EUR", period=PeriodKind.WEEK)
        dearer = money_testing.plan(session, 6000).id
    later = (TODAY + timedelta(days=3)).isoformat()
    choice = {"plan": dearer, "quantity": "1", "starts_on": TODAY.isoformat()}
    choice["bill_day"] = str(min(TODAY.day, 28))
    shown = browser.fragment(f"{path}/change/effect", query_string={**choice, "shown_period": "month"}).text
    assert "€60.00" in shown
    assert "bill-fields" not in shown
    weekly = {**choice, "plan": plan.id, "shown_period": "month"}
    assert 'name="weekday"' in browser.fragment(f"{path}/change/effect", query_string=weekly).text
    end = browser.fragment(f"{path}/end/effect", query_string={"ends_on": TODAY.isoformat()}).text
    assert "Next bill" in end
    assert "Fill in the rest" in browser.fragment(f"{path}/end/effect", query_string={"ends_on": "x"}).text
    freeze = {"reason": "freeze", "from_on": later, "billing": "part", "percent": "30", "note": "holiday"}
    assert "Next bill" in browser.fragment(f"{path}/suspend/effect", query_string=freeze).text
    assert browser.post(f"{path}/suspend", data={**freeze, "percent": ""}).status_code == 422
    assert browser.post(f"{path}/suspend", data=freeze).status_code == 303
    assert browser.post(f"{path}/change", data={**choice, "starts_on": later}).status_code == 303
    page = browser.get(url(owing)).text
    assert "billed at 30 %" in page
    forget = re.search(r"/suspensions/\d+/forget", page).group()
    assert f"{path}/change/{later}/forget" in page
    for act in (forget, f"{path}/change/{later}/forget"):
        assert browser.post(act).status_code == 303
    assert browser.post(f"{path}/change/nonsense/forget").status_code == 404
    assert "billed at 30 %" not in browser.get(url(owing)).text
    now = {**freeze, "from_on": "", "billing": "none"}
    assert browser.post(f"{path}/suspend", data=now).status_code == 303
    assert newest(database, owing).amount_minor > 0
    assert "End the freeze" in browser.get(url(owing)).text
    assert browser.post(f"{path}/let-in", data={"reason": "debt"}).status_code == 422
    assert browser.post(f"{path}/let-in", data={"reason": "freeze"}).status_code == 303


def test_terms_need_a_reason_to_spare_a_debtor_for_ever(sign_in_as, database, owing):
    browser = sign_in_as("billing")
    path = url(owing, "/terms")
    assert browser.get(path).status_code == 200
    fields = {"grace_days": "30", "payment_days": "", "is_never_cut": "y", "never_cut_note": ""}
    assert browser.post(path, data=fields).status_code == 422
    assert browser.post(path, data={**fields, "never_cut_note": "hospital"}).status_code == 303
    assert "hospital" in browser.get(url(owing)).text
    assert browser.post(path, data={**fields, "never_cut_note": "hospital"}).status_code == 303
    assert actions(database, owing).count("account.terms") == 1
    with database.reading() as session:
        account = session.get_one(Account, owing["account"])
        assert (account.grace_days, account.is_never_cut, account.payment_days) == (30, True, None)


def test_an_account_without_customer_cannot_be_handled_at_a_till(database):
    with database.transaction() as session:
        made = money_testing.subscriber(session, starts_on=TODAY)
        with pytest.raises(Exception, match="belongs to no customer"):
            customer_money.end_service(
                session,
                testing.person(session),
                made.subscription_id,
                ends_on=TODAY,
                today=TODAY,
                terms=Terms(14),
            )
        assert session.scalar(select(func.count()).select_from(Customer)) == 0


def test_what_if_tells_what_reconnects_and_what_an_act_would_change_and_does_nothing(
    sign_in_as, database, owing
):
    browser = sign_in_as("billing")
    line = browser.fragment(url(owing, "/what-if?line=yes"))
    assert "reconnects now" in line.text
    paid = browser.fragment(url(owing, "/what-if?pay=60.00"))
    assert "the line opens" in paid.text
    assert "the line opens" not in browser.fragment(url(owing, "/what-if?pay=0.01")).text
    refused = browser.fragment(url(owing, f"/what-if?until={TODAY + timedelta(days=99)}"))
    assert "days ahead, not more" in refused.text
    assert browser.fragment(url(owing, "/what-if?pay=nonsense")).status_code == 200
    assert newest(database, owing).kind is EntryKind.CHARGE
    assert wanted(database, owing) is AccessState.CLOSED
