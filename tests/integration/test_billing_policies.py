"""The policy as data: versions are added, the newest is in force, and the settings file is what was before."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing import cutoff, policies, testing
from billing.models import AccessState, CutoffRun, DecisionAction
from billing.rules import Rules, Step
from core import db, errors
from core.settings import Settings

TODAY = date(2026, 11, 22)
LADDER = (Step(0, AccessState.NOTICE), Step(7, AccessState.CLOSED))


def file(**cutoff):
    return Settings.model_validate({"web": {"secret_key": "k" * 40}, "cutoff": cutoff})


FILE = file(grace_days=9, minimum_debt=2.5, promise_days_limit=5)


def save(session, **changes):
    now = policies.in_force(session, FILE)
    return policies.save(session, testing.AUTHOR, replace(now, **changes), over=now, why="as agreed")


def test_the_settings_file_is_the_policy_until_a_version_is_saved(session):
    assert policies.in_force(session, FILE) == replace(
        Rules(), grace_days=9, minimum_debt_minor=250, promise_days_limit=5
    )
    save(session, grace_days=4, steps=LADDER, holidays=(date(2027, 1, 1),), excluded_groups=(7,))
    found = policies.in_force(session, file(grace_days=30, minimum_debt=0.01, promise_days_limit=6))
    assert (found.version, found.grace_days, found.minimum_debt_minor) == (1, 4, 250)
    assert (found.steps, found.holidays, found.excluded_groups) == (LADDER, (date(2027, 1, 1),), (7,))
    assert found.promise_days_limit == 6, "promises are not policy: the file still says them"


def test_a_version_is_only_added_and_an_older_one_comes_back_as_a_new_one(session):
    save(session, grace_days=4)
    save(session, grace_days=5)
    now = policies.in_force(session, FILE)
    old = policies.as_of(session, 1, now)
    back = policies.save(session, testing.AUTHOR, old, over=now, why="it was better", restores=1)
    assert (back.version, back.restores) == (3, 1)
    assert policies.in_force(session, FILE).grace_days == 4
    assert [one.version for one in policies.versions(session)] == [3, 2, 1]
    for statement in ("UPDATE cutoff_policies SET why = 'x'", "DELETE FROM cutoff_policies"):
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(text(statement))


def test_who_saves_over_a_version_that_is_not_the_newest_is_refused(session):
    seen = policies.in_force(session, FILE)
    save(session, grace_days=4)
    with pytest.raises(errors.Conflict):
        policies.save(session, testing.AUTHOR, replace(seen, grace_days=8), over=seen, why="later")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("steps", {"steps": ()}),
        ("steps", {"steps": (Step(5, AccessState.NOTICE), Step(5, AccessState.CLOSED))}),
        ("steps", {"steps": (Step(1, AccessState.CLOSED), Step(5, AccessState.SLOW))}),
        ("steps", {"steps": (Step(-1, AccessState.CLOSED),)}),
        ("skip_weekdays", {"skip_weekdays": (1, 2, 3, 4, 5, 6, 7)}),
        ("grace_days", {"grace_days": 400}),
        ("minimum_debt_minor", {"minimum_debt_minor": -1}),
        ("brake_share_percent", {"brake_share_percent": 0}),
        ("brake_whole_minimum", {"brake_whole_minimum": 0}),
    ],
)
def test_a_policy_that_cannot_be_is_refused_at_its_field(session, field, changes):
    with pytest.raises(errors.Invalid) as refused:
        save(session, **changes)
    assert list(refused.value.fields) == [field]


def test_a_policy_says_why_and_differs_from_the_one_before(session):
    now = policies.in_force(session, FILE)
    with pytest.raises(errors.Invalid) as refused:
        policies.save(session, testing.AUTHOR, replace(now, grace_days=1), over=now, why=" ")
    assert list(refused.value.fields) == ["why"]
    save(session, grace_days=4)
    with pytest.raises(errors.Invalid, match="Nothing differs"):
        save(session, grace_days=4)


def test_a_comparison_counts_who_fares_otherwise_and_writes_nothing(session):
    debtors = [testing.subscriber(session, starts_on=date(2026, 10, 1)) for _ in range(3)]
    small = testing.subscriber(session, price_minor=500, starts_on=date(2026, 10, 1))
    now = policies.in_force(session, FILE)
    found = policies.compare(session, TODAY, now, replace(now, minimum_debt_minor=1000))
    assert (found.before[DecisionAction.CUT], found.after[DecisionAction.CUT]) == (4, 3)
    ((account_id, (before, after)),) = found.differing.items()
    assert account_id == small.account_id
    assert (before.action, after.action, after.reason) == ("cut", "spare", "minimum")
    stepped = policies.compare(session, TODAY, now, replace(now, steps=(Step(0, AccessState.NOTICE),)))
    assert stepped.differing.keys() == {one.account_id for one in [*debtors, small]}
    assert session.query(CutoffRun).count() == 0


def test_a_run_keeps_the_version_and_every_number_it_went_by(session):
    save(session, grace_days=4, steps=LADDER, yearly_holidays=((12, 25),))
    run = cutoff.plan(session, TODAY, rules=policies.in_force(session, FILE), planned_by="test")
    session.expire_all()
    kept = session.get_one(CutoffRun, run.id).rules
    assert (kept["version"], kept["grace_days"]) == (1, 4)
    assert (kept["steps"], kept["yearly_holidays"]) == ([[0, "notice"], [7, "closed"]], [[12, 25]])


def test_a_process_reads_the_policy_once_in_a_few_seconds(database, monkeypatch):
    kept = policies.Kept(database, FILE)
    assert kept.rules().version == 0
    with database.transaction() as session:
        save(session, grace_days=4)
    assert kept.rules().version == 0
    with database.reading() as session:
        assert kept.rules(session).version == 0
    kept.forget()
    assert kept.rules().version == 1
    with database.transaction() as session:
        save(session, grace_days=5)
    monkeypatch.setattr(policies.Kept, "SECONDS", -1.0)
    with database.reading() as session:
        assert kept.rules(session).version == 2


def test_the_policy_costs_a_payment_nothing(database, monkeypatch):
    kept = policies.Kept(database, FILE)
    kept.rules()
    monkeypatch.setattr(db.Database, "reading", None)
    assert kept.rules().grace_days == 9
