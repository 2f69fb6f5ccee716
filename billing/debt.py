"""Debt: what an account owes, and how much of it is overdue.

Overdue balance = balance without the entries whose due date plus grace is not over yet. So every payment
counts at once, a charge only when its time to pay is over, and an advance payment still covers old debt.
Reversals of charges carry the charge's due date and cancel it; a credit has none and helps at once. Sums
called debt, past due or overdue are positive minor units. A credit limit changes none of them: it is how much
of what is overdue does not cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Date, FromClause, Subquery, case, false, func, literal, or_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing.models import Account, AccountGroup, LedgerEntry
from core import errors
from core.columns import any_of


@dataclass(frozen=True, slots=True)
class Debt:
    """What an account owes on a day, in minor units.

    `past_due_minor` is what was due before today, `overdue_minor` what is due and out of grace: it cuts.
    `oldest_due_on` is the due date of the oldest charge not wholly paid (oldest are paid first).
    `credit_minor` is the credit limit in force. `ripe_on` is the due date from which on the unpaid charges
    are more than credit and minimum: debt cuts from the day after its grace on.
    """

    balance_minor: int
    overdue_minor: int
    past_due_minor: int
    oldest_due_on: date | None
    days_overdue: int
    credit_minor: int = 0
    ripe_on: date | None = None
    grace_days: int = 0

    def days_cutting(self, today: date) -> int:
        """Return for how many days debt has cut, 0 on the first; below 0 when it does not yet."""
        return days_cutting(self.ripe_on, self.grace_days, today)

    @property
    def cutting_minor(self) -> int:
        """What of the overdue sum the credit does not cover."""
        return max(0, self.overdue_minor - self.credit_minor)

    @property
    def debt_minor(self) -> int:
        """The whole debt, due or not; 0 when nothing is owed."""
        return max(0, -self.balance_minor)


def of(
    session: Session, account_id: int, *, today: date, grace_days: int = 0, minimum_minor: int = 0
) -> Debt:
    """Return the account's debt on that day; `grace_days` is for who has none. Raises NotFound.

    Less than `minimum_minor` does not cut.
    """
    not_due = _not_due(today, grace_days)
    balance = session.execute(
        select(
            Account.balance_minor,
            _owed(not_due.c.in_grace).label("overdue"),
            _owed(not_due.c.in_time).label("past_due"),
            credit_of(today).label("credit"),
            grace_of(grace_days).label("grace_days"),
        )
        .join(not_due, true())
        .where(Account.id == account_id)
    ).one_or_none()
    if balance is None:
        raise errors.NotFound("There is no such account")
    balances = {account_id: balance.balance_minor}
    oldest, ripe = due_dates(session, balances, today, minimum_minor).get(account_id, (None, None))
    return Debt(
        balance_minor=balance.balance_minor,
        overdue_minor=balance.overdue,
        past_due_minor=balance.past_due,
        oldest_due_on=oldest,
        days_overdue=days_over(oldest, today),
        credit_minor=balance.credit,
        ripe_on=ripe,
        grace_days=balance.grace_days,
    )


def grace_of(default: int) -> ColumnElement[int]:
    """Return, for a query on Account, its days of grace: its own, else its group's, else the default."""
    of_group = (
        select(AccountGroup.grace_days)
        .where(AccountGroup.id == Account.group_id)
        .correlate(Account)
        .scalar_subquery()
    )
    return func.coalesce(Account.grace_days, of_group, default)


def credit_of(today: date) -> ColumnElement[int]:
    """Return, for a query on Account, the credit limit in force that day in minor units; 0 without one."""
    is_in_force = or_(Account.credit_until.is_(None), Account.credit_until >= today)
    return case((is_in_force, Account.credit_limit_minor), else_=0)


def never_cut(excluded_groups: Sequence[int] = ()) -> ColumnElement[bool]:
    """Return, for a query on Account, whether debt never cuts it: marked itself, or by its group.

    `excluded_groups` are those the policy names beside the groups' own marks (see billing.rules).
    """
    is_excluded = or_(AccountGroup.is_never_cut, AccountGroup.id == any_of(excluded_groups))
    by_group = (
        select(is_excluded).where(AccountGroup.id == Account.group_id).correlate(Account).scalar_subquery()
    )
    return or_(Account.is_never_cut, func.coalesce(by_group, false()))


def days_over(oldest_due_on: date | None, today: date) -> int:
    """Return how many days the oldest due date lies back; 0 when it does not."""
    return max(0, (today - oldest_due_on).days) if oldest_due_on else 0


def days_cutting(ripe_on: date | None, grace_days: int, today: date) -> int:
    """Return for how many days debt of that due date has cut, 0 on the first, and when it has no date."""
    return 0 if ripe_on is None else (today - ripe_on).days - grace_days - 1


def overdue_by_account(
    today: date, default_grace: int, *, account_ids: Iterable[int] | None = None
) -> Subquery:
    """Return, for every account in debt: account_id, balance_minor, overdue_minor, past_due_minor (see Debt).

    To be joined to by lists; accounts without debt have no row. Its cost is one short range of the index
    ix_ledger_entries_due for each account in debt, or for each of those named.
    """
    not_due = _not_due(today, default_grace)
    query = (
        select(
            Account.id.label("account_id"),
            Account.balance_minor.label("balance_minor"),
            _owed(not_due.c.in_grace).label("overdue_minor"),
            _owed(not_due.c.in_time).label("past_due_minor"),
        )
        .join(not_due, true())
        .where(Account.balance_minor < 0)
    )
    if account_ids is not None:
        query = query.where(Account.id == any_of(account_ids))
    return query.subquery("overdue")


def owed_minor(today: date, grace_days: ColumnElement[int]) -> ColumnElement[int]:
    """Return, for a query on Account, what of its debt is due longer than grace: a positive sum, or 0."""
    not_due = (
        select(func.sum(LedgerEntry.amount_minor))
        .where(
            LedgerEntry.account_id == Account.id,
            LedgerEntry.due_on.is_not(None),
            LedgerEntry.due_on >= literal(today, Date) - grace_days,
        )
        .correlate(Account)
        .scalar_subquery()
    )
    return _owed(not_due)


def _not_due(today: date, default_grace: int) -> FromClause:
    """Return the sums of an Account's entries whose time is not over: with grace, and without."""
    in_time = func.sum(LedgerEntry.amount_minor).filter(LedgerEntry.due_on >= today)
    grace = grace_of(default_grace)
    return (
        select(func.sum(LedgerEntry.amount_minor).label("in_grace"), in_time.label("in_time"))
        .where(
            LedgerEntry.account_id == Account.id,
            LedgerEntry.due_on.is_not(None),
            LedgerEntry.due_on >= literal(today, Date) - grace,
        )
        .correlate(Account)
        .lateral("not_due")
    )


def _owed(not_due_minor: ColumnElement[int]) -> ColumnElement[int]:
    """Return what of an Account's debt is not covered by what is not due yet: a positive sum, or 0."""
    return func.greatest(0, func.coalesce(not_due_minor, 0) - Account.balance_minor).cast(BigInteger)


def oldest_due(session: Session, balances: Mapping[int, int]) -> dict[int, date]:
    """Return the due date of each account's oldest charge not wholly paid; `balances` maps id to minor units.

    An account without debt, or whose debt has no due date, has no answer.
    """
    owing = _owing(balances)
    if not owing:
        return {}
    walked = _walked(LedgerEntry.account_id == any_of(owing))
    rows = session.execute(
        select(walked.c.account_id, func.min(walked.c.due_on))
        .join(Account, Account.id == walked.c.account_id)
        .where(walked.c.newer < -Account.balance_minor)
        .group_by(walked.c.account_id)
    )
    return {row[0]: row[1] for row in rows}


def oldest_due_of() -> ColumnElement[date]:
    """Return, for a query on Account, what oldest_due() says of it: for lists to sort and narrow by."""
    walked = _walked(LedgerEntry.account_id == Account.id)
    oldest = select(func.min(walked.c.due_on)).where(walked.c.newer < -Account.balance_minor)
    return oldest.correlate(Account).scalar_subquery()


def due_dates(
    session: Session, balances: Mapping[int, int], today: date, minimum_minor: int
) -> dict[int, tuple[date, date | None]]:
    """Return what oldest_due() does, and beside it since which due date the debt is large enough to cut.

    That is the first by which more is unpaid than the credit of that day covers, and at least the minimum.
    """
    owing = _owing(balances)
    if not owing:
        return {}
    walked = _walked(LedgerEntry.account_id == any_of(owing))
    floor = credit_of(today) + max(minimum_minor, 1)
    ripe = func.min(walked.c.due_on).filter(walked.c.newer <= -Account.balance_minor - floor)
    rows = session.execute(
        select(walked.c.account_id, func.min(walked.c.due_on), ripe)
        .join(Account, Account.id == walked.c.account_id)
        .where(walked.c.newer < -Account.balance_minor)
        .group_by(walked.c.account_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _owing(balances: Mapping[int, int]) -> list[int]:
    return [account_id for account_id, minor in balances.items() if minor < 0]


def _walked(whose: ColumnElement[bool]) -> Subquery:
    """Return the due dates of these accounts' entries, each with the sum of charges due later (`newer`).

    Money pays the oldest first, so the debt stands in the newest charges: they are walked back until it is
    used up.
    """
    by_day = (
        select(
            LedgerEntry.account_id,
            LedgerEntry.due_on,
            func.sum(-LedgerEntry.amount_minor).label("minor"),
        )
        .where(whose, LedgerEntry.due_on.is_not(None))
        .group_by(LedgerEntry.account_id, LedgerEntry.due_on)
        .having(func.sum(LedgerEntry.amount_minor) < 0)
        .correlate(Account)
        .subquery()
    )
    newer = (
        func.sum(by_day.c.minor).over(partition_by=by_day.c.account_id, order_by=by_day.c.due_on.desc())
        - by_day.c.minor
    )
    return select(by_day.c.account_id, by_day.c.due_on, newer.label("newer")).subquery("walked")
