"""The policy as data: versions are added, the newest is in force, and the settings file is what was before."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing import cutoff, late_fees, policies, testing
from billing.models import AccessState, CutoffPolicy, CutoffRun, DecisionAction
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
    found = policies.in_force(session, file(grace_days=30, minimum_debt=0.01, late_fee=3))
    assert (found.version, found.grace_days, found.minimum_debt_minor) == (1, 4, 250)
    assert (found.steps, found.holidays, found.excluded_groups) == (LADDER, (date(2027, 1, 1),), (7,))
    assert (found.promise_days_limit, found.late_fee_minor) == (5, 0), "nor of promises, nor of late fees"


def test_a_version_keeps_the_terms_of_late_fees_interest_promises_and_instalments(session):
    terms = {
        "promise_days_limit": 6,
        "promise_broken_limit": 2,
        "promise_sum_limit_minor": 50000,
        "promise_needs_payment": False,
        "instalments_limit": 4,
        "late_fee_minor": 250,
        "late_fee_percent": 1.5,
        "late_fee_days": 7,
        "late_fee_minimum_minor": 2000,
        "interest_rates": ((date(2026, 1, 1), 8.5), (date(2026, 7, 1), 0.0)),
        "interest_minimum_minor": 50,
    }
    save(session, **terms)
    session.expire_all()
    found = policies.in_force(session, FILE)
    assert {name: getattr(found, name) for name in terms} == terms
    debtor = testing.subscriber(session, starts_on=date(2026, 10, 1))
    assert late_fees.run(session, testing.act(TODAY), rules=found, account_id=debtor.account_id) == 1


def test_of_what_an_older_version_does_not_name_the_file_speaks_until_the_next_is_saved(session):
    old = {name: value for name, value in Rules(grace_days=4).as_json().items() if name == "grace_days"}
    session.add(CutoffPolicy(version=1, author="before", why="long ago", content=old))
    session.flush()
    said = file(late_fee=3, interest_rates=[{"from_on": date(2026, 1, 1), "percent": 8}])
    found = policies.in_force(session, said)
    assert (found.grace_days, found.late_fee_minor) == (4, 300)
    assert "late_fee_minor" in policies.left_to_file(policies.newest(session))
    wanted = replace(found, grace_days=5)
    policies.save(session, testing.AUTHOR, wanted, over=found, why="later")
    now = policies.in_force(session, FILE)
    assert (now.late_fee_minor, now.interest_rates) == (300, ((date(2026, 1, 1), 8.0),))
    assert policies.left_to_file(policies.newest(session)) == ()
    back = policies.as_of(session, 1, now)
    assert (back.grace_days, back.late_fee_minor) == (4, 300), "going back to it takes no fee away"


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
        ("promise_days_limit", {"promise_days_limit": 0}),
        ("instalments_limit", {"instalments_limit": 1}),
        ("late_fee_minor", {"late_fee_minor": -1}),
        ("interest_rates", {"interest_rates": ((TODAY, 8.0), (TODAY, 9.0))}),
        ("interest_rates", {"interest_rates": ((TODAY, 101.0),)}),
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
