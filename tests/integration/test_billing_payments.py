"""Payments, payback, reversal and promises on PostgreSQL, with what they do to the line at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text

from billing import (
    accounts,
    debt,
    payments,
    promises,
    reconnect,
    subscriptions,
    suspensions,
    testing,
)
from billing.ledger import Author
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    LockReason,
    Method,
    Plan,
    Promise,
    PromiseStatus,
    SubscriptionAccess,
)
from billing.rules import Rules, Step
from core import errors

TODAY = date(2026, 11, 22)
RULES = Rules(grace_days=3, minimum_debt_minor=100)
OLHA = Author("Olha", 7)


def customer(session, *, charged=3000, starts_on=date(2026, 10, 1)):
    """Make an account with one running subscription, charged on its first day and due two weeks later."""
    account = accounts.open_account(session, currency="EUR")
    plan = Plan(name=f"Fibre {account.id}", price_minor=charged, currency="EUR")
    session.add(plan)
    session.flush()
    service = subscriptions.start(
        session,
        account.id,
        testing.act(starts_on, author=OLHA),
        choice=subscriptions.Choice(plan.id),
        starts_on=starts_on,
    )
    return account.id, service.id


def cut(session, service_id, reason=LockReason.DEBT):
    return suspensions.place(session, [service_id], reason, owner="cutoff", today=TODAY)


def pay(session, account_id, minor, **more):
    return payments.receive(
        session,
        account_id,
        minor,
        **{
            "method": Method.CASH,
            "dated_on": TODAY,
            "idempotency_key": None,
            "author": OLHA,
            "today": TODAY,
            "rules": RULES,
            **more,
        },
    )


def payback(session, account_id, expected, **more):
    return payments.payback(
        session,
        account_id,
        **{
            "kind": "cash",
            "method": Method.CASH,
            "expected_minor": expected,
            "idempotency_key": "form",
            "author": OLHA,
            "today": TODAY,
            "rules": RULES,
            **more,
        },
    )


def wanted(session, service_id):
    return session.get_one(SubscriptionAccess, service_id, populate_existing=True).wanted


def test_a_payment_lifts_the_debt_lock_at_once(session):
    account_id, service_id = customer(session)
    cut(session, service_id)
    assert wanted(session, service_id) is AccessState.CLOSED
    received = pay(session, account_id, 3000, reference=" R-1 ")
    assert received.reopened == (service_id,)
    assert received.entry.reference == "R-1"
    assert wanted(session, service_id) is AccessState.OPEN
    assert suspensions.standing(session, account_id) == []


def test_a_payment_that_leaves_less_than_the_minimum_is_enough(session):
    account_id, service_id = customer(session)
    cut(session, service_id)
    assert pay(session, account_id, 2900).reopened == ()
    assert pay(session, account_id, 1).reopened == (service_id,)


@pytest.mark.parametrize(
    ("minor", "is_strict", "expected"),
    [(3000, False, "slow"), (2900, False, "closed"), (3000, True, "closed"), (6000, True, "open")],
)
def test_a_part_brings_the_line_back_to_the_step_of_what_is_left(session, minor, is_strict, expected):
    account_id, service_id = customer(session)
    testing.charge(session, account_id, 3000, due_on=TODAY - timedelta(days=4 + 7))
    cut(session, service_id)
    steps = (Step(0, AccessState.NOTICE), Step(7, AccessState.SLOW), Step(14, AccessState.CLOSED))
    limits = replace(RULES, steps=steps, reconnects_at_zero=is_strict)
    paid = pay(session, account_id, minor, rules=limits)
    assert wanted(session, service_id) == expected
    assert bool(paid.reopened) == (expected != "closed")


def test_a_manual_lock_stays_when_the_debt_is_paid(session):
    account_id, service_id = customer(session)
    cut(session, service_id)
    cut(session, service_id, LockReason.MANUAL)
    assert pay(session, account_id, 3000).reopened == ()
    assert wanted(session, service_id) is AccessState.CLOSED
    assert [lock.reason for lock in suspensions.standing(session, account_id)] == [LockReason.MANUAL]


def test_a_payment_sent_twice_is_booked_once(session):
    account_id, _ = customer(session)
    first = pay(session, account_id, 1000, idempotency_key="bank-17")
    again = pay(session, account_id, 1000, idempotency_key="bank-17")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.entry.id == first.entry.id
    with pytest.raises(errors.Conflict):
        pay(session, account_id, 999, idempotency_key="bank-17")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"method": Method.NONE}, "method"),
        ({"dated_on": TODAY + timedelta(days=1)}, "dated_on"),
    ],
)
def test_a_payment_without_method_or_from_the_future_is_refused(session, change, field):
    account_id, _ = customer(session)
    with pytest.raises(errors.Invalid) as caught:
        pay(session, account_id, 1000, **change)
    assert field in caught.value.fields
    with pytest.raises(errors.Invalid) as caught:
        pay(session, account_id, 0)
    assert "amount" in caught.value.fields


def test_payback_sets_the_debt_to_zero_by_one_entry(session):
    account_id, service_id = customer(session)
    cut(session, service_id)
    first = payback(session, account_id, 3000)
    again = payback(session, account_id, 3000)
    assert first.reopened == (service_id,)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.entry.id == again.entry.id
    assert first.entry.kind is EntryKind.PAYMENT
    assert debt.of(session, account_id, today=TODAY).balance_minor == 0


def test_a_write_off_is_told_from_money(session):
    account_id, _ = customer(session)
    entry = payback(session, account_id, 3000, kind="writeoff").entry
    assert (entry.kind, entry.method) == (EntryKind.WRITEOFF, Method.NONE)


def test_payback_stops_when_the_debt_is_not_what_the_person_saw(session):
    account_id, _ = customer(session)
    with pytest.raises(errors.Conflict, match="changed"):
        payback(session, account_id, 2999)
    with pytest.raises(errors.Invalid):
        payback(session, account_id, 3000, method=Method.NONE)
    payback(session, account_id, 3000)
    with pytest.raises(errors.Conflict, match="Nothing is owed"):
        payback(session, account_id, 3000, idempotency_key="another form")
    with pytest.raises(errors.Conflict, match="another sum"):
        payback(session, account_id, 1)


def test_a_double_click_on_payback_by_eight_at_once_makes_one_entry(fresh_database):
    with fresh_database.transaction() as session:
        account_id, _ = customer(session)

    def click(number):
        try:
            with fresh_database.transaction() as session:
                key = "form" if number % 2 else f"form {number}"
                return payback(session, account_id, 3000, idempotency_key=key).entry.id
        except errors.Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(click, range(8))) - {None}
    assert len(made) == 1
    with fresh_database.reading() as session:
        assert session.get_one(Account, account_id).balance_minor == 0
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 2


def test_a_bounced_payment_cuts_nothing_by_itself(session):
    account_id, service_id = customer(session)
    cut(session, service_id)
    entry = pay(session, account_id, 3000).entry
    undone = payments.reverse(session, entry.id, author=OLHA, reason="bounced", today=TODAY, rules=RULES)
    assert undone.reopened == ()
    assert wanted(session, service_id) is AccessState.OPEN
    assert debt.of(session, account_id, today=TODAY, grace_days=3).overdue_minor == 3000


def test_a_charge_reversed_lets_the_line_in_again(session):
    _, service_id = customer(session)
    cut(session, service_id)
    entry = session.scalars(select(LedgerEntry)).one()
    undone = payments.reverse(session, entry.id, author=OLHA, reason="our fault", today=TODAY, rules=RULES)
    assert undone.reopened == (service_id,)


def test_a_reversal_sent_twice_lifts_once(session):
    _, service_id = customer(session)
    cut(session, service_id)
    entry = session.scalars(select(LedgerEntry)).one()
    arguments = {
        "author": OLHA,
        "reason": "our fault",
        "today": TODAY,
        "rules": RULES,
        "idempotency_key": "x",
    }
    first = payments.reverse(session, entry.id, **arguments)
    again = payments.reverse(session, entry.id, **arguments)
    assert (first.is_new, again.is_new) == (True, False)


def test_a_promise_lifts_the_debt_lock_at_once_and_is_kept_by_a_payment(session):
    account_id, service_id = customer(session)
    cut(session, service_id)
    made = promises.make(
        session,
        account_id,
        until=TODAY + timedelta(days=5),
        author=OLHA,
        today=TODAY,
        rules=RULES,
        note=" sms ",
    )
    assert made.reopened == (service_id,)
    assert made.promise.amount_minor == 3000
    assert made.promise.note == "sms"
    pay(session, account_id, 1000)
    assert promises.active(session, account_id) is not None
    pay(session, account_id, 2000)
    assert promises.active(session, account_id) is None
    assert made.promise.status is PromiseStatus.KEPT
    assert promises.history(session, account_id) == [made.promise]


def test_a_second_promise_waits_for_the_first_to_end(session):
    account_id, _ = customer(session)
    arguments = {"until": TODAY, "author": OLHA, "today": TODAY, "rules": RULES}
    first = promises.make(session, account_id, **arguments).promise
    with pytest.raises(errors.Conflict):
        promises.make(session, account_id, **arguments)
    promises.withdraw(session, first.id, author=OLHA, note="called off")
    assert first.status is PromiseStatus.WITHDRAWN
    assert first.note == "withdrawn by Olha: called off"
    with pytest.raises(errors.Conflict):
        promises.withdraw(session, first.id, author=OLHA)
    promises.make(session, account_id, **arguments, amount_minor=1500)
    with pytest.raises(errors.NotFound):
        promises.withdraw(session, 10**9, author=OLHA)


@pytest.mark.parametrize("until", [TODAY - timedelta(days=1), TODAY + timedelta(days=15)])
def test_a_promise_outside_the_allowed_days_is_refused(session, until):
    account_id, _ = customer(session)
    with pytest.raises(errors.Invalid) as caught:
        promises.make(session, account_id, until=until, author=OLHA, today=TODAY, rules=RULES)
    assert "until" in caught.value.fields
    with pytest.raises(errors.Invalid) as caught:
        promises.make(
            session, account_id, until=TODAY, author=OLHA, today=TODAY, rules=RULES, amount_minor=3001
        )
    assert "amount" in caught.value.fields


def test_the_night_calls_a_promise_broken_or_kept_by_what_came(session):
    made = {}
    for name, paid in {"broken": 0, "kept": 1500, "bounced": 1500, "still": 0}.items():
        account_id, _ = customer(session)
        days = 5 if name == "still" else 2
        made[name] = promises.make(
            session,
            account_id,
            until=TODAY + timedelta(days=days),
            author=OLHA,
            today=TODAY,
            rules=RULES,
            amount_minor=1500,
        ).promise
        if paid:
            entry = pay(session, account_id, paid).entry
            if name == "bounced":
                payments.reverse(session, entry.id, author=OLHA, reason="no", today=TODAY, rules=RULES)
    assert promises.settle(session, TODAY + timedelta(days=2), rules=RULES) == promises.Settled()
    settled = promises.settle(session, TODAY + timedelta(days=3), rules=RULES)
    assert (settled.kept, settled.broken, settled.failed) == (1, 2, ())
    assert {name: promise.status.value for name, promise in made.items()} == {
        "broken": "broken",
        "kept": "kept",
        "bounced": "broken",
        "still": "active",
    }
    assert all(promise.settled_at for name, promise in made.items() if name != "still")


def test_a_promise_that_cannot_be_settled_does_not_stop_the_others(fresh_database):
    with fresh_database.transaction() as session:
        made = []
        for _ in range(3):
            account_id, _ = customer(session)
            made.append(
                promises.make(session, account_id, until=TODAY, author=OLHA, today=TODAY, rules=RULES).promise
            )
        session.execute(
            text(
                "CREATE FUNCTION break_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF NEW.id = {made[1].id} THEN RAISE EXCEPTION 'broken'; END IF; RETURN NEW; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER break_one BEFORE UPDATE ON promises FOR EACH ROW EXECUTE FUNCTION break_one()"
            )
        )
    with fresh_database.transaction() as session:
        settled = promises.settle(session, TODAY + timedelta(days=1), rules=RULES)
    assert settled == promises.Settled(0, 2, (made[1].account_id,))


def test_a_review_without_anything_to_lift_changes_nothing(session):
    account_id, service_id = customer(session)
    assert reconnect.review(session, account_id, today=TODAY, rules=RULES, by="test") == ()
    pay(session, account_id, 3000)
    assert reconnect.review(session, account_id, today=TODAY, rules=RULES, by="test") == ()
    assert session.get_one(SubscriptionAccess, service_id).version == 1
    assert session.scalar(select(func.count()).select_from(Promise)) == 0
