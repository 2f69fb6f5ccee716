"""Money given back and moved: entries that belong together, undone together; by hand and from a browser."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from billing import accounts, debt, ledger, payments, testing, transfers
from billing.models import Account, EntryKind, LedgerEntry, Method
from core import errors
from registry import testing as people
from registry.models import AuditEvent

TODAY = date(2026, 11, 25)


def refund(session, account_id, minor, key="r1"):
    return transfers.refund(
        session,
        account_id,
        minor,
        method=Method.BANK,
        dated_on=TODAY,
        idempotency_key=key,
        author=testing.AUTHOR,
        today=TODAY,
    )


def move(session, giver, taker, minor, key="t1", **more):
    terms = testing.act(TODAY).terms
    return transfers.transfer(
        session,
        giver,
        taker,
        minor,
        dated_on=TODAY,
        idempotency_key=key,
        author=testing.AUTHOR,
        terms=terms,
        **more,
    )


def owe(session, account_id, minor):
    kind = EntryKind.CHARGE
    ledger.post(session, account_id, kind, -minor, dated_on=TODAY, due_on=TODAY, author=testing.AUTHOR)


def pair(session):
    first, second = (accounts.open_account(session, currency="EUR") for _ in range(2))
    return first.id, second.id


def balances(session, *ids):
    session.expire_all()
    return [session.get_one(Account, account_id).balance_minor for account_id in ids]


def undo(session, entry_id):
    return payments.reverse(
        session, entry_id, author=testing.AUTHOR, reason="wrong", today=TODAY, rules=testing.RULES
    )


def test_only_what_stands_to_the_credit_is_given_back_and_once(session):
    giver, _ = pair(session)
    testing.pay(session, giver, 5000)
    with pytest.raises(errors.Invalid):
        refund(session, giver, 5001)
    first, again = refund(session, giver, 5000), refund(session, giver, 5000)
    assert (first.entry.kind, first.entry.amount_minor) == (EntryKind.REFUND, -5000)
    assert (again.entry.id, again.is_new) == (first.entry.id, False)
    assert balances(session, giver) == [0]
    with pytest.raises(errors.Invalid):
        refund(session, giver, 0, key="r2")


def test_a_transfer_is_two_entries_that_name_each_other_and_are_undone_together(session):
    giver, taker = pair(session)
    testing.pay(session, giver, 5000)
    left, came = move(session, giver, taker, 3000)
    assert came.entry.counterpart_id == left.entry.id
    assert transfers.other_half(session, left.entry.id) is came.entry
    assert transfers.other_half(session, came.entry.id) is left.entry
    assert [half.is_new for half in move(session, giver, taker, 3000)] == [False, False]
    assert balances(session, giver, taker) == [2000, 3000]
    undone = undo(session, came.entry.id)
    assert {undone.entry.reverses_id, undone.mate.reverses_id} == {left.entry.id, came.entry.id}
    assert balances(session, giver, taker) == [5000, 0]
    with pytest.raises(errors.Conflict):
        undo(session, left.entry.id)
    assert ledger.verify(session) == []


def test_money_moves_neither_to_the_same_account_nor_to_another_currency(session):
    giver, _ = pair(session)
    abroad = accounts.open_account(session, currency="UAH")
    for taker in (giver, abroad.id):
        with pytest.raises(errors.Invalid):
            move(session, giver, taker, 100)


def test_transfers_both_ways_at_once_neither_wait_for_ever_nor_lose_a_cent(fresh_database):
    with fresh_database.transaction() as session:
        ids = pair(session)

    def one(number):
        giver, taker = ids if number % 2 else ids[::-1]
        with fresh_database.transaction() as session:
            move(session, giver, taker, 100 + number, key=f"t{number}", may_owe=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(24)))
    with fresh_database.reading() as session:
        assert ledger.verify(session) == []
        assert session.scalar(select(func.sum(LedgerEntry.amount_minor))) == 0
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 48


@pytest.fixture
def customers(database):
    with database.transaction() as session:
        giver, taker = people.customer(session, "1001"), people.customer(session, "1002")
        testing.pay(session, giver.account_id, 5000)
        return giver, taker


def test_both_are_looked_at_twice_and_then_booked_once(sign_in_as, database, customers):
    giver, taker = customers
    browser = sign_in_as("billing")
    url = f"/customers/{giver.id}/money/transfer"
    key = re.search(r'name="key"[^>]*value="([^"]+)"', browser.get(url).text).group(1)
    fields = {"key": key, "to": "1002", "amount": "12.50", "note": "wrong number"}
    assert browser.post(url, data={**fields, "to": "7777"}).status_code == 422
    look = browser.post(url, data=fields)
    assert look.status_code == 200
    assert "€12.50" in look.text
    assert taker.number in look.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(LedgerEntry.kind == "transfer")) == 0
    for _ in range(2):
        assert browser.post(url, data={**fields, "confirmed": "yes"}).status_code == 303
    url = f"/customers/{giver.id}/money/refund"
    key = re.search(r'name="key"[^>]*value="([^"]+)"', browser.get(url).text).group(1)
    fields = {"key": key, "amount": "40", "method": "cash", "dated_on": "2026-01-01"}
    assert browser.post(url, data=fields).status_code == 422
    fields["amount"] = "37.50"
    assert browser.post(url, data=fields).status_code == 200
    for _ in range(2):
        assert browser.post(url, data={**fields, "confirmed": "yes"}).status_code == 303
    with database.reading() as session:
        kinds = session.execute(
            select(LedgerEntry.kind, LedgerEntry.account_id, LedgerEntry.amount_minor)
            .where(LedgerEntry.kind != "payment")
            .order_by(LedgerEntry.id)
        ).all()
        told = session.execute(select(AuditEvent.customer_id, AuditEvent.action)).all()
    assert kinds == [
        ("transfer", giver.account_id, -1250),
        ("transfer", taker.account_id, 1250),
        ("refund", giver.account_id, -3750),
    ]
    assert {(giver.id, "payment.moved_out"), (taker.id, "payment.moved_in")} <= set(told)
    assert (giver.id, "payment.refunded") in told
    with database.reading() as session:
        came = session.scalars(select(LedgerEntry).where(LedgerEntry.counterpart_id.is_not(None))).one()
    shown = browser.get(f"/ledger/{came.id}").text
    assert giver.number in shown  # the other half
    assert "still free" in shown
    assert "Moved to customer 1002" in browser.get(f"/customers/{giver.id}/money").text


def test_no_more_is_moved_than_the_credit_or_a_payment_that_is_named(session):
    giver, taker = pair(session)
    testing.pay(session, giver, 3000)
    paid = session.scalars(select(LedgerEntry.id).where(LedgerEntry.account_id == giver)).one()
    owe(session, giver, 5000)
    for too_much in (1, 10_000_000):
        with pytest.raises(errors.Invalid) as refused:
            move(session, giver, taker, too_much)
        assert "amount" in refused.value.fields
    with pytest.raises(errors.Invalid):
        move(session, giver, taker, 3001, payment_id=paid)
    move(session, giver, taker, 2000, payment_id=paid)
    with pytest.raises(errors.Invalid):
        move(session, giver, taker, 1001, key="t2", payment_id=paid)
    left, _ = move(session, giver, taker, 1000, key="t3", payment_id=paid)
    assert move(session, giver, taker, 1000, key="t3", payment_id=paid)[0].entry.id == left.entry.id
    undo(session, left.entry.id)
    move(session, giver, taker, 1000, key="t4", payment_id=paid)
    assert balances(session, giver, taker) == [-5000, 3000]
    move(session, giver, taker, 700, key="t5", may_owe=True)
    assert balances(session, giver, taker) == [-5700, 3700]


def test_a_debt_that_is_moved_falls_due_as_a_charge_does_and_what_a_moved_payment_paid_by_its_own_date(
    session,
):
    giver, taker = pair(session)
    testing.pay(session, giver, 1000)
    accounts.set_terms(
        session, giver, payment_days=10, grace_days=None, is_never_cut=False, never_cut_note="", group_id=None
    )
    due_on = TODAY + timedelta(days=10)
    left, came = move(session, giver, taker, 3000, may_owe=True)
    assert (left.entry.due_on, came.entry.due_on) == (due_on, None)
    assert not move(session, giver, taker, 3000, may_owe=True)[0].is_new

    def late(days, account_id=giver):
        found = debt.of(session, account_id, today=TODAY + timedelta(days=days))
        return found.overdue_minor, found.oldest_due_on

    assert [late(days) for days in (0, 10, 11)] == [(0, due_on), (0, due_on), (2000, due_on)]
    undo(session, left.entry.id)
    assert late(11) == (0, None)
    move(session, giver, taker, 1000, key="t2")  # all of the credit, and no more: nothing is owed
    assert (
        session.scalars(select(LedgerEntry.due_on).where(LedgerEntry.idempotency_key == "t2")).one() is None
    )

    other, _ = pair(session)
    owe(session, other, 3000)
    testing.pay(session, other, 3000)
    paid = session.scalars(
        select(LedgerEntry.id).where(LedgerEntry.account_id == other, LedgerEntry.amount_minor > 0)
    ).one()
    move(session, other, taker, 3000, key="t3", payment_id=paid)
    assert late(1, other) == (3000, TODAY)


def test_a_payment_given_back_or_undone_or_of_another_is_not_moved(session):
    giver, taker = pair(session)
    testing.pay(session, giver, 3000)
    paid = session.scalars(select(LedgerEntry.id).where(LedgerEntry.account_id == giver)).one()
    refund(session, giver, 3000)
    with pytest.raises(errors.Invalid):
        move(session, giver, taker, 3000, payment_id=paid)
    with pytest.raises(errors.Invalid) as refused:
        move(session, taker, giver, 3000, payment_id=paid)
    assert "payment" in refused.value.fields
    undo(session, paid)
    with pytest.raises(errors.Invalid) as refused:
        move(session, giver, taker, 3000, payment_id=paid)
    assert "payment" in refused.value.fields


def test_the_second_look_shows_both_balances_and_the_desk_moves_no_debt(sign_in_as, database, customers):
    giver, taker = customers
    with database.transaction() as session:
        owe(session, giver.account_id, 4000)
        paid = session.scalars(select(LedgerEntry.id).where(LedgerEntry.kind == "payment")).one()
    browser, url = sign_in_as("billing"), f"/customers/{giver.id}/money/transfer"
    opened = browser.get(f"/ledger/{paid}").text
    assert f"{url}?payment={paid}" in opened
    page = browser.get(f"{url}?payment={paid}").text
    assert re.search(rf'<option selected value="{paid}">', page)
    key = re.search(r'name="key"[^>]*value="([^"]+)"', page).group(1)
    fields = {"key": key, "to": "1002", "amount": "50.00", "payment": ""}
    for more in ({}, {"confirmed": "yes"}):
        refused = browser.post(url, data=fields | more)
        assert refused.status_code == 422
        assert "payment that is named" in refused.text
    look = browser.post(url, data=fields | {"payment": paid})
    assert look.status_code == 200
    assert "-€40.00" in look.text
    assert f"balance of {taker.name} afterwards" in look.text
    assert browser.post(url, data=fields | {"payment": paid, "confirmed": "yes"}).status_code == 303
    with database.reading() as session:
        assert balances(session, giver.account_id, taker.account_id) == [-4000, 5000]
    chief = sign_in_as("accountant")
    key = re.search(r'name="key"[^>]*value="([^"]+)"', chief.get(url).text).group(1)
    fields |= {"key": key, "amount": "1.00"}
    assert chief.post(url, data=fields).status_code == 200
