"""The closing of a day on PostgreSQL: every step once, killed or run twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text, update

from billing import cutoff, night, promises, testing
from billing.brake import Whole, Witness
from billing.ledger import Author
from billing.models import (
    AccessState,
    Account,
    CutoffRun,
    LedgerEntry,
    NightRun,
    PromiseStatus,
    RunStatus,
    SubscriptionAccess,
    SuspensionLock,
)
from billing.rules import Rules
from core import db, errors

ON = date(2026, 12, 1)
RULES = Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=5)
JOB = Author("night")


def close(database, on=ON, rules=RULES):
    return night.close_day(database, testing.act(on, author=JOB), rules=rules)


def debtors(database, count=1):
    with database.transaction() as session:
        return [testing.subscriber(session, starts_on=date(2026, 10, 1)) for _ in range(count)]


def counts(database):
    with database.reading() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table))
            for table in (LedgerEntry, CutoffRun, SuspensionLock)
        )


def test_the_night_charges_plans_cuts_and_reports(database):
    (made,) = debtors(database)
    done = close(database)
    assert done.finished_at is not None
    charged = {"entries": 2, "total_minor": 6000, "accounts": 1, "documents": 0, "totals": {"EUR": 6000}}
    charged |= {"refused": [], "failed": [], "undocumented": {"company": 2}}
    assert done.report["charges"] == charged
    assert done.report["plan"]["cut"] == 1
    assert done.report["applied"] == {"outcomes": {"cut": 1}}
    assert done.report["mismatches"] == {"count": 0, "account_ids": []}
    with database.reading() as session:
        assert session.get_one(SubscriptionAccess, made.subscription_id).wanted is AccessState.CLOSED
        assert session.get_one(CutoffRun, done.cutoff_run_id).status is RunStatus.APPLIED
        assert night.last_closed(session).run_on == ON


def test_an_account_that_goes_wrong_is_left_out_and_named_and_done_the_next_night(database):
    broken, other = debtors(database, 2)
    function = (
        "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'broken by the test'; END $$"
    )
    trigger = (
        "CREATE TRIGGER refuse BEFORE INSERT ON ledger_entries FOR EACH ROW"
        f" WHEN (NEW.account_id = {broken.account_id}) EXECUTE FUNCTION pg_temp.refuse()"
    )
    with database.transaction() as session:
        session.execute(text(function))
        session.execute(text(trigger))
    rules = replace(RULES, late_fee_minor=100, late_fee_days=1)
    done = close(database, rules=rules)
    assert (done.finished_at is not None, done.report["charges"]["failed"]) == (True, [broken.account_id])
    assert done.report["charges"]["accounts"] == 1
    later = close(database, ON + timedelta(days=30), rules=rules)
    assert later.report["late_fees"]["failed"] == [broken.account_id]
    with database.transaction() as session:
        session.execute(text("DROP TRIGGER refuse ON ledger_entries"))
    last = close(database, ON + timedelta(days=31), rules=rules)
    assert (last.report["charges"]["accounts"], last.report["charges"]["failed"]) == (2, [])
    assert other.account_id != broken.account_id


def test_a_night_run_twice_changes_nothing(database):
    debtors(database)
    first = close(database)
    before = counts(database)
    again = close(database)
    assert again.report == first.report
    assert again.finished_at == first.finished_at
    assert counts(database) == before


def test_a_night_that_was_killed_goes_on_where_it_stopped(database):
    debtors(database)
    with database.transaction() as session:
        session.execute(text("ALTER TABLE cutoff_runs RENAME TO cutoff_runs_away"))
    with pytest.raises(Exception, match="cutoff_runs"):
        close(database)
    with database.transaction() as session:
        session.execute(text("ALTER TABLE cutoff_runs_away RENAME TO cutoff_runs"))
        stopped = session.get_one(NightRun, ON)
        assert {"plan", "applied"}.isdisjoint(stopped.report)
        assert stopped.finished_at is None
        assert night.last_closed(session) is None
    done = close(database)
    assert done.report["charges"]["entries"] == 2
    assert done.report["applied"] == {"outcomes": {"cut": 1}}


def test_a_night_whose_plan_cannot_be_made_does_all_else_says_so_and_makes_another(database, monkeypatch):
    debtors(database)
    reminded = []
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(cutoff, "decide", lambda *_, **__: 1 / 0)
        more = {"dunning": lambda *_: {"letters": len(reminded.append(ON) or reminded)}}
        night.close_day(database, testing.act(ON, author=JOB), rules=RULES, more=more)
    assert reminded == [ON]
    with database.reading() as session:
        left = session.get_one(NightRun, ON)
        assert (left.finished_at, night.is_cut_open(session, ON)) == (None, True)
        assert {"charges", "mismatches", "dunning"} <= left.report.keys()
        assert {"plan", "applied"}.isdisjoint(left.report)
        failed = session.get_one(CutoffRun, left.cutoff_run_id)
        assert (failed.status, failed.error) == (RunStatus.FAILED, "ZeroDivisionError: division by zero")
    done = close(database)
    assert done.cutoff_run_id != failed.id
    assert done.finished_at is not None
    assert done.report["applied"] == {"outcomes": {"cut": 1}}
    with database.reading() as session:
        assert not night.is_cut_open(session, ON)


def test_a_night_that_goes_on_hours_later_has_the_brake_look_at_its_plan_again(database, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    debtors(database)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(night, "_apply", die)
        close(database)
    with database.transaction() as session:
        run = session.scalars(select(CutoffRun)).one()
        assert run.status is RunStatus.PLANNED
        run.planned_at -= timedelta(hours=2)
    whole = Witness(lambda *_: [Whole("pop", "North", 10, 9)])
    done = night.close_day(database, testing.act(ON, author=JOB), rules=RULES, witness=whole)
    assert "The POP North would go as a whole" in done.report["applied"]["waits"]
    assert done.finished_at is not None
    assert counts(database)[2] == 0


def test_a_braked_plan_waits_for_a_person(database):
    debtors(database, 5)
    done = close(database)
    assert "5 of 5 running" in done.report["applied"]["waits"]
    assert counts(database)[2] == 0


def test_where_a_person_applies_plans_the_night_only_makes_one(database):
    debtors(database)
    done = close(database, rules=Rules(is_automatic=False))
    assert done.report["applied"] == {"waits": "a person applies the plans here"}
    with database.reading() as session:
        assert session.get_one(CutoffRun, done.cutoff_run_id).status is RunStatus.PLANNED


def test_a_broken_promise_cuts_in_the_same_night(database):
    (made,) = debtors(database)
    with database.transaction() as session:
        promise = promises.make(session, made.account_id, until=ON, author=JOB, today=ON, rules=RULES).promise
    assert close(database).report["plan"]["spare"] == 1
    done = close(database, ON + timedelta(days=1))
    assert done.report["promises"]["broken"] == 1
    assert done.report["applied"] == {"outcomes": {"cut": 1}}
    with database.reading() as session:
        assert session.get_one(type(promise), promise.id).status is PromiseStatus.BROKEN


def test_a_day_before_the_last_closed_one_is_refused(database):
    close(database)
    with pytest.raises(errors.Conflict, match="2026-12-01"):
        close(database, ON - timedelta(days=1))
    with database.reading() as session:
        assert session.get(NightRun, ON - timedelta(days=1)) is None


def test_a_wrong_balance_is_in_the_report(database):
    (made,) = debtors(database)
    with database.transaction() as session:
        session.execute(update(Account).where(Account.id == made.account_id).values(balance_minor=-1))
    assert close(database).report["mismatches"] == {"count": 1, "account_ids": [made.account_id]}


def test_a_rehearsal_tells_all_and_writes_nothing(database):
    debtors(database)
    before = counts(database)
    found = night.rehearse(database, testing.act(ON, author=JOB), rules=RULES)
    assert counts(database) == before
    assert found.charges.entries == 2
    assert (found.run.cut_count, found.run.status) == (1, RunStatus.PLANNED)
    assert [decision.action.value for decision in found.decisions] == ["cut"]
    assert "past due" in found.decisions[0].explanation


def test_two_who_close_a_day_at_once_do_it_once(fresh_database):
    debtors(fresh_database, 3)

    def attempt(_):
        try:
            return close(fresh_database).report["applied"]
        except errors.Busy:
            return None

    with ThreadPoolExecutor(4) as pool:
        done = [report for report in pool.map(attempt, range(4)) if report]
    assert all(report == {"outcomes": {"cut": 3}} for report in done)
    close(fresh_database)
    assert counts(fresh_database) == (9, 1, 3)


def test_a_day_being_closed_elsewhere_is_busy(fresh_database):
    with fresh_database.transaction() as session:
        assert db.try_advisory_lock(session, "night")
        with pytest.raises(errors.Busy):
            close(fresh_database)
