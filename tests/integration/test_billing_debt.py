"""Debt and statements on PostgreSQL: what is overdue, since when, and what any history leaves."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select

from billing import accounts, debt, ledger, rules, statements, testing
from billing.models import Account, EntryKind, LedgerEntry, Method
from core import errors

TODAY = date(2026, 11, 22)


def post(session, account_id, kind, minor, *, due=None, on=TODAY, **more):
    due_on = None if due is None else TODAY + timedelta(days=due)
    return ledger.post(
        session, account_id, kind, minor, dated_on=on, author=testing.AUTHOR, due_on=due_on, **more
    )


@pytest.fixture
def account_id(session):
    return accounts.open_account(session, currency="EUR").id


def test_a_large_bill_due_next_week_makes_no_debtor(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -90_000, due=7)
    found = debt.of(session, account_id, today=TODAY)
    assert (found.debt_minor, found.overdue_minor, found.past_due_minor) == (90_000, 0, 0)
    assert (found.oldest_due_on, found.days_overdue) == (TODAY + timedelta(days=7), 0)


def test_a_charge_is_overdue_the_day_after_due_date_and_grace(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -3000, due=0)
    for days, past_due, overdue in [(0, 0, 0), (1, 3000, 0), (3, 3000, 0), (4, 3000, 3000)]:
        found = debt.of(session, account_id, today=TODAY + timedelta(days=days), grace_days=3)
        assert (found.past_due_minor, found.overdue_minor) == (past_due, overdue), days
        assert found.days_overdue == days


def test_the_accounts_own_grace_beats_the_default(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -3000, due=-5)
    assert debt.of(session, account_id, today=TODAY, grace_days=3).overdue_minor == 3000
    accounts.set_terms(session, account_id, payment_days=None, grace_days=5, is_never_cut=False)
    assert debt.of(session, account_id, today=TODAY, grace_days=3).overdue_minor == 0
    accounts.set_terms(session, account_id, payment_days=None, grace_days=0, is_never_cut=True)
    assert debt.of(session, account_id, today=TODAY, grace_days=9).overdue_minor == 3000


def test_money_paid_ahead_covers_old_debt_first(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -3000, due=-40)
    post(session, account_id, EntryKind.CHARGE, -3000, due=-10)
    post(session, account_id, EntryKind.CHARGE, -3000, due=20)
    post(session, account_id, EntryKind.PAYMENT, 3000)
    found = debt.of(session, account_id, today=TODAY)
    assert (found.debt_minor, found.overdue_minor) == (6000, 3000)
    assert (found.oldest_due_on, found.days_overdue) == (TODAY - timedelta(days=10), 10)


def test_a_reversed_charge_is_neither_debt_nor_old(session, account_id):
    old = post(session, account_id, EntryKind.CHARGE, -3000, due=-40)
    post(session, account_id, EntryKind.CHARGE, -2000, due=-2)
    ledger.reverse(session, old.id, author=testing.AUTHOR, reason="wrong", dated_on=TODAY)
    found = debt.of(session, account_id, today=TODAY)
    assert (found.overdue_minor, found.days_overdue) == (2000, 2)


def test_a_bounced_payment_is_owed_at_once_though_nothing_has_a_date(session, account_id):
    entry = post(session, account_id, EntryKind.PAYMENT, 500)
    ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="bounced", dated_on=TODAY)
    post(session, account_id, EntryKind.REFUND, -200)
    found = debt.of(session, account_id, today=TODAY)
    assert (found.overdue_minor, found.oldest_due_on, found.days_overdue) == (200, None, 0)


def test_an_unknown_account_has_no_debt_to_tell(session):
    with pytest.raises(errors.NotFound):
        debt.of(session, 10**9, today=TODAY)


def test_lists_see_the_same_debt_as_the_card(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -3000, due=-5)
    post(session, account_id, EntryKind.CHARGE, -1000, due=-2)
    post(session, account_id, EntryKind.CHARGE, -500, due=5)
    paid = accounts.open_account(session, currency="EUR").id
    post(session, paid, EntryKind.PAYMENT, 1)
    listed = session.execute(select(debt.overdue_by_account(TODAY, 3))).all()
    assert listed == [(account_id, -4500, 3000, 4000)]
    column = debt.owed_minor(TODAY, literal(0))
    owed = session.execute(select(Account.id, column).where(Account.id.in_([account_id, paid]))).all()
    assert {row[0]: row[1] for row in owed} == {account_id: 4000, paid: 0}
    assert debt.grace_end(TODAY, 3) == date(2026, 11, 25)


histories = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), st.integers(1, 5000), st.integers(-30, 30)),
        st.tuples(st.just("payment"), st.integers(1, 9000), st.just(0)),
        st.tuples(st.just("reverse"), st.integers(0, 30), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories, grace=st.integers(0, 10))
def test_any_history_keeps_balance_debt_and_overdue_in_order(session, history, grace):
    account_id = accounts.open_account(session, currency="EUR").id
    entries, alive = [], {}
    for act, number, due in history:
        if act == "charge":
            entries.append(post(session, account_id, EntryKind.CHARGE, -number, due=due))
        elif act == "payment":
            entries.append(post(session, account_id, EntryKind.PAYMENT, number))
        else:
            candidates = [entry for entry in entries if entry.id in alive]
            if not candidates:
                continue
            entry = candidates[number % len(candidates)]
            ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="x", dated_on=TODAY)
            del alive[entry.id]
            continue
        alive[entries[-1].id] = entries[-1]
    found = debt.of(session, account_id, today=TODAY, grace_days=grace)
    assert found.balance_minor == sum(entry.amount_minor for entry in alive.values())
    assert session.get_one(Account, account_id).balance_minor == found.balance_minor
    assert ledger.verify(session) == []
    assert 0 <= found.overdue_minor <= found.past_due_minor <= found.debt_minor
    expected = sum(
        entry.amount_minor
        for entry in alive.values()
        if entry.due_on is None or rules.is_overdue(entry.due_on, grace, TODAY)
    )
    assert found.overdue_minor == max(0, -expected)
    assert (found.past_due_minor > 0) <= (found.days_overdue > 0 or found.oldest_due_on is None)
    assert _oldest(alive.values(), found.debt_minor) == found.oldest_due_on


def _oldest(entries, owed):
    """Walk the charges back from the newest until the debt is used up."""
    oldest = None
    for entry in sorted(entries, key=lambda entry: entry.due_on or date.min, reverse=True):
        if entry.due_on is None or owed <= 0:
            break
        owed += entry.amount_minor
        oldest = entry.due_on
    return oldest


def test_the_statement_pages_back_with_its_running_balance(session, account_id):
    made = [post(session, account_id, EntryKind.PAYMENT, number) for number in range(1, 8)]
    undone = ledger.reverse(session, made[0].id, author=testing.AUTHOR, reason="x", dated_on=TODAY)
    first = statements.entries(session, account_id, limit=5)
    rest = statements.entries(session, account_id, before_id=first[-1].entry.id, limit=5)
    assert [line.entry.id for line in first + rest] == [undone.id, *(entry.id for entry in reversed(made))]
    assert first[0].entry.balance_after_minor == session.get_one(Account, account_id).balance_minor
    assert (first[0].is_reversible, first[1].is_reversible, rest[-1].is_reversible) == (False, True, False)
    assert rest[-1].reversed_by_id == undone.id
    assert statements.recent(session, account_id, limit=2) == [undone, made[-1]]


def test_the_day_is_summed_by_kind_method_and_currency(session, account_id):
    post(session, account_id, EntryKind.PAYMENT, 500, method=Method.CASH)
    post(session, account_id, EntryKind.PAYMENT, 700, method=Method.CASH)
    post(session, account_id, EntryKind.PAYMENT, 900, method=Method.BANK)
    post(session, account_id, EntryKind.PAYMENT, 40, method=Method.BANK, on=TODAY - timedelta(days=1))
    totals = statements.day_totals(session, TODAY)
    assert [(total.method, total.entries, total.total_minor) for total in totals] == [
        (Method.BANK, 1, 900),
        (Method.CASH, 2, 1200),
    ]
    both = statements.day_totals(session, TODAY - timedelta(days=1), TODAY)
    assert sum(total.total_minor for total in both) == 2140
    assert session.scalar(select(LedgerEntry.currency).limit(1)) == "EUR"
