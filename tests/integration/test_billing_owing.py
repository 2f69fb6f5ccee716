"""What a document asks for after its issue: paid in part, given back, asked again, turned into an invoice."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from billing import accounts, document_acts, documents, owing, paper, payments, pdf, testing
from billing.models import Document, DocumentKind, LedgerEntry, Payer, Seller
from core import catalogues
from registry import document_letters, papers

DAY = date(2026, 11, 26)
DUE = DAY + timedelta(days=10)
ACT = {"on": DAY, "author": testing.AUTHOR, "idempotency_key": None}


@pytest.fixture
def account_id(session):
    seller = Seller(name="Fibre Ltd", iban="DE89370400440532013000", written_by="test")
    payer = Payer(name="Olha Koval")
    session.add_all([seller, payer])
    account = accounts.open_account(session, currency="EUR")
    session.flush()
    account.payer_id = payer.id
    session.flush()
    return account.id


def ask(session, account_id, kind, *sums):
    ids = [testing.charge(session, account_id, minor, due_on=DUE).id for minor in sums]
    return document_acts.issue(session, account_id, ids, kind=kind, **ACT)


def undo(session, entry_id):
    payments.reverse(session, entry_id, author=testing.AUTHOR, reason="wrong", today=DAY, rules=testing.RULES)


def told(session, document, today=DAY):
    """What the list and the page say of a document: they must agree."""
    view = papers.view(session, document.id, today=today)
    (row,) = [
        one for one in papers.page(session, papers.PaperFilter(), today=today).rows if one.id == document.id
    ]
    assert (row.state(today), row.open) == (view.state, view.open)
    listed = {
        state
        for state in papers.STATES
        if document.id in session.scalars(papers.ids(papers.PaperFilter(state=state), today=today)).all()
    }
    expected = {"partly": {"open"}, "overdue": {"open", "overdue"}}.get(view.state, {view.state})
    assert listed == expected
    return view.state, view.open.minor


def qr_sum(session, document):
    said = paper.of(session, document.id).qr_text
    return said.splitlines()[7] if said else None


def test_a_proforma_asks_for_what_is_left_of_it(session, account_id):
    made = ask(session, account_id, DocumentKind.PROFORMA, 3000, 2000)
    first, second = (line.entry_id for line in documents.get(session, made.id).lines)
    assert (told(session, made), qr_sum(session, made)) == (("open", 5000), "EUR50.00")
    testing.pay(session, account_id, 1250)
    assert (told(session, made), qr_sum(session, made)) == (("partly", 3750), "EUR37.50")
    undo(session, second)
    assert (told(session, made), qr_sum(session, made)) == (("partly", 1750), "EUR17.50")
    letter = document_letters.words(
        made, session.get_one(Seller, made.seller_id), "en", paper.of(session, made.id).to_pay
    )[1]
    assert "€17.50" in letter
    invoice = document_acts.invoice_of(session, made.id, on=DAY, author=testing.AUTHOR)
    assert (told(session, made), qr_sum(session, made)) == (("invoiced", 0), None)
    assert told(session, invoice) == ("partly", 1750)
    testing.pay(session, account_id, 1750)
    assert (told(session, made), told(session, invoice)) == (("invoiced", 0), ("paid", 0))
    assert qr_sum(session, invoice) == "EUR30.00", "an invoice is the same paper for ever"
    assert len(pdf.write(paper.of(session, made.id), catalogues.voice_of("uk"))) > 1000
    assert session.get_one(LedgerEntry, first).amount_minor == -3000


def test_a_document_of_which_all_was_taken_back_is_cancelled_and_not_paid(session, account_id):
    proforma = ask(session, account_id, DocumentKind.PROFORMA, 3000)
    invoice = ask(session, account_id, DocumentKind.INVOICE, 2000)
    for made in (proforma, invoice):
        undo(session, documents.get(session, made.id).lines[0].entry_id)
    assert (told(session, proforma), qr_sum(session, proforma)) == (("cancelled", 0), None)
    assert told(session, invoice) == ("cancelled", 0)
    given = ask(session, account_id, DocumentKind.INVOICE, 1000)
    document_acts.credit(session, given.id, {1: 1000}, reason="kindness", **ACT)
    assert told(session, given) == ("cancelled", 0)
    half = ask(session, account_id, DocumentKind.PROFORMA, 3000, 500)
    undo(session, documents.get(session, half.id).lines[1].entry_id)
    assert told(session, half) == ("open", 3000)


def test_a_credit_that_was_undone_leaves_both_invoices_open_and_paid_one_after_the_other(session, account_id):
    first = ask(session, account_id, DocumentKind.INVOICE, 3000)
    note = document_acts.credit(session, first.id, {1: 1000}, reason="kindness", **ACT)
    assert told(session, first) == ("open", 2000), "nobody paid a part of it"
    undo(session, documents.get(session, note.id).lines[0].entry_id)
    again = session.scalars(
        select(Document).where(Document.kind == DocumentKind.INVOICE, Document.id > note.id)
    ).one()
    assert again.due_on == DUE
    assert (told(session, first), told(session, again)) == (("open", 2000), ("open", 1000))
    testing.pay(session, account_id, 2500)
    assert (told(session, first), told(session, again)) == (("paid", 0), ("partly", 500))
    for document, minor in ((first, 2000), (again, 500)):
        assert [one.amount_minor for one in owing.payments_of(session, document.id)] == [minor]
    late = DUE + timedelta(days=1)
    assert told(session, again, late) == ("overdue", 500)
    paid = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "payment")).one()
    assert [(one.document.id, one.amount_minor) for one in owing.documents_of(session, paid)] == [
        (first.id, 2000),
        (again.id, 500),
    ]
    testing.pay(session, account_id, 500)
    assert (told(session, first), told(session, again)) == (("paid", 0), ("paid", 0))


def test_what_was_written_off_is_not_called_paid(session, account_id):
    first, second = (ask(session, account_id, DocumentKind.INVOICE, 3000) for _ in range(2))
    testing.pay(session, account_id, 3000)
    lost = {"kind": "writeoff", "expected_minor": 3000, "idempotency_key": "w"}
    payments.payback(session, account_id, author=testing.AUTHOR, today=DAY, rules=testing.RULES, **lost)
    assert (told(session, first), told(session, second)) == (("paid", 0), ("written_off", 0))
    undo(session, owing.payments_of(session, second.id)[0].entry.id)
    assert told(session, second) == ("open", 3000)
