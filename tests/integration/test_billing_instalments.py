"""Instalments: while they are kept debt neither cuts nor reminds; a broken plan protects no longer, and says why."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from billing import (
    cutoff,
    debtors,
    dunning,
    instalments,
    late_fees,
    ledger,
    payments,
    promises,
    suspensions,
    testing,
    verdicts,
)
from billing.models import DunningStep, InstalmentPlan, LockReason, Method, PromiseStatus, SuspensionLock
from billing.parts import Part
from billing.rules import Rules
from core import clock, errors
from registry import testing as registry_testing
from registry.models import AuditEvent

TODAY = date(2026, 6, 15)
BROKEN = "instalments were not kept: €{} missing since 2026-06-25, with the bills beside them"
RULES = Rules(grace_days=3, minimum_debt_minor=100, brake_minimum=50)


@pytest.fixture
def owing(session):
    """An account that owes 90.00 since long ago."""
    made = testing.subscriber(session, starts_on=TODAY, payment_days=14, grace_days=3)
    pay(session, made.account_id, 1600, TODAY)
    testing.charge(session, made.account_id, 9000, due_on=TODAY - timedelta(days=20))
    return made


def pay(session, account_id, minor, on):
    return payments.receive(
        session,
        account_id,
        minor,
        method=Method.CASH,
        dated_on=on,
        reference="",
        idempotency_key=None,
        author=testing.AUTHOR,
        today=on,
        rules=RULES,
    ).entry


def agree(session, account_id, *agreed, on=TODAY, rules=RULES):
    found = [Part(on + timedelta(days=days), minor) for days, minor in agreed]
    return instalments.make(session, account_id, found, author=testing.AUTHOR, today=on, rules=rules)


def verdict(session, on):
    (found,) = debtors.gather(session, on, rules=RULES)
    (one,) = verdicts.judge(found, on, RULES)
    return one


def day(number):
    return TODAY + timedelta(days=number)


def test_a_plan_opens_the_line_and_is_kept_by_its_parts_to_the_end(session, owing):
    run = cutoff.plan(session, TODAY, rules=RULES, planned_by="test")
    cutoff.apply(session, run.id, approved_by="test", force=True)
    made = agree(session, owing.account_id, (10, 3000), (20, 3000), (30, 3000))
    assert made.reopened == (owing.subscription_id,)
    for number in (10, 20):
        assert instalments.settle(session, day(number), rules=RULES) == promises.Settled()
        assert verdict(session, day(number)).reason is verdicts.Reason.INSTALMENTS
        pay(session, owing.account_id, 3000, day(number))
    assert "€30.00 by 2026-07-15" in verdict(session, day(21)).explanation
    assert instalments.active(session, owing.account_id) is not None
    pay(session, owing.account_id, 3000, day(30))
    assert made.plan.status is PromiseStatus.KEPT
    assert session.scalars(select(SuspensionLock).where(SuspensionLock.lifted_at.is_(None))).all() == []


def test_a_part_that_did_not_come_breaks_the_plan_the_night_after_and_the_cut_says_so(session, owing):
    made = agree(session, owing.account_id, (10, 4000), (20, 5000))
    pay(session, owing.account_id, 2500, day(5))
    assert instalments.settle(session, day(10), rules=RULES).broken == 0
    # Before the night has called it broken it protects no longer.
    assert verdict(session, day(11)).reason is verdicts.Reason.DEBT
    assert instalments.settle(session, day(11), rules=RULES) == promises.Settled(broken=1)
    assert made.plan.status is PromiseStatus.BROKEN
    assert made.plan.reason == BROKEN.format("15.00")
    found = verdict(session, day(11))
    assert found.reason is verdicts.Reason.DEBT
    assert found.explanation.endswith(made.plan.reason)
    with pytest.raises(errors.Invalid, match="only after a payment"):
        agree(session, owing.account_id, (1, 3000), (2, 3500), on=day(12))
    pay(session, owing.account_id, 500, day(12))
    agree(session, owing.account_id, (1, 3000), (2, 3000), on=day(12))


def test_a_part_missing_by_less_than_the_minimum_breaks_nothing(session, owing):
    agree(session, owing.account_id, (10, 4000), (20, 5000))
    pay(session, owing.account_id, 3901, day(10))
    assert instalments.settle(session, day(11), rules=RULES) == promises.Settled()
    assert verdict(session, day(11)).reason is verdicts.Reason.INSTALMENTS


def test_new_bills_are_paid_beside_the_parts(session, owing):
    made = agree(session, owing.account_id, (10, 4500), (40, 4500))
    pay(session, owing.account_id, 4500, day(10))
    testing.charge(session, owing.account_id, 3000, due_on=day(15))
    assert instalments.settle(session, day(18), rules=RULES) == promises.Settled()  # the bill's grace
    assert instalments.settle(session, day(19), rules=RULES).broken == 1
    assert made.plan.reason == BROKEN.format("30.00")


def test_a_payment_that_bounces_breaks_what_it_had_kept(session, owing):
    agree(session, owing.account_id, (10, 4500), (40, 4500))
    entry = pay(session, owing.account_id, 4500, day(9))
    assert instalments.settle(session, day(11), rules=RULES) == promises.Settled()
    ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="bounced", dated_on=day(12))
    assert instalments.settle(session, day(13), rules=RULES).broken == 1


def test_a_charge_of_the_plan_that_is_undone_makes_it_smaller_even_before_it_is_due(session, owing):
    later = testing.charge(session, owing.account_id, 2000, due_on=day(25))
    agree(session, owing.account_id, (10, 2000), (20, 9000))
    ledger.reverse(session, later.id, author=testing.AUTHOR, reason="mistake", dated_on=day(2))
    assert instalments.settle(session, day(11), rules=RULES) == promises.Settled()
    found = instalments.standing(session, day(11), rules=RULES)[owing.account_id]
    assert (found.open_minor, [one.paid_minor for one in found.parts]) == (9000, [2000, 0])


def test_who_keeps_instalments_is_neither_reminded_nor_fined(session, owing):
    session.add(DunningStep(days=3, texts={"en": {"subject": "", "body": "x"}}))
    fee = replace(RULES, late_fee_minor=200, late_fee_days=5)
    agree(session, owing.account_id, (10, 4500), (40, 4500))
    act = testing.act(day(10))
    assert dunning.due(session, day(10), rules=RULES, time_zone="UTC") == []
    assert late_fees.run(session, act, rules=fee) == 0
    instalments.settle(session, day(11), rules=RULES)
    assert [one.account_id for one in dunning.due(session, day(11), rules=RULES, time_zone="UTC")] == [
        owing.account_id
    ]
    assert late_fees.run(session, testing.act(day(11)), rules=fee) == 1


def test_one_plan_or_promise_stands_at_a_time_and_a_person_ends_it_with_a_reason(session, owing):
    made = agree(session, owing.account_id, (10, 4500), (40, 4500))
    with pytest.raises(errors.Conflict):
        agree(session, owing.account_id, (10, 4500), (40, 4500))
    with pytest.raises(errors.Conflict, match="Instalments"):
        promises.make(
            session, owing.account_id, until=day(3), author=testing.AUTHOR, today=TODAY, rules=RULES
        )
    with pytest.raises(errors.Invalid):
        instalments.end(session, made.plan.id, author=testing.AUTHOR, reason=" ")
    ended = instalments.end(session, made.plan.id, author=testing.AUTHOR, reason="moved away")
    assert (ended.status, ended.reason) == (PromiseStatus.WITHDRAWN, "ended by test: moved away")
    assert verdict(session, TODAY).reason is verdicts.Reason.DEBT
    with pytest.raises(errors.Conflict):
        instalments.end(session, made.plan.id, author=testing.AUTHOR, reason="again")
    promises.make(session, owing.account_id, until=day(3), author=testing.AUTHOR, today=TODAY, rules=RULES)
    with pytest.raises(errors.Conflict, match="promise"):
        agree(session, owing.account_id, (10, 4500), (40, 4500))


def test_only_the_whole_debt_is_split_and_nothing_where_nothing_is_owed(session, owing):
    with pytest.raises(errors.Invalid) as refused:
        agree(session, owing.account_id, (10, 4500), (40, 4499))
    assert set(refused.value.fields) == {"parts"}
    pay(session, owing.account_id, 9000, TODAY)
    with pytest.raises(errors.Invalid):
        agree(session, owing.account_id, (10, 4500), (40, 4500))
    assert session.scalars(select(InstalmentPlan)).all() == []


def test_the_locks_of_others_stay_when_a_plan_is_made(session, owing):
    suspensions.place(session, [owing.subscription_id], LockReason.MANUAL, owner="x", today=TODAY)
    assert agree(session, owing.account_id, (10, 4500), (40, 4500)).reopened == ()


def test_staff_split_a_debt_see_it_stand_list_it_and_end_it(database, sign_in_as):
    today = clock.today("Europe/Kyiv")
    with database.transaction() as session:
        customer = registry_testing.customer(session, "1001")
        testing.charge(session, customer.account_id, 10000, due_on=today - timedelta(days=10))
    clerk = sign_in_as("billing", "bela")
    money = f"/customers/{customer.id}/money"
    asked = {"count": "3", "first_on": today.isoformat(), "every": "week"}
    rows = clerk.get(f"{money}/instalments/parts", query_string=asked)
    assert [f'value="{sum_}"' in rows.text for sum_ in ("33.34", "33.33")] == [True, True]
    assert "in 3 instalments" in clerk.get(f"{money}/what-if?parts=3&first={today}").text
    form = {**asked, "key": "a-key-of-its-own", "note": "by phone"}
    for number, (days, sum_) in enumerate(((0, "50"), (7, "30"), (14, "19.99")), 1):
        form |= {f"day_{number}": (today + timedelta(days=days)).isoformat(), f"sum_{number}": sum_}
    refused = clerk.post(f"{money}/instalments", data=form)
    assert refused.status_code == 422
    assert "do not add up" in refused.text
    for _ in range(2):
        assert clerk.post(f"{money}/instalments", data={**form, "sum_3": "20.00"}).status_code == 303
    other = {**form, "sum_3": "20.00", "key": "another-key"}
    assert clerk.post(f"{money}/instalments", data=other).status_code in (409, 422)
    page = clerk.get(money).text
    assert "by phone" in page
    assert "End the instalments" in page
    assert "Promise</a>" not in page
    assert "1001" in clerk.get("/instalments?state=active&sort=-last").text
    assert "1001" not in clerk.get("/instalments?state=broken").text
    assert "1001" in clerk.get("/instalments.csv?q=1001").get_data(as_text=True)
    with database.reading() as session:
        plan_id = session.scalars(select(InstalmentPlan.id)).one()
        acts = session.scalars(select(AuditEvent.action)).all()
    assert acts.count("instalments.made") == 1
    assert clerk.post(f"/instalments/{plan_id}/end", data={"reason": ""}).status_code == 422
    assert clerk.post(f"/instalments/{plan_id}/end", data={"reason": "moved"}).status_code == 303
    assert "moved" in clerk.get(money).text
    assert "Promise</a>" in clerk.get(money).text
