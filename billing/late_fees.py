"""Late fees: a charge of its own, once in an episode of debt, off unless the rules name a sum or a percent.

A fee that was reversed stays reversed: its key is taken. Episodes are those of the reminders
(billing.episodes).
"""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing import batches, debt, episodes, instalments, ledger, penalties, prices
from billing.acts import Act
from billing.models import Account, EntryKind, LedgerEntry
from billing.rules import Rules
from core.columns import any_of
from core.db import Database
from core.words import N_

BATCH = 500


def run(session: Session, act: Act, *, rules: Rules, account_id: int | None = None) -> int:
    """Charge the fees whose day has come, of all accounts or of one; return how many there were.

    Spared is who promised to pay by a day that is not over, or keeps instalments.
    """
    ids = None if account_id is None else [account_id]
    return len(_charge(session, sorted(_begun(session, act, rules, ids)), act, rules))


def run_batches(database: Database, act: Act, *, rules: Rules) -> tuple[int, ...]:
    """Do for everybody what run() does, in batches (see batches.each); return whom it went wrong for."""
    with database.reading() as session:
        ids = sorted(_begun(session, act, rules, None))
    return batches.each(database, ids, BATCH, lambda session, some: _charge(session, some, act, rules))


def booked(session: Session, act: Act) -> int:
    """Return how many fees were charged on the act's day, in however many batches."""
    query = select(func.count()).where(
        LedgerEntry.dated_on == act.today,
        LedgerEntry.idempotency_key.startswith(episodes.FEE_PREFIX),
        LedgerEntry.kind == EntryKind.CHARGE,
    )
    return session.scalar(query) or 0


def _charge(session: Session, account_ids: Sequence[int], act: Act, rules: Rules) -> list[LedgerEntry]:
    """Charge these accounts their fees: all are held before a counter of documents is."""
    begun = _begun(session, act, rules, ledger.hold(session, account_ids)) if account_ids else {}
    found = debt.overdue_by_account(act.today, 0, account_ids=sorted(begun))
    sums = dict(session.execute(select(found.c.account_id, found.c.past_due_minor)).all()) if begun else {}
    taken = []
    for key in sorted(begun):
        past_due = sums.get(key, 0)
        fee = rules.late_fee_minor + prices.round_ratio(
            round(rules.late_fee_percent * 100) * past_due, 10_000
        )
        if past_due < max(rules.late_fee_minimum_minor, 1) or fee <= 0:
            continue
        account = ledger.lock_account(session, key)
        taken.append(
            ledger.post(
                session,
                key,
                EntryKind.CHARGE,
                -fee,
                dated_on=act.today,
                author=act.author,
                due_on=act.terms.due_on(account, act.today),
                idempotency_key=episodes.fee_key(key, begun[key]),
                description=N_("Late fee: unpaid since %(day)s", day=begun[key]),
            )
        )
    penalties.document(session, taken, act)
    return taken


def _begun(session: Session, act: Act, rules: Rules, account_ids: Sequence[int] | None) -> dict[int, date]:
    """Return the episodes a fee is due for, by account; nobody's where the rules name none."""
    if not (rules.late_fee_minor or rules.late_fee_percent):
        return {}
    balances = _owing(session, act, rules, account_ids)
    return _ripe(session, act, debt.oldest_due(session, balances), rules)


def _ripe(session: Session, act: Act, oldest: dict[int, date], rules: Rules) -> dict[int, date]:
    """Return the episodes old enough for a fee that have none, by account.

    Days of our own faults and of freezes do not count, and on such a day nobody is fined.
    """
    on = act.today
    last = on - timedelta(days=max(rules.late_fee_days, 1))
    late = {key: day for key, day in oldest.items() if day < on}
    begun = {key: day for key, day in episodes.begun(session, late, rules=rules).items() if day <= last}
    stopped = episodes.stopped(session, begun, on, time_zone=act.terms.time_zone)
    ripe = {}
    for key, day in begun.items():
        off = stopped.get(key, set())
        if on not in off and (on - day).days - len(off) >= max(rules.late_fee_days, 1):
            ripe[key] = day
    keys = {episodes.fee_key(key, day): key for key, day in ripe.items()}
    known = select(LedgerEntry.idempotency_key).where(LedgerEntry.idempotency_key.in_(keys))
    charged = {keys[word] for word in session.scalars(known) if word is not None} if keys else set()
    return {key: day for key, day in ripe.items() if key not in charged}


def _owing(session: Session, act: Act, rules: Rules, account_ids: Sequence[int] | None) -> dict[int, int]:
    """Return the balances of the accounts in debt that are not spared, by id."""
    query = select(Account.id, Account.balance_minor).where(Account.balance_minor < 0)
    if account_ids is not None:
        query = query.where(Account.id == any_of(account_ids))
    one = account_ids[0] if account_ids is not None and len(account_ids) == 1 else None
    spared = instalments.spared(session, act.today, rules=rules, account_id=one)
    return {key: minor for key, minor in session.execute(query).all() if key not in spared}
