"""The edges of cutting off for debt that other systems got wrong, one test each, by number of the list."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from billing import (
    accounts,
    charges,
    cutoff,
    debt,
    documents,
    dunning,
    episodes,
    late_fees,
    ledger,
    payments,
    promises,
    rules,
    settling,
    suspensions,
    testing,
)
from billing.acts import Act, Terms
from billing.models import (
    Account,
    AccountGroup,
    CutoffDecision,
    CutoffPause,
    DunningNotice,
    DunningStep,
    EntryKind,
    LedgerEntry,
    LockReason,
    Method,
    Payer,
    Seller,
    SuspensionLock,
)
from billing.rules import Rules
from core import errors

TODAY = date(2026, 6, 15)
RULES = Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=50)


def act(today=TODAY):
    return testing.act(today, payment_days=14)


def service(session, **more):
    return testing.subscriber(session, starts_on=TODAY.replace(day=1), payment_days=14, **more)


def decide(session, on=TODAY, rules=RULES):
    """Make a plan; return action and reason by account."""
    run = cutoff.plan(session, on, rules=rules, planned_by="test")
    rows = session.scalars(select(CutoffDecision).where(CutoffDecision.run_id == run.id))
    return run.id, {row.account_id: (row.action.value, row.reason) for row in rows}


def is_cut(session, account_id):
    return any(lock.reason is LockReason.DEBT for lock in suspensions.standing(session, account_id))


def pay(session, account_id, minor, rules=RULES, today=TODAY):
    return payments.receive(
        session,
        account_id,
        minor,
        method=Method.CASH,
        dated_on=today,
        reference="",
        idempotency_key=None,
        author=testing.AUTHOR,
        today=today,
        rules=rules,
    )


def cut_off(session, made, rules=RULES, owed=2000):
    testing.charge(session, made.account_id, owed, due_on=TODAY - timedelta(days=20))
    run_id, _ = decide(session, rules=rules)
    cutoff.apply(session, run_id, approved_by="test", force=True)
    assert is_cut(session, made.account_id)


def test_point_1_the_overdue_balance_decides_to_the_last_unit_and_the_total_does_not(session):
    large, small = service(session), service(session)
    testing.charge(session, large.account_id, 9_000_000, due_on=TODAY + timedelta(days=1))
    testing.charge(session, small.account_id, 100, due_on=TODAY - timedelta(days=4))
    least = service(session)
    testing.charge(session, least.account_id, 99, due_on=TODAY - timedelta(days=4))
    _, found = decide(session)
    assert large.account_id not in found
    assert found[small.account_id] == ("cut", "debt")
    assert found[least.account_id] == ("spare", "minimum")


def test_point_3_grace_is_by_customer_then_group_then_default_from_the_due_date(session):
    group = AccountGroup(name="schools", grace_days=10)
    session.add(group)
    session.flush()
    by_default, by_group, by_self = (service(session) for _ in range(3))
    for made, terms in ((by_group, None), (by_self, 4)):
        accounts.set_terms(
            session,
            made.account_id,
            payment_days=None,
            grace_days=terms,
            is_never_cut=False,
            group_id=group.id,
        )
    for made in (by_default, by_group, by_self):
        testing.charge(session, made.account_id, 2000, due_on=TODAY - timedelta(days=4))
    assert decide(session)[1] == {
        by_default.account_id: ("cut", "debt"),
        by_group.account_id: ("spare", "grace"),
        by_self.account_id: ("spare", "grace"),
    }
    tomorrow = decide(session, TODAY + timedelta(days=1))[1]
    assert tomorrow[by_self.account_id] == ("cut", "debt")
    assert tomorrow[by_group.account_id] == ("spare", "grace")


@pytest.mark.parametrize(("at_zero", "least"), [(False, 1901), (True, 2000)])
def test_point_8_payment_promise_and_reversal_are_judged_at_once_and_a_part_by_setting(
    session, at_zero, least
):
    rules = Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=50, reconnects_at_zero=at_zero)
    made = service(session)
    cut_off(session, made, rules)
    pay(session, made.account_id, least - 1, rules)
    assert is_cut(session, made.account_id)
    # The night's plan says the same of a part that is not enough.
    assert decide(session, rules=rules)[1][made.account_id][0] == "keep"
    assert pay(session, made.account_id, 1, rules).reopened == (made.subscription_id,)
    promised, undone = service(session), service(session)
    cut_off(session, promised, rules)
    cut_off(session, undone, rules)
    until = TODAY + timedelta(days=3)
    made_ = promises.make(
        session, promised.account_id, until=until, author=testing.AUTHOR, today=TODAY, rules=rules
    )
    assert made_.reopened == (promised.subscription_id,)
    charge = session.scalar(
        select(LedgerEntry)
        .where(LedgerEntry.account_id == undone.account_id)
        .order_by(LedgerEntry.id.desc())
        .limit(1)
    )
    reversed_ = payments.reverse(
        session, charge.id, author=testing.AUTHOR, reason="wrong", today=TODAY, rules=rules
    )
    assert reversed_.reopened == (undone.subscription_id,)


def test_point_9_a_bounced_payment_cuts_again_only_through_the_normal_ladder(session):
    made = service(session)
    cut_off(session, made)
    paid = pay(session, made.account_id, 2000)
    payments.reverse(
        session, paid.entry.id, author=testing.AUTHOR, reason="bounced", today=TODAY, rules=RULES
    )
    assert debt.of(session, made.account_id, today=TODAY, grace_days=3).overdue_minor == 2000
    assert not is_cut(session, made.account_id)
    run_id, found = decide(session)
    assert found[made.account_id] == ("cut", "debt")
    assert not is_cut(session, made.account_id)  # a plan alone cuts nobody
    cutoff.apply(session, run_id, approved_by="test", force=True)
    assert is_cut(session, made.account_id)


@pytest.mark.parametrize(("percent", "given_back"), [(100, 0), (50, 500), (0, 1000)])
def test_point_10_billing_while_suspended_is_the_suspensions_choice_and_nothing_is_billed_back(
    session, percent, given_back
):
    made = service(session)  # June, 30.00 in 30 days, charged on the first
    begin, back = date(2026, 6, 11), date(2026, 6, 21)
    suspensions.place(
        session,
        [made.subscription_id],
        LockReason.FREEZE,
        owner="test",
        today=begin,
        billed_percent=percent,
    )
    settling.settle_pending(session, act(begin))
    suspensions.lift(session, [made.subscription_id], LockReason.FREEZE, by="test", today=back)
    settling.settle_pending(session, act(back))
    charges.run(session, act(date(2026, 6, 30)), account_id=made.account_id)
    account = session.get_one(Account, made.account_id, populate_existing=True)
    assert -account.balance_minor == 3000 - given_back  # ten of thirty days
    charges.run(session, act(date(2026, 7, 1)), account_id=made.account_id)
    session.refresh(account)
    assert -account.balance_minor == 6000 - given_back
    assert ledger.verify(session) == []


def test_point_11_who_has_no_running_service_is_never_cut(session):
    prospect = accounts.open_account(session, currency="EUR").id
    later = testing.subscriber(session, starts_on=TODAY + timedelta(days=20), today=TODAY)
    for account_id in (prospect, later.account_id):
        testing.charge(session, account_id, 5000, due_on=TODAY - timedelta(days=40))
    run_id, found = decide(session)
    assert found == {
        prospect: ("spare", "not_running"),
        later.account_id: ("spare", "not_running"),
    }
    cutoff.apply(session, run_id, approved_by="test", force=True)
    assert session.scalar(select(func.count()).select_from(SuspensionLock)) == 0


def test_point_14_a_frozen_customer_is_not_dunned_for_time_after_the_freeze_and_old_debt_stays(session):
    session.add_all([DunningStep(days=days, texts={"en": {"subject": "", "body": "x"}}) for days in (3, 10)])
    made, other = service(session), service(session)
    for one in (made, other):
        pay(session, one.account_id, 3000)
        testing.charge(session, one.account_id, 2000, due_on=TODAY)
    freeze = TODAY + timedelta(days=4)
    suspensions.place(
        session, [made.subscription_id], LockReason.FREEZE, owner="test", today=freeze, billed_percent=0
    )
    for days in (3, 30):
        found = {
            one.account_id: one
            for one in dunning.due(session, TODAY + timedelta(days=days), rules=RULES, time_zone="UTC")
        }
        if days == 3:
            assert {key: one.days for key, one in found.items()} == {made.account_id: 3, other.account_id: 3}
            for one in found.values():
                session.add(
                    DunningNotice(
                        account_id=one.account_id,
                        episode_on=one.episode_on,
                        step_id=one.step_id,
                        days=one.days,
                        run_on=TODAY,
                        amount_minor=one.amount_minor,
                        outcome="sent",
                    )
                )
            session.flush()
    assert {key: one.days for key, one in found.items()} == {other.account_id: 10}
    charges.run(session, act(TODAY + timedelta(days=30)), account_id=made.account_id)
    assert debt.of(session, made.account_id, today=TODAY + timedelta(days=30)).overdue_minor == 2000
    back = TODAY + timedelta(days=31)
    suspensions.lift(session, [made.subscription_id], LockReason.FREEZE, by="test", today=back)
    # Four days had counted before the freeze; six after it make ten.
    assert made.account_id not in {
        one.account_id for one in dunning.due(session, back + timedelta(days=5), rules=RULES, time_zone="UTC")
    }
    assert made.account_id in {
        one.account_id for one in dunning.due(session, back + timedelta(days=6), rules=RULES, time_zone="UTC")
    }


def test_a_broken_promise_makes_the_next_shorter_and_only_after_a_payment(session):
    made = service(session)
    testing.charge(session, made.account_id, 5000, due_on=TODAY - timedelta(days=20))

    def promise(days, today):
        until = today + timedelta(days=days)
        return promises.make(
            session, made.account_id, until=until, author=testing.AUTHOR, today=today, rules=RULES
        )

    promise(14, TODAY)
    after = TODAY + timedelta(days=15)
    assert promises.settle(session, after, rules=RULES).broken == 1
    with pytest.raises(errors.Invalid, match="only after a payment"):
        promise(1, after)
    pay(session, made.account_id, 10)
    with pytest.raises(errors.Invalid, match="7 days ahead"):
        promise(8, after)
    promise(7, after)
    pay(session, made.account_id, 9000)
    assert promises.record(session, made.account_id) == rules.Record()


def test_a_late_fee_is_charged_once_in_an_episode_and_stays_reversed(session):
    fee = Rules(grace_days=3, late_fee_minor=200, late_fee_percent=1.5, late_fee_days=10)
    made, small = service(session), service(session)
    for one, owed in ((made, 5000), (small, 999)):
        pay(session, one.account_id, 3000)
        testing.charge(session, one.account_id, owed, due_on=TODAY)

    def run(days, rules=fee):
        return late_fees.run(session, act(TODAY + timedelta(days=days)), rules=rules)

    assert [run(days) for days in (9, 10, 11, 30)] == [0, 1, 0, 0]
    entry = session.scalars(
        select(LedgerEntry).where(LedgerEntry.account_id == made.account_id).order_by(LedgerEntry.id.desc())
    ).first()
    assert (entry.amount_minor, entry.due_on) == (-275, TODAY + timedelta(days=24))  # 2.00 and 1.5 % of 50.00
    ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="kindness", dated_on=TODAY)
    assert run(31) == 0
    assert run(31, RULES) == 0


def test_a_part_payment_brings_no_second_late_fee_and_a_debt_after_it_was_paid_its_own(session):
    fee = Rules(grace_days=3, late_fee_minor=200, late_fee_days=10)
    made = service(session)
    pay(session, made.account_id, 3000)
    for due in (0, 15):
        testing.charge(session, made.account_id, 3000, due_on=TODAY + timedelta(days=due))

    def run(days):
        return late_fees.run(session, act(TODAY + timedelta(days=days)), rules=fee)

    def paid(minor, days):
        on = TODAY + timedelta(days=days)
        ledger.post(session, made.account_id, EntryKind.PAYMENT, minor, dated_on=on, author=testing.AUTHOR)

    assert run(10) == 1
    paid(3000, 20)  # all of the oldest charge, and still in debt
    assert [run(days) for days in (26, 40)] == [0, 0]
    paid(3200, 41)
    testing.charge(session, made.account_id, 3000, due_on=TODAY + timedelta(days=50))
    assert [run(days) for days in (59, 60, 61)] == [0, 1, 0]


def test_nobody_is_fined_for_days_of_our_own_faults_or_of_a_freeze(session):
    fee = Rules(grace_days=3, late_fee_minor=200, late_fee_days=10)
    broken, frozen = service(session), service(session)
    for one in (broken, frozen):
        pay(session, one.account_id, 3000)
        testing.charge(session, one.account_id, 3000, due_on=TODAY)
    placed = datetime.combine(TODAY + timedelta(days=2), time(9), UTC)
    session.add(
        CutoffPause(
            account_id=broken.account_id,
            owner="incident",
            placed_at=placed,
            lifted_at=placed + timedelta(days=2),
        )
    )
    suspensions.place(
        session, [frozen.subscription_id], LockReason.FREEZE, owner="x", today=TODAY, billed_percent=100
    )

    def run(days):
        return late_fees.run(session, act(TODAY + timedelta(days=days)), rules=fee)

    assert [run(days) for days in (10, 12, 13, 40)] == [0, 0, 1, 0]


@pytest.mark.parametrize("zone", ["Europe/Kyiv", "America/New_York"])
def test_a_fault_of_one_business_day_stops_that_day_alone_wherever_it_is(session, zone):
    made, where = service(session), ZoneInfo(zone)
    broken_on = TODAY + timedelta(days=4)
    pay(session, made.account_id, 3000)
    testing.charge(session, made.account_id, 3000, due_on=TODAY)
    session.add_all(
        [
            DunningStep(days=5, texts={"en": {"subject": "", "body": "x"}}),
            CutoffPause(
                account_id=made.account_id,
                owner="incident",
                placed_at=datetime.combine(broken_on, time(0, 30), where),
                lifted_at=datetime.combine(broken_on, time(23, 30), where),
            ),
        ]
    )
    session.flush()
    fee = Rules(late_fee_minor=200, late_fee_days=5)
    for days, reached in ((5, 0), (6, 1)):
        on = TODAY + timedelta(days=days)
        assert len(dunning.due(session, on, rules=RULES, time_zone=zone)) == reached
        assert (
            late_fees.run(session, Act(on, Terms(14, time_zone=zone), testing.AUTHOR), rules=fee) == reached
        )
    begun = {made.account_id: TODAY}
    stopped = episodes.stopped(session, begun, TODAY + timedelta(days=9), time_zone=zone)
    assert stopped == {made.account_id: {broken_on}}


def test_a_late_fee_is_documented_as_charges_are(session):
    made, payer = service(session), Payer(name="Olha Koval")
    session.add_all([payer, Seller(name="Fibre Ltd", written_by="test")])
    session.flush()
    session.get_one(Account, made.account_id).payer_id = payer.id
    session.flush()
    pay(session, made.account_id, 3000)
    testing.charge(session, made.account_id, 3000, due_on=TODAY)
    assert late_fees.run(session, act(TODAY + timedelta(days=10)), rules=Rules(late_fee_minor=200)) == 1
    entry = ledger.find(session, f"late fee {made.account_id} {TODAY}")
    found = documents.document_of(session, entry.id)
    assert (found.kind.value, found.gross_minor, found.due_on) == ("invoice", 200, entry.due_on)
