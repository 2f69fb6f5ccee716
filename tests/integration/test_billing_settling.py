"""Settling beside what people do by hand: nothing is given back twice, and no terms are lost."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from billing import (
    accounts,
    charge_runs,
    charges,
    document_acts,
    freezes,
    ledger,
    liabilities,
    payments,
    plans,
    subscriptions,
    testing,
)
from billing.models import (
    Account,
    Document,
    Documented,
    DocumentKind,
    LedgerEntry,
    LockReason,
    Payer,
    Seller,
)
from billing.rules import DAY
from billing.subscriptions import Choice
from core import errors

FIRST = date(2026, 11, 1)
MIDDLE = date(2026, 11, 16)
DECEMBER = date(2026, 12, 1)


def customer(session, documented=Documented.INVOICE):
    """A customer with a month of 3000 charged on the first."""
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    payer = Payer(name="Olha")
    session.add(payer)
    session.flush()
    account = accounts.open_account(session, currency="EUR")
    account.payer_id, account.documented = payer.id, documented
    session.flush()
    return add(session, account.id)


def add(session, account_id, price=3000):
    choice = Choice(testing.plan(session, price).id)
    made = subscriptions.start(session, account_id, testing.act(FIRST), choice=choice, starts_on=FIRST)
    return testing.Sample(account_id, made.id)


def balance(session, made):
    return session.get_one(Account, made.account_id, populate_existing=True).balance_minor


def entries(session, made):
    query = select(LedgerEntry).where(LedgerEntry.account_id == made.account_id).order_by(LedgerEntry.id)
    return session.scalars(query).all()


def freeze(session, made, on=MIDDLE, percent=0):
    agreed = freezes.Agreed(LockReason.FREEZE, on, None, percent, "away")
    freezes.agree(session, made.subscription_id, testing.act(on), agreed)


def undo(session, entry, on=MIDDLE):
    payments.reverse(session, entry.id, author=testing.AUTHOR, reason="wrong", today=on, rules=testing.RULES)


def credit(session, made, minor, position=1, on=FIRST):
    query = select(Document.id).where(
        Document.account_id == made.account_id, Document.kind == DocumentKind.INVOICE
    )
    invoice = session.scalars(query.order_by(Document.id)).first()
    return document_acts.credit(
        session,
        invoice,
        {position: minor},
        on=on,
        author=testing.AUTHOR,
        reason="outage",
        idempotency_key=None,
    )


@pytest.mark.parametrize("documented", list(Documented))
def test_a_charge_whose_days_were_given_back_cannot_be_undone_beside_it(session, documented):
    made = customer(session, documented)
    freeze(session, made)
    charge, given = entries(session, made)
    assert (charge.amount_minor, given.amount_minor) == (-3000, 1500)
    with pytest.raises(errors.Conflict):
        undo(session, charge)
    assert balance(session, made) == -1500


def test_without_an_invoice_what_was_settled_is_undone_first_and_then_the_charge(session):
    made = customer(session, Documented.NONE)
    freeze(session, made)
    charge, given = entries(session, made)
    undo(session, given)
    undo(session, charge)
    assert balance(session, made) == 0


def test_what_a_credit_that_was_undone_left_standing_is_not_asked_again_when_the_freeze_is_lifted(session):
    made = customer(session)
    freeze(session, made)
    undo(session, entries(session, made)[-1])
    freezes.lift(session, made.subscription_id, testing.act(date(2026, 11, 20)), LockReason.FREEZE)
    assert balance(session, made) == -3000


def test_a_further_charge_that_was_undone_is_not_given_back_when_the_days_end_again(session):
    made = customer(session)
    act, twentieth = testing.act(date(2026, 11, 10)), date(2026, 11, 20)
    for ends_on in (twentieth, None):
        subscriptions.end(session, made.subscription_id, act, ends_on=ends_on)
    undo(session, entries(session, made)[-1])
    for ends_on, left in ((twentieth, -2000), (date(2026, 11, 15), -1500), (None, -2000)):
        subscriptions.end(session, made.subscription_id, act, ends_on=ends_on)
        assert balance(session, made) == left


def test_days_of_a_freeze_that_a_person_left_unasked_are_not_given_back_by_an_end(session):
    made = customer(session)
    freeze(session, made, on=date(2026, 11, 11))
    freezes.lift(session, made.subscription_id, testing.act(MIDDLE), LockReason.FREEZE)
    undo(session, entries(session, made)[-1])
    assert balance(session, made) == -1000
    subscriptions.end(
        session, made.subscription_id, testing.act(date(2026, 11, 21)), ends_on=date(2026, 11, 20)
    )
    assert balance(session, made) == -1000


@pytest.mark.parametrize("documented", list(Documented))
def test_a_charge_of_which_more_was_asked_since_cannot_be_undone_beside_it(session, documented):
    made = customer(session, documented)
    freeze(session, made, FIRST, percent=50)
    charges.run(session, testing.act(DECEMBER))
    freezes.lift(session, made.subscription_id, testing.act(DECEMBER), LockReason.FREEZE)
    charge, more = entries(session, made)[-2:]
    assert (charge.amount_minor, more.amount_minor) == (-1500, -1500)
    before = balance(session, made)
    with pytest.raises(errors.Conflict):
        undo(session, charge, DECEMBER)
    assert balance(session, made) == before
    undo(session, more, DECEMBER)
    undo(session, charge, DECEMBER)
    assert balance(session, made) == before + 3000


def test_of_two_charges_on_one_invoice_the_one_given_back_in_part_cannot_be_undone(session):
    made = customer(session, Documented.NONE)
    add(session, made.account_id)
    first, second = entries(session, made)
    document_acts.issue(
        session,
        made.account_id,
        [first.id, second.id],
        kind=DocumentKind.INVOICE,
        on=FIRST,
        author=testing.AUTHOR,
        idempotency_key=None,
    )
    freeze(session, made)
    with pytest.raises(errors.Conflict):
        undo(session, first)
    undo(session, second)
    assert balance(session, made) == -1500


@pytest.mark.parametrize(("minor", "given"), [(3000, []), (2000, [1000]), (1000, [1500]), (1, [1500])])
def test_settling_gives_back_no_more_than_credit_notes_left_of_the_line(session, minor, given):
    made = customer(session)
    credit(session, made, minor)
    act = testing.act(MIDDLE)
    last = MIDDLE - DAY
    back = subscriptions.end(session, made.subscription_id, act, ends_on=last)
    assert [entry.amount_minor for entry in back] == given
    assert balance(session, made) == -3000 + minor + sum(given)
    assert charges.run(session, testing.act(DECEMBER)).entries == 0
    notes = session.scalars(select(Document.gross_minor).where(Document.kind == DocumentKind.CREDIT_NOTE))
    assert sum(notes) == -minor - sum(given)


def test_a_credit_by_hand_after_settling_gives_back_only_what_is_left_of_the_line(session):
    made = customer(session)
    freeze(session, made)
    with pytest.raises(errors.Invalid):
        credit(session, made, 1501, on=MIDDLE)
    credit(session, made, 1500, on=MIDDLE)
    assert balance(session, made) == 0


def test_a_change_there_and_a_planned_change_back_both_hold(session):
    made = customer(session)
    cheap = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
    dear = replace(cheap, plan_id=testing.plan(session, 6000).id)
    act = testing.act(FIRST)
    subscriptions.change(session, made.subscription_id, act, choice=dear, on=DECEMBER)
    subscriptions.change(session, made.subscription_id, act, choice=cheap, on=date(2027, 1, 1))
    assert len(subscriptions.planned(session, made.account_id)) == 2
    for on in (DECEMBER, date(2027, 1, 1)):
        subscriptions.apply_planned(session, testing.act(on))
        charges.run(session, testing.act(on))
    assert [entry.amount_minor for entry in entries(session, made)] == [-3000, -6000, -3000]


def test_terms_planned_are_taken_back_by_agreeing_on_those_before_them(session):
    made = customer(session)
    cheap = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
    dear = replace(cheap, plan_id=testing.plan(session, 6000).id)
    act = testing.act(FIRST)
    subscriptions.change(session, made.subscription_id, act, choice=dear, on=MIDDLE)
    assert subscriptions.change(session, made.subscription_id, act, choice=cheap, on=MIDDLE) == []
    assert subscriptions.planned(session, made.account_id) == []


def test_a_change_today_comes_after_terms_whose_night_was_missed(session):
    made = customer(session)
    agreed = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
    planned, newest = (replace(agreed, plan_id=testing.plan(session, price).id) for price in (6000, 9000))
    subscriptions.change(
        session, made.subscription_id, testing.act(FIRST), choice=planned, on=date(2026, 11, 11)
    )
    act = testing.act(date(2026, 11, 21))
    subscriptions.change(session, made.subscription_id, act, choice=newest)
    subscriptions.apply_planned(session, act)
    charges.run(session, act)
    assert subscriptions.get(session, made.subscription_id).plan_id == newest.plan_id
    assert balance(session, made) == -(1000 + 2000 + 3000)


def test_a_run_by_hand_lets_terms_hold_whose_day_has_come_and_counts_their_charges(database):
    with database.transaction() as session:
        made = customer(session, Documented.NONE)
        agreed = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
        dear = replace(agreed, plan_id=testing.plan(session, 6000).id)
        subscriptions.change(session, made.subscription_id, testing.act(FIRST), choice=dear, on=DECEMBER)
    kept = []
    shown = charge_runs.rehearse(database, testing.act(DECEMBER), keep=kept.extend)
    alone = charge_runs.rehearse(database, testing.act(DECEMBER), account_id=made.account_id)
    report = charge_runs.run(database, testing.act(DECEMBER))
    assert (report.entries, report.total_minor) == (1, 6000)
    assert shown == alone == report
    assert [one.minor for one in kept] == [6000]
    assert charge_runs.run(database, testing.act(DECEMBER)) == charges.ChargeReport()
    with database.reading() as session:
        assert [entry.amount_minor for entry in entries(session, made)] == [-3000, -6000]
        assert ledger.verify(session) == []


def test_a_liability_credited_by_hand_is_not_given_back_again(session):
    made = customer(session, Documented.INVOICE)
    owed = liabilities.Owed("Router", 900, plans.PeriodKind.ONCE, FIRST)
    rent = liabilities.add(session, made.account_id, testing.act(FIRST), owed)
    invoice = session.scalars(select(Document.id).order_by(Document.id.desc())).first()
    document_acts.credit(
        session, invoice, {1: 600}, on=FIRST, author=testing.AUTHOR, reason="dear", idempotency_key=None
    )
    (back,) = liabilities.take_back(session, rent.liability.id, testing.act(FIRST))
    assert back.amount_minor == 300
    assert balance(session, made) == -3000
