"""Acts on documents: each once, corrected by new ones, never more given back than was asked."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pypdf
import pytest
from sqlalchemy import func, select

from billing import (
    charges,
    crediting,
    document_acts,
    documents,
    ledger,
    paper,
    payments,
    pdf,
    subscriptions,
    testing,
)
from billing.models import (
    Account,
    Document,
    DocumentKind,
    EntryKind,
    LedgerEntry,
    Method,
    Plan,
    Seller,
    VatPercent,
    VatRate,
)
from billing.rules import Rules
from billing.subscriptions import Choice
from core import catalogues, errors
from registry import audit, customers

DAY = date(2026, 11, 5)
CLERK = audit.Actor(None, "clerk")
RULES = Rules(
    grace_days=3, minimum_debt_minor=100, brake_share_percent=10, brake_minimum=5, promise_days_limit=14
)


def company(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    rate = VatRate(name="Standard")
    session.add(rate)
    session.flush()
    session.add(VatPercent(vat_rate_id=rate.id, valid_from=date(2000, 1, 1), percent_hundredths=2300))
    plan = Plan(name="Net", price_minor=1230, currency="EUR", vat_rate_id=rate.id)
    session.add(plan)
    session.flush()
    return plan


def account(session):
    made = customers.create(session, CLERK, currency="EUR", first_name="Olha", last_name="Koval")
    return session.get_one(Account, made.account_id)


def invoiced(session, count=1):
    """An account with an invoice of so many services of 12.30 with 23 % inside."""
    plan = company(session)
    found = account(session)
    for _ in range(count):
        subscriptions.start(
            session,
            found.id,
            testing.act(date(2026, 10, 31)),
            choice=Choice(plan.id),
            starts_on=date(2026, 11, 1),
        )
    charges.run(session, testing.act(date(2026, 11, 1)))
    (invoice,) = of_kind(session, DocumentKind.INVOICE)
    return found, invoice


def of_kind(session, kind):
    session.expire_all()
    return session.scalars(select(Document).where(Document.kind == kind).order_by(Document.id)).all()


def credit(session, invoice, sums, key="form-0001", reason="Outage"):
    return document_acts.credit(
        session, invoice.id, sums, on=DAY, author=testing.AUTHOR, reason=reason, idempotency_key=key
    )


def reverse(session, entry_id, key=None):
    return payments.reverse(
        session, entry_id, author=testing.AUTHOR, reason="Wrong", today=DAY, rules=RULES, idempotency_key=key
    )


def balance(session, found):
    session.expire_all()
    return session.get_one(Account, found.id).balance_minor


def test_the_receipt_of_a_payment_that_was_undone_is_cancelled_by_another_that_names_it(session):
    company(session)
    found = account(session)
    entry = testing.pay(session, found.id, 1000)
    given = document_acts.receipt(session, entry.id, on=DAY, author=testing.AUTHOR)
    assert documents.undoing(session, entry) == (DocumentKind.RECEIPT, given)
    undone = reverse(session, entry.id, key="bounced").entry
    assert reverse(session, entry.id, key="bounced").entry.id == undone.id
    first, second = of_kind(session, DocumentKind.RECEIPT)
    assert (first.id, first.gross_minor, first.corrects_id) == (given.id, 1000, None)
    assert (second.gross_minor, second.corrects_id, second.number) == (-1000, given.id, given.number + 1)
    found_paper = paper.of(session, second.id)
    assert [line.entry_id for line in found_paper.lines] == [undone.id]
    text = (
        pypdf.PdfReader(io.BytesIO(pdf.write(found_paper, catalogues.voice_of("en")))).pages[0].extract_text()
    )
    for words in ("Cancellation of a receipt", given.full_number, "Cancelled: €10.00", "Wrong"):
        assert words in text
    without = testing.pay(session, found.id, 500)
    reverse(session, without.id)
    assert len(of_kind(session, DocumentKind.RECEIPT)) == 2


def test_charges_made_before_the_company_was_written_down_are_invoiced_by_hand_once(session):
    found = account(session)
    entries = [testing.charge(session, found.id, minor, due_on=DAY).id for minor in (1000, 500, 200)]
    act = {"kind": DocumentKind.INVOICE, "on": DAY, "author": testing.AUTHOR}
    with pytest.raises(errors.Conflict, match="company"):
        document_acts.issue(session, found.id, entries[:2], idempotency_key="form-0001", **act)
    company(session)
    made = document_acts.issue(session, found.id, entries[:2], idempotency_key="form-0001", **act)
    again = document_acts.issue(session, found.id, entries[:2], idempotency_key="form-0001", **act)
    assert (made.id, made.gross_minor) == (again.id, 1500)
    assert [
        entry.id for entry in document_acts.undocumented(session, found.id, DocumentKind.INVOICE)
    ] == entries[2:]
    with pytest.raises(errors.Invalid, match="Not free"):
        document_acts.issue(session, found.id, entries[:1], idempotency_key="form-0002", **act)
    with pytest.raises(errors.Invalid):
        document_acts.issue(session, found.id, [], idempotency_key="form-0003", **act)
    with pytest.raises(errors.Conflict):
        document_acts.issue(session, account(session).id, entries[2:], idempotency_key="form-0001", **act)


def test_a_proforma_becomes_an_invoice_once_without_what_was_undone(session):
    company(session)
    found = account(session)
    kept, undone = (testing.charge(session, found.id, minor, due_on=DAY) for minor in (1000, 500))
    proforma = document_acts.issue(
        session, found.id, [kept.id, undone.id], kind=DocumentKind.PROFORMA, on=DAY, author=testing.AUTHOR,
        idempotency_key="form-0001",
    )  # fmt: skip
    reverse(session, undone.id)
    assert of_kind(session, DocumentKind.CREDIT_NOTE) == []
    made = document_acts.invoice_of(session, proforma.id, on=DAY, author=testing.AUTHOR)
    assert (made.kind, made.gross_minor) == (DocumentKind.INVOICE, 1000)
    assert document_acts.invoice_of(session, proforma.id, on=DAY, author=testing.AUTHOR).id == made.id
    with pytest.raises(errors.Invalid):
        document_acts.invoice_of(session, made.id, on=DAY, author=testing.AUTHOR)


def test_a_payment_has_one_receipt_and_an_undone_one_none(session):
    company(session)
    found = account(session)
    paid = [
        ledger.post(
            session, found.id, EntryKind.PAYMENT, 700, dated_on=DAY, author=testing.AUTHOR, method=Method.CASH
        )
        for _ in range(2)
    ]
    made = document_acts.receipt(session, paid[0].id, on=DAY, author=testing.AUTHOR)
    assert (made.full_number, made.gross_minor, made.vat_minor) == ("RC/2026/000001", 700, 0)
    assert document_acts.receipt(session, paid[0].id, on=DAY, author=testing.AUTHOR).id == made.id
    reverse(session, paid[1].id)
    with pytest.raises(errors.Conflict):
        document_acts.receipt(session, paid[1].id, on=DAY, author=testing.AUTHOR)
    charge = testing.charge(session, found.id, 100, due_on=DAY)
    with pytest.raises(errors.Invalid):
        document_acts.receipt(session, charge.id, on=DAY, author=testing.AUTHOR)


def test_undoing_an_invoiced_charge_makes_its_credit_note_by_itself_once(session):
    found, invoice = invoiced(session)
    charge = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.CHARGE)).one()
    first = reverse(session, charge.id, "form-0001")
    assert reverse(session, charge.id, "form-0001").entry.id == first.entry.id
    (note,) = of_kind(session, DocumentKind.CREDIT_NOTE)
    assert (note.corrects_id, note.net_minor, note.vat_minor, note.gross_minor) == (
        invoice.id,
        -1000,
        -230,
        -1230,
    )
    assert balance(session, found) == 0


def test_a_credit_note_by_hand_gives_back_a_part_with_its_vat_once(session):
    found, invoice = invoiced(session, 2)
    note = credit(session, invoice, {1: 615})
    assert (note.net_minor, note.vat_minor, note.gross_minor) == (-500, -115, -615)
    assert credit(session, invoice, {1: 615}).id == note.id
    assert balance(session, found) == -2460 + 615
    left = crediting.creditable(session, documents.get(session, invoice.id))
    assert left == {1: 615, 2: 1230}


def test_credit_notes_together_never_give_back_more_than_the_invoice(session):
    found, invoice = invoiced(session, 2)
    credit(session, invoice, {1: 1000})
    for sums in ({1: 231}, {2: 1231}, {3: 1}, {1: 0}, {1: -5}, {}):
        with pytest.raises(errors.Invalid):
            credit(session, invoice, sums, key="form-0002")
    with pytest.raises(errors.Invalid):
        credit(session, invoice, {1: 1}, key="form-0002", reason=" ")
    credit(session, invoice, {1: 230, 2: 1230}, key="form-0003")
    assert balance(session, found) == 0
    with pytest.raises(errors.Invalid):
        credit(session, invoice, {2: 1}, key="form-0004")
    assert (
        sum(note.gross_minor for note in of_kind(session, DocumentKind.CREDIT_NOTE)) == -invoice.gross_minor
    )


def test_a_charge_credited_in_part_is_not_undone_whole(session):
    found, invoice = invoiced(session, 2)
    credit(session, invoice, {1: 100})
    lines = {line.position: line.entry_id for line in documents.get(session, invoice.id).lines}
    with pytest.raises(errors.Conflict):
        reverse(session, lines[1])
    reverse(session, lines[2])
    left = crediting.creditable(session, documents.get(session, invoice.id))
    assert left == {1: 1130, 2: 0}
    assert balance(session, found) == -1130


def test_eight_clerks_who_credit_the_same_invoice_at_once_give_it_back_once(fresh_database):
    with fresh_database.transaction() as session:
        found, invoice = invoiced(session)
        invoice_id, account_id = invoice.id, found.id

    def press(number):
        try:
            with fresh_database.transaction() as session:
                credit(session, session.get_one(Document, invoice_id), {1: 1230}, key=f"form-000{number}")
        except errors.Invalid:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(press, range(8))) == 1
    with fresh_database.reading() as session:
        assert session.get_one(Account, account_id).balance_minor == 0
        assert session.scalar(select(func.count()).where(Document.kind == DocumentKind.CREDIT_NOTE)) == 1
