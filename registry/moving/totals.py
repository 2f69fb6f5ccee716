"""Totals before and after: what the source tells against what our tables say, to the minor unit."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.money import Money, format_money
from registry.moving.load import Source

# How many customers are named when balances differ.
NAMED = 20
# What totals that are sums are called; all others are counts.
_SUMS = {"minor": "sum", "debt": "debts", "vat": "VAT"}

_CUSTOMERS = """
SELECT c.status, count(*) AS number
FROM moving_customers m JOIN customers c ON c.id = m.customer_id WHERE NOT m.is_known GROUP BY c.status
"""

_PLANS = """
SELECT ref, count(*) AS services, sum(gross) AS minor,
       sum(gross - round(gross * 10000 / (10000.0 + vat))) AS vat
FROM (
    SELECT m.plan_ref AS ref, w.vat,
           round((w.minor + CASE WHEN p.is_net THEN round(w.minor * w.vat / 10000.0) ELSE 0 END)
                 * w.percent / 100.0) AS gross
    FROM moving_services m
    JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
    JOIN subscriptions s ON s.id = m.subscription_id
    JOIN plans p ON p.id = s.plan_id
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(d.percent_hundredths), 0) AS hundredths, coalesce(sum(d.amount_minor), 0) AS minor
        FROM account_discounts g JOIN discounts d ON d.id = g.discount_id WHERE g.subscription_id = s.id
    ) off ON true
    CROSS JOIN LATERAL (
        SELECT greatest(0, round(coalesce(s.price_minor, p.price_minor)::numeric * s.quantity
                                 * (10000 - least(10000, off.hundredths)) / 10000) - off.minor) AS minor,
               coalesce((SELECT min(k.billed_percent) FROM suspension_locks k
                         WHERE k.subscription_id = s.id AND k.lifted_at IS NULL), 100) AS percent,
               coalesce((SELECT v.percent_hundredths FROM vat_percents v
                         WHERE v.vat_rate_id = p.vat_rate_id AND v.valid_from <= :opening_on
                         ORDER BY v.valid_from DESC LIMIT 1), 0) AS vat
    ) w
    WHERE NOT m.is_known
) priced
GROUP BY ref
"""

_MONEY = """
SELECT count(*) FILTER (WHERE booked.minor <> 0) AS customers,
       coalesce(sum(booked.minor), 0) AS minor,
       coalesce(sum(booked.minor) FILTER (WHERE booked.minor < 0), 0) AS debt
FROM moving_customers c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(e.amount_minor), 0) AS minor FROM ledger_entries e
    WHERE e.account_id = c.account_id AND starts_with(e.idempotency_key, :prefix)
) booked
WHERE NOT c.is_known OR :updates
"""

# Customer by customer: what the source says he has against what was booked, and against his cached balance.
_DIFFERENT = """
SELECT c.number, concat_ws(' ', nullif(c.company_name, ''), c.last_name, c.first_name) AS name,
       coalesce(b.minor, 0) AS wanted, booked.minor AS booked
FROM moving_customers c
LEFT JOIN moving_balances b ON b.customer_ref = c.ref
JOIN accounts a ON a.id = c.account_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(e.amount_minor), 0) AS minor FROM ledger_entries e
    WHERE e.account_id = c.account_id AND starts_with(e.idempotency_key, :prefix)
) booked
WHERE (NOT c.is_known OR :updates)
  AND (coalesce(b.minor, 0) <> booked.minor OR (NOT c.is_known AND a.balance_minor <> booked.minor))
ORDER BY abs(coalesce(b.minor, 0) - booked.minor) DESC, c.number LIMIT :named
"""


@dataclass(frozen=True, slots=True)
class Different:
    """A customer whose balance there is not the one here (minor units)."""

    number: str
    name: str
    wanted_minor: int
    booked_minor: int


def ours(session: Session, source: Source) -> dict[str, Any]:
    """Return what our tables say of what was just made, in the form every source tells its own totals."""
    money = session.execute(text(_MONEY), {"prefix": source.prefix, "updates": source.updates}).one()
    return {
        "customers": {row.status: row.number for row in session.execute(text(_CUSTOMERS))},
        "money": {"customers": money.customers, "minor": int(money.minor), "debt": int(money.debt)},
        "plans": {
            row.ref: {"services": row.services, "minor": int(row.minor), "vat": int(row.vat)}
            for row in session.execute(text(_PLANS), {"opening_on": source.opening_on})
        },
    }


def names_of_plans(session: Session) -> dict[str, str]:
    """Return what each staged plan is called here, by its ref."""
    rows = session.execute(
        text("SELECT m.ref, p.name FROM moving_plans m JOIN plans p ON p.id = m.plan_id ORDER BY m.ref")
    )
    return {row.ref: row.name for row in rows}


def different_customers(session: Session, source: Source) -> list[Different]:
    """Return the customers whose balance does not agree, the largest difference first."""
    values = {"prefix": source.prefix, "updates": source.updates, "named": NAMED}
    rows = session.execute(text(_DIFFERENT), values)
    return [Different(row.number, row.name, row.wanted, int(row.booked)) for row in rows]


def differences(before: dict[str, Any], after: dict[str, Any], currency: str) -> list[str]:
    """Return, in words, every total that is not the same on both sides."""

    def told(path: tuple[str, ...], value: Any) -> Any:
        is_sum = path[-1] in _SUMS and value is not None
        return format_money(Money(value, currency)) if is_sum else value

    found = []
    for path, there in _leaves(before):
        here = _at(after, path)
        if here != there:
            found.append(f"{_named(path)}: {told(path, there)} there, {told(path, here)} here")
    found += [
        f"{_named(path)}: nothing there, {told(path, here)} here"
        for path, here in _leaves(after)
        if here and _at(before, path) is None
    ]
    return found


def _named(path: tuple[str, ...]) -> str:
    return " ".join((*path[:-1], _SUMS.get(path[-1], path[-1])))


def _leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    leaves: list[tuple[tuple[str, ...], Any]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            leaves += _leaves(value, (*path, name))
        elif value:
            leaves.append(((*path, name), value))
    return leaves


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
