"""Which money paid what: derived from the ledger, never stored. The oldest is paid first.

An entry and its reversal cancel. What is left falls into claims (below zero, with a due date), money (above
zero) and money that went out again (below zero without a due date: refunds, transfers), which takes back the
newest money that came before it. Money pays claims by due date, then by id, in the order it came. Credit
notes are money as any other: the debt then stands where billing.debt.oldest_due sees it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Date, Subquery, func, select
from sqlalchemy.orm import Session, aliased

from billing.models import Account, LedgerEntry
from core.columns import any_of, pairs_of


@dataclass(frozen=True, slots=True)
class Item:
    """What of a ledger entry matters here."""

    id: int
    amount_minor: int
    due_on: date | None = None
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """So much of this money (an entry above zero) paid this claim."""

    money_id: int
    claim_id: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """The shares in the order of payment; what of each claim is open, and what of each money is free."""

    shares: tuple[Share, ...]
    open_minor: dict[int, int]
    free_minor: dict[int, int]

    def paid_by(self, claim_ids: Iterable[int]) -> tuple[Share, ...]:
        """Return what paid these claims."""
        wanted = set(claim_ids)
        return tuple(share for share in self.shares if share.claim_id in wanted)

    def paid_with(self, money_id: int) -> tuple[Share, ...]:
        """Return what this money paid."""
        return tuple(share for share in self.shares if share.money_id == money_id)


def allocate(items: Sequence[Item]) -> Allocation:
    """Say which money paid what, for the entries of one account in any order."""
    standing = _standing(items)
    money = {item.id: item.amount_minor for item in standing if item.amount_minor > 0}
    _take_out(money, [item for item in standing if item.amount_minor < 0 and item.due_on is None])
    claims = [(item.due_on, item.id, -item.amount_minor) for item in standing if item.amount_minor < 0]
    due = sorted((due_on, id_, minor) for due_on, id_, minor in claims if due_on is not None)
    shares, open_minor = [], {id_: minor for _, id_, minor in due}
    sources = iter(list(money))
    source = next(sources, None)
    for _, claim_id, _ in due:
        while source is not None and open_minor[claim_id]:
            if part := min(open_minor[claim_id], money[source]):
                shares.append(Share(source, claim_id, part))
                open_minor[claim_id] -= part
                money[source] -= part
            if not money[source]:
                source = next(sources, None)
    return Allocation(tuple(shares), open_minor, money)


def _standing(items: Sequence[Item]) -> list[Item]:
    """Return the entries that were not undone and undo nothing, oldest first."""
    undone = {item.reverses_id for item in items if item.reverses_id is not None}
    left = (item for item in items if item.reverses_id is None and item.id not in undone)
    return sorted(left, key=lambda item: item.id)


def _take_out(money: dict[int, int], outgoing: Sequence[Item]) -> None:
    """Take what went out off the newest money before it, else off what came later; a rest is nobody's."""
    rest = 0
    for item in outgoing:
        wanted = -item.amount_minor
        for source in reversed([id_ for id_ in money if id_ < item.id]):
            part = min(wanted, money[source])
            money[source] -= part
            wanted -= part
            if not wanted:
                break
        rest += wanted
    for source, free in money.items():
        part = min(rest, free)
        money[source] = free - part
        rest -= part


def of_account(session: Session, account_id: int) -> Allocation:
    """Return the allocation of an account."""
    rows = session.execute(
        select(LedgerEntry.id, LedgerEntry.amount_minor, LedgerEntry.due_on, LedgerEntry.reverses_id).where(
            LedgerEntry.account_id == account_id
        )
    )
    return allocate([Item(*row) for row in rows])


def open_by_entry(
    account_ids: Iterable[int] | None = None, *, oldest: Mapping[int, date] | None = None
) -> Subquery:
    """Return the claims not wholly paid: entry_id, account_id, due_on, open_minor (above zero); for lists.

    It says what allocate() says: debt stands in the newest claims, which are walked back until it is used up.
    Only accounts in debt are looked at, all of them or those named. Where the due date of an account's
    `oldest` open claim is known already (see debt.oldest_due), what was due before is not read again.
    """
    undone = aliased(LedgerEntry)
    newer = func.sum(-LedgerEntry.amount_minor).over(
        partition_by=LedgerEntry.account_id, order_by=(LedgerEntry.due_on.desc(), LedgerEntry.id.desc())
    )
    query = (
        select(
            LedgerEntry.id.label("entry_id"),
            LedgerEntry.account_id,
            LedgerEntry.due_on,
            (-LedgerEntry.amount_minor).label("claim_minor"),
            (newer + LedgerEntry.amount_minor).label("newer_minor"),
            (-Account.balance_minor).label("debt_minor"),
        )
        .join(Account, Account.id == LedgerEntry.account_id)
        .where(
            Account.balance_minor < 0,
            LedgerEntry.due_on.is_not(None),
            LedgerEntry.amount_minor < 0,
            LedgerEntry.reverses_id.is_(None),
            ~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists(),
        )
    )
    if account_ids is not None:
        query = query.where(Account.id == any_of(account_ids))
    if oldest is not None:
        known = pairs_of(oldest, Date)
        query = query.join(known, known.c.key == Account.id).where(LedgerEntry.due_on >= known.c.value)
    walked = query.subquery("walked")
    left = func.least(walked.c.claim_minor, walked.c.debt_minor - walked.c.newer_minor)
    return (
        select(
            walked.c.entry_id, walked.c.account_id, walked.c.due_on, left.cast(BigInteger).label("open_minor")
        )
        .where(walked.c.debt_minor > walked.c.newer_minor)
        .subquery("open_entries")
    )
