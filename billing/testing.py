"""Ready-made accounts for tests of whatever stands on billing."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import accounts, subscriptions
from billing.ledger import Author
from billing.models import Plan

AUTHOR = Author("test")


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
        plan_id=plan(session, price_minor).id,
        starts_on=starts_on,
        today=today or starts_on,
        payment_days=payment_days,
        author=AUTHOR,
        bill_day=bill_day,
    )
    return Sample(account.id, started.id)
