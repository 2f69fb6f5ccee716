"""Interest on what is paid late: charged a month at a time, once for each claim and month.

The first night of a month charges the months that are over: what each claim had open, day by day, by the
allocation of the ledger (billing.allocation, billing.accrual). Late fees and interest bear none. Sums too
small to be asked for wait until they have grown. What is promised or agreed on bears interest all the same.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from billing import accrual, allocation, ledger, penalties
from billing.accrual import Claim
from billing.acts import Act
from billing.allocation import Item
from billing.models import Account, EntryKind, LedgerEntry, NightRun
from billing.rules import DAY, Period, Rules
from core.columns import any_of
from core.words import N_

BATCH = 500
_PREFIXES = ("interest ", "late fee ")


@dataclass(frozen=True, slots=True)
class Accrued:
    """Interest on one claim (a ledger entry) for days of one month, in minor units."""

    claim_id: int
    due_on: date
    days: Period
    amount_minor: int

    @property
    def key(self) -> str:
        """The idempotency key: the claim and the month."""
        return f"interest {self.claim_id} {self.days.start:%Y-%m}"


def run(session: Session, act: Act, *, rules: Rules, account_id: int | None = None) -> dict[str, int | str]:
    """Charge the interest of the months that are over, of all accounts or of one; report entries and sum.

    Nothing happens without rates, nor when a night of this month has done it.
    """
    last = act.today.replace(day=1) - DAY
    charged: list[int] = []
    if not rules.interest_rates:
        return {"entries": 0}
    if not _is_done(session, act.today, last):
        ids = _late(session, last) if account_id is None else [account_id]
        for first in range(0, len(ids), BATCH):
            for key, found in _accrued(session, ids[first : first + BATCH], last, rules):
                if found:
                    charged += [-one.amount_minor for one in _charge(session, key, act, last, rules)]
    return {"entries": len(charged), "total_minor": sum(charged), "through": last.isoformat()}


def pending_minor(session: Session, account_id: int, on: date, *, rules: Rules) -> int:
    """Return what has accrued by the end of that day and is not charged yet."""
    if not rules.interest_rates:
        return 0
    found = dict(_accrued(session, [account_id], on, rules, is_whole=False))
    return sum(one.amount_minor for one in found.get(account_id, ()))


def _charge(session: Session, account_id: int, act: Act, last: date, rules: Rules) -> list[LedgerEntry]:
    """Charge an account what is asked for it under its lock; return the entries."""
    account = ledger.lock_account(session, account_id)
    found = dict(_accrued(session, [account_id], last, rules))[account_id]
    total = sum(one.amount_minor for one in found)
    if total < max(1, rules.interest_minimum_minor):
        return []
    entries = [
        ledger.post(
            session,
            account_id,
            EntryKind.CHARGE,
            -one.amount_minor,
            dated_on=act.today,
            author=act.author,
            due_on=act.terms.due_on(account, act.today),
            idempotency_key=one.key,
            description=N_(
                "Interest from %(first)s to %(last)s on what was due %(day)s",
                first=one.days.start,
                last=one.days.end,
                day=one.due_on,
            ),
        )
        for one in found
    ]
    penalties.document(session, entries, act)
    return entries


def _accrued(
    session: Session, account_ids: Sequence[int], last: date, rules: Rules, *, is_whole: bool = True
) -> Iterator[tuple[int, list[Accrued]]]:
    """Yield by account what is not charged yet of the months that end by `last`; or up to that very day."""
    rates = rules.interest_rates
    begin = min(from_on for from_on, _ in rates)
    for account_id, claims in _claims(session, account_ids, last).items():
        found = []
        for claim_id, claim in claims.items():
            first = max(begin, claim.due_on + DAY)
            months = accrual.months(first, last)
            if not is_whole:
                start = months[-1].end + DAY if months else first.replace(day=1)
                months = [*months, Period(start, last)] if start <= last else months
            for month in months:
                days = accrual.late_days(claim, month)
                minor = accrual.interest_minor(claim, rates, month)
                if days is not None and minor > 0:
                    found.append(
                        Accrued(claim_id, claim.due_on, Period(max(days.start, begin), days.end), minor)
                    )
        keys = {one.key for one in found}
        known = select(LedgerEntry.idempotency_key).where(LedgerEntry.idempotency_key.in_(keys))
        charged = set(session.scalars(known)) if keys else set()
        yield account_id, [one for one in found if one.key not in charged]


def _claims(session: Session, account_ids: Sequence[int], last: date) -> dict[int, dict[int, Claim]]:
    """Return the claims of the accounts due before `last`, with what paid each, by account and entry."""
    rows = session.execute(
        select(
            LedgerEntry.account_id,
            LedgerEntry.id,
            LedgerEntry.amount_minor,
            LedgerEntry.due_on,
            LedgerEntry.reverses_id,
            LedgerEntry.dated_on,
            func.coalesce(LedgerEntry.idempotency_key, ""),
        ).where(LedgerEntry.account_id == any_of(account_ids))
    )
    items: dict[int, list[Item]] = defaultdict(list)
    dated: dict[int, date] = {}
    bearing: dict[int, tuple[date, int]] = {}
    for account_id, id_, minor, due_on, reverses_id, dated_on, key in rows:
        items[account_id].append(Item(id_, minor, due_on, reverses_id))
        dated[id_] = dated_on
        if due_on is not None and due_on < last and not key.startswith(_PREFIXES):
            bearing[id_] = (due_on, -minor)
    found: dict[int, dict[int, Claim]] = {}
    for account_id, own in items.items():
        shared = allocation.allocate(own)
        paid: dict[int, list[tuple[date, int]]] = defaultdict(list)
        for share in shared.shares:
            paid[share.claim_id].append((dated[share.money_id], share.amount_minor))
        found[account_id] = {
            id_: Claim(bearing[id_][1], bearing[id_][0], tuple(paid[id_]))
            for id_ in shared.open_minor
            if id_ in bearing
        }
    return found


def _late(session: Session, last: date) -> list[int]:
    """Return the accounts of which something may have been late by then: one claim is older."""
    claim = aliased(LedgerEntry)
    is_late = exists().where(claim.account_id == Account.id, claim.due_on < last)
    return list(session.scalars(select(Account.id).where(is_late).order_by(Account.id)))


def _is_done(session: Session, today: date, last: date) -> bool:
    """Whether an earlier night of this month has charged it."""
    done = select(NightRun.run_on).where(
        NightRun.run_on > last,
        NightRun.run_on < today,
        NightRun.report["interest"]["through"].as_string() == last.isoformat(),
    )
    return session.scalar(done.limit(1)) is not None
