"""The worked example of docs/billing.md: the product lives the same year and books the same table."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from billing import (
    accounts,
    charges,
    freezes,
    payments,
    plans,
    promises,
    settling,
    subscriptions,
    suspensions,
    suspensions_to_come,
    testing,
    vat,
)
from billing.models import (
    Document,
    DocumentKind,
    DocumentLine,
    LedgerEntry,
    LockReason,
    Method,
    Payer,
    PromiseStatus,
    Seller,
    SuspensionLock,
)
from core import clock

PAGE = Path(__file__).resolve().parents[2] / "docs" / "billing.md"
START, END = date(2026, 1, 1), date(2026, 12, 31)
PAID = {
    (1, 10): 3000, (2, 9): 3000, (3, 10): 3000, (4, 12): 5225, (5, 5): 4500, (6, 3): 4500, (7, 28): 3450,
    (8, 6): 4500, (8, 20): 4500, (9, 8): 4500, (10, 9): 4500, (11, 9): 4500, (12, 12): 4500,
}  # fmt: skip


def table():
    """Return the rows of the page, as they stand there."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in PAGE.read_text().splitlines()]
    return [row for row in rows if re.fullmatch(r"\d{4}-\d\d-\d\d", row[0])]


def euros(minor):
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def booked(session, account_id):
    """Return what the product booked, written as the page writes it."""
    query = (
        select(LedgerEntry, Document.kind, DocumentLine.vat_minor)
        .outerjoin(DocumentLine, DocumentLine.entry_id == LedgerEntry.id)
        .outerjoin(Document, Document.id == DocumentLine.document_id)
        .where(LedgerEntry.account_id == account_id)
        .where(Document.kind.is_distinct_from(DocumentKind.RECEIPT))
        .order_by(LedgerEntry.id)
    )
    return [
        [
            entry.dated_on.isoformat(),
            entry.kind.value,
            euros(entry.amount_minor),
            euros(entry.balance_after_minor),
            kind.value if kind else "—",
            euros(tax) if kind else "—",
        ]
        for entry, kind, tax in session.execute(query)
    ]


def begin(session):
    """Open the account with its payer, company and plans; start Home."""
    session.add(Seller(name="Fibre Ltd", written_by="test"))
    payer = Payer(name="Olha Koval")
    session.add(payer)
    account = accounts.open_account(session, currency="EUR")
    session.flush()
    account.payer_id = payer.id
    rate = vat.create(session, name="standard", valid_from=date(2020, 1, 1), percent_hundredths=2300)
    home, fast = (
        plans.create(session, name=name, price_minor=minor, currency="EUR", vat_rate_id=rate.id)
        for name, minor in (("Home", 3000), ("Fast", 4500))
    )
    choice = subscriptions.Choice(home.id)
    made = subscriptions.start(session, account.id, testing.act(START), choice=choice, starts_on=START)
    return account.id, made.id, fast.id


def pass_night(session, on):
    """Live through what the night of a day does to this one customer."""
    act = testing.act(on)
    suspensions.lift_expired(session, datetime(on.year, on.month, on.day, tzinfo=UTC), by="night", today=on)
    suspensions_to_come.place_due(session, act)
    subscriptions.apply_planned(session, act)
    settling.settle_pending(session, act)
    charges.run(session, act)
    promises.settle(session, on, rules=testing.RULES)


def pay(session, account_id, on, minor):
    received = payments.receive(
        session,
        account_id,
        minor,
        method=Method.BANK,
        dated_on=on,
        reference="",
        idempotency_key=f"paid {on}",
        author=testing.AUTHOR,
        today=on,
        rules=testing.RULES,
    )
    return received.entry.id


def test_twelve_months_of_one_customer_are_booked_as_worked_out_by_hand(session):
    account_id, service_id, fast_id = begin(session)
    bounced = 0
    for on in (START + timedelta(days=count) for count in range((END - START).days + 1)):
        pass_night(session, on)
        match (on.month, on.day):
            case (3, 17):
                choice = subscriptions.Choice(fast_id)
                subscriptions.change(session, service_id, testing.act(on), choice=choice)
            case (6, 8):
                agreed = freezes.Agreed(LockReason.FREEZE, on, date(2026, 6, 21), 50, "holiday")
                freezes.agree(session, service_id, testing.act(on), agreed)
            case (7, 16):
                made = promises.make(
                    session, account_id, until=date(2026, 7, 25), author=testing.AUTHOR, today=on,
                    rules=testing.RULES,
                )  # fmt: skip
                # The database's clock stands still in a test's transaction: what was paid before is not since.
                made.promise.made_at = clock.now()
            case (8, 11):
                payments.reverse(
                    session, bounced, author=testing.AUTHOR, reason="bounced", today=on, rules=testing.RULES
                )
        if (minor := PAID.get((on.month, on.day))) is not None:
            entry_id = pay(session, account_id, on, minor)
            bounced = entry_id if (on.month, on.day) == (8, 6) else bounced
    session.expire_all()
    rows = booked(session, account_id)
    assert len(rows) == 29
    assert rows == table()
    assert [one.status for one in promises.history(session, account_id)] == [PromiseStatus.BROKEN]
    lock = session.scalars(select(SuspensionLock).where(SuspensionLock.reason == LockReason.FREEZE)).one()
    assert (lock.from_on, lock.to_on) == (date(2026, 6, 8), date(2026, 6, 21))
    assert lock.lifted_at is not None
