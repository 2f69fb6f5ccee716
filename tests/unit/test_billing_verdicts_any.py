"""Any policy and any debtor: the first reason that applies is the one told, and nobody exempt is ever cut."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing import verdicts
from billing.models import AccessState, DecisionAction, strictness
from billing.parts import Standing
from billing.rules import Rules, Step
from billing.verdicts import Debtor, Reason, Service
from tests import properties

ON = date(2026, 11, 23)
EFFECTS = list(AccessState)[1:]
near = st.integers(-20, 40).map(lambda days: ON - timedelta(days=days))
sums = st.sampled_from([0, 1, 99, 100, 101, 499, 500, 501, 3000])


@st.composite
def policies(draw):
    effects = sorted(draw(st.sets(st.sampled_from(EFFECTS), min_size=1)), key=strictness)
    days = sorted(draw(st.sets(st.integers(0, 30), min_size=len(effects), max_size=len(effects))))
    return Rules(
        minimum_debt_minor=draw(st.sampled_from([0, 1, 100, 500])),
        skip_weekdays=draw(st.sampled_from([(), (1,), (2,), (6, 7)])),
        holidays=draw(st.sampled_from([(), (ON,), (ON + timedelta(days=1),)])),
        yearly_holidays=draw(st.sampled_from([(), ((11, 23),), ((12, 25),)])),
        notice_days=draw(st.sampled_from([0, 1, 10])),
        steps=tuple(Step(*pair) for pair in zip(days, effects, strict=True)),
        reconnects_at_zero=draw(st.booleans()),
    )


@st.composite
def services(draw):
    made = []
    for number in range(draw(st.integers(0, 3))):
        effect = draw(st.sampled_from(list(AccessState)))
        is_cut = effect is not AccessState.OPEN
        stands = effect if is_cut else AccessState.CLOSED
        made.append(Service(number, draw(st.booleans()), is_cut, stands, draw(st.booleans())))
    return tuple(made)


@st.composite
def debtors(draw):
    past_due = draw(sums)
    overdue = min(past_due, draw(sums))
    kept = Standing(ON, (), open_minor=100, missing_minor=draw(st.sampled_from([0, 10_000])))
    return Debtor(
        account_id=1,
        currency="EUR",
        balance_minor=-past_due,
        overdue_minor=overdue,
        past_due_minor=past_due,
        oldest_due_on=draw(near),
        days_overdue=1,
        grace_days=draw(st.integers(0, 10)),
        is_never_cut=draw(st.booleans()) and draw(st.booleans()),
        never_cut_note="",
        promise_until=draw(st.none() | near),
        pause_note=draw(st.sampled_from(["", "", "Incident 7"])),
        services=draw(services()),
        exempt_group=draw(st.sampled_from(["", "", "Schools"])),
        credit_minor=draw(st.sampled_from([0, 0, 400, 10_000])),
        instalments=draw(st.none() | st.just(kept)),
        ripe_on=draw(st.none() | near),
        notified_on=draw(st.none() | near),
    )


def cuts(minor, rules):
    """Whether so much cuts."""
    return minor >= max(1, rules.minimum_debt_minor)


def step_of(debtor, rules):
    """Return how far the steps go today, told otherwise than the code under test tells it."""
    begun = (
        0 if debtor.ripe_on is None else ON.toordinal() - debtor.ripe_on.toordinal() - debtor.grace_days - 1
    )
    reached = AccessState.OPEN
    for step in rules.steps:
        if begun >= step.days:
            reached = step.effect
    return reached


def first_reason(debtor, service, rules):
    """Return the first reason not to cut, by the list of the policy; none when debt cuts."""
    since = None if debtor.notified_on is None else ON.toordinal() - debtor.notified_on.toordinal()
    is_unnoticed = since is None or since < 1 or since > rules.notice_days
    is_kept = debtor.instalments and not cuts(debtor.instalments.missing_minor, rules)
    listed = (
        (Reason.NEVER_CUT, debtor.is_never_cut or (service and service.is_never_cut)),
        (Reason.PROMISE, debtor.promise_until and debtor.promise_until >= ON),
        (Reason.INSTALMENTS, is_kept),
        (Reason.GROUP, debtor.exempt_group),
        (Reason.INCIDENT, debtor.pause_note),
        (Reason.NOTICE, rules.notice_days and is_unnoticed),
        (Reason.PAID, debtor.past_due_minor == 0),
        (Reason.MINIMUM, not cuts(debtor.past_due_minor, rules)),
        (Reason.GRACE, not cuts(debtor.overdue_minor, rules)),
        (Reason.CREDIT, not cuts(debtor.overdue_minor - debtor.credit_minor, rules)),
        (Reason.STEP, step_of(debtor, rules) is AccessState.OPEN),
        (Reason.WEEKDAY, ON.isoweekday() in rules.skip_weekdays),
        (Reason.HOLIDAY, ON in rules.holidays or (ON.month, ON.day) in rules.yearly_holidays),
    )
    for reason, applies in listed:
        if applies:
            return reason
    return None


@properties.money(60)
@given(debtors(), policies())
def test_the_first_reason_that_applies_is_the_one_told(debtor, rules):
    by_id = {one.subscription_id: one for one in debtor.services}
    for verdict in verdicts.judge(debtor, ON, rules):
        service = by_id.get(verdict.subscription_id)
        expected = first_reason(debtor, service, rules)
        if service is None or not (service.is_running or service.is_cut):
            assert (verdict.action, verdict.reason) == (DecisionAction.SPARE, Reason.NOT_RUNNING)
        elif not service.is_cut and expected is None:
            assert (verdict.action, verdict.reason) == (DecisionAction.CUT, Reason.DEBT)
            assert verdict.effect is step_of(debtor, rules)
        elif not service.is_cut:
            assert (verdict.action, verdict.reason) == (DecisionAction.SPARE, expected)


@properties.money(60)
@given(debtors(), policies())
def test_nobody_exempt_is_ever_cut_nor_cut_further(debtor, rules):
    running = {one.subscription_id for one in debtor.services if one.is_running}
    by_id = {one.subscription_id: one for one in debtor.services}
    for verdict in verdicts.judge(debtor, ON, rules):
        expected = first_reason(debtor, by_id.get(verdict.subscription_id), rules)
        goes_further = strictness(verdict.effect) > strictness(verdict.was)
        assert goes_further == (verdict.action is DecisionAction.CUT)
        if goes_further:
            assert verdict.subscription_id in running
            # Who is cut already was told so: only the reminder is not asked for again.
            assert expected is None or (expected is Reason.NOTICE and verdict.was is not AccessState.OPEN)
            assert verdict.effect is step_of(debtor, rules)


@properties.money(60)
@given(debtors(), policies())
def test_who_is_cut_is_let_in_by_what_lasts_and_by_no_day_of_the_calendar(debtor, rules):
    left = min(debtor.past_due_minor, max(0, debtor.overdue_minor - debtor.credit_minor))
    lets_in = left == 0 if rules.reconnects_at_zero else not cuts(left, rules)
    is_kept = debtor.instalments and not cuts(debtor.instalments.missing_minor, rules)
    promised = debtor.promise_until is not None and debtor.promise_until >= ON
    is_free = debtor.is_never_cut or promised or is_kept or debtor.exempt_group or debtor.past_due_minor == 0
    never_cut = {one.subscription_id for one in debtor.services if one.is_never_cut}
    for verdict in verdicts.judge(debtor, ON, rules):
        if verdict.was is AccessState.OPEN:
            continue
        if is_free or lets_in or verdict.subscription_id in never_cut:
            assert (verdict.action, verdict.effect) == (DecisionAction.LIFT, AccessState.OPEN)
        elif verdict.action is DecisionAction.LIFT:
            assert not rules.reconnects_at_zero
            assert verdict.effect is step_of(debtor, rules)
            assert strictness(verdict.effect) < strictness(verdict.was)
