"""A month charged with documents and VAT, beside the plain SQL that writes the same rows.

`python bench/billing/bench_charges.py [CUSTOMERS ...]`: both in copies of one database, in turns, medians; the
rows of both are compared, all columns but ids and times. The plain side is one transaction of whole sets: price
all, insert entries, add them up into balances, number and insert documents, insert their lines. It takes the same
tables with the same indexes, keys and checks; it knows what only this town has (one VAT rate, billing on the 1st),
locks nothing before, and cannot go on where it was killed.
"""

import statistics
import sys
import time
from datetime import date

import crash
from sqlalchemy import text
from town import copy_of, fill, named

from billing import charges, ledger, testing
from core import db
from linecard import embedded, migrate

ROUNDS = 5
GOAL = 1.5
# lms-payments of August 2026 on two cores of this kind, 10,000 customers: with indexes added, and as it is shipped.
LMS_S = (23.0, 37.0)
LMS_GOAL = 20
ON = date(2026, 12, 1)

# What a person would write who knows that everybody is billed on the 1st: nothing is looked up that is not used.
PLAIN = """
CREATE TEMP TABLE priced ON COMMIT DROP AS
SELECT s.id AS subscription_id, s.account_id, p.name,
       w.whole::bigint AS whole_minor, (w.whole * coalesce(k.billed_percent, 100) / 100)::bigint AS minor,
       CASE WHEN p.is_postpaid THEN date '2026-11-01' ELSE date '2026-12-01' END AS period_start,
       CASE WHEN p.is_postpaid THEN date '2026-11-30' ELSE date '2026-12-31' END AS period_end
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
LEFT JOIN account_discounts g ON g.account_id = s.account_id
LEFT JOIN discounts l ON l.id = g.discount_id
LEFT JOIN suspension_locks k ON k.subscription_id = s.id
CROSS JOIN LATERAL (SELECT round(p.price_minor * (10000 - coalesce(l.percent_hundredths, 0)) / 10000.0) AS net) n
CROSS JOIN LATERAL (SELECT CASE WHEN p.is_net THEN round(n.net * 1.23) ELSE n.net END AS whole) w
WHERE NOT EXISTS (
    SELECT FROM ledger_entries e WHERE e.subscription_id = s.id AND e.kind = 'charge' AND e.terms_no = s.terms_no
      AND e.period_start = CASE WHEN p.is_postpaid THEN date '2026-11-01' ELSE date '2026-12-01' END
);
ANALYZE priced;
CREATE TEMP TABLE written (id bigint, account_id bigint, minor bigint) ON COMMIT DROP;
WITH w AS (
    INSERT INTO ledger_entries (account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on,
        method, subscription_id, terms_no, period_start, period_end, whole_minor, vat_hundredths, quantity,
        description, author)
    SELECT a.id, 'charge', -d.minor, 'EUR', a.balance_minor - sum(d.minor) OVER (PARTITION BY a.id ORDER BY
        d.subscription_id), date '2026-12-01', date '2026-12-15', 'none', d.subscription_id, 1, d.period_start,
        d.period_end, d.whole_minor, 2300, 1, d.name, 'test'
    FROM priced d JOIN accounts a ON a.id = d.account_id
    RETURNING id, account_id, -amount_minor AS minor
)
INSERT INTO written SELECT * FROM w;
ANALYZE written;
UPDATE accounts a SET balance_minor = a.balance_minor - s.minor
FROM (SELECT account_id, sum(minor) AS minor FROM written GROUP BY account_id) s WHERE s.account_id = a.id;
INSERT INTO series_counters SELECT id, '2026', 0 FROM document_series WHERE kind = 'invoice';
CREATE TEMP TABLE lined ON COMMIT DROP AS
SELECT id, account_id, minor, (minor - round(minor * 10000.0 / 12300))::bigint AS vat FROM written;
CREATE TEMP TABLE made (id bigint, account_id bigint) ON COMMIT DROP;
WITH i AS (
    INSERT INTO documents (kind, series_id, span, number, full_number, account_id, seller_id, payer_id, issued_on,
        due_on, currency, net_minor, vat_minor, gross_minor, author)
    SELECT 'invoice', (SELECT id FROM document_series WHERE kind = 'invoice'), '2026', h.number,
        'INV/2026/' || lpad(h.number::text, 6, '0'), h.account_id, (SELECT id FROM sellers), h.account_id,
        date '2026-12-01', date '2026-12-15', 'EUR', h.minor - h.vat, h.vat, h.minor, 'test'
    FROM (SELECT account_id, sum(minor) AS minor, sum(vat) AS vat, row_number() OVER (ORDER BY account_id) AS number
          FROM lined GROUP BY account_id) h
    RETURNING id, account_id
)
INSERT INTO made SELECT * FROM i;
ANALYZE made;
INSERT INTO document_lines (document_id, position, entry_id, description, period_start, period_end, vat_hundredths,
    net_minor, vat_minor, gross_minor, kind)
SELECT m.id, row_number() OVER (PARTITION BY m.id ORDER BY l.id), l.id, e.description, e.period_start, e.period_end,
    2300, l.minor - l.vat, l.vat, l.minor, 'invoice'
FROM made m JOIN lined l ON l.account_id = m.account_id JOIN ledger_entries e ON e.id = l.id;
UPDATE series_counters SET last_number = (SELECT count(*) FROM made)
"""


def ours(database: db.Database) -> None:
    charges.run_batches(database, testing.act(ON))


def plain(database: db.Database) -> None:
    with database.transaction() as session:
        for statement in PLAIN.split(";"):
            session.execute(text(statement))


def compare(server: str, size: int) -> tuple[int, float, float]:
    """Return how many rows both wrote, and the medians of ours and of plain SQL, in s; raises when they differ."""
    template = f"town{size}"
    migrate.create_database(server, template)
    fill(named(server, template), size)
    took: dict[str, list[float]] = {"ours": [], "plain": []}
    found = {}
    for number in range(ROUNDS if size < 100_000 else 3):
        for name, work in (("ours", ours), ("plain", plain)):
            with copy_of(server, template) as database:
                began = time.perf_counter()
                work(database)
                took[name].append(time.perf_counter() - began)
                if number == 0:
                    found[name] = crash.digests(database)
                    with database.reading() as session:
                        if ledger.verify(session):
                            raise RuntimeError(f"{name}: the balances differ from the ledger")
    migrate.drop_database(server, template)
    if found["ours"] != found["plain"]:
        raise RuntimeError(f"not the same rows: {found}")
    rows = sum(found["ours"][name][0] for name in ("entries", "documents", "lines"))
    return rows, statistics.median(took["ours"]), statistics.median(took["plain"])


def main(sizes: list[int]) -> int:
    print(f"{'customers':>10}{'rows':>10}{'linecard s':>12}{'plain SQL s':>12}{'ratio':>8}{'goal':>6}")
    failed = False
    with embedded.throwaway() as urls:
        for size in sizes:
            rows, mine, other = compare(urls.database, size)
            failed |= size == 100_000 and mine / other > GOAL
            print(f"{size:>10}{rows:>10}{mine:>12.2f}{other:>12.2f}{mine / other:>8.2f}{GOAL:>6}", flush=True)
            if size == 10_000:
                indexed_s, shipped_s = LMS_S
                failed |= indexed_s / mine < LMS_GOAL
                print(
                    f"{'':>10}lms-payments took {indexed_s:.0f} s with indexes added, {shipped_s:.0f} s as shipped:"
                    f" {indexed_s / mine:.0f} and {shipped_s / mine:.0f} times as long (goal {LMS_GOAL})"
                )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
