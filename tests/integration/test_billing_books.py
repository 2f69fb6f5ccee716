"""Closed books: nothing is dated on a closed day, whoever writes, and what was closed says the same for ever."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from billing import (
    accounts,
    books,
    charges,
    closing,
    document_acts,
    ledger,
    liabilities,
    moving,
    payments,
    subscriptions,
    testing,
    transfers,
)
from billing.acts import Terms
from billing.models import (
    BooksClosing,
    Document,
    DocumentKind,
    EntryKind,
    LedgerEntry,
    Method,
    NightRun,
    Payer,
    Plan,
    Seller,
    VatPercent,
    VatRate,
)
from billing.rules import Rules
from core import clock, errors
from registry import reports
from registry.report_kinds import Ask
from registry.testing import customer
from tests.reporting import day, post, table

AUTHOR = testing.AUTHOR
OCTOBER = day(10, 31)
TODAY = day(11, 25)


def close(session, through=OCTOBER, today=TODAY):
    return closing.close(session, through, author=AUTHOR, today=today)


def test_the_ledger_and_the_documents_take_no_closed_day_and_say_which_is_open(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    one, other = (accounts.open_account(session, currency="EUR").id for _ in range(2))
    for account_id in (one, other):
        payer = Payer(name="Olha Koval")
        session.add(payer)
        session.flush()
        session.get_one(accounts.Account, account_id).payer_id = payer.id
    first = post(session, one, EntryKind.PAYMENT, 5000, day(10, 30), idempotency_key="sent twice")
    asked = post(session, one, EntryKind.CHARGE, -1000, day(10, 20))
    close(session)
    money = {"author": AUTHOR, "today": TODAY, "idempotency_key": None}
    closed_acts = [
        lambda: post(session, one, EntryKind.ADJUSTMENT, 10, OCTOBER),
        lambda: payments.receive(
            session, one, 10, method=Method.CASH, dated_on=OCTOBER, rules=Rules(), **money
        ),
        lambda: transfers.refund(session, one, 10, method=Method.CASH, dated_on=OCTOBER, **money),
        lambda: transfers.transfer(
            session, one, other, 10, dated_on=OCTOBER, idempotency_key="moved", author=AUTHOR, terms=Terms(14)
        ),
        lambda: ledger.reverse(session, first.id, author=AUTHOR, reason="bounced", dated_on=OCTOBER),
        lambda: document_acts.issue(
            session,
            one,
            [asked.id],
            kind=DocumentKind.INVOICE,
            on=OCTOBER,
            author=AUTHOR,
            idempotency_key=None,
        ),
        lambda: document_acts.receipt(session, first.id, on=OCTOBER, author=AUTHOR),
    ]
    for act in closed_acts:
        with pytest.raises(
            errors.Invalid, match="closed through 2026-10-31: the first open day is 2026-11-01"
        ):
            act()
    assert session.scalars(select(LedgerEntry.id)).all() == [first.id, asked.id]
    assert session.scalars(select(Document)).all() == []
    again = post(session, one, EntryKind.PAYMENT, 5000, day(10, 30), idempotency_key="sent twice")
    assert again.id == first.id
    post(session, one, EntryKind.PAYMENT, 10, day(11))
    document_acts.receipt(session, first.id, on=day(11), author=AUTHOR)


def test_a_charge_of_closed_days_is_dated_the_first_open_one_and_keeps_its_period(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    account = accounts.open_account(session, currency="EUR")
    payer = Payer(name="Olha Koval")
    session.add(payer)
    session.flush()
    account.payer_id = payer.id
    close(session)
    choice = subscriptions.Choice(testing.plan(session, 3100).id)
    subscriptions.start(session, account.id, testing.act(TODAY), choice=choice, starts_on=day(10, 11))
    found = session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)).all()
    assert [(one.dated_on, one.period_start, one.period_end, one.amount_minor) for one in found] == [
        (day(11), day(10, 11), OCTOBER, -2100),
        (day(11), day(11), day(11, 30), -3100),
    ]
    assert {one.due_on for one in found} == {TODAY + timedelta(days=14)}
    assert session.scalars(select(Document.issued_on)).all() == [TODAY]
    assert charges.run(session, testing.act(TODAY)).entries == 0
    late = testing.act(day(10, 20))  # a night of a closed day
    testing_plan = liabilities.Owed("Router", 900, liabilities.PeriodKind.ONCE, day(10, 20))
    liabilities.add(session, account.id, late, testing_plan)
    last = session.scalars(select(LedgerEntry).order_by(LedgerEntry.id.desc()).limit(1)).one()
    assert (last.dated_on, last.period_start) == (day(11), day(10, 20))
    assert session.scalars(select(Document.issued_on).order_by(Document.id)).all() == [TODAY, day(11)]


def test_work_of_a_closed_day_is_charged_once_whenever_it_is_sent_again(session):
    account = accounts.open_account(session, currency="EUR")
    close(session)
    work = liabilities.Charge(500, None, "Cable", "work 1", day(10, 20))
    (first,) = liabilities.charge_all(session, account, testing.act(TODAY), [work])
    assert (first.entry.dated_on, first.entry.period_start) == (day(11), day(10, 20))
    close(session, day(11, 24))
    (again,) = liabilities.charge_all(session, account, testing.act(TODAY), [work])
    assert (again.entry.id, again.is_new) == (first.entry.id, False)


def test_what_moves_in_with_entries_of_closed_days_is_refused_whole(session):
    account = accounts.open_account(session, currency="EUR")
    close(session)
    moving.stage(session)
    session.execute(
        text(
            "INSERT INTO moving_entries (account_id, place, kind, amount_minor, dated_on, method, reference,"
            " description, author, key) SELECT :account, n, 'payment', 100, DATE '2026-10-30' + n, 'cash', '',"
            " '', 'old', 'old:' || n FROM generate_series(1, 3) n"
        ),
        {"account": account.id},
    )
    with pytest.raises(errors.Conflict, match="2026-10-31, and 1 entries"):
        moving.post_staged(session)
    session.execute(text("DELETE FROM moving_entries WHERE dated_on <= '2026-10-31'"))
    booked = moving.post_staged(session)
    assert booked.entries == 2
    span = {"first": booked.first, "last": booked.last, "prefix": "old:", "reason": "undone"}
    with pytest.raises(errors.Invalid, match="closed through"):
        moving.reverse_staged(session, testing.act(OCTOBER), **span)
    assert moving.reverse_staged(session, testing.act(TODAY), **span) == 2


def test_who_closes_waits_for_who_writes_and_who_writes_next_finds_the_day_closed(fresh_database):
    with fresh_database.transaction() as session:
        account_id = accounts.open_account(session, currency="EUR").id
    with fresh_database.transaction() as writing:
        written = post(writing, account_id, EntryKind.PAYMENT, 100, OCTOBER)
        with pytest.raises(errors.Unavailable), fresh_database.transaction() as session:
            session.execute(text("SET LOCAL lock_timeout = '100ms'"))
            close(session)
    with fresh_database.transaction() as session:
        session.execute(text("SELECT 1"))  # its picture of before the closing is not what it goes by
        with fresh_database.transaction() as other:
            assert close(other).last_entry_id == written.id
        with pytest.raises(errors.Invalid, match="first open day"):
            post(session, account_id, EntryKind.PAYMENT, 100, OCTOBER)


def test_the_books_are_closed_forward_of_days_that_are_over_and_charged(session):
    for through in (TODAY, TODAY + timedelta(days=1)):
        with pytest.raises(errors.Invalid, match="Not over"):
            close(session, through)
    session.add(NightRun(run_on=day(10, 30), started_at=clock.now(), finished_at=clock.now(), report={}))
    session.add(NightRun(run_on=OCTOBER, started_at=clock.now(), report={}))
    session.flush()
    with pytest.raises(errors.Invalid, match="Not charged"):
        close(session)
    close(session, day(10, 30))
    session.get_one(NightRun, OCTOBER).finished_at = clock.now()
    close(session)
    with pytest.raises(errors.Invalid, match="Closed already"):
        close(session, day(10, 30))
    with pytest.raises(errors.Invalid) as refused:
        closing.reopen(session, day(9, 30), author=AUTHOR, reason=" ")
    assert "reason" in refused.value.fields
    with pytest.raises(errors.Invalid, match="Not back"):
        closing.reopen(session, OCTOBER, author=AUTHOR, reason="a fault")
    closing.reopen(session, day(9, 30), author=AUTHOR, reason="a statement was lost")
    books.refuse(session, day(10, 1))
    closing.reopen(session, None, author=AUTHOR, reason="moving in")
    assert books.closed_through(session) is None
    with pytest.raises(errors.Conflict, match="not closed"):
        closing.reopen(session, None, author=AUTHOR, reason="once more")
    days = [one.closed_through for one in closing.history(session)]
    assert days == [None, day(9, 30), OCTOBER, day(10, 30)]
    with pytest.raises(Exception, match=r"append-only|never change"), session.begin_nested():
        session.execute(text("UPDATE books_closings SET closed_through = NULL"))
    assert len(session.scalars(select(BooksClosing)).all()) == 4


def _every_report(session):
    spans = (Ask(day(9), day(9, 30)), Ask(day(10), OCTOBER), Ask(day(9), OCTOBER))
    return [(one.name, ask.first, table(session, one, ask)) for one in reports.ALL for ask in spans]


def test_no_report_of_closed_days_says_another_thing_whatever_is_done_later(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    rate = VatRate(name="Standard", percents=[VatPercent(valid_from=day(1), percent_hundredths=2300)])
    session.add(rate)
    session.flush()
    afterwards = Plan(name="Later", price_minor=1017, currency="EUR", vat_rate_id=rate.id, is_postpaid=True)
    ahead = Plan(name="Home", price_minor=3001, currency="EUR", vat_rate_id=rate.id)
    session.add_all([afterwards, ahead])
    session.flush()
    made = []
    for number in range(3):
        one = customer(session, f"100{number}")
        payer = Payer(name=one.name)
        session.add(payer)
        session.flush()
        session.get_one(accounts.Account, one.account_id).payer_id = payer.id
        made.append(one.account_id)
    first, second, third = made
    for account_id, plan in ((first, ahead), (first, afterwards), (second, ahead)):
        choice = subscriptions.Choice(plan.id)
        subscriptions.start(session, account_id, testing.act(day(9)), choice=choice, starts_on=day(9))
    charges.run(session, testing.act(day(10)))
    unwritten = post(session, third, EntryKind.CHARGE, -999, day(10, 3), vat_hundredths=2300)
    paid = post(session, first, EntryKind.PAYMENT, 3000, day(10, 5), method=Method.BANK)
    charges.run(session, testing.act(OCTOBER))
    before = _every_report(session)
    assert {name for name, _, rows in before if rows} == {one.name for one in reports.ALL}
    close(session)

    act = testing.act(TODAY)
    charges.run(session, act)
    more = subscriptions.Choice(ahead.id)
    subscriptions.start(session, third, act, choice=more, starts_on=day(9, 15))
    (asked,) = session.scalars(
        select(LedgerEntry).where(
            LedgerEntry.account_id == second,
            LedgerEntry.period_start == day(10),
            LedgerEntry.kind == EntryKind.CHARGE,
        )
    )
    payments.reverse(session, asked.id, author=AUTHOR, reason="never had", today=TODAY, rules=Rules())
    payments.reverse(session, paid.id, author=AUTHOR, reason="bounced", today=TODAY, rules=Rules())
    invoice = session.scalars(
        select(Document).where(Document.account_id == first, Document.issued_on == day(10)).limit(1)
    ).one()
    document_acts.credit(
        session, invoice.id, {1: 7}, on=TODAY, author=AUTHOR, reason="kind", idempotency_key=None
    )
    document_acts.issue(
        session,
        third,
        [unwritten.id],
        kind=DocumentKind.INVOICE,
        on=TODAY,
        author=AUTHOR,
        idempotency_key=None,
    )
    services = session.scalars(
        select(subscriptions.Subscription).where(subscriptions.Subscription.account_id == first)
    ).all()
    for service in services:
        subscriptions.end(session, service.id, act, ends_on=TODAY)
    assert _every_report(session) == before
    november = table(session, reports.REVENUE, Ask(day(11), day(11, 30)))
    assert sum(row["gross"] for row in november) == -session.scalar(
        text(
            "SELECT sum(amount_minor) FROM ledger_entries WHERE dated_on > '2026-10-31'"
            " AND kind <> 'payment' AND reverses_id IS DISTINCT FROM :paid"
        ),
        {"paid": paid.id},
    )
    closing.reopen(session, None, author=AUTHOR, reason="to look")
    assert _every_report(session) == before
