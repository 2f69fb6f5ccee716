"""Verdicts: the first reason that applies is the one that is told."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from billing import verdicts
from billing.models import AccessState, DecisionAction
from billing.rules import Rules, Step
from billing.verdicts import Debtor, Reason, Service

SUNDAY = date(2026, 11, 22)
RULES = Rules(grace_days=3, minimum_debt_minor=100)
RUNNING = Service(1, is_running=True, is_cut=False)
CUT = Service(1, is_running=True, is_cut=True)

OWES = Debtor(
    account_id=5,
    currency="EUR",
    balance_minor=-3400,
    overdue_minor=3400,
    past_due_minor=3400,
    oldest_due_on=date(2026, 10, 15),
    days_overdue=38,
    grace_days=3,
    is_never_cut=False,
    never_cut_note="",
    promise_until=None,
    pause_note="",
    services=(RUNNING,),
)
EXEMPT = {
    Reason.NEVER_CUT: {"is_never_cut": True, "never_cut_note": "hospital"},
    Reason.PROMISE: {"promise_until": SUNDAY},
    Reason.PAID: {"past_due_minor": 0},
    Reason.MINIMUM: {"past_due_minor": 99},
    Reason.GRACE: {"overdue_minor": 0},
}


def judge(debtor, rules=RULES):
    (verdict,) = verdicts.judge(debtor, SUNDAY, rules)
    return verdict


def test_a_debtor_is_cut_and_told_the_sum_the_day_and_the_age():
    verdict = judge(OWES)
    assert (verdict.action, verdict.reason) == (DecisionAction.CUT, Reason.DEBT)
    assert verdict.explanation == "€34.00 past due since 2026-10-15 (38 days); €34.00 of it out of grace"


@pytest.mark.parametrize("reason", EXEMPT)
def test_an_exempt_debtor_is_spared_and_one_who_was_cut_is_let_in(reason):
    debtor = replace(OWES, **EXEMPT[reason])
    assert (judge(debtor).action, judge(debtor).reason) == (DecisionAction.SPARE, reason)
    let_in = judge(replace(debtor, services=(CUT,)))
    assert (let_in.action, let_in.reason) == (DecisionAction.LIFT, reason)


def test_reasons_are_told_in_their_order():
    debtor, rules = OWES, replace(RULES, skip_weekdays=(7,))
    assert judge(debtor, rules).reason is Reason.WEEKDAY
    for reason in reversed(EXEMPT):
        debtor = replace(debtor, **EXEMPT[reason])
        assert judge(debtor, rules).reason is reason
    assert judge(replace(debtor, services=()), rules).reason is Reason.NOT_RUNNING


def test_a_day_without_cutoff_lets_nobody_in_again():
    verdict = judge(replace(OWES, services=(CUT,)), replace(RULES, skip_weekdays=(7,)))
    assert (verdict.action, verdict.reason) == (DecisionAction.KEEP, Reason.DEBT)


def test_yesterdays_promise_protects_no_longer():
    assert judge(replace(OWES, promise_until=date(2026, 11, 21))).action is DecisionAction.CUT


def test_each_service_gets_its_own_verdict_and_an_ended_one_none():
    ended = Service(3, is_running=False, is_cut=False)
    made = verdicts.judge(replace(OWES, services=(CUT, Service(2, True, False), ended)), SUNDAY, RULES)
    assert [(one.subscription_id, one.action.value) for one in made] == [(1, "keep"), (2, "cut")]


def test_an_ended_service_that_is_cut_stays_so_until_the_debt_is_gone():
    ended = Service(3, is_running=False, is_cut=True)
    assert judge(replace(OWES, services=(ended,))).action is DecisionAction.KEEP
    assert judge(replace(OWES, services=(ended,), past_due_minor=0)).action is DecisionAction.LIFT


def test_a_debtor_without_running_service_is_listed_by_his_newest():
    ended = tuple(Service(number, is_running=False, is_cut=False) for number in (3, 9, 4))
    assert judge(replace(OWES, services=ended)).subscription_id == 9
    assert judge(replace(OWES, services=())).subscription_id is None


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.NEVER_CUT, "Marked never to be cut (hospital); €34.00 past due"),
        (Reason.PROMISE, "Promised to pay until 2026-11-22; €34.00"),
        (Reason.PAID, "Nothing is past due any more"),
        (Reason.MINIMUM, "less than €1.00, from which on debt cuts"),
        (Reason.GRACE, "the 3 days of grace are not over (for the oldest until 2026-10-18)"),
    ],
)
def test_every_reason_is_said_in_words_with_its_numbers(reason, words):
    assert words in judge(replace(OWES, **EXEMPT[reason])).explanation


def test_a_debt_without_due_date_is_said_without_one():
    debtor = replace(OWES, oldest_due_on=None, days_overdue=0, overdue_minor=0)
    assert judge(debtor).explanation == "€34.00 past due; the 3 days of grace are not over"
    weekday = judge(replace(OWES, oldest_due_on=None), replace(RULES, skip_weekdays=(7,)))
    assert weekday.explanation == "€34.00 past due; nobody is cut on a Sunday"


def test_an_incident_spares_and_lets_nobody_in():
    hit = replace(OWES, pause_note="Incident 7: sw-1 is silent")
    assert (judge(hit).action, judge(hit).reason) == (DecisionAction.SPARE, Reason.INCIDENT)
    assert judge(hit).explanation == "Incident 7: sw-1 is silent; €34.00 past due since 2026-10-15 (38 days)"
    stays = judge(replace(hit, services=(CUT,)))
    assert (stays.action, stays.reason) == (DecisionAction.KEEP, Reason.DEBT)


def test_who_pays_during_an_incident_is_let_in_all_the_same():
    paid = judge(replace(OWES, pause_note="Incident 7", past_due_minor=0, services=(CUT,)))
    assert (paid.action, paid.reason) == (DecisionAction.LIFT, Reason.PAID)


LADDER = replace(
    RULES,
    steps=(
        Step(0, AccessState.NOTICE),
        Step(5, AccessState.SLOW),
        Step(10, AccessState.CLOSED),
    ),
)


def ripe(days):
    """Return the due date of a debt that has cut for so many days on SUNDAY."""
    return SUNDAY - timedelta(days=days + OWES.grace_days + 1)


def stepped(days, stands=AccessState.OPEN, rules=LADDER, **changes):
    service = replace(RUNNING, is_cut=stands is not AccessState.OPEN, effect=stands)
    verdict = judge(replace(OWES, ripe_on=ripe(days), services=(service,), **changes), rules)
    return verdict.action.value, verdict.was.value, verdict.effect.value


@pytest.mark.parametrize(
    ("days", "stands", "expected"),
    [
        (0, "open", ("cut", "open", "notice")),
        (4, "notice", ("keep", "notice", "notice")),
        (5, "notice", ("cut", "notice", "slow")),
        (12, "open", ("cut", "open", "closed")),
        (12, "slow", ("cut", "slow", "closed")),
        (90, "closed", ("keep", "closed", "closed")),
        (5, "closed", ("lift", "closed", "slow")),
        (0, "slow", ("lift", "slow", "notice")),
    ],
)
def test_a_debtor_is_cut_as_far_as_the_days_say_and_back_after_a_part(days, stands, expected):
    assert stepped(days, AccessState(stands)) == expected


def test_where_all_must_be_paid_a_part_brings_nobody_back_to_a_milder_step():
    strict = replace(LADDER, reconnects_at_zero=True)
    assert stepped(0, AccessState.CLOSED, strict) == ("keep", "closed", "closed")
    assert stepped(10, AccessState.SLOW, strict) == ("cut", "slow", "closed")


def test_before_the_first_step_nobody_is_cut_and_a_part_lets_in():
    late = replace(RULES, steps=(Step(5, AccessState.CLOSED),))
    assert judge(replace(OWES, ripe_on=ripe(4)), late).reason is Reason.STEP
    assert stepped(4, AccessState.CLOSED, late) == ("lift", "closed", "open")
    assert stepped(5, rules=late) == ("cut", "open", "closed")


def test_a_pause_and_a_promise_stop_a_further_step_and_a_service_that_ended_gets_none():
    assert stepped(12, AccessState.NOTICE, pause_note="Incident 7") == ("keep", "notice", "notice")
    assert stepped(12, AccessState.NOTICE, promise_until=SUNDAY) == ("lift", "notice", "open")
    rests = replace(LADDER, yearly_holidays=((SUNDAY.month, SUNDAY.day),))
    assert stepped(12, AccessState.NOTICE, rests) == ("keep", "notice", "notice")
    ended = Service(3, is_running=False, is_cut=True, effect=AccessState.NOTICE)
    assert judge(replace(OWES, ripe_on=ripe(12), services=(ended,)), LADDER).action is DecisionAction.KEEP


@pytest.mark.parametrize(
    ("days_ago", "is_cut"), [(None, False), (0, False), (1, True), (5, True), (6, False), (-1, False)]
)
def test_a_reminder_must_have_arrived_in_the_days_before_the_first_step(days_ago, is_cut):
    asks = replace(RULES, notice_days=5)
    on = None if days_ago is None else SUNDAY - timedelta(days=days_ago)
    verdict = judge(replace(OWES, notified_on=on), asks)
    assert verdict.reason is (Reason.DEBT if is_cut else Reason.NOTICE)


def test_who_is_cut_was_told_so_and_needs_no_other_reminder_for_the_next_step():
    asks = replace(LADDER, notice_days=5)
    assert stepped(12, AccessState.NOTICE, asks) == ("cut", "notice", "closed")
    assert stepped(12, AccessState.OPEN, asks)[0] == "spare"
