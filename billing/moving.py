"""Money that moves in from another system: its entries in one set, and their reversal in one."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, String, bindparam, text
from sqlalchemy.orm import Session

from billing import books
from billing.acts import Act
from billing.models import Account
from core import errors
from core.words import N_

# What is staged for the ledger: a table of the transaction, filled by whoever moves in.
STAGED = """
CREATE TEMP TABLE moving_entries (
    account_id bigint NOT NULL, place bigint NOT NULL, kind text NOT NULL, amount_minor bigint NOT NULL,
    dated_on date NOT NULL, due_on date, method text NOT NULL, reference text NOT NULL,
    description text NOT NULL, author text NOT NULL, author_id bigint, key text NOT NULL
) ON COMMIT DROP
"""

# Serial numbers follow the order of the rows, so that an account's history reads in the order of its dates.
_POST = """
WITH fresh AS MATERIALIZED (
    SELECT m.* FROM moving_entries m
    WHERE m.amount_minor <> 0
      AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.idempotency_key = m.key)
),
written AS (
    INSERT INTO ledger_entries (
        account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method, reference,
        idempotency_key, description, author_id, author
    )
    SELECT f.account_id, f.kind, f.amount_minor, a.currency,
           a.balance_minor + sum(f.amount_minor) OVER (PARTITION BY f.account_id ORDER BY f.place, f.key),
           f.dated_on, f.due_on, f.method, left(f.reference, 200), f.key, f.description, f.author_id,
           left(f.author, 120)
    FROM fresh f JOIN accounts a ON a.id = f.account_id
    ORDER BY f.account_id, f.place, f.key
    RETURNING id, account_id, amount_minor
),
moved AS (
    UPDATE accounts a SET balance_minor = a.balance_minor + s.minor
    FROM (SELECT account_id, sum(amount_minor) AS minor FROM written GROUP BY account_id) s
    WHERE a.id = s.account_id
    RETURNING a.id
)
SELECT count(*) AS entries, min(id) AS first, max(id) AS last, (SELECT count(*) FROM moved) AS accounts
FROM written
"""

_TOO_OLD = """
SELECT count(*) FROM moving_entries m
WHERE m.amount_minor <> 0 AND m.dated_on <= :closed
  AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.idempotency_key = m.key)
"""

_LOCK = """
SELECT id FROM accounts WHERE id IN (SELECT account_id FROM moving_entries) ORDER BY id FOR NO KEY UPDATE
"""

_LOCK_MADE = """
SELECT id FROM accounts WHERE id IN (
    SELECT account_id FROM ledger_entries
    WHERE id BETWEEN :first AND :last AND starts_with(idempotency_key, :prefix)
) ORDER BY id FOR NO KEY UPDATE
"""

_REVERSE = """
WITH undone AS MATERIALIZED (
    SELECT e.* FROM ledger_entries e
    WHERE e.id BETWEEN :first AND :last AND starts_with(e.idempotency_key, :prefix)
      AND NOT EXISTS (SELECT FROM ledger_entries r WHERE r.reverses_id = e.id)
),
written AS (
    INSERT INTO ledger_entries (
        account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method, reference,
        reverses_id, description, author_id, author
    )
    SELECT u.account_id, 'reversal', -u.amount_minor, u.currency,
           a.balance_minor - sum(u.amount_minor) OVER (PARTITION BY u.account_id ORDER BY u.id DESC),
           CAST(:on AS date), u.due_on, u.method, u.reference, u.id, :reason, CAST(:author_id AS bigint),
           :author
    FROM undone u JOIN accounts a ON a.id = u.account_id
    ORDER BY u.account_id, u.id DESC
    RETURNING account_id, amount_minor
),
moved AS (
    UPDATE accounts a SET balance_minor = a.balance_minor + s.minor
    FROM (SELECT account_id, sum(amount_minor) AS minor FROM written GROUP BY account_id) s
    WHERE a.id = s.account_id
    RETURNING a.id
)
SELECT count(*) FROM written
"""


@dataclass(frozen=True, slots=True)
class Booked:
    """How many entries there are, between which ids, of how many accounts."""

    entries: int
    first: int | None
    last: int | None
    accounts: int


def stage(session: Session) -> None:
    """Make the table of staged entries, empty."""
    session.execute(text("DROP TABLE IF EXISTS pg_temp.moving_entries"))
    session.execute(text(STAGED))


def post_staged(session: Session) -> Booked:
    """Write what is staged and not written yet (by its key), each account's in order of `place`.

    The accounts' rows are locked before. An amount of nothing makes no entry. Raises Conflict when something
    is dated on a day the books are closed for.
    """
    session.execute(text("ANALYZE moving_entries"))
    _refuse_closed(session)
    session.execute(text(_LOCK))
    row = session.execute(text(_POST)).one()
    _forget(session)
    return Booked(row.entries, row.first, row.last, row.accounts)


def reverse_staged(session: Session, act: Act, *, first: int, last: int, prefix: str, reason: str) -> int:
    """Undo the entries between two ids whose key begins so, by counter entries; return how many."""
    books.refuse(session, act.today)
    span = {"first": first, "last": last, "prefix": prefix}
    session.execute(text(_LOCK_MADE), span)
    count = session.scalar(
        text(_REVERSE).bindparams(
            bindparam("reason", reason, String),
            bindparam("author_id", act.author.staff_id, BigInteger),
            bindparam("author", act.author.name, String),
            on=act.today,
            **span,
        )
    )
    _forget(session)
    return count or 0


def _refuse_closed(session: Session) -> None:
    closed = books.hold(session)
    if closed is None:
        return
    count = session.scalar(text(_TOO_OLD), {"closed": closed}) or 0
    if count:
        words = N_(
            "The books are closed through %(day)s, and %(count)s entries are of days before: an administrator"
            " opens them for the import, or it brings balances of an open day",
            day=closed,
            count=count,
        )
        raise errors.Conflict(words)


def _forget(session: Session) -> None:
    for known in session.identity_map.values():
        if isinstance(known, Account):
            session.expire(known, ["balance_minor"])
