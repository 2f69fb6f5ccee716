"""Documents say what the ledger says: whatever is given back, undone, asked again or invoiced later."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select

from billing import (
    accounts,
    crediting,
    document_acts,
    documents,
    freezes,
    ledger,
    payments,
    subscriptions,
    testing,
    vat,
)
from billing.models import (
    Document,
    Documented,
    DocumentKind,
    DocumentLine,
    LedgerEntry,
    LockReason,
    Payer,
    Plan,
    Seller,
)
from billing.subscriptions import Choice
from core import errors
from tests import money_checks, money_papers

FIRST, MIDDLE = date(2026, 11, 1), date(2026, 11, 16)


def customer(session, documented=Documented.INVOICE, price=3000, quantity=1):
    """A customer with a month charged on the first, 23 % VAT inside."""
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    rate = vat.create(session, name="Standard", valid_from=date(2020, 1, 1), percent_hundredths=2300)
    payer = Payer(name="Olha")
    plan = Plan(name="Home", price_minor=price, currency="EUR", vat_rate_id=rate.id)
    session.add_all([payer, plan])
    session.flush()
    account = accounts.open_account(session, currency="EUR")
    account.payer_id, account.documented = payer.id, documented
    session.flush()
    choice = Choice(plan.id, quantity=quantity)
    made = subscriptions.start(session, account.id, testing.act(FIRST), choice=choice, starts_on=FIRST)
    return testing.Sample(account.id, made.id)


def freeze(session, made, percent=0, on=MIDDLE, reason=LockReason.FREEZE):
    agreed = freezes.Agreed(reason, on, None, percent, "away")
    freezes.agree(session, made.subscription_id, testing.act(on), agreed)


def entries(session, made):
    return money_checks.entries_of(session, made.account_id)


def undo(session, entry):
    act = {"author": testing.AUTHOR, "reason": "wrong", "today": MIDDLE, "rules": testing.RULES}
    return payments.reverse(session, entry.id, **act).entry


def invoice_by_hand(session, made, ids=None, key="form-0001", kind=DocumentKind.INVOICE):
    offered = [entry.id for entry in document_acts.undocumented(session, made.account_id, kind)]
    act = {"kind": kind, "on": MIDDLE, "author": testing.AUTHOR, "idempotency_key": key}
    return document_acts.issue(session, made.account_id, ids or offered, **act)


def credit(session, invoice, sums):
    act = {"on": MIDDLE, "author": testing.AUTHOR, "reason": "outage", "idempotency_key": None}
    return document_acts.credit(session, invoice.id, sums, **act)


def told(session, made):
    """The documents: kind, gross, VAT."""
    query = select(Document.kind, Document.gross_minor, Document.vat_minor).order_by(Document.id)
    query = query.where(Document.account_id == made.account_id, Document.kind != DocumentKind.PROFORMA)
    return [(kind.value, gross, vat_minor) for kind, gross, vat_minor in session.execute(query)]


def left(session, made, place=0):
    query = select(Document.id).where(Document.kind == DocumentKind.INVOICE).order_by(Document.id)
    invoice = documents.get(session, session.scalars(query).all()[place])
    return crediting.creditable(session, invoice)


def agree(session, made):
    money_papers.check_documents(session, made.account_id)
    money_papers.check_documents_tell_the_ledger(session, made.account_id, entries(session, made))


def test_undoing_a_credit_that_stands_on_a_credit_note_makes_the_invoice_that_asks_it_again(session):
    made = customer(session)
    freeze(session, made)
    charge, given = entries(session, made)
    undo(session, given)
    assert told(session, made) == [
        ("invoice", 3000, 561),
        ("credit_note", -1500, -280),
        ("invoice", 1500, 280),
    ]
    assert (left(session, made), left(session, made, 1)) == ({1: 3000}, {1: 0})
    line = session.scalars(select(DocumentLine).order_by(DocumentLine.document_id.desc())).first()
    assert (line.description, line.period_start) == (given.description, given.period_start)
    agree(session, made)
    undo(session, charge)
    assert told(session, made)[3:] == [("credit_note", -3000, -561)]
    assert session.scalar(select(func.sum(Document.vat_minor))) == 0
    agree(session, made)


def test_a_credit_by_hand_that_is_undone_is_asked_again_and_may_be_given_again(session):
    made = customer(session)
    invoice = session.scalars(select(Document)).one()
    credit(session, invoice, {1: 1000})
    undo(session, entries(session, made)[-1])
    assert left(session, made) == {1: 3000}
    credit(session, invoice, {1: 3000})
    with pytest.raises(errors.Invalid):
        credit(session, session.scalars(select(Document).order_by(Document.id)).all()[2], {1: 1})
    assert session.scalar(select(func.sum(Document.vat_minor))) == 0
    agree(session, made)


def test_what_undoes_a_credit_without_its_invoice_is_offered_and_nothing_is_given_back_twice(session):
    made = customer(session)
    freeze(session, made)
    charge, given = entries(session, made)
    back = ledger.reverse(session, given.id, author=testing.AUTHOR, reason="wrong", dated_on=MIDDLE)
    assert document_acts.undocumented(session, made.account_id, DocumentKind.INVOICE) == [back]
    with pytest.raises(errors.Conflict):
        undo(session, charge)
    invoice_by_hand(session, made)
    assert told(session, made)[2:] == [("invoice", 1500, 280)]
    undo(session, charge)
    agree(session, made)


@pytest.mark.parametrize("documented", [Documented.NONE, Documented.PROFORMA])
def test_an_invoice_issued_later_is_followed_by_the_note_of_what_was_given_back_before(session, documented):
    made = customer(session, documented)
    freeze(session, made)
    if documented is Documented.PROFORMA:
        proforma = session.scalars(select(Document)).one()
        for _ in range(2):
            document_acts.invoice_of(session, proforma.id, on=MIDDLE, author=testing.AUTHOR)
    else:
        invoice_by_hand(session, made)
    assert told(session, made) == [("invoice", 3000, 561), ("credit_note", -1500, -280)]
    assert left(session, made) == {1: 1500}
    invoice = session.scalars(select(Document).where(Document.kind == DocumentKind.INVOICE)).one()
    with pytest.raises(errors.Invalid):
        credit(session, invoice, {1: 1501})
    credit(session, invoice, {1: 1500})
    agree(session, made)
    assert session.scalar(select(func.sum(LedgerEntry.amount_minor))) == 0


def test_what_a_period_gives_back_is_of_each_claim_no_more_than_it_asked(session):
    made = customer(session, Documented.NONE)
    freeze(session, made, 50, FIRST)
    freezes.lift(session, made.subscription_id, testing.act(MIDDLE), LockReason.FREEZE)
    freeze(session, made, 0, MIDDLE)
    claims = [entry for entry in entries(session, made) if entry.amount_minor < 0]
    for number, claim in enumerate(claims):
        invoice_by_hand(session, made, [claim.id], key=f"form-000{number}")
        agree(session, made)
    assert session.scalar(select(func.sum(Document.gross_minor))) == 750


def test_the_note_that_takes_the_last_of_a_line_takes_the_rest_of_its_vat(session):
    made = customer(session, price=1000)
    invoice = session.scalars(select(Document)).one()
    for minor in (333, 333, 334):
        credit(session, invoice, {1: minor})
    assert told(session, made) == [
        ("invoice", 1000, 187),
        ("credit_note", -333, -62),
        ("credit_note", -333, -63),
        ("credit_note", -334, -62),
    ]
    agree(session, made)


def test_a_charge_given_back_in_parts_by_settling_leaves_no_vat_over(session):
    made = customer(session, price=1000)
    freeze(session, made, 50, date(2026, 11, 11))
    freeze(session, made, 30, date(2026, 11, 12), LockReason.MANUAL)
    subscriptions.end(session, made.subscription_id, testing.act(date(2026, 11, 13)), ends_on=MIDDLE)
    assert len(told(session, made)) == 4
    invoice = documents.get(session, session.scalars(select(Document.id)).first())
    credit(session, invoice, crediting.creditable(session, invoice))
    assert session.scalar(select(func.sum(Document.gross_minor))) == 0
    assert session.scalar(select(func.sum(Document.vat_minor))) == 0
    agree(session, made)


def test_a_charge_documented_later_says_how_many_it_was_for(session):
    made = customer(session, Documented.NONE)
    agreed = subscriptions.agreed_on(subscriptions.get(session, made.subscription_id))
    act = testing.act(MIDDLE)
    subscriptions.change(session, made.subscription_id, act, choice=replace(agreed, quantity=3))
    made_on = invoice_by_hand(session, made)
    lines = [(line.gross_minor, line.quantity) for line in documents.get(session, made_on.id).lines]
    assert lines == [(3000, 1), (4500, 3)]
    agree(session, made)
