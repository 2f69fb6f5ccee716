"""Accounts: open one, and change the terms it is treated by."""

from typing import Any

from sqlalchemy.orm import Session

from billing import ledger
from billing.models import Account
from core import errors

TERMS = ("payment_days", "grace_days", "is_never_cut", "never_cut_note")


def open_account(
    session: Session, *, currency: str, payment_days: int | None = None, grace_days: int | None = None
) -> Account:
    """Open an account with a balance of zero; its own days to pay and grace beat the settings'."""
    account = Account(currency=currency, balance_minor=0, payment_days=payment_days, grace_days=grace_days)
    session.add(account)
    session.flush()
    return account


def terms(session: Session, account_id: int) -> dict[str, Any]:
    """Return the account's terms by the names set_terms() takes; raises NotFound."""
    account = session.get(Account, account_id)
    if account is None:
        raise errors.NotFound("There is no such account")
    return {name: getattr(account, name) for name in TERMS}


def set_terms(
    session: Session,
    account_id: int,
    *,
    payment_days: int | None,
    grace_days: int | None,
    is_never_cut: bool,
    never_cut_note: str = "",
) -> Account:
    """Change the account's days to pay (of charges to come), its grace, and whether debt may cut it."""
    account = ledger.lock_account(session, account_id)
    account.payment_days = payment_days
    account.grace_days = grace_days
    account.is_never_cut = is_never_cut
    account.never_cut_note = never_cut_note.strip() if is_never_cut else ""
    session.flush()
    return account
