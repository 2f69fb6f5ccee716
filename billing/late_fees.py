"""Late fees: a charge of its own, once in an episode of debt, off unless the rules name a sum or a percent.

An episode is named by the due date of the oldest charge not wholly paid, as in billing.dunning. A fee that
was reversed stays reversed: its key is taken.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import debt, instalments, ledger, prices
from billing.acts import Act
from billing.models import Account, EntryKind, LedgerEntry
from billing.rules import Rules
from core.words import N_


def run(session: Session, act: Act, *, rules: Rules, account_id: int | None = None) -> int:
    """Charge the fees whose day has come, of all accounts or of one; return how many there were.

    Spared is who promised to pay by a day that is not over, or keeps instalments.
    """
    if not (rules.late_fee_minor or rules.late_fee_percent):
        return 0
    balances = _owing(session, act, rules, account_id)
    last = act.today - timedelta(days=max(rules.late_fee_days, 1))
    oldest = debt.oldest_due(session, balances)
    keys = {key: f"late fee {key} {day.isoformat()}" for key, day in oldest.items() if day <= last}
    known = select(LedgerEntry.idempotency_key).where(LedgerEntry.idempotency_key.in_(keys.values()))
    charged = set(session.scalars(known)) if keys else set()
    wanted = sorted(key for key, word in keys.items() if word not in charged)
    found = debt.overdue_by_account(act.today, 0, account_ids=wanted)
    sums = dict(session.execute(select(found.c.account_id, found.c.past_due_minor)).all())
    taken = 0
    for key in wanted:
        past_due = sums.get(key, 0)
        fee = rules.late_fee_minor + prices.round_ratio(
            round(rules.late_fee_percent * 100) * past_due, 10_000
        )
        if past_due < max(rules.late_fee_minimum_minor, 1) or fee <= 0:
            continue
        account = ledger.lock_account(session, key)
        ledger.post(
            session,
            key,
            EntryKind.CHARGE,
            -fee,
            dated_on=act.today,
            author=act.author,
            due_on=act.terms.due_on(account, act.today),
            idempotency_key=keys[key],
            description=N_("Late fee: unpaid since %(day)s", day=oldest[key]),
        )
        taken += 1
    return taken


def _owing(session: Session, act: Act, rules: Rules, account_id: int | None) -> dict[int, int]:
    """Return the balances of the accounts in debt that are not spared, by id."""
    query = select(Account.id, Account.balance_minor).where(Account.balance_minor < 0)
    if account_id is not None:
        query = query.where(Account.id == account_id)
    spared = instalments.spared(session, act.today, rules=rules, account_id=account_id)
    return {key: minor for key, minor in session.execute(query).all() if key not in spared}
