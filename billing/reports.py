"""The figures of the reports: each is one statement over the whole ledger or all documents, currencies apart.

An entry counts from its business day (`dated_on`) on. Sums are minor units of the row's currency; `row_id` is
unique in each statement, so that pages can be cut from it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, String, Subquery, bindparam, column, text

from billing.models import EntryKind

_MONEY = "_minor"
_TYPES: Mapping[str, Any] = {
    "row_id": BigInteger,
    "account_id": BigInteger,
    "dated_on": Date,
    "oldest_due_on": Date,
    "vat_hundredths": Integer,
    "entries": BigInteger,
    "invoices": BigInteger,
    "credit_notes": BigInteger,
}
KINDS = tuple(kind.value for kind in EntryKind)

_BALANCES = """
    SELECT account_id AS row_id, account_id, currency, total AS balance_minor,
           greatest(0, -total) AS owed_minor, greatest(0, total) AS advance_minor,
           greatest(0, not_due - total) AS past_due_minor
    FROM (
        SELECT account_id, currency, sum(amount_minor)::bigint AS total,
               coalesce(sum(amount_minor) FILTER (WHERE due_on >= :on), 0)::bigint AS not_due
        FROM ledger_entries WHERE dated_on <= :on GROUP BY account_id, currency
    ) e
    WHERE total <> 0
"""

_MOVED = ",\n".join(
    f"coalesce(sum(amount_minor) FILTER (WHERE dated_on >= :first AND kind = '{kind}'), 0)::bigint"
    f" AS {kind}_minor"
    for kind in KINDS
)
_MOVEMENTS = """
    SELECT account_id AS row_id, account_id, currency,
           coalesce(sum(amount_minor) FILTER (WHERE dated_on < :first), 0)::bigint AS opening_minor,
           -- moved,
           sum(amount_minor)::bigint AS closing_minor
    FROM ledger_entries WHERE dated_on <= :last
    GROUP BY account_id, currency
    HAVING count(*) FILTER (WHERE dated_on >= :first) > 0 OR sum(amount_minor) <> 0
""".replace("-- moved", _MOVED)

# What people paid and got back; what undoes it counts on its own day, against the same method. Two people of
# one name have a till each; nobody signed in (the night, a web-hook) has the name alone.
_TAKINGS = """
    SELECT row_number() OVER (ORDER BY dated_on, author, author_id, method, currency) AS row_id, t.*
    FROM (
        SELECT e.dated_on, e.author_id, e.author, e.method, e.currency, count(*) AS entries,
               coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0), 0)::bigint AS in_minor,
               coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0), 0)::bigint AS out_minor,
               sum(e.amount_minor)::bigint AS total_minor
        FROM ledger_entries e LEFT JOIN ledger_entries undone ON undone.id = e.reverses_id
        WHERE e.dated_on BETWEEN :first AND :last AND coalesce(undone.kind, e.kind) IN ('payment', 'refund')
        GROUP BY e.dated_on, e.author_id, e.author, e.method, e.currency
    ) t
"""

# Money pays the oldest first, so a debt stands in the newest charges: they are walked back until it is used
# up (see billing.debt.oldest_due). What lowers a balance without a day to pay is due the eve it is booked.
_AGED = """
    WITH owing AS MATERIALIZED (
        SELECT account_id, currency, -sum(amount_minor)::bigint AS owed
        FROM ledger_entries WHERE dated_on <= :on GROUP BY account_id, currency HAVING sum(amount_minor) < 0
    ),
    debits AS (
        SELECT e.account_id, coalesce(e.due_on, e.dated_on - 1) AS day, -sum(e.amount_minor)::bigint AS minor
        FROM ledger_entries e JOIN owing USING (account_id)
        WHERE e.dated_on <= :on AND (e.due_on IS NOT NULL OR (e.amount_minor < 0 AND e.kind <> 'reversal'))
        GROUP BY e.account_id, coalesce(e.due_on, e.dated_on - 1) HAVING sum(e.amount_minor) < 0
    ),
    walked AS (
        SELECT account_id, day, minor,
               sum(minor) OVER (PARTITION BY account_id ORDER BY day DESC) - minor AS newer
        FROM debits
    ),
    standing AS (
        SELECT account_id, currency, owed, day, :on - day AS days, least(minor, owed - newer)::bigint AS minor
        FROM walked JOIN owing USING (account_id) WHERE newer < owed
    )
    SELECT account_id AS row_id, account_id, currency, owed AS owed_minor,
           coalesce(sum(minor) FILTER (WHERE days <= 0), 0)::bigint AS current_minor,
           coalesce(sum(minor) FILTER (WHERE days BETWEEN 1 AND 30), 0)::bigint AS to_30_minor,
           coalesce(sum(minor) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS to_60_minor,
           coalesce(sum(minor) FILTER (WHERE days BETWEEN 61 AND 90), 0)::bigint AS to_90_minor,
           coalesce(sum(minor) FILTER (WHERE days > 90), 0)::bigint AS older_minor,
           min(day) AS oldest_due_on
    FROM standing GROUP BY account_id, currency, owed
"""

# By the first day of the period that was charged; what settled or undid a charge counts with it, what a
# credit note gave back by hand on its own day. What was written while the books were closed for that day
# counts on its own day too: a closed period says the same for ever. A plan is called as when charged; what is
# no plan has no name. The VAT is what a document states, where there is one that was there when the day was
# closed.
_REVENUE = """
    SELECT row_number() OVER (ORDER BY plan, currency) AS row_id, plan, currency, count(*) AS entries,
           (sum(gross) - sum(vat))::bigint AS net_minor, sum(vat)::bigint AS vat_minor,
           sum(gross)::bigint AS gross_minor
    FROM (
        SELECT e.currency, -e.amount_minor AS gross,
               CASE WHEN stated.vat_minor IS NULL OR stated.vat_minor <> own.vat AND EXISTS (
                       SELECT FROM books_closings c
                       WHERE c.last_document_id < stated.document_id AND c.closed_through >= counted.day
                   ) THEN own.vat ELSE stated.vat_minor END AS vat,
               coalesce(
                   CASE WHEN e.kind = 'charge' AND e.subscription_id IS NOT NULL THEN e.description END, (
                       SELECT c.description FROM ledger_entries c
                       WHERE c.subscription_id = e.subscription_id AND c.terms_no = e.terms_no
                         AND c.kind = 'charge'
                       ORDER BY c.period_start LIMIT 1
                   ), (
                       SELECT c.description FROM ledger_entries c
                       WHERE e.kind <> 'charge' AND c.account_id = e.account_id AND c.kind = 'charge'
                         AND c.subscription_id IS NOT NULL AND c.description = credited.description LIMIT 1
                   ), ''
               ) AS plan
        FROM ledger_entries e LEFT JOIN ledger_entries undone ON undone.id = e.reverses_id
        CROSS JOIN LATERAL (
            SELECT coalesce(undone.period_start, e.period_start, undone.dated_on, e.dated_on) AS day
        ) meant
        CROSS JOIN LATERAL (
            SELECT CASE WHEN e.dated_on > meant.day
                        AND meant.day <= (SELECT max(closed_through) FROM books_closings)
                        AND meant.day <= (
                            SELECT c.closed_through FROM books_closings c
                            WHERE c.last_entry_id < e.id ORDER BY c.id DESC LIMIT 1
                        ) THEN e.dated_on ELSE meant.day END AS day
        ) counted
        CROSS JOIN LATERAL (
            SELECT -e.amount_minor
                   - round(-e.amount_minor * 10000 / (10000.0 + coalesce(e.vat_hundredths, 0))) AS vat
        ) own
        LEFT JOIN document_lines credited ON credited.entry_id = coalesce(undone.id, e.id)
             AND credited.kind = 'credit_note' AND coalesce(undone.kind, e.kind) = 'adjustment'
        LEFT JOIN document_lines stated
               ON stated.entry_id = e.id AND stated.kind IN ('invoice', 'credit_note')
        WHERE counted.day BETWEEN :first AND :last
          AND (coalesce(undone.kind, e.kind) = 'charge' OR (
              coalesce(undone.kind, e.kind) = 'adjustment'
              AND num_nonnulls(
                  e.subscription_id, e.liability_id, e.corrects_id, undone.corrects_id, credited.document_id
              ) > 0
          ))
    ) sold
    GROUP BY plan, currency
"""

# A credit note's lines are negative, so they subtract.
_VAT = """
    SELECT row_number() OVER (ORDER BY l.vat_hundredths NULLS FIRST, d.currency) AS row_id,
           l.vat_hundredths, d.currency,
           count(DISTINCT d.id) FILTER (WHERE d.kind = 'invoice') AS invoices,
           coalesce(sum(l.net_minor) FILTER (WHERE d.kind = 'invoice'), 0)::bigint AS invoiced_net_minor,
           coalesce(sum(l.vat_minor) FILTER (WHERE d.kind = 'invoice'), 0)::bigint AS invoiced_vat_minor,
           count(DISTINCT d.id) FILTER (WHERE d.kind = 'credit_note') AS credit_notes,
           coalesce(sum(l.net_minor) FILTER (WHERE d.kind = 'credit_note'), 0)::bigint AS credited_net_minor,
           coalesce(sum(l.vat_minor) FILTER (WHERE d.kind = 'credit_note'), 0)::bigint AS credited_vat_minor,
           sum(l.net_minor)::bigint AS net_minor, sum(l.vat_minor)::bigint AS vat_minor,
           sum(l.gross_minor)::bigint AS gross_minor
    FROM documents d JOIN document_lines l ON l.document_id = d.id
    WHERE d.issued_on BETWEEN :first AND :last AND d.kind IN ('invoice', 'credit_note')
    GROUP BY l.vat_hundredths, d.currency
"""


def balances(on: date) -> Subquery:
    """Return what every account owed, or had paid in advance, at the end of that day, if anything."""
    names = "row_id account_id currency balance_minor owed_minor advance_minor past_due_minor"
    return _rows(_BALANCES, names, on=on)


def movements(first: date, last: date) -> Subquery:
    """Return the balance of every account before a period, what moved it by kind of entry, and after it."""
    moved = " ".join(f"{kind}_minor" for kind in KINDS)
    names = f"row_id account_id currency opening_minor {moved} closing_minor"
    return _rows(_MOVEMENTS, names, first=first, last=last)


def takings(first: date, last: date) -> Subquery:
    """Return the money that came and went by day, cashier and method."""
    names = "row_id dated_on author method currency entries in_minor out_minor total_minor"
    return _rows(_TAKINGS, names, first=first, last=last)


def aged(on: date) -> Subquery:
    """Return how old every account's debt was at the end of that day, by days past due."""
    names = (
        "row_id account_id currency owed_minor current_minor to_30_minor to_60_minor to_90_minor"
        " older_minor oldest_due_on"
    )
    return _rows(_AGED, names, on=on)


def revenue(first: date, last: date) -> Subquery:
    """Return what was charged for periods that begin in these days: net, VAT and gross by plan."""
    names = "row_id plan currency entries net_minor vat_minor gross_minor"
    return _rows(_REVENUE, names, first=first, last=last)


def vat(first: date, last: date) -> Subquery:
    """Return the VAT of what was invoiced in these days, less what was credited, by rate."""
    names = (
        "row_id vat_hundredths currency invoices invoiced_net_minor invoiced_vat_minor credit_notes"
        " credited_net_minor credited_vat_minor net_minor vat_minor gross_minor"
    )
    return _rows(_VAT, names, first=first, last=last)


def _rows(statement: str, names: str, **days: date) -> Subquery:
    columns = [column(name, _type(name)) for name in names.split()]
    bound = text(statement).bindparams(*(bindparam(name, day, Date) for name, day in days.items()))
    return bound.columns(*columns).subquery("figures")


def _type(name: str) -> Any:
    return BigInteger() if name.endswith(_MONEY) else _TYPES.get(name, String)()
