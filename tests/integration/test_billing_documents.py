"""Documents: numbered without gaps, by many at once; never changed; corrected by new ones."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, InternalError

from billing import accounts, charges, documents, series, settling, subscriptions, suspensions, testing
from billing.models import (
    Account,
    Document,
    DocumentKind,
    DocumentLine,
    DocumentSeries,
    LockReason,
    Payer,
    Plan,
    Seller,
    SeriesCounter,
    VatPercent,
    VatRate,
)
from billing.subscriptions import Choice

NOVEMBER = date(2026, 11, 1)


def company(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    rate = VatRate(name="Standard")
    session.add(rate)
    session.flush()
    session.add(VatPercent(vat_rate_id=rate.id, valid_from=date(2000, 1, 1), percent_hundredths=2300))
    session.add_all(
        [
            Plan(name="Net", price_minor=1000, currency="EUR", is_net=True, vat_rate_id=rate.id),
            Plan(name="Gross", price_minor=1230, currency="EUR", vat_rate_id=rate.id),
            Plan(name="No VAT", price_minor=500, currency="EUR"),
        ]
    )
    session.flush()
    return {plan.name: plan.id for plan in session.scalars(select(Plan))}


def payer(session, name="Olha Koval"):
    account = accounts.open_account(session, currency="EUR")
    row = Payer(name=name)
    session.add(row)
    session.flush()
    account.payer_id = row.id
    return account


def subscribe(session, account, plan_id, on=NOVEMBER, today=NOVEMBER):
    return subscriptions.start(session, account.id, testing.act(today), choice=Choice(plan_id), starts_on=on)


def issued(session):
    session.expire_all()
    return session.scalars(select(Document).order_by(Document.id)).all()


def test_the_charges_of_an_account_make_one_invoice_with_its_vat(session):
    plans = company(session)
    account = payer(session)
    for name in ("Net", "Gross", "No VAT"):
        subscribe(session, account, plans[name], today=date(2026, 10, 31))
    charges.run(session, testing.act(NOVEMBER))
    (invoice,) = issued(session)
    assert (invoice.kind, invoice.full_number) == (DocumentKind.INVOICE, "INV/2026/000001")
    assert (invoice.net_minor, invoice.vat_minor, invoice.gross_minor) == (2500, 460, 2960)
    assert (invoice.issued_on, invoice.due_on) == (NOVEMBER, date(2026, 11, 15))
    found = documents.get(session, invoice.id)
    assert [(line.description, line.net_minor, line.vat_minor) for line in found.lines] == [
        ("Net", 1000, 230),
        ("Gross", 1000, 230),
        ("No VAT", 500, 0),
    ]
    assert (found.payer.name, found.seller.name) == ("Olha Koval", "Fibre Ltd")
    assert session.get_one(Account, account.id).balance_minor == -2960


def test_nothing_is_issued_before_the_company_is_written_down_nor_without_a_payer(session):
    made = testing.subscriber(session, starts_on=NOVEMBER)
    assert issued(session) == []
    plans = company(session)
    nobody = accounts.open_account(session, currency="EUR")
    subscribe(session, nobody, plans["Net"])
    assert issued(session) == []
    assert session.get_one(Account, made.account_id).balance_minor == -3000


def test_a_year_begins_with_one_and_a_proforma_is_another_series(session):
    plans = company(session)
    account = payer(session)
    subscribe(session, account, plans["Net"], on=date(2026, 12, 1), today=date(2026, 12, 1))
    charges.run(session, testing.act(date(2027, 1, 1)))
    account.documented = "proforma"
    session.flush()
    charges.run(session, testing.act(date(2027, 2, 1)))
    assert [one.full_number for one in issued(session)] == [
        "INV/2026/000001",
        "INV/2027/000001",
        "PF/2027/000001",
    ]


def test_what_is_given_back_is_a_credit_note_that_names_its_invoice(session):
    plans = company(session)
    account = payer(session)
    made = subscribe(session, account, plans["Net"])
    subscriptions.end(session, made.id, testing.act(date(2026, 11, 20)), ends_on=date(2026, 11, 20))
    invoice, note = issued(session)
    assert (note.kind, note.full_number, note.corrects_id) == (
        DocumentKind.CREDIT_NOTE,
        "CN/2026/000001",
        invoice.id,
    )
    assert (note.net_minor, note.vat_minor, note.gross_minor) == (-333, -77, -410)


def test_a_freeze_gives_a_credit_note_and_its_end_an_invoice(session):
    plans = company(session)
    account = payer(session)
    made = subscribe(session, account, plans["Gross"])
    for day, act in ((11, "off"), (21, "on")):
        today = date(2026, 11, day)
        if act == "off":
            suspensions.place(session, [made.id], LockReason.FREEZE, owner="t", today=today, billed_percent=0)
        else:
            suspensions.lift(session, [made.id], LockReason.FREEZE, by="t", today=today)
        settling.settle_pending(session, testing.act(today))
    assert [(one.kind.value, one.gross_minor) for one in issued(session)] == [
        ("invoice", 1230),
        ("credit_note", -820),
        ("invoice", 410),
    ]
    assert session.get_one(Account, account.id).balance_minor == -820


def test_a_document_cannot_be_changed_removed_or_numbered_twice(session):
    plans = company(session)
    subscribe(session, payer(session), plans["Net"])
    for statement in (
        "UPDATE documents SET gross_minor = 1",
        "DELETE FROM documents",
        "UPDATE document_lines SET description = 'x'",
        "DELETE FROM payers",
        "UPDATE sellers SET name = 'x'",
    ):
        with pytest.raises((InternalError, IntegrityError)), session.begin_nested():
            session.execute(text(statement))
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text(
                "INSERT INTO documents (kind, series_id, span, number, full_number, account_id, seller_id, payer_id,"
                " issued_on, currency, net_minor, vat_minor, gross_minor, author)"
                " SELECT kind, series_id, span, number, full_number, account_id, seller_id, payer_id, issued_on,"
                " currency, net_minor, vat_minor, gross_minor, author FROM documents"
            )
        )


def test_an_entry_is_documented_once(session):
    plans = company(session)
    subscribe(session, payer(session), plans["Net"])
    entry_id = session.scalars(select(DocumentLine.entry_id)).one()
    again = documents.issue(
        session, [entry_id], kind=DocumentKind.INVOICE, on=NOVEMBER, author=testing.AUTHOR
    )
    assert again == []
    assert session.scalars(select(SeriesCounter.last_number)).one() == 1


def test_eight_at_once_leave_no_gap_and_give_no_number_twice(fresh_database):
    with fresh_database.transaction() as session:
        plans = company(session)
        ids = [payer(session, f"P{number}").id for number in range(40)]

    def buy(place):
        for account_id in ids[place::8]:
            try:
                with fresh_database.transaction() as session:
                    account = session.get_one(Account, account_id)
                    subscribe(session, account, plans["Net"])
                    if account_id % 5 == 0:
                        raise RuntimeError("the power went")
            except RuntimeError:
                pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(buy, range(8)))
    with fresh_database.reading() as session:
        numbers = session.scalars(select(Document.number).order_by(Document.number)).all()
        assert numbers == list(range(1, 33))
        assert session.scalar(select(func.count()).select_from(DocumentLine)) == 32


@pytest.mark.parametrize(
    ("pattern", "full", "span"),
    [
        ("INV/{year}/{number:6}", "INV/2026/000007", "2026"),
        ("{number}", "7", "all"),
        ("{year}{month}-{number:3}/A", "202611-007/A", "2026-11"),
    ],
)
def test_a_pattern_says_how_numbers_look_and_when_they_begin_anew(session, pattern, full, span):
    row = DocumentSeries(kind=DocumentKind.RECEIPT, name="Mine", pattern=pattern)
    session.add(row)
    session.flush()
    reserved = series.reserve(session, DocumentKind.RECEIPT, date(2026, 11, 5), series_id=row.id)
    assert (reserved.full(7), reserved.span) == (full, span)


@pytest.mark.parametrize("pattern", ["INV", "{number}{number}", "{day}{number}", "{month}{number}", "{" * 50])
def test_a_pattern_that_cannot_be_is_told_in_words(pattern):
    assert series.pattern_fault(pattern)
