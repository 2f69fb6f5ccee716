"""Allocation on PostgreSQL: the lists' statement says what the pure function says, and documents by it."""

from datetime import date, timedelta
from random import Random

from sqlalchemy import select

from billing import (
    accounts,
    allocation,
    charges,
    documents,
    ledger,
    owing,
    subscriptions,
    testing,
    written_off,
)
from billing.models import (
    Account,
    Document,
    DocumentKind,
    DocumentLine,
    EntryKind,
    LedgerEntry,
    Method,
    Payer,
    Plan,
    Seller,
)

DAY = date(2026, 11, 1)


def history(session, random):
    """Make an account whose entries are of every sort, some of them undone."""
    account = accounts.open_account(session, currency="EUR")
    posted = []
    for _ in range(random.randint(1, 20)):
        minor = random.randint(1, 400)
        kind = random.choice(
            ["charge", "charge", "charge", "payment", "payment", "refund", "reversal", "writeoff"]
        )
        if kind == "reversal" and posted:
            entry = posted.pop(random.randrange(len(posted)))
            ledger.reverse(session, entry.id, author=testing.AUTHOR, reason="wrong", dated_on=DAY)
        elif kind == "charge":
            due = DAY + timedelta(days=random.randint(0, 9))
            posted.append(testing.charge(session, account.id, minor, due_on=due))
        elif kind == "refund":
            posted.append(
                ledger.post(
                    session, account.id, EntryKind.REFUND, -minor, dated_on=DAY, author=testing.AUTHOR
                )
            )
        elif kind == "writeoff":
            taken = {"dated_on": DAY, "author": testing.AUTHOR}
            posted.append(ledger.post(session, account.id, EntryKind.WRITEOFF, minor, **taken))
        else:
            posted.append(testing.pay(session, account.id, minor))
    return account.id


def test_lists_say_what_the_pure_function_says(session):
    ids = [history(session, Random(seed)) for seed in range(40)]
    session.flush()
    query = allocation.open_by_entry()
    listed = {row.entry_id: row.open_minor for row in session.execute(select(query))}
    alone = {}
    for account_id in ids:
        made = allocation.of_account(session, account_id).open_minor
        alone |= {entry_id: minor for entry_id, minor in made.items() if minor}
    assert listed == alone
    assert len(alone) > 20
    one = allocation.open_by_entry(ids[:3])
    assert set(session.scalars(select(one.c.account_id))) <= set(ids[:3])


def test_the_documents_a_write_off_settled_are_those_the_pure_function_names(session):
    """All claims stand on invoices of their own; money goes out, comes back and is written off at random."""
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    payer = Payer(name="Olha Koval")
    session.add(payer)
    session.flush()
    ids = [history(session, Random(seed)) for seed in range(60)]
    expected = set()
    for account_id in ids:
        session.get_one(Account, account_id).payer_id = payer.id
        writeoffs = set(
            session.scalars(
                select(LedgerEntry.id).where(
                    LedgerEntry.account_id == account_id, LedgerEntry.kind == EntryKind.WRITEOFF
                )
            )
        )
        for share in allocation.of_account(session, account_id).shares:
            if share.money_id in writeoffs:
                expected.add(share.claim_id)
    session.flush()
    claims = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.CHARGE)).all()
    for one in claims:
        documents.issue(session, [one.id], kind=DocumentKind.INVOICE, on=DAY, author=testing.AUTHOR)
    lines = select(DocumentLine.entry_id).where(DocumentLine.document_id.in_(written_off.documents()))
    assert set(session.scalars(lines)) == expected
    assert len(expected) > 20
    some = select(DocumentLine.entry_id).where(DocumentLine.document_id.in_(written_off.documents(ids[:9])))
    assert set(session.scalars(some)) < expected


def test_a_payment_names_the_documents_it_paid_and_a_document_its_payments(session):
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    account = accounts.open_account(session, currency="EUR")
    plan, payer = Plan(name="Fibre", price_minor=3000, currency="EUR"), Payer(name="Olha Koval")
    session.add_all([plan, payer])
    session.flush()
    account.payer_id = payer.id
    choice = subscriptions.Choice(plan.id)
    subscriptions.start(session, account.id, testing.act(DAY), choice=choice, starts_on=DAY)
    charges.run(session, testing.act(date(2026, 12, 1)))
    first, second = session.scalars(select(Document).order_by(Document.id)).all()
    payments = [
        ledger.post(
            session,
            account.id,
            EntryKind.PAYMENT,
            minor,
            dated_on=DAY,
            author=testing.AUTHOR,
            method=Method.CASH,
        )
        for minor in (1000, 2500)
    ]
    paid = owing.documents_of(session, payments[1])
    assert [(one.document.id, one.amount_minor) for one in paid] == [(first.id, 2000), (second.id, 500)]
    by = owing.payments_of(session, first.id)
    assert [(one.entry.id, one.amount_minor) for one in by] == [
        (payments[0].id, 1000),
        (payments[1].id, 2000),
    ]
    query = owing.open_by_document([account.id])
    assert session.execute(select(query)).all() == [(second.id, 2500)]
    assert documents.get(session, second.id).kind is DocumentKind.INVOICE
