"""Debt and statements on PostgreSQL: what is overdue, since when, and what any history leaves."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal, select

from billing import accounts, debt, debtors, ledger, rules, statements, testing, verdicts
from billing.models import Account, AccountGroup, EntryKind
from core import errors
from tests import properties

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


histories = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), st.integers(1, 5000), st.integers(-30, 30)),
        st.tuples(st.just("payment"), st.integers(1, 9000), st.just(0)),
        st.tuples(st.just("reverse"), st.integers(0, 30), st.just(0)),
    ),
    max_size=14,
)


@properties.money(60)
@given(history=histories, grace=st.integers(0, 10))
@properties.undone
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


def test_grace_is_the_accounts_own_else_the_groups_else_the_default(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -3000, due=-5)
    group = AccountGroup(name="patient", grace_days=5)
    session.add(group)
    session.flush()

    def overdue(**terms):
        accounts.set_terms(session, account_id, payment_days=None, is_never_cut=False, **terms)
        on_card = session.scalar(
            select(debt.owed_minor(TODAY, debt.grace_of(3))).where(Account.id == account_id)
        )
        listed = session.execute(select(debt.overdue_by_account(TODAY, 3, account_ids=[account_id]))).one()
        found = debtors.gather(session, TODAY, rules=rules.Rules(grace_days=3), account_ids=[account_id])
        told = debt.of(session, account_id, today=TODAY, grace_days=3).overdue_minor
        assert on_card == listed.overdue_minor == found[0].overdue_minor == told
        return told

    assert overdue(grace_days=None) == 3000
    assert overdue(grace_days=None, group_id=group.id) == 0
    assert overdue(grace_days=4, group_id=group.id) == 3000
    group.grace_days = None
    session.flush()
    assert overdue(grace_days=None, group_id=group.id) == 3000


@pytest.mark.parametrize(
    ("entries", "overdue"),
    [
        # By hand, on the 22nd with three days of grace: (kind, sum, due in days).
        ([("charge", -3000, -4)], 3000),  # its time and grace are over since yesterday
        ([("charge", -3000, -3)], 0),  # the last day of grace
        ([("charge", -3000, -4), ("payment", 3000, None)], 0),
        ([("charge", -3000, -4), ("payment", 1000, None)], 2000),
        ([("charge", -3000, 20), ("payment", 1000, None)], 0),  # the advance is there, nothing is due
        (
            [("charge", -3000, -4), ("charge", -5000, 20), ("payment", 4000, None)],
            0,
        ),  # it covers the old debt
        ([("charge", -3000, -4), ("adjustment", 500, None)], 2500),  # a credit that helps counts at once
        ([("charge", -3000, -3), ("adjustment", -700, -9)], 700),  # one that does not, when it is due
        ([("charge", -3000, -4), ("adjustment", -700, 5)], 3000),
        ([("charge", -3000, -4), ("writeoff", 3000, None), ("refund", -200, None)], 200),
    ],
)
def test_overdue_is_every_payment_and_only_the_charges_whose_time_is_over(
    session, account_id, entries, overdue
):
    for kind, minor, due in entries:
        post(session, account_id, EntryKind(kind), minor, due=due)
    assert debt.of(session, account_id, today=TODAY, grace_days=3).overdue_minor == overdue


def test_credit_in_force_is_what_may_be_overdue_without_a_cut(session, account_id):
    post(session, account_id, EntryKind.CHARGE, -3000, due=-9)
    limits = rules.Rules(grace_days=3, minimum_debt_minor=100)

    def reason(**credit):
        accounts.set_terms(
            session, account_id, payment_days=None, grace_days=None, is_never_cut=False, **credit
        )
        found = debtors.gather(session, TODAY, rules=limits, account_ids=[account_id])[0]
        service = verdicts.Service(1, is_running=True, is_cut=False)
        verdict = verdicts.judge(replace(found, services=(service,)), TODAY, limits)[0]
        told = debt.of(session, account_id, today=TODAY, grace_days=3)
        assert (told.overdue_minor, told.cutting_minor) == (3000, found.cutting_minor)
        return verdict.reason.value

    assert reason(credit_limit_minor=0) == "debt"
    assert reason(credit_limit_minor=3000) == "credit"
    assert reason(credit_limit_minor=2901) == "credit"  # what is beyond it is below the minimum
    assert reason(credit_limit_minor=2900) == "debt"
    assert reason(credit_limit_minor=3000, credit_until=TODAY) == "credit"
    assert reason(credit_limit_minor=3000, credit_until=TODAY - timedelta(days=1)) == "debt"
