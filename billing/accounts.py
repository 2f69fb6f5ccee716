"""Accounts: open one, and change the terms it is treated by."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from billing import ledger
from billing.models import Account, AccountGroup, Documented
from core import errors, money

TERMS = (
    "payment_days",
    "grace_days",
    "is_never_cut",
    "never_cut_note",
    "group_id",
    "credit_limit_minor",
    "credit_until",
    "documented",
)


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
    group_id: int | None = None,
    credit_limit_minor: int = 0,
    credit_until: date | None = None,
    documented: Documented | None = None,
) -> Account:
    """Change all terms of the account: days to pay (of charges to come), grace, group, credit, never cut, and
    which document charges make (none: as for everybody).

    A credit limit (minor units) is how much of what is overdue does not cut, until the end of `credit_until`
    or for good. Raises NotFound, Invalid at the faulty field.
    """
    if not 0 <= credit_limit_minor < money.LIMIT_MINOR:
        raise errors.Invalid("Not a credit", {"credit_limit": "A credit is zero or more"})
    if group_id is not None and session.get(AccountGroup, group_id) is None:
        raise errors.Invalid("No such group", {"group_id": "There is no such group"})
    account = ledger.lock_account(session, account_id)
    account.documented = documented
    account.group_id = group_id
    account.credit_limit_minor = credit_limit_minor
    account.credit_until = credit_until if credit_limit_minor else None
    account.payment_days = payment_days
    account.grace_days = grace_days
    account.is_never_cut = is_never_cut
    account.never_cut_note = never_cut_note.strip() if is_never_cut else ""
    session.flush()
    return account
