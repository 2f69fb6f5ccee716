"""Charge runs: rehearsed without a trace, shown as they go, caught up after days missed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from billing import charge_runs, charges, late_documents, ledger, subscriptions, testing
from billing.models import Account, ChargeRun, Document, Documented, LedgerEntry, Payer, Seller
from core import clock, db, errors
from linecard import charge
from registry import testing as records
from registry.models import AuditEvent
from tasks import night as night_jobs
from tasks.runtime import Runtime

ON = date(2026, 12, 1)


def entries(database):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(LedgerEntry))


def recent(session):
    return session.scalars(select(ChargeRun).order_by(ChargeRun.id.desc())).all()


def people(database, count=3, *, starts_on=date(2026, 11, 1)):
    with database.transaction() as session:
        return [testing.subscriber(session, starts_on=starts_on) for _ in range(count)]


def test_a_rehearsal_shows_what_the_run_then_does_and_leaves_nothing(database, monkeypatch):
    monkeypatch.setattr(charges, "BATCH", 2)
    people(database)
    before, kept, seen = entries(database), [], []
    shown = charge_runs.rehearse(
        database, testing.act(ON), keep=kept.extend, show=lambda *far: seen.append(far)
    )
    assert entries(database) == before
    assert seen == [(2, 3), (3, 3)]
    assert [(one.minor, one.start, one.end) for one in kept] == [(3000, ON, date(2026, 12, 31))] * 3
    assert charge_runs.run(database, testing.act(ON)) == shown
    assert charge_runs.rehearse(database, testing.act(ON)) == charges.ChargeReport()


def test_a_rehearsal_of_one_account_is_of_that_account_alone(database):
    first, _, _ = people(database)
    kept = []
    shown = charge_runs.rehearse(database, testing.act(ON), account_id=first.account_id, keep=kept.extend)
    assert (shown.entries, [one.account_id for one in kept]) == (1, [first.account_id])
    with pytest.raises(errors.NotFound):
        charge_runs.rehearse(database, testing.act(ON), account_id=99_999_999)


def test_a_run_for_one_account_does_what_its_rehearsal_shows_and_leaves_a_row(database):
    made, other = people(database, 2)
    with database.transaction() as session:
        agreed = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
        choice = replace(agreed, price_minor=6000)
        act = testing.act(date(2026, 11, 2))
        subscriptions.change(session, made.subscription_id, act, choice=choice, on=ON)
    shown = charge_runs.rehearse(database, testing.act(ON), account_id=made.account_id)
    assert shown.totals == {"EUR": 6000}
    assert charge_runs.run(database, testing.act(ON), account_id=made.account_id) == shown
    with database.reading() as session:
        (row,) = recent(session)
        assert (row.accounts_total, row.entries, row.totals) == (1, 1, {"EUR": 6000})
        assert row.finished_at is not None
        assert session.get_one(Account, other.account_id).balance_minor == -3000


def test_a_run_after_missed_days_catches_up_and_says_so_in_its_row(database):
    made = people(database, starts_on=date(2026, 9, 1))
    report = charge_runs.run(database, testing.act(date(2026, 12, 4)))
    assert report.entries == 9
    with database.reading() as session:
        days = session.scalars(
            select(LedgerEntry.period_start)
            .where(LedgerEntry.account_id == made[0].account_id)
            .order_by(LedgerEntry.id)
        ).all()
        row = recent(session)[0]
        assert ledger.verify(session) == []
    assert days == [date(2026, month, 1) for month in (9, 10, 11, 12)]
    assert (row.accounts_done, row.accounts_total, row.entries, row.totals) == (3, 3, 9, {"EUR": 27_000})
    assert row.finished_at is not None


def test_a_run_by_hand_for_a_day_that_is_over_is_dated_and_due_from_the_day_it_is_made_on(database):
    """Nights were down since the first of November; on the 21st somebody runs what the first would have done."""
    made_on, until = date(2026, 11, 21), date(2026, 11, 1)
    made, later = people(database, 2, starts_on=date(2026, 10, 1))
    with database.transaction() as session:
        session.add(Seller(name="Fibre Ltd", written_by="test"))
        payer = Payer(name="Olha")
        session.add(payer)
        session.flush()
        session.get_one(Account, made.account_id).payer_id = payer.id
        agreed = subscriptions.agreed_on(subscriptions.get(session, later.subscription_id))
        subscriptions.change(
            session,
            later.subscription_id,
            testing.act(until),
            choice=replace(agreed, price_minor=6000),
            on=date(2026, 11, 15),
        )
    act = replace(testing.act(made_on), charged_until=until)
    shown = charge_runs.rehearse(database, act)
    assert charge_runs.run(database, act) == shown
    with database.reading() as session:
        rows = session.scalars(select(LedgerEntry).where(LedgerEntry.period_start >= until)).all()
        assert {row.due_on for row in rows} == {made_on + timedelta(days=14)}
        # Terms of the 15th do not hold by the first: what is charged ends on their eve.
        assert sorted((row.period_start, row.period_end) for row in rows) == [
            (until, date(2026, 11, 14)),
            (until, date(2026, 11, 30)),
        ]
        issued = session.execute(select(Document.issued_on, Document.due_on)).all()
        assert issued == [(made_on, made_on + timedelta(days=14))]
        assert recent(session)[0].run_on == until


def test_a_run_says_what_stands_on_no_document_and_one_act_issues_all_later(database, sign_in_as):
    named, _, without = people(database)
    with database.transaction() as session:
        payer = Payer(name="Olha")
        session.add(payer)
        session.flush()
        for one in (named, without):
            session.get_one(Account, one.account_id).payer_id = payer.id
        session.get_one(Account, without.account_id).documented = Documented.NONE
    assert charge_runs.run(database, testing.act(ON)).undocumented == {"company": 2}
    browser, since = sign_in_as("billing"), ON.replace(month=11)
    assert "2 charges have no document: the company is not written down" in browser.get("/charges").text
    page = f"/charges/documents?since={since}"
    assert "nothing can be issued before" in browser.get(page).text
    with pytest.raises(errors.Conflict):
        late_documents.issue(database, testing.act(ON), since)
    with database.transaction() as session:
        session.add(Seller(name="Fibre Ltd", written_by="test"))
    act = testing.act(date(2026, 12, 3))
    with database.transaction() as session:
        subscriptions.end(session, named.subscription_id, act, ends_on=act.today)
    assert "From Nov 1, 2026 on 4 charges should stand" in browser.get(page).text
    assert late_documents.issue(database, act, since) == 2  # both charges, and the days given back
    assert late_documents.issue(database, act, since) == 0
    with database.reading() as session:
        left = late_documents.waiting(session, act, since)
        sums = session.scalars(select(Document.gross_minor).order_by(Document.id)).all()
        assert (left.entries, left.nameless, sums) == (2, 2, [6000, -2710])
    later = charge_runs.run(database, testing.act(date(2027, 1, 1)))
    assert (later.undocumented, later.documents) == ({"payer": 1}, 0)


def test_the_job_charges_up_to_the_day_it_is_asked_for_and_no_further(server_settings, fresh_database):
    today = clock.today(server_settings.isp.time_zone)
    began = today.replace(day=1) - timedelta(days=70)
    with fresh_database.transaction() as session:
        made = testing.subscriber(session, starts_on=began, bill_day=28)
    worker = Runtime(server_settings)
    until = began + timedelta(days=30)
    for on in (until, until, today + timedelta(days=400)):
        night_jobs.charge(worker, on.isoformat(), "Olena")
    worker.close()
    with fresh_database.reading() as session:
        rows = session.scalars(
            select(LedgerEntry).where(LedgerEntry.account_id == made.account_id).order_by(LedgerEntry.id)
        ).all()
    days = server_settings.billing.payment_days
    caught_up = rows[1:]
    assert all(row.due_on == today + timedelta(days=days) for row in caught_up)
    assert max(row.period_start for row in caught_up) <= today


def test_a_run_that_was_killed_is_called_interrupted_and_one_that_lives_is_not(database, sign_in_as):
    people(database, 1)
    now = clock.now()
    long_ago = now - timedelta(seconds=charge_runs.GIVEN_UP_S + 5)
    with database.transaction() as session:
        for seen_at in (long_ago, None, now):
            began = now if seen_at is None else long_ago
            session.add(ChargeRun(run_on=ON, started_by="night", started_at=began, seen_at=seen_at))
    page = sign_in_as("billing").get("/charges").text
    assert (page.count("Interrupted"), page.count("<progress")) == (1, 2)
    charge_runs.run(database, testing.act(ON))
    with database.reading() as session:
        last, alive, begun, killed = recent(session)
    assert (last.error, alive.error, begun.error, killed.finished_at) == (None, None, None, None)
    assert last.seen_at >= now
    assert killed.error.startswith("Interrupted")


def test_the_page_says_when_no_worker_takes_a_started_run_up(database, sign_in_as):
    browser = sign_in_as("billing")
    assert "No worker took" not in browser.get("/charges?awaited=2").text
    assert "No worker took" not in browser.get("/charges").text
    page = browser.get("/charges?awaited=1").text
    assert "No worker took" in page
    assert "every 1s" not in page
    people(database, 1)
    charge_runs.run(database, testing.act(ON))
    assert "No worker took" not in browser.get("/charges?awaited=1").text


def test_a_run_that_fails_keeps_the_reason(database, monkeypatch):
    people(database, 1)

    def fail(*_):
        raise errors.Unavailable("the disk is full")

    with pytest.raises(errors.Unavailable):
        charge_runs.run(database, testing.act(ON), show=fail)
    with database.reading() as session:
        (row,) = recent(session)
    assert (row.error, row.finished_at) == ("the disk is full", None)


def test_a_run_names_whom_it_went_wrong_for_and_charges_the_others(database, monkeypatch, sign_in_as):
    first, second = (one.account_id for one in people(database, 2))
    whole = charges.run_accounts

    def refused(session, act, accounts):
        if first in accounts:
            raise RuntimeError("broken by the test")
        return whole(session, act, accounts)

    monkeypatch.setattr(charges, "run_accounts", refused)
    report = charge_runs.run(database, testing.act(ON))
    assert (report.accounts, report.failed) == (1, (first,))
    assert f"Went wrong for these accounts: {first}. The log" in sign_in_as("billing").get("/charges").text
    assert second not in report.failed


def test_the_page_shows_how_far_a_run_is_and_starts_one_with_the_day_checked(database, sign_in_as):
    with database.transaction() as session:
        session.add(ChargeRun(run_on=ON, started_by="night", accounts_done=25, accounts_total=100))
    browser = sign_in_as("billing")
    page = browser.get("/charges").text
    assert "25 of 100" in page
    assert 'hx-trigger="every 1s"' in page
    with database.transaction() as session:
        session.execute(update(ChargeRun).values(finished_at=clock.now(), totals={"EUR": 3000, "JPY": 70}))
    page = browser.fragment("/charges").text
    assert "€30.00" in page
    assert "¥70" in page
    assert "every 1s" not in page
    tomorrow = (clock.today("UTC") + timedelta(days=2)).isoformat()
    assert browser.post("/charges", data={"on": tomorrow}).status_code == 422
    assert browser.post("/charges", data={"on": "soon"}).status_code == 422
    yesterday = (clock.today("UTC") - timedelta(days=1)).isoformat()
    assert browser.post("/charges", data={"on": yesterday}).status_code == 303
    with database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "charge_run.started")).one()
    assert (event.staff_name, event.changes) == ("Billing Person", {"on": [None, yesterday]})
    assert sign_in_as("technician").get("/charges").status_code == 403


def test_the_command_shows_the_charges_with_test_and_makes_them_without(server_settings, capsys):
    database = db.Database(db.engine_of(server_settings.data.database_url.get_secret_value()))
    try:
        today = clock.today(server_settings.isp.time_zone)
        first = today.replace(day=1)
        people(database, 2, starts_on=(first - timedelta(days=1)).replace(day=1))
        before = entries(database)
        assert charge.run(server_settings, None, customer=None, is_test=True) == 0
        out = capsys.readouterr()
        assert "2 charges on 2 accounts, 0 documents would be made" in out.out
        assert out.out.count("Plan 3000 EUR") == 2
        assert "Without a document: 2 charges; the company is not written down." in out.out
        assert "2 of 2 accounts" in out.err
        assert entries(database) == before
        assert charge.run(server_settings, None, customer=None, is_test=False) == 0
        assert entries(database) == before + 2
        with pytest.raises(errors.NotFound):
            charge.run(server_settings, None, customer="77", is_test=False)
        with database.transaction() as session:
            records.customer(session, "77")
        assert charge.run(server_settings, None, customer="77", is_test=True) == 0
        with pytest.raises(errors.Invalid):
            charge.run(server_settings, today + timedelta(days=1), customer=None, is_test=False)
    finally:
        database.dispose()
