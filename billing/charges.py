"""The charge run: every period of every subscription that has begun, charged once, in one statement."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Date, Integer, String, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from billing.ledger import Author
from billing.models import Account


@dataclass(frozen=True, slots=True)
class ChargeReport:
    """What a run charged: entries written, their sum (positive, minor units; currencies mixed), accounts."""

    entries: int
    total_minor: int
    accounts: int


# Every date is shifted back to where the bill day would be the 1st; bill days end at 28, so the shift is the
# same in every month. Periods after the last charged one are due.
_DUE = """
    SELECT s.id AS subscription_id, s.account_id, p.name AS plan,
           coalesce(s.price_minor, p.price_minor) AS price,
           w.first_day AS whole_start, w.next_first - w.first_day AS whole_days,
           greatest(w.first_day, s.starts_on) AS period_start,
           least(w.next_first - 1, s.ends_on) AS period_end
    FROM subscriptions s
    JOIN plans p ON p.id = s.plan_id
    CROSS JOIN LATERAL (
        SELECT max(e.period_start) AS start FROM ledger_entries e
        WHERE e.subscription_id = s.id AND e.kind = 'charge'
    ) charged
    CROSS JOIN LATERAL generate_series(
        greatest(
            date_trunc('month', (s.starts_on - (s.bill_day - 1))::timestamp),
            date_trunc('month', (charged.start - (s.bill_day - 1))::timestamp) + interval '1 month'
        ),
        date_trunc('month', (:on - (s.bill_day - 1))::timestamp),
        interval '1 month'
    ) AS months (month)
    CROSS JOIN LATERAL (
        SELECT months.month::date + (s.bill_day - 1) AS first_day,
               (months.month + interval '1 month')::date + (s.bill_day - 1) AS next_first
    ) w
    WHERE s.starts_on <= :on
      AND (s.ends_on IS NULL OR s.ends_on >= w.first_day)
"""
_OF_ACCOUNTS = " AND s.account_id = ANY (:accounts)"

# Both ends of a part are rounded by themselves (see rules.prorate), half away from zero as numeric does.
_CHARGE = f"""
    WITH priced AS (
        SELECT due.*,
               round(due.price::numeric * (due.period_end - due.whole_start + 1) / due.whole_days)
               - round(due.price::numeric * (due.period_start - due.whole_start) / due.whole_days) AS minor
        FROM ({_DUE + _OF_ACCOUNTS}) due
    ),
    written AS (
        INSERT INTO ledger_entries (
            account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method,
            subscription_id, period_start, period_end, description, author_id, author
        )
        SELECT a.id, 'charge', -d.minor, a.currency,
               a.balance_minor - sum(d.minor) OVER (
                   PARTITION BY a.id ORDER BY d.period_start, d.subscription_id
               ),
               d.period_start, :on + coalesce(a.payment_days, :payment_days), 'none',
               d.subscription_id, d.period_start, d.period_end, d.plan, :author_id, :author
        FROM priced d JOIN accounts a ON a.id = d.account_id
        WHERE d.minor > 0
        ORDER BY a.id, d.period_start, d.subscription_id
        ON CONFLICT (subscription_id, period_start)
            WHERE kind = 'charge' AND subscription_id IS NOT NULL DO NOTHING
        RETURNING account_id, amount_minor
    ),
    summed AS (
        SELECT account_id, sum(amount_minor) AS minor, count(*) AS entries FROM written GROUP BY account_id
    ),
    moved AS (
        UPDATE accounts a SET balance_minor = a.balance_minor + summed.minor
        FROM summed WHERE a.id = summed.account_id
        RETURNING a.id
    )
    SELECT coalesce(sum(entries), 0) AS entries, -coalesce(sum(minor), 0) AS total,
           (SELECT count(*) FROM moved) AS accounts
    FROM summed
"""  # noqa: S608


def run(
    session: Session,
    on: date,
    *,
    account_id: int | None = None,
    payment_days: int,
    author: Author,
) -> ChargeReport:
    """Charge every period that has begun by `on` and is not charged yet, of all accounts or of one.

    A charge is dated on the first day of its period and due `payment_days` (or the account's own) after `on`,
    so one booked late leaves the full time to pay. First and last periods are charged by real days; a
    subscription that has ended is charged to its last day. Run twice, or by two at once, nothing is doubled:
    the accounts' rows are locked before what is due is looked at, and a unique key stands behind.
    """
    accounts = due_accounts(session, on, account_id=account_id, is_locking=True)
    if not accounts:
        return ChargeReport(0, 0, 0)
    row = session.execute(
        text(_CHARGE).bindparams(
            bindparam("on", on, Date),
            bindparam("accounts", accounts, ARRAY(BigInteger)),
            bindparam("payment_days", payment_days, Integer),
            bindparam("author_id", author.staff_id, BigInteger),
            bindparam("author", author.name, String),
        )
    ).one()
    for known in session.identity_map.values():
        if isinstance(known, Account):
            session.expire(known, ["balance_minor"])
    return ChargeReport(int(row.entries), int(row.total), int(row.accounts))


def due_accounts(
    session: Session, on: date, *, account_id: int | None = None, is_locking: bool = False
) -> list[int]:
    """Return the accounts a run on that day would charge, in order of id; locked on request."""
    due = _DUE if account_id is None else _DUE + _OF_ACCOUNTS
    lock = "FOR NO KEY UPDATE" if is_locking else ""
    statement = text(
        f"SELECT id FROM accounts WHERE id IN (SELECT account_id FROM ({due}) due WHERE due.price > 0) "  # noqa: S608
        f"ORDER BY id {lock}"
    ).bindparams(bindparam("on", on, Date))
    if account_id is not None:
        statement = statement.bindparams(bindparam("accounts", [account_id], ARRAY(BigInteger)))
    return list(session.scalars(statement))
