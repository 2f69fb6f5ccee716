"""Promises on PostgreSQL: kept by what they were made about."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select

from billing import accounts, cutoff, ledger, promises, reconnect, testing
from billing.models import CutoffDecision, EntryKind, PromiseStatus
from billing.rules import Rules


def test_a_promise_given_in_time_is_kept_by_what_it_was_about_and_by_no_less(session):
    due = date(2026, 3, 10)
    rules = Rules(grace_days=3, minimum_debt_minor=100)

    def owing(minor=100_000):
        account_id = accounts.open_account(session, currency="EUR").id
        testing.charge(session, account_id, minor, due_on=due)
        return account_id, promises.make(
            session,
            account_id,
            until=date(2026, 3, 19),
            author=testing.AUTHOR,
            today=date(2026, 3, 5),
            rules=rules,
        ).promise

    def paid(account_id, minor):
        entry = ledger.post(
            session, account_id, EntryKind.PAYMENT, minor, dated_on=date(2026, 3, 6), author=testing.AUTHOR
        )
        reconnect.review(session, account_id, today=date(2026, 3, 6), rules=rules, by="x")
        return entry

    account_id, promise = owing()
    paid(account_id, 100)
    accounts.set_terms(session, account_id, payment_days=None, grace_days=60, is_never_cut=False)
    reconnect.review(session, account_id, today=date(2026, 3, 6), rules=rules, by="x")
    assert promise.status is PromiseStatus.ACTIVE
    # A bill that came after it is none of its matter.
    testing.charge(session, account_id, 500, due_on=date(2026, 4, 10))
    paid(account_id, 99_900)
    assert promise.status is PromiseStatus.KEPT
    # Nothing is past due on the day after, and still it was not kept; a rest too small to cut for is no matter.
    few, small, late = owing(), owing(50), owing()
    paid(few[0], 99_901)
    paid(small[0], 49)
    assert few[1].status is PromiseStatus.KEPT
    settled = promises.settle(session, date(2026, 3, 20), rules=replace(rules, grace_days=90))
    assert (settled.broken, settled.kept) == (2, 0)
    assert (late[1].status, small[1].status) == (PromiseStatus.BROKEN, PromiseStatus.BROKEN)


def test_a_promise_is_not_kept_by_money_that_was_refunded(session):
    rules = replace(testing.RULES, grace_days=3)
    for refunded, kept in ((2000, 0), (0, 1)):
        account_id = accounts.open_account(session, currency="EUR").id
        testing.charge(session, account_id, 3000, due_on=date(2026, 3, 1))
        promises.make(
            session,
            account_id,
            until=date(2026, 3, 5),
            amount_minor=2000,
            author=testing.AUTHOR,
            today=date(2026, 3, 2),
            rules=rules,
        )
        testing.pay(session, account_id, 2000)
        if refunded:
            paid_back = {"dated_on": date(2026, 3, 3), "author": testing.AUTHOR}
            ledger.post(session, account_id, EntryKind.REFUND, -refunded, **paid_back)
        settled = promises.settle(session, date(2026, 3, 6), rules=rules, account_id=account_id)
        assert (settled.kept, settled.broken) == (kept, 1 - kept)
        assert promises.record(session, account_id).has_paid_since is bool(kept)


def test_a_cut_says_which_promise_was_not_kept_but_not_one_about_a_debt_that_was_paid(session):
    today, rules = date(2026, 6, 15), Rules(grace_days=3, brake_minimum=50)
    made = testing.subscriber(session, starts_on=today.replace(day=1), payment_days=14)

    def words(on):
        run = cutoff.plan(session, on, rules=rules, planned_by="test")
        row = session.scalars(select(CutoffDecision).where(CutoffDecision.run_id == run.id)).one()
        assert row.reason == "debt"
        return row.explanation

    testing.pay(session, made.account_id, 3000)
    testing.charge(session, made.account_id, 5000, due_on=today - timedelta(days=20))
    until = today + timedelta(days=2)
    promises.make(session, made.account_id, until=until, author=testing.AUTHOR, today=today, rules=rules)
    promises.settle(session, until + timedelta(days=1), rules=rules)
    later = today + timedelta(days=18)
    assert words(later).endswith("; promise until 2026-06-17 not kept")
    testing.pay(session, made.account_id, 5000)
    testing.charge(session, made.account_id, 5000, due_on=today + timedelta(days=10))
    assert "promise" not in words(later)
