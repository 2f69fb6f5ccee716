"""The cutoff on PostgreSQL: the plan explains, the brake stops, applying looks again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text

from billing import (
    accounts,
    cutoff,
    daybreak,
    ledger,
    payments,
    plans,
    promises,
    reconnect,
    subscriptions,
    suspensions,
    testing,
)
from billing.models import (
    AccessState,
    Account,
    CutoffDecision,
    EntryKind,
    LockReason,
    Method,
    NightRun,
    RunStatus,
    SubscriptionAccess,
    SuspensionLock,
)
from billing.rules import Step
from billing.subscriptions import Choice
from core import clock, errors

TODAY = date(2026, 11, 22)
RULES = cutoff.Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=50)


def debtor(session, *, starts_on=date(2026, 10, 1), **more):
    """Make a subscriber whose first charge fell due two weeks after it."""
    return testing.subscriber(session, starts_on=starts_on, **more)


def pay(session, made, minor=3000):
    return payments.receive(
        session,
        made.account_id,
        minor,
        method=Method.CASH,
        dated_on=TODAY,
        idempotency_key=None,
        author=testing.AUTHOR,
        today=TODAY,
        rules=RULES,
    )


def plan(session, on=TODAY, rules=RULES):
    return cutoff.plan(session, on, rules=rules, planned_by="test")


def decided(session, run):
    session.expire_all()
    rows = session.scalars(select(CutoffDecision).where(CutoffDecision.run_id == run.id))
    return {row.subscription_id: (row.action.value, row.reason, row.outcome) for row in rows}


def is_open(session, made):
    row = session.get_one(SubscriptionAccess, made.subscription_id, populate_existing=True)
    return row.wanted is AccessState.OPEN


def test_the_plan_names_who_is_cut_and_who_is_spared_and_touches_no_lock(session):
    made = {"debt": debtor(session), "never": debtor(session), "promise": debtor(session)}
    made["small"] = debtor(session, price_minor=99)
    made["grace"] = debtor(session, starts_on=TODAY - timedelta(days=16))
    made["not due"] = debtor(session, starts_on=TODAY - timedelta(days=5))
    made["ended"] = debtor(session)
    accounts.set_terms(
        session, made["never"].account_id, payment_days=None, grace_days=None, is_never_cut=True
    )
    promises.make(
        session, made["promise"].account_id, until=TODAY, author=testing.AUTHOR, today=TODAY, rules=RULES
    )
    subscriptions.get(session, made["ended"].subscription_id).ends_on = date(2026, 11, 1)
    run = plan(session)
    assert (run.status, run.cut_count, run.spare_count) == (RunStatus.PLANNED, 1, 5)
    found = decided(session, run)
    names = {name: found.get(one.subscription_id) for name, one in made.items()}
    assert names == {
        "debt": ("cut", "debt", ""),
        "never": ("spare", "never_cut", ""),
        "promise": ("spare", "promise", ""),
        "small": ("spare", "minimum", ""),
        "grace": ("spare", "grace", ""),
        "not due": None,
        "ended": ("spare", "not_running", ""),
    }
    assert session.scalar(select(func.count()).select_from(SuspensionLock)) == 0
    row = session.scalar(select(CutoffDecision).where(CutoffDecision.action == "cut"))
    assert (row.overdue_minor, row.balance_minor, row.days_overdue) == (3000, -3000, 38)
    assert "€30.00 past due since 2026-10-15" in row.explanation


def test_a_debtor_without_any_subscription_is_listed_and_spared(session):
    account = accounts.open_account(session, currency="EUR")
    ledger.post(session, account.id, EntryKind.ADJUSTMENT, -5000, dated_on=TODAY, author=testing.AUTHOR)
    assert decided(session, plan(session)) == {None: ("spare", "not_running", "")}


def test_applying_cuts_the_debtor_once_and_the_next_plan_keeps_him_cut(session):
    made = debtor(session)
    run = cutoff.apply(session, plan(session).id, approved_by="Olha")
    assert (run.status, run.approved_by) == (RunStatus.APPLIED, "Olha")
    assert decided(session, run)[made.subscription_id] == ("cut", "debt", "cut")
    assert not is_open(session, made)
    (lock,) = suspensions.standing(session, made.account_id)
    assert (lock.owner, lock.run_id, lock.reason) == ("cutoff", run.id, LockReason.DEBT)
    applied_at = run.applied_at
    assert cutoff.apply(session, run.id, approved_by="again").applied_at == applied_at
    again = cutoff.apply(session, plan(session).id, approved_by="Olha")
    assert decided(session, again)[made.subscription_id] == ("keep", "debt", "")
    assert (again.cut_count, again.keep_count) == (0, 1)
    assert cutoff.outcomes(session, run.id) == {"cut": 1}


def test_who_pays_or_promises_between_plan_and_apply_is_spared(session):
    made = {name: debtor(session) for name in ("paid", "promised", "poor", "ended")}
    run = plan(session)
    pay(session, made["paid"])
    promises.make(
        session, made["promised"].account_id, until=TODAY, author=testing.AUTHOR, today=TODAY, rules=RULES
    )
    subscriptions.get(session, made["ended"].subscription_id).ends_on = TODAY - timedelta(days=1)
    cutoff.apply(session, run.id, approved_by="Olha")
    found = decided(session, run)
    assert {name: found[one.subscription_id][2] for name, one in made.items()} == {
        "paid": "paid",
        "promised": "promise",
        "poor": "cut",
        "ended": "not_running",
    }
    assert is_open(session, made["paid"])
    assert is_open(session, made["promised"])


def test_who_is_cut_or_let_in_otherwise_meanwhile_is_not_touched_twice(session):
    cut, let_in, owing = debtor(session), debtor(session), debtor(session)
    for one in (let_in, owing):
        suspensions.place(session, [one.subscription_id], LockReason.DEBT, owner="cutoff", today=TODAY)
        ledger.post(session, one.account_id, EntryKind.PAYMENT, 3000, dated_on=TODAY, author=testing.AUTHOR)
    run = plan(session)
    assert (run.cut_count, run.lift_count) == (1, 2)
    suspensions.place(session, [cut.subscription_id], LockReason.DEBT, owner="other", today=TODAY)
    suspensions.lift(session, [let_in.subscription_id], LockReason.DEBT, by="other", today=TODAY)
    ledger.post(session, owing.account_id, EntryKind.REFUND, -3000, dated_on=TODAY, author=testing.AUTHOR)
    cutoff.apply(session, run.id, approved_by="Olha")
    found = decided(session, run)
    assert found[cut.subscription_id][2] == "cut_already"
    assert found[let_in.subscription_id][2] == "lifted_already"
    assert found[owing.subscription_id][2] == "owes_again"


def test_a_paid_one_still_locked_is_let_in_and_a_manual_lock_stays(session):
    made, manual = debtor(session), debtor(session)
    cutoff.apply(session, plan(session).id, approved_by="Olha")
    suspensions.place(session, [manual.subscription_id], LockReason.MANUAL, owner="noc", today=TODAY)
    for one in (made, manual):
        ledger.post(session, one.account_id, EntryKind.PAYMENT, 3000, dated_on=TODAY, author=testing.AUTHOR)
    run = cutoff.apply(session, plan(session).id, approved_by="Olha")
    assert decided(session, run) == {
        made.subscription_id: ("lift", "paid", "lifted"),
        manual.subscription_id: ("lift", "paid", "lifted"),
    }
    assert is_open(session, made)
    assert not is_open(session, manual)
    assert suspensions.standing(session, manual.account_id)[0].reason is LockReason.MANUAL


def test_who_need_not_be_off_any_more_is_let_in_without_a_plan_and_nobody_else(session):
    made = {name: debtor(session) for name in ("credited", "never", "owing")}
    cutoff.apply(session, plan(session).id, approved_by="test")
    assert reconnect.waiting(session, TODAY, rules=RULES) == []
    credited = made["credited"].account_id
    ledger.post(session, credited, EntryKind.ADJUSTMENT, 3000, dated_on=TODAY, author=testing.AUTHOR)
    accounts.set_terms(
        session, made["never"].account_id, payment_days=None, grace_days=None, is_never_cut=True
    )
    waiting = reconnect.waiting(session, TODAY, rules=RULES)
    assert waiting == [made["credited"].account_id, made["never"].account_id]
    # What a newer policy changes for everybody is shown by a plan first.
    assert reconnect.waiting(session, TODAY, rules=replace(RULES, version=2)) == []
    for account_id in (*waiting, made["owing"].account_id):
        reconnect.let_in(session, account_id, today=TODAY, rules=RULES, by="cutoff")
    assert {name: is_open(session, one) for name, one in made.items()} == {
        "credited": True,
        "never": True,
        "owing": False,
    }
    assert reconnect.waiting(session, TODAY, rules=RULES) == []
    # A day before one that was begun already is not to be trusted.
    session.add(NightRun(run_on=TODAY + timedelta(days=1), started_at=clock.now(), report={}))
    session.flush()
    suspensions.place(session, [made["never"].subscription_id], LockReason.DEBT, owner="x", today=TODAY)
    assert reconnect.waiting(session, TODAY, rules=RULES) == []


def test_debt_cuts_the_internet_of_a_customer_and_leaves_his_telephone(session):
    made = debtor(session)
    telephone = plans.create(session, currency="EUR", name="Phone", price_minor=0, is_never_cut=True)
    phone = subscriptions.start(
        session,
        made.account_id,
        testing.act(TODAY),
        choice=Choice(telephone.id, bill_day=1),
        starts_on=date(2026, 10, 1),
    )
    run = cutoff.apply(session, plan(session).id, approved_by="Olha")
    assert decided(session, run) == {
        made.subscription_id: ("cut", "debt", "cut"),
        phone.id: ("spare", "never_cut", ""),
    }
    told = session.scalar(
        select(CutoffDecision.explanation).where(CutoffDecision.subscription_id == phone.id)
    )
    assert told.startswith("Services of this plan are never cut; €30.00 past due")


def test_days_cut_off_for_debt_are_billed_as_the_policy_says_and_days_only_slowed_in_full(session):
    half = replace(
        RULES, debt_billed_percent=50, steps=(Step(0, AccessState.SLOW), Step(4, AccessState.CLOSED))
    )
    made = testing.subscriber(session, starts_on=date(2026, 11, 1), payment_days=1)  # 30.00 for 30 days

    def night(on):
        cutoff.apply(session, plan(session, on, half).id, approved_by="night", today=on)
        daybreak.begin(session, testing.act(on), clock.now())

    night(date(2026, 11, 6))
    night(date(2026, 11, 10))
    locks = session.scalars(select(SuspensionLock).order_by(SuspensionLock.id)).all()
    assert [(one.effect, one.billed_percent, one.lifted_at is None) for one in locks] == [
        (AccessState.SLOW, 100, False),
        (AccessState.CLOSED, 50, True),
    ]
    pay(session, made)
    assert is_open(session, made)
    night(TODAY)
    # 12 days of a euro each, of which half is asked.
    assert session.get_one(Account, made.account_id, populate_existing=True).balance_minor == 600


def test_a_day_off_is_made_up_for_on_the_next_day(session):
    made = debtor(session)
    sunday_off = cutoff.Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=50, skip_weekdays=(7,))
    sunday = plan(session, TODAY, sunday_off)
    assert decided(session, sunday)[made.subscription_id][:2] == ("spare", "weekday")
    monday = plan(session, TODAY + timedelta(days=1), sunday_off)
    assert decided(session, monday)[made.subscription_id][:2] == ("cut", "debt")


def test_the_brake_holds_a_large_plan_until_a_person_says_go(session):
    made = [debtor(session) for _ in range(5)]
    rules = cutoff.Rules(grace_days=3, brake_minimum=5, brake_share_percent=10)
    run = plan(session, rules=rules)
    assert run.status is RunStatus.BRAKED
    assert "5 of 5 running subscriptions" in run.brake_reasons[0]
    with pytest.raises(errors.Conflict, match="waits for a person"):
        cutoff.apply(session, run.id, approved_by="night")
    assert all(is_open(session, one) for one in made)
    cutoff.apply(session, run.id, approved_by="Olha", force=True)
    assert not any(is_open(session, one) for one in made)


def test_a_fresh_plan_puts_the_old_one_aside(session):
    debtor(session)
    old = plan(session)
    new = plan(session)
    with pytest.raises(errors.Conflict, match="discarded"):
        cutoff.apply(session, old.id, approved_by="Olha")
    assert cutoff.discard(session, old.id, by="Olha").approved_by == "newer plan by test"
    cutoff.apply(session, new.id, approved_by="Olha")
    with pytest.raises(errors.Conflict, match="applied already"):
        cutoff.discard(session, new.id, by="Olha")
    with pytest.raises(errors.NotFound):
        cutoff.discard(session, 10**9, by="Olha")


def test_a_plan_overtaken_by_an_applied_one_is_refused(session):
    debtor(session)
    old, new = plan(session), plan(session)
    cutoff.apply(session, new.id, approved_by="Olha")
    old.status = RunStatus.PLANNED
    session.flush()
    with pytest.raises(errors.Conflict, match="newer plan was applied"):
        cutoff.apply(session, old.id, approved_by="Olha")


def test_a_discarded_plan_is_said_so(session):
    run = plan(session)
    discarded = cutoff.discard(session, run.id, by="Olha")
    assert (discarded.status, discarded.approved_by) == (RunStatus.DISCARDED, "Olha")


def test_one_broken_account_is_logged_and_skipped(fresh_database):
    with fresh_database.transaction() as session:
        made = [debtor(session) for _ in range(4)]
        broken = made[1]
        session.execute(
            text(
                "CREATE FUNCTION break_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF NEW.subscription_id = {broken.subscription_id} THEN RAISE EXCEPTION 'broken'; END IF; "
                "RETURN NEW; END $$"
            )
        )
        session.execute(
            text(
                "CREATE TRIGGER break_one BEFORE INSERT ON suspension_locks "
                "FOR EACH ROW EXECUTE FUNCTION break_one()"
            )
        )
        run = plan(session)
    with fresh_database.transaction() as session:
        cutoff.apply(session, run.id, approved_by="Olha")
        assert cutoff.outcomes(session, run.id) == {"cut": 3, "failed": 1}
        assert decided(session, run)[broken.subscription_id][2] == "failed"
        assert [is_open(session, one) for one in made] == [False, True, False, False]


def test_payments_during_an_apply_lose_nothing_and_leave_nobody_wrongly_cut(fresh_database):
    with fresh_database.transaction() as session:
        made = [debtor(session) for _ in range(40)]
        run = plan(session)

    def work(number):
        with fresh_database.transaction() as session:
            if number == 20:
                cutoff.apply(session, run.id, approved_by="Olha")
            else:
                pay(session, made[number])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(40)))
    with fresh_database.reading() as session:
        assert ledger.verify(session) == []
        for number, one in enumerate(made):
            assert is_open(session, one) is (number != 20), number
        assert sum(cutoff.outcomes(session, run.id).values()) == 40


def test_two_who_plan_at_once_are_told_so(fresh_database):
    with fresh_database.transaction() as session:
        plan(session)
        with pytest.raises(errors.Busy), fresh_database.transaction() as other:
            plan(other)
