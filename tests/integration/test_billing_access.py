"""Locks and lines on PostgreSQL: wanted, claimed, applied, observed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from billing import access, answers, subscriptions, suspensions, testing
from billing.models import AccessState, LockReason, SubscriptionAccess
from core import clock, errors

TODAY = date(2026, 11, 22)
OPEN, CLOSED = AccessState.OPEN, AccessState.CLOSED


@pytest.fixture
def line(session):
    return testing.subscriber(session, starts_on=TODAY).subscription_id


def row(session, line):
    return session.get_one(SubscriptionAccess, line, populate_existing=True)


def place(session, line, reason=LockReason.DEBT, **more):
    return suspensions.place(session, [line], reason, owner="test", today=TODAY, **more)


def lift(session, line, reason=LockReason.DEBT):
    return suspensions.lift(session, [line], reason, by="test", today=TODAY)


def claim(session, *, now=None, limit=10, lease_s=60):
    return access.claim(session, limit=limit, lease_s=lease_s, now=now or clock.now())


def settle(session, line, version, *, applied=None, error=None, now=None, lease=None):
    taken = access.Claim(line, applied or OPEN, version, lease)
    given = [answers.Answer(taken, applied, error, pause_s=5)]
    return answers.settle(session, given, now=now or clock.now(), pause_limit_s=900) == [line]


def open_line(session, line):
    (taken,) = claim(session)
    assert settle(session, line, taken.version, applied=taken.wanted)


def test_a_new_line_waits_to_be_opened(session, line):
    assert claim(session) == [access.Claim(line, OPEN, 1)]
    assert claim(session) == []
    assert access.ensure(session, line, today=TODAY).version == 1
    with pytest.raises(errors.NotFound):
        access.ensure(session, 10**9)


def test_a_line_is_open_only_when_no_lock_stands(session, line):
    assert place(session, line) == suspensions.Moved((line,), (line,))
    assert place(session, line) == suspensions.Moved((), ())
    assert place(session, line, LockReason.MANUAL, note="abuse desk") == suspensions.Moved((line,), ())
    assert lift(session, line) == suspensions.Moved((line,), ())
    assert row(session, line).wanted is CLOSED
    assert lift(session, line, LockReason.FREEZE) == suspensions.Moved()
    moved = lift(session, line, LockReason.MANUAL)
    assert suspensions.opened(session, moved) == (line,)
    assert row(session, line).wanted is OPEN
    assert row(session, line).version == 3
    assert suspensions.place(session, [], LockReason.DEBT, owner="x") == suspensions.Moved()
    assert suspensions.lift(session, [], LockReason.DEBT, by="x") == suspensions.Moved()


def test_more_lines_than_a_statement_has_parameters_are_locked_at_once(session, line):
    nobody = range(10**9, 10**9 + 7000)
    assert suspensions.place(session, [line], LockReason.DEBT, owner="night", today=TODAY).locks == (line,)
    with pytest.raises(IntegrityError, match="foreign key"), session.begin_nested():
        suspensions.place(session, nobody, LockReason.DEBT, owner="night", today=TODAY)


def test_a_lock_knows_who_placed_and_who_lifted_it(session):
    made = testing.subscriber(session, starts_on=TODAY)
    place(session, made.subscription_id, LockReason.ABUSE, note="spam")
    (lock,) = suspensions.standing(session, made.account_id)
    assert (lock.owner, lock.note, lock.reason) == ("test", "spam", LockReason.ABUSE)
    suspensions.lift_of_account(session, made.account_id, LockReason.ABUSE, by="Olha", today=TODAY)
    assert lock.lifted_by == "Olha"
    assert suspensions.standing(session, made.account_id) == []


def test_a_lock_with_an_end_is_lifted_when_its_time_is_over(session, line):
    now = clock.now()
    place(session, line, LockReason.FREEZE, until=now + timedelta(hours=1))
    place(session, line, LockReason.MANUAL)
    assert suspensions.lift_expired(session, now, by="night", today=TODAY) == suspensions.Moved()
    moved = suspensions.lift_expired(session, now + timedelta(hours=2), by="night", today=TODAY)
    assert moved == suspensions.Moved((line,), ())


def test_a_change_of_mind_during_the_call_is_not_lost(session, line):
    (taken,) = claim(session)
    place(session, line)
    assert claim(session) == []
    assert settle(session, line, taken.version, applied=OPEN) is False
    assert claim(session) == [access.Claim(line, CLOSED, 2)]
    assert settle(session, line, 2, applied=CLOSED) is True
    assert row(session, line).applied is CLOSED


def test_a_mind_changed_twice_during_the_call_is_told_again(session, line):
    open_line(session, line)
    place(session, line)
    (taken,) = claim(session)
    lift(session, line)
    assert row(session, line).applied is None
    settle(session, line, taken.version, applied=CLOSED)
    assert claim(session) == [access.Claim(line, OPEN, 3)]


def test_a_late_answer_to_an_older_version_makes_a_settled_line_doubtful(session, line):
    (late,) = claim(session)
    place(session, line)
    later = clock.now() + timedelta(minutes=5)
    (taken,) = claim(session, now=later)
    assert settle(session, line, taken.version, applied=CLOSED, now=later)
    assert settle(session, line, late.version, applied=OPEN, now=later) is False
    assert row(session, line).applied is None
    assert claim(session, now=later) == [access.Claim(line, CLOSED, 2)]


def test_a_failing_gate_is_tried_again_with_growing_pauses(session, line):
    now = clock.now()
    pauses = []
    for attempt in range(1, 10):
        (taken,) = claim(session, now=now)
        assert settle(session, line, taken.version, error="no route", now=now) is False
        found = row(session, line)
        assert (found.attempts, found.error, found.leased_until) == (attempt, "no route", None)
        assert claim(session, now=now) == []
        pauses.append((found.next_attempt_at - now).total_seconds())
        now = found.next_attempt_at
    for attempt, pause in enumerate(pauses):
        nominal = min(5 * 2**attempt, 900)
        assert 0.75 * nominal <= pause <= 1.25 * nominal
    (taken,) = claim(session, now=now)
    assert settle(session, line, taken.version, applied=OPEN, now=now)
    assert (row(session, line).attempts, row(session, line).error) == (0, None)


def test_a_change_after_a_failure_is_told_at_once_and_trusts_nothing(session, line):
    open_line(session, line)
    place(session, line)
    (taken,) = claim(session)
    settle(session, line, taken.version, error="timed out")
    lift(session, line)
    found = row(session, line)
    assert (found.applied, found.attempts) == (None, 0)
    assert claim(session) == [access.Claim(line, OPEN, 3)]


def test_a_claim_that_is_never_settled_comes_back(session, line):
    now = clock.now()
    claim(session, now=now, lease_s=30)
    assert claim(session, now=now + timedelta(seconds=29)) == []
    assert claim(session, now=now + timedelta(seconds=31)) == [access.Claim(line, OPEN, 1)]


def test_a_line_that_drifted_is_told_again(session, line):
    open_line(session, line)
    assert answers.note_observed(session, {}, clock.now()) == []
    assert answers.note_observed(session, {line: OPEN}, clock.now()) == []
    assert answers.note_observed(session, {line: None}, clock.now()) == []
    assert row(session, line).observed is None
    assert answers.note_observed(session, {line: CLOSED}, clock.now() - timedelta(hours=1)) == []
    assert answers.note_observed(session, {line: CLOSED}, clock.now()) == [line]
    assert row(session, line).observed is CLOSED
    assert claim(session) == [access.Claim(line, OPEN, 1)]


@pytest.mark.parametrize(("effect", "seen"), [(None, CLOSED), (CLOSED, OPEN), (AccessState.NOTICE, OPEN)])
def test_a_line_whose_addresses_differ_is_told_again_and_shows_what_is_not_wanted(
    session, line, effect, seen
):
    """One of its addresses passes, another does not: it is neither open nor closed."""
    if effect is None:
        open_line(session, line)
    else:
        place(session, line, effect=effect)
        [claimed] = claim(session)
        settle(session, line, claimed.version, applied=effect)
    later = clock.now() + timedelta(seconds=1)
    assert answers.note_observed(session, {line: (OPEN, CLOSED)}, later) == [line]
    found = row(session, line)
    assert (found.observed, found.applied) == (seen, None)
    assert found.astray_since is not None


def test_lines_open_on_the_first_day_and_close_after_the_last(session):
    tomorrow = TODAY + timedelta(days=1)
    made = testing.subscriber(session, starts_on=tomorrow, today=TODAY)
    assert row(session, made.subscription_id).wanted is CLOSED
    assert access.refresh_dates(session, TODAY) == {}
    assert access.refresh_dates(session, tomorrow) == {made.subscription_id: OPEN}
    subscriptions.end(
        session,
        made.subscription_id,
        testing.act(tomorrow),
        ends_on=tomorrow,
    )
    assert access.refresh_dates(session, tomorrow) == {}
    assert access.refresh_dates(session, tomorrow + timedelta(days=1)) == {made.subscription_id: CLOSED}


def test_four_sweeps_at_once_take_each_line_once(fresh_database):
    with fresh_database.transaction() as session:
        for _ in range(60):
            testing.subscriber(session, starts_on=TODAY)

    def sweep(_):
        taken = []
        while True:
            with fresh_database.transaction() as session:
                claims = claim(session, limit=7)
            if not claims:
                return taken
            taken += [one.subscription_id for one in claims]

    with ThreadPoolExecutor(4) as pool:
        swept = [line for lines in pool.map(sweep, range(4)) for line in lines]
    assert len(swept) == len(set(swept)) == 60


def test_one_who_lifts_and_one_who_places_at_once_leave_the_line_as_the_locks_say(fresh_database):
    with fresh_database.transaction() as session:
        lines = [testing.subscriber(session, starts_on=TODAY).subscription_id for _ in range(8)]
        suspensions.place(session, lines, LockReason.DEBT, owner="cutoff", today=TODAY)

    def act(number):
        with fresh_database.transaction() as session:
            if number % 2:
                suspensions.lift(session, lines, LockReason.DEBT, by="payment", today=TODAY)
            else:
                suspensions.place(session, reversed(lines), LockReason.MANUAL, owner="noc", today=TODAY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(8)))
    with fresh_database.reading() as session:
        wanted = session.execute(
            select(SubscriptionAccess.wanted, func.count()).group_by(SubscriptionAccess.wanted)
        ).all()
        assert wanted == [(CLOSED, 8)]


def test_of_several_locks_the_strictest_effect_is_wanted_and_the_milder_returns(session, line):
    place(session, line, effect=AccessState.SLOW)
    assert row(session, line).wanted is AccessState.SLOW
    place(session, line, LockReason.ABUSE, effect=AccessState.WALLED)
    assert row(session, line).wanted is AccessState.WALLED
    place(session, line, LockReason.MANUAL)
    assert row(session, line).wanted is CLOSED
    lift(session, line, LockReason.MANUAL)
    lift(session, line, LockReason.ABUSE)
    assert row(session, line).wanted is AccessState.SLOW
    lift(session, line)
    assert row(session, line).wanted is OPEN


def test_a_lock_that_stands_changes_its_effect_only_and_its_line_with_it(session, line):
    first = place(session, line, effect=AccessState.NOTICE, note="first")
    raised = place(session, line, effect=AccessState.WALLED, note="second")
    again = place(session, line, effect=AccessState.WALLED)
    lock = suspensions.standing_of(session, line, LockReason.DEBT)
    assert (first.locks, raised.locks, again.locks) == ((line,), (line,), ())
    assert raised.lines == (line,)
    assert (lock.effect, lock.note) == (AccessState.WALLED, "first")


def test_what_the_gate_does_instead_counts_as_the_wish(session, line):
    place(session, line, effect=AccessState.WALLED)
    [claimed] = claim(session)
    settle(session, line, claimed.version, applied=AccessState.WALLED)
    later = clock.now() + timedelta(seconds=1)
    told = {AccessState.WALLED: CLOSED}
    assert answers.note_observed(session, {line: CLOSED}, later, told=told) == []
    assert row(session, line).observed is AccessState.WALLED
    assert answers.note_observed(session, {line: CLOSED}, later) == [line]
