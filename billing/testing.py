"""Ready-made accounts for tests of whatever stands on billing."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import accounts, ledger, subscriptions
from billing.acts import Act, Terms
from billing.ledger import Author
from billing.models import EntryKind, LedgerEntry, Plan
from billing.rules import Rules

AUTHOR = Author("test")
RULES = Rules(brake_minimum=50)


def act(today: date, *, payment_days: int = 14, author: Author = AUTHOR) -> Act:
    """Return an act of that business day."""
    return Act(today, Terms(payment_days), author)


@dataclass(frozen=True, slots=True)
class Sample:
    """An account with one subscription."""

    account_id: int
    subscription_id: int


def plan(session: Session, price_minor: int, *, currency: str = "EUR") -> Plan:
    """Return an offered plan of that monthly price."""
    name = f"Plan {price_minor} {currency}"
    found = session.scalar(select(Plan).where(Plan.name == name))
    if found is None:
        found = Plan(name=name, price_minor=price_minor, currency=currency)
        session.add(found)
        session.flush()
    return found


def subscriber(
    session: Session,
    *,
    price_minor: int = 3000,
    starts_on: date,
    today: date | None = None,
    payment_days: int = 14,
    bill_day: int = 1,
    grace_days: int | None = None,
) -> Sample:
    """Open an account with one subscription, charged for what has begun by `today` (else its first day)."""
    account = accounts.open_account(session, currency="EUR", grace_days=grace_days)
    started = subscriptions.start(
        session,
        account.id,
        act(today or starts_on, payment_days=payment_days),
        choice=subscriptions.Choice(plan(session, price_minor).id, bill_day=bill_day),
        starts_on=starts_on,
    )
    return Sample(account.id, started.id)


def charge(session: Session, account_id: int, minor: int, *, due_on: date) -> LedgerEntry:
    """Post a charge of this sum, due on that day."""
    return ledger.post(
        session, account_id, EntryKind.CHARGE, -minor, dated_on=due_on, author=AUTHOR, due_on=due_on
    )


def pay(session: Session, account_id: int, minor: int) -> LedgerEntry:
    """Post a payment of this sum behind the back of the locks: nothing is looked at again."""
    return ledger.post(
        session, account_id, EntryKind.PAYMENT, minor, dated_on=date(2026, 1, 1), author=AUTHOR
    )
