"""A cutoff plan under review: rows approved, removed, deferred, undone; made and applied by a worker."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from billing import (
    cutoff,
    cutoff_review,
    cutoff_runs,
    cutoff_undo,
    deferrals,
    policies,
    rules,
    suspensions,
    testing,
)
from billing.brake import Witness
from billing.ledger import Author
from billing.models import (
    AccessState,
    Approval,
    CutoffDecision,
    CutoffDeferral,
    CutoffRun,
    DecisionAction,
    DunningNotice,
    LockReason,
    Review,
    RunStatus,
    SubscriptionAccess,
    SuspensionLock,
)
from core import clock, errors

TODAY = date(2026, 11, 22)
RULES = cutoff.Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=500)
OLHA = Author("Olha", None)


def debtor(session, **more):
    return testing.subscriber(session, starts_on=date(2026, 10, 1), **more)


def plan(session, on=TODAY, rules=RULES):
    return cutoff.plan(session, on, rules=rules, planned_by="test")


def row_of(session, run, made):
    return session.scalars(
        select(CutoffDecision)
        .where(CutoffDecision.run_id == run.id, CutoffDecision.subscription_id == made.subscription_id)
        .execution_options(populate_existing=True)
    ).one()


def wanted(session, made):
    return session.get_one(SubscriptionAccess, made.subscription_id, populate_existing=True).wanted


def undo(session, run, **more):
    return cutoff_undo.undo(session, run.id, reason="wrong list", author=OLHA, today=TODAY, **more)


def test_a_row_keeps_what_it_rests_on(session):
    made = debtor(session)
    suspensions.place(
        session, [made.subscription_id], LockReason.ABUSE, owner="noc", effect=AccessState.WALLED, today=TODAY
    )
    session.add(
        DunningNotice(
            account_id=made.account_id,
            episode_on=date(2026, 10, 15),
            days=3,
            run_on=date(2026, 10, 18),
            amount_minor=3000,
            outcome="sent",
        )
    )
    session.flush()
    rules = replace(RULES, version=7)
    row = row_of(session, plan(session, rules=rules), made)
    (line,) = row.basis["lines"]
    assert (line["due"], line["minor"], line["from"]) == ("2026-10-15", 3000, "2026-10-01")
    assert row.basis["notices"] == [{"days": 3, "on": "2026-10-18", "channel": "email", "outcome": "sent"}]
    assert (row.basis["policy"], row.basis["episode"], row.basis["more"]) == (7, "2026-10-15", 0)
    assert (row.before, row.after) == (AccessState.WALLED, AccessState.CLOSED)


def test_a_removed_row_stays_out_of_the_run_and_a_deferred_one_until_its_day(session):
    cut, removed, deferred = debtor(session), debtor(session), debtor(session)
    run = plan(session)
    ids = {name: row_of(session, run, one).id for name, one in (("removed", removed), ("deferred", deferred))}
    with pytest.raises(errors.Invalid):
        cutoff_review.remove(session, run.id, [ids["removed"]], note=" ", author=OLHA)
    cutoff_review.remove(session, run.id, [ids["removed"]], note="pays today", author=OLHA)
    until = TODAY + timedelta(days=5)
    cutoff_review.defer(
        session, run.id, [ids["deferred"]], until=until, note="in hospital", author=OLHA, today=TODAY
    )
    cutoff.apply(session, run.id, approved_by="Olha")
    outcomes = [row_of(session, run, one).outcome for one in (cut, removed, deferred)]
    assert outcomes == ["cut", "removed", "deferred"]
    later = plan(session, TODAY + timedelta(days=5))
    row = row_of(session, later, deferred)
    assert (row.action, row.reason) == (DecisionAction.SPARE, "deferred")
    assert "deferred until 2026-11-27 by Olha (in hospital)" in row.explanation
    assert row_of(session, later, removed).action is DecisionAction.CUT
    after = plan(session, TODAY + timedelta(days=6))
    assert row_of(session, after, deferred).action is DecisionAction.CUT


def test_what_was_said_of_a_row_is_taken_back_and_its_deferral_with_it(session):
    made = debtor(session)
    run = plan(session)
    row = row_of(session, run, made)
    cutoff_review.defer(session, run.id, [row.id], until=TODAY, note="asked", author=OLHA, today=TODAY)
    assert deferrals.standing(session, TODAY, [made.account_id])
    cutoff_review.reset(session, run.id, [row.id], author=OLHA)
    assert row_of(session, run, made).review is Review.NONE
    assert deferrals.standing(session, TODAY, [made.account_id]) == {}
    cutoff.apply(session, run.id, approved_by="Olha")
    assert row_of(session, run, made).outcome == "cut"
    with pytest.raises(errors.Conflict):
        cutoff_review.approve(session, run.id, [row.id], author=OLHA)


def test_where_each_row_must_be_approved_the_others_wait(session):
    first, second = debtor(session), debtor(session)
    run = plan(session, rules=replace(RULES, approval=Approval.EACH))
    cutoff_review.approve(session, run.id, [row_of(session, run, first).id], author=OLHA)
    cutoff.apply(session, run.id, approved_by="Olha")
    assert [row_of(session, run, one).outcome for one in (first, second)] == ["cut", "not_approved"]
    assert wanted(session, second) is AccessState.OPEN


def test_where_the_plan_must_be_approved_as_a_whole_it_is_not_applied_before(session):
    made = debtor(session)
    run = plan(session, rules=replace(RULES, approval=Approval.WHOLE))
    with pytest.raises(errors.Conflict):
        cutoff.apply(session, run.id, approved_by="Olha")
    cutoff_review.agree(session, run.id, author=OLHA)
    cutoff.apply(session, run.id, approved_by="Olha")
    assert row_of(session, run, made).outcome == "cut"


def test_a_braked_plan_is_released_with_a_reason_that_is_kept(session):
    for _ in range(3):
        debtor(session)
    run = plan(session, rules=replace(RULES, brake_minimum=1))
    assert run.status is RunStatus.BRAKED
    with pytest.raises(errors.Invalid):
        cutoff_review.release(session, run.id, reason="", author=OLHA)
    cutoff_review.release(session, run.id, reason="looked at each", author=OLHA)
    assert (run.status, run.released_by, run.release_reason) == (RunStatus.PLANNED, "Olha", "looked at each")
    cutoff.apply(session, run.id, approved_by="Olha")
    assert cutoff.outcomes(session, run.id) == {"cut": 3}


def test_undoing_a_run_lifts_its_own_locks_and_no_other_and_once(session):
    both, alone, before = debtor(session), debtor(session), debtor(session)
    cutoff.apply(session, plan(session).id, approved_by="before")  # all three
    for one in (both, alone):
        suspensions.lift(session, [one.subscription_id], LockReason.DEBT, by="test", today=TODAY)
    run = cutoff.apply(session, plan(session).id, approved_by="Olha")
    assert cutoff.outcomes(session, run.id) == {"cut": 2}
    suspensions.place(session, [both.subscription_id], LockReason.ABUSE, owner="noc", today=TODAY)
    done = undo(session, run, spare_until=TODAY + timedelta(days=3))
    assert (len(done.rows), done.left, run.status) == (2, {}, RunStatus.UNDONE)
    assert wanted(session, alone) is AccessState.OPEN
    assert wanted(session, both) is AccessState.CLOSED
    assert wanted(session, before) is AccessState.CLOSED
    row = row_of(session, run, alone)
    assert (row.outcome, row.undone_by, row.undo_reason) == ("cut_undone", "Olha", "wrong list")
    assert undo(session, run).rows == ()
    assert row_of(session, plan(session), alone).reason == "deferred"


def test_a_lock_that_was_lifted_and_placed_anew_is_not_this_runs_to_lift(session):
    made = debtor(session)
    run = cutoff.apply(session, plan(session).id, approved_by="Olha")
    suspensions.lift(session, [made.subscription_id], LockReason.DEBT, by="promise", today=TODAY)
    cutoff.apply(session, plan(session).id, approved_by="next")
    done = undo(session, run)
    assert (done.rows, done.left) == ((), {"cut": 1})
    assert wanted(session, made) is AccessState.CLOSED


def test_undoing_puts_back_who_was_let_in_where_he_still_owes(session):
    owes, paid = debtor(session), debtor(session)
    cutoff.apply(session, plan(session).id, approved_by="before")
    lenient = replace(RULES, minimum_debt_minor=10_000)
    run = cutoff.apply(session, plan(session, rules=lenient).id, approved_by="Olha")
    assert cutoff.outcomes(session, run.id) == {"lifted": 2}
    session.execute(update(CutoffRun).where(CutoffRun.id == run.id).values(rules=RULES.as_json()))
    session.refresh(run)
    testing.pay(session, paid.account_id, 3000)
    done = undo(session, run, row_ids=[row_of(session, run, one).id for one in (owes, paid)])
    assert [row.account_id for row in done.rows] == [owes.account_id]
    assert done.left == {"lifted": 1}
    assert wanted(session, owes) is AccessState.CLOSED
    assert wanted(session, paid) is AccessState.OPEN
    assert run.status is RunStatus.APPLIED


def test_nobody_is_cut_further_than_the_plan_said_and_what_was_done_can_be_undone(session):
    steps = (rules.Step(0, AccessState.WALLED), rules.Step(10, AccessState.CLOSED))
    made, ripe = debtor(session), date(2026, 10, 19)  # the first day past grace
    run = plan(session, ripe, rules=replace(RULES, steps=steps))
    assert row_of(session, run, made).effect is AccessState.WALLED
    cutoff.apply(session, run.id, approved_by="Olha", today=ripe + timedelta(days=20))
    assert wanted(session, made) is AccessState.WALLED
    testing.pay(session, made.account_id, 1)
    assert len(undo(session, run).rows) == 1
    assert wanted(session, made) is AccessState.OPEN


def test_a_step_that_became_milder_is_applied_as_it_is_now_and_can_be_undone(session):
    steps = (rules.Step(0, AccessState.SLOW), rules.Step(10, AccessState.CLOSED))
    made = debtor(session)
    testing.charge(session, made.account_id, 500, due_on=TODAY - timedelta(days=5))
    run = plan(session, rules=replace(RULES, steps=steps))
    assert row_of(session, run, made).effect is AccessState.CLOSED
    testing.pay(session, made.account_id, 3000)
    cutoff.apply(session, run.id, approved_by="Olha", today=TODAY)
    assert wanted(session, made) is AccessState.SLOW
    assert len(undo(session, run).rows) == 1
    assert wanted(session, made) is AccessState.OPEN


def test_taking_back_a_deferral_leaves_a_later_one_alone(session):
    made = debtor(session)
    run = plan(session)
    row = row_of(session, run, made)
    cutoff_review.defer(session, run.id, [row.id], until=TODAY, note="asked", author=OLHA, today=TODAY)
    until = TODAY + timedelta(days=9)
    deferrals.make(session, [made.account_id], until, note="in hospital", author=OLHA, today=TODAY)
    cutoff_review.reset(session, run.id, [row.id], author=OLHA)
    assert deferrals.standing(session, TODAY, [made.account_id])[made.account_id].until == until


def test_a_plan_of_an_older_policy_is_not_applied(session, settings):
    debtor(session)
    run = plan(session)
    seen = policies.in_force(session, settings)
    policies.save(session, OLHA, replace(seen, skip_weekdays=(6, 7)), over=seen, why="no weekends")
    with pytest.raises(errors.Conflict, match="policy"):
        cutoff.apply(session, run.id, approved_by="Olha")
    fresh = plan(session, rules=replace(RULES, version=1))
    assert cutoff.apply(session, fresh.id, approved_by="Olha").status is RunStatus.APPLIED


def test_a_run_that_was_not_applied_or_without_reason_is_not_undone(session):
    debtor(session)
    run = plan(session)
    with pytest.raises(errors.Conflict):
        undo(session, run)
    with pytest.raises(errors.Invalid):
        cutoff_undo.undo(session, run.id, reason=" ", author=OLHA, today=TODAY)


def test_a_worker_makes_and_applies_a_plan_in_batches_and_another_goes_on(database, monkeypatch):
    monkeypatch.setattr(cutoff_runs, "MAKE_BATCH", 3)
    monkeypatch.setattr(cutoff, "BATCH", 2)
    with database.transaction() as session:
        for _ in range(7):
            debtor(session)
        run_id = cutoff.begin(session, TODAY, rules=RULES, planned_by="Olha").id
        with pytest.raises(errors.Busy):
            cutoff.begin(session, TODAY, rules=RULES, planned_by="Pavlo")
        assert cutoff_runs.waiting(session) == []
    judged = []
    real = cutoff.decide

    def once(session, run, found, *, rules):
        judged.append(len(found))
        if len(judged) == 2:
            raise Killed
        real(session, run, found, rules=rules)

    monkeypatch.setattr(cutoff, "decide", once)
    with pytest.raises(Killed):
        go_on(database, run_id)
    with database.reading() as session:
        left = session.get_one(CutoffRun, run_id)
        assert (left.status, left.done_count) == (RunStatus.MAKING, 3)
    made = go_on(database, run_id)
    assert (made.status, made.cut_count) == (RunStatus.PLANNED, 7)
    assert judged == [3, 3, 3, 1]
    with database.transaction() as session:
        cutoff.start(session, run_id, approved_by="Olha")
        session.execute(
            update(CutoffRun).where(CutoffRun.id == run_id).values(seen_at=clock.now() - timedelta(hours=1))
        )
        assert cutoff_runs.waiting(session) == [run_id]
    applied = go_on(database, run_id)
    assert (applied.status, applied.done_count, applied.total_count) == (RunStatus.APPLIED, 7, 7)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SuspensionLock)) == 7
        assert session.scalar(select(func.count()).select_from(CutoffDeferral)) == 0
    assert go_on(database, run_id).applied_at == applied.applied_at


class Killed(BaseException):
    """What no worker lives to write down."""


def test_a_plan_that_cannot_be_made_fails_with_the_reason_and_the_next_one_is_made(database, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("by a rule")

    with database.transaction() as session:
        debtor(session)
        failed = cutoff.begin(session, TODAY, rules=RULES, planned_by="night").id
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(cutoff, "decide", broken)
        go_on(database, failed)
    with database.transaction() as session:
        run = session.get_one(CutoffRun, failed)
        assert (run.status, run.error) == (RunStatus.FAILED, "ZeroDivisionError: by a rule")
        with pytest.raises(errors.Conflict):
            cutoff.apply(session, failed, approved_by="Olha")
        lost = cutoff.begin(session, TODAY, rules=RULES, planned_by="Olha").id
        assert not cutoff_runs.is_lost(session.get_one(CutoffRun, lost))
        left_behind(session, lost, minutes=10)
        assert cutoff_runs.give_up(session) == []
        left_behind(session, lost, minutes=70)
        assert cutoff_runs.is_lost(session.get_one(CutoffRun, lost))
        assert cutoff_runs.give_up(session) == [lost]
        assert session.get_one(CutoffRun, lost).status is RunStatus.FAILED
        made = cutoff.begin(session, TODAY, rules=RULES, planned_by="Olha").id
        left_behind(session, made, minutes=10)
        last = cutoff.begin(session, TODAY, rules=RULES, planned_by="Pavlo").id
        assert session.get_one(CutoffRun, made).error == cutoff.LEFT_BEHIND
    assert go_on(database, last).status is RunStatus.PLANNED


def test_applying_that_goes_wrong_keeps_the_reason_and_is_tried_again(database):
    def broken(*_):
        raise ZeroDivisionError("in the history")

    with database.transaction() as session:
        debtor(session)
        run_id = cutoff.start(session, plan(session).id, approved_by="Olha").id
    with pytest.raises(ZeroDivisionError):
        cutoff_runs.go_on(database, run_id, witness=Witness(), today=lambda: TODAY, note=broken)
    with database.reading() as session:
        run = session.get_one(CutoffRun, run_id)
        assert (run.status, run.error) == (RunStatus.APPLYING, "ZeroDivisionError: in the history")
    done = go_on(database, run_id)
    assert (done.status, done.error) == (RunStatus.APPLIED, "")


def left_behind(session, run_id, *, minutes):
    then = clock.now() - timedelta(minutes=minutes)
    session.execute(update(CutoffRun).where(CutoffRun.id == run_id).values(planned_at=then, seen_at=then))
    session.expire_all()


def go_on(database, run_id):
    return cutoff_runs.go_on(database, run_id, witness=Witness(), today=lambda: TODAY)
