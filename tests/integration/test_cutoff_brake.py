"""The brake of the cutoff: a broken payment import stops the night, nobody is cut, and the page says why."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from billing import brake, cutoff, cutoff_review, debtors, second_look
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import (
    Account,
    AccountGroup,
    CutoffDecision,
    CutoffRun,
    EntryKind,
    LedgerEntry,
    Method,
    NightRun,
    RunStatus,
    SuspensionLock,
)
from billing.rules import Rules
from billing.subscriptions import Choice
from core import clock, errors
from registry import labels, money, passwords, testing, wholes
from registry.models import StaffUser
from tasks import celery_app, night
from tasks.runtime import Runtime
from webapp import runtime

TODAY = clock.today("Europe/Kyiv")
WIDE = Rules(brake_minimum=1000)


def paid(session, account_id, minor, *, days_ago, method=Method.BANK):
    """Write a payment that was booked so many days ago, as an import of then would have."""
    account = session.get_one(Account, account_id)
    account.balance_minor += minor
    made = LedgerEntry(
        account_id=account_id,
        kind=EntryKind.PAYMENT,
        amount_minor=minor,
        currency="EUR",
        balance_after_minor=account.balance_minor,
        dated_on=TODAY - timedelta(days=days_ago),
        method=method,
        author="bank import",
        posted_at=clock.now() - timedelta(days=days_ago, hours=2),
    )
    session.add(made)
    session.flush()


def subscriber(session, number):
    """A customer whose service of sixty days is paid for until a debt of €30 that fell due three weeks ago."""
    customer = testing.customer(session, number)
    money.start_service(
        session,
        testing.person(session, "setup"),
        customer.id,
        choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
        starts_on=TODAY - timedelta(days=60),
        today=TODAY,
        terms=Terms(14),
    )
    money_testing.charge(session, customer.account_id, 3000, due_on=TODAY - timedelta(days=21))
    return customer


@pytest.fixture
def sign_in_there(web_app, server_settings, fresh_database):
    """Return a function that signs the billing desk in on the database of the night."""
    there = runtime.make(server_settings, fresh_database)
    web_app.extensions[runtime.KEY] = there
    with fresh_database.transaction() as session:
        sealed = passwords.seal("correct horse")
        session.add(StaffUser(login="desk", name="Desk", roles=["billing"], password_hash=sealed))

    def sign_in():
        browser = web_app.test_client()
        browser.post("/sign-in", data={"login": "desk", "password": "correct horse"})
        return browser

    yield sign_in
    there.hub.close()
    there.redis.close()


def test_a_broken_payment_import_would_cut_sixty_per_cent_so_the_night_cuts_nobody(
    server_settings, fresh_database, sign_in_there
):
    with fresh_database.transaction() as session:
        everybody = [subscriber(session, f"60{number:02d}") for number in range(20)]
        # Eight pay at the desk. The other twelve pay by bank, and their statements did come every day of the
        # weeks before; this night's file was never read in, so all twelve owe.
        for customer in everybody[:8]:
            paid(session, customer.account_id, 3000, days_ago=3, method=Method.CASH)
        for week in (1, 2, 3, 4):
            for customer in everybody[8:]:
                money_testing.charge(session, customer.account_id, 3000, due_on=TODAY - timedelta(days=30))
                paid(session, customer.account_id, 3000, days_ago=7 * week)
    made = Runtime(server_settings)
    app = celery_app.make(server_settings.data.queue_url.get_secret_value())
    for _ in range(2):
        night.close_day(made, app, None)
    app.close()
    made.close()
    with fresh_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SuspensionLock)) == 0
        closed = session.scalars(select(NightRun)).one()
        run = session.get_one(CutoffRun, closed.cutoff_run_id)
        assert (run.status, run.cut_count) == (RunStatus.BRAKED, 12)
        assert closed.report["applied"] == {"waits": "; ".join(run.brake_reasons)}
        assert len(run.brake_reasons) == 2, run.brake_reasons
    browser = sign_in_there()
    page = browser.get(f"/cutoff/{run.id}")
    assert "12 of 20 running subscriptions, 60.0 %" in page.text
    assert "0 payments by bank came in within 24 hours" in page.text
    assert "12, 12, 12, 12" in page.text
    assert "Is the import of bank statements broken?" in page.text
    assert "The night does not apply it" in page.text
    assert browser.post(f"/cutoff/{run.id}/apply").status_code == 409


def run_of(session, cut, *, status=RunStatus.PLANNED, on=TODAY, minutes_ago=0):
    made = CutoffRun(
        run_on=on,
        status=status,
        cut_count=cut,
        planned_by="test",
        planned_at=clock.now() - timedelta(minutes=minutes_ago),
    )
    session.add(made)
    session.flush()
    return made


def asked(session, run, rules=WIDE, **seen):
    return brake.reasons(session, run, rules=rules, witness=brake.Witness(**seen))


def test_a_plan_far_from_those_before_it_waits_and_one_like_them_does_not(session):
    for cut in (4, 5, 6):
        run_of(session, cut, status=RunStatus.APPLIED)
    run_of(session, 400, status=RunStatus.DISCARDED)
    rules = Rules(brake_minimum=5, brake_share_percent=1e6)
    (words,) = asked(session, run_of(session, 16), rules)
    assert "The plan cuts 16; the last 3 applied plans cut 6, 5, 4, 5 in the middle" in words
    assert asked(session, run_of(session, 15), rules) == []
    assert asked(session, run_of(session, 16), replace(rules, brake_growth=0)) == []
    run_of(session, 6, status=RunStatus.APPLIED, on=TODAY - timedelta(days=31))  # the bill day a month before
    assert asked(session, run_of(session, 18), rules) == []
    assert len(asked(session, run_of(session, 19), rules)) == 1
    assert asked(session, run_of(session, 0), rules) == []


@pytest.mark.parametrize(
    ("today", "method", "words"),
    [
        (0, Method.BANK, ["0 payments by bank", "10, 8, 12, 10"]),
        (0, Method.ONLINE, ["0 online payments", "payment gateway"]),
        (0, Method.CASH, ["0 payments came in", "not booked"]),
        (1, Method.BANK, []),
    ],
)
def test_payments_are_compared_with_the_same_weekday_of_the_weeks_before(session, today, method, words):
    account = money_testing.subscriber(session, starts_on=TODAY - timedelta(days=60)).account_id
    for week, count in enumerate((today, 10, 8, 12, 10)):
        for _ in range(count):
            paid(session, account, 1, days_ago=7 * week, method=method)
    for _ in range(30):  # yesterday is another weekday
        paid(session, account, 1, days_ago=1, method=method)
    found = asked(session, run_of(session, 3))
    assert len(found) == bool(words)
    assert all(word in found[0] for word in words)
    assert asked(session, run_of(session, 3), replace(WIDE, brake_import_hours=0)) == []


def test_an_import_that_is_broken_for_weeks_is_still_asked_about(session):
    account = money_testing.subscriber(session, starts_on=TODAY - timedelta(days=90)).account_id
    for week in (4, 5, 6, 7, 8):
        for _ in range(6):
            paid(session, account, 1, days_ago=7 * week)
    (words,) = asked(session, run_of(session, 3))
    assert "0, 0, 0, 6, 6, 6, 6, 6" in words


def test_a_group_pop_or_switch_that_would_go_as_a_whole_makes_the_plan_wait(session):
    actor = testing.person(session)
    switch = testing.device(session, "sw-7")
    namesake = testing.device(session, "sw-7")  # in another cellar, with people who pay
    for number in range(4):
        payer = subscriber(session, f"71{number}")
        testing.connect(session, payer.id, namesake.id, 1 + number)
        paid(session, payer.account_id, 3000, days_ago=0)
    everybody = [subscriber(session, f"70{number}") for number in range(6)]
    for place, customer in enumerate(everybody[:5], 1):
        testing.connect(session, customer.id, switch.id, place)
    group = labels.create_group(session, actor, name="Riverside")
    estate = AccountGroup(name="Housing estate")
    session.add(estate)
    session.flush()
    for customer in everybody[1:]:
        labels.set_groups(session, actor, customer.id, [group.id])
        session.get_one(Account, customer.account_id).group_id = estate.id
    paid(session, everybody[5].account_id, 3000, days_ago=0)
    rules = replace(WIDE, brake_whole_percent=90.0, brake_whole_minimum=5)
    run = cutoff.plan(session, TODAY, rules=rules, planned_by="test", witness=brake.Witness(wholes.find))
    assert run.cut_count == 5
    assert debtors.count_running(session, TODAY) == 10
    (words,) = run.brake_reasons  # of the groups' five one paid
    assert "The device sw-7 would go as a whole: of its 5 customers" in words
    assert {(one.kind, one.name, one.customers, one.cut) for one in wholes.find(session, run.id, TODAY)} == {
        ("device", "sw-7", 5, 5),
        ("group", "Riverside", 5, 4),
        ("group", "Housing estate", 5, 4),
    }
    rows = session.scalars(select(CutoffDecision.id).where(CutoffDecision.action == "cut")).all()
    cutoff_review.remove(session, run.id, rows[:2], note="not today", author=money_testing.AUTHOR)
    cutoff.apply(session, run.id, approved_by="Olha", force=True)
    rest = cutoff.plan(session, TODAY, rules=rules, planned_by="test", witness=brake.Witness(wholes.find))
    (words,) = rest.brake_reasons
    assert "The device sw-7 would go as a whole: of its 5" in words
    assert "the plan cuts 2, and 3 are cut already" in words


@pytest.mark.parametrize(
    ("customers", "kept", "cut", "waits"),
    [
        (100, 50, 50, True),  # the other half of a POP
        (100, 60, 20, True),
        (100, 60, 19, False),  # 79 of 100 are not the whole
        (100, 70, 10, True),
        (100, 71, 9, False),  # nearly whole for long, and a few more
        (100, 99, 1, False),
        (10, 7, 1, False),
        (10, 8, 2, True),
        (5, 3, 2, True),
        (5, 0, 4, True),
        (4, 0, 4, False),  # too few to hang together
    ],
)
def test_what_is_half_cut_waits_before_it_loses_its_rest_and_not_for_one_debtor_more(
    session, customers, kept, cut, waits
):
    pop = brake.Whole("pop", "North", customers, cut, kept)
    found = asked(session, run_of(session, cut), wholes=lambda *_: [pop])
    assert len(found) == waits
    assert all(f"the plan cuts {cut}, and {kept} are cut already" in words for words in found)


def test_a_plan_that_stood_for_a_while_is_looked_at_again_before_it_is_applied(session):
    debtor = subscriber(session, "7300")
    paid(session, debtor.account_id, 1, days_ago=0)
    north = brake.Whole("pop", "North 1", 10, 9)
    seen = {"wholes": lambda *_: [], "clock": brake.Clock(TODAY)}
    gone = {**seen, "wholes": lambda *_: [north]}

    def stood(**witness):
        run = cutoff.plan(session, TODAY, rules=WIDE, planned_by="test", witness=brake.Witness(**witness))
        run.planned_at -= timedelta(seconds=second_look.STANDS_S + 60)
        return run

    def applied(run, *, today=TODAY, **witness):
        told = brake.Witness(**witness)
        return cutoff.apply(session, run.id, approved_by="Olha", today=today, witness=told).status

    run = stood(**seen)
    assert applied(run, **gone) is RunStatus.BRAKED  # a moment ago it would have been applied
    assert "The POP North 1 would go as a whole" in run.brake_reasons[0]
    with pytest.raises(errors.Conflict, match="North 1"):
        applied(run, **seen)
    cutoff_review.release(session, run.id, reason="they moved", author=money_testing.AUTHOR)
    other = {**seen, "wholes": lambda *_: [replace(north, name="North 2")]}
    assert applied(run, **other) is RunStatus.BRAKED
    assert (run.released_by, run.release_reason) == (None, "")
    cutoff_review.release(session, run.id, reason="they too", author=money_testing.AUTHOR)
    jumped = {**other, "clock": brake.Clock(TODAY, 86_400.0)}
    assert applied(run, **jumped) is RunStatus.BRAKED
    cutoff_review.release(session, run.id, reason="daylight saving", author=money_testing.AUTHOR)
    assert session.scalar(select(func.count()).select_from(SuspensionLock)) == 0
    # What a person let go does not stop it again, be it with other figures.
    same = {**jumped, "wholes": lambda *_: [replace(north, name="North 2", kept=1)]}
    assert applied(run, **same) is RunStatus.APPLIED
    assert applied(run, **gone) is RunStatus.APPLIED


def test_a_plan_of_another_day_is_looked_at_again_and_a_fresh_or_begun_one_is_not(session):
    paid(session, subscriber(session, "7301").account_id, 1, days_ago=0)
    gone = brake.Witness(lambda *_: [brake.Whole("pop", "North", 10, 9)])

    def planned():
        return cutoff.plan(session, TODAY, rules=WIDE, planned_by="test")

    tomorrow = TODAY + timedelta(days=1)
    run = cutoff.start(session, planned().id, approved_by="Olha", today=tomorrow, witness=gone)
    assert run.status is RunStatus.BRAKED
    run = cutoff.start(session, planned().id, approved_by="Olha", today=TODAY, witness=gone)
    assert run.status is RunStatus.APPLYING
    run.planned_at -= timedelta(days=1)  # its worker died, another goes on
    run = cutoff.start(session, run.id, approved_by="Olha", today=tomorrow, witness=gone)
    assert run.status is RunStatus.APPLYING


def test_a_clock_that_cannot_be_trusted_makes_the_plan_wait(session):
    def told(run, today=TODAY, jumped_s=0.0):
        return asked(session, run, clock=brake.Clock(today, jumped_s))

    assert told(run_of(session, 1)) == []
    assert "today is" in told(run_of(session, 1, on=TODAY + timedelta(days=1)))[0]
    assert "jumped by +1440 minutes" in told(run_of(session, 1), jumped_s=86_400.0)[0]
    session.add(NightRun(run_on=TODAY - timedelta(days=1), started_at=clock.now(), finished_at=clock.now()))
    session.flush()
    assert told(run_of(session, 1)) == []
    later = TODAY + timedelta(days=3)
    (words,) = told(run_of(session, 1, on=later), today=later)
    assert "3 days lie between" in words
    run_of(session, 1, minutes_ago=-60)
    assert "The clock went back" in told(run_of(session, 1))[0]


def test_a_night_whose_clock_jumped_closes_no_day_and_the_page_says_why_until_it_is_made_up_for(
    server_settings, fresh_database, sign_in_there, web_app, monkeypatch
):
    with fresh_database.transaction() as session:
        subscriber(session, "7001")
    browser = sign_in_there()
    with monkeypatch.context() as patch:  # all that begins now will see the clock jump to where it is
        real = clock.time.time
        patch.setattr(clock.time, "time", lambda: real() - 86_400)
        made, steady = Runtime(server_settings), clock.Steady()
    web_app.extensions[runtime.KEY] = replace(web_app.extensions[runtime.KEY], steady=steady)
    app = celery_app.make(server_settings.data.queue_url.get_secret_value())
    with pytest.raises(errors.Unavailable, match="jumped by \\+1440 minutes"):
        night.close_day(made, app, None)
    page = browser.get("/cutoff").text
    assert "waits: nobody is charged, reminded or cut off by it" in page
    assert "jumped by +1440 minutes" in page
    plan = browser.post("/cutoff/plan").headers["Location"]
    assert "jumped by +1440 minutes" in browser.get(plan).text
    with fresh_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(NightRun)) == 0
    restarted = Runtime(server_settings)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(cutoff, "decide", lambda *_, **__: 1 / 0)
        night.close_day(restarted, app, None)
    page = browser.get("/cutoff").text
    assert "went wrong; all else of it is done" in page
    assert "ZeroDivisionError" in page
    night.close_day(restarted, app, None)
    for one in (app, made, restarted):
        one.close()
    with fresh_database.reading() as session:
        assert session.scalars(select(NightRun)).one().finished_at is not None
    page = browser.get("/cutoff").text
    assert "jumped by" not in page
    assert "all else of it is done" not in page


def test_the_steady_clock_tells_a_jump_of_the_wall_clock(monkeypatch):
    steady = clock.Steady()
    assert abs(steady.jumped_s()) < 5
    real = clock.time.time
    monkeypatch.setattr(clock.time, "time", lambda: real() + 86_400)
    assert abs(steady.jumped_s() - 86_400) < 5
