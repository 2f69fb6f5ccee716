"""Whom debt would cut: debtors gathered, and a whole cutoff plan, beside the plain SQL that lists debtors.

`python bench/billing/bench_debt.py [CUSTOMERS ...]`: two years of history each, five million entries at
100,000; in turns, medians. The plain query sums the ledger up, as one does who keeps no balances; beside it
the one that uses those kept. A plan does more than either: it judges every service, says why in words, and
writes it down.
"""

import statistics
import sys
import time
from datetime import date

from sqlalchemy import text
from town import fill, named

from billing import cutoff, debtors
from billing.rules import Rules
from core import db
from linecard import embedded, migrate

ROUNDS = 5
ON = date(2026, 10, 20)
RULES = Rules(brake_minimum=50)
GOAL = 3.0

# Overdue by the ledger alone, as one who keeps no balance would ask for it.
SUMMED = """
SELECT account_id, sum(amount_minor) AS balance,
       -sum(amount_minor) FILTER (WHERE due_on IS NULL OR due_on < :on - :grace) AS overdue
FROM ledger_entries GROUP BY account_id
HAVING sum(amount_minor) < 0 AND sum(amount_minor) FILTER (WHERE due_on IS NULL OR due_on < :on - :grace) < 0
"""
KEPT = """
SELECT a.id, a.balance_minor, -a.balance_minor + coalesce(n.minor, 0) AS overdue
FROM accounts a LEFT JOIN LATERAL (
    SELECT sum(e.amount_minor) AS minor FROM ledger_entries e
    WHERE e.account_id = a.id AND e.due_on >= :on - :grace
) n ON true
WHERE a.balance_minor < 0 AND -a.balance_minor + coalesce(n.minor, 0) > 0
"""


def listed(database: db.Database, statement: str) -> int:
    with database.reading() as session:
        rows = session.execute(text(statement), {"on": ON, "grace": RULES.grace_days}).all()
    return len(rows)


def gathered(database: db.Database) -> int:
    with database.reading() as session:
        return len(debtors.gather(session, ON, rules=RULES))


def planned(database: db.Database) -> int:
    with database.rehearsal() as session:
        run = cutoff.plan(session, ON, rules=RULES, planned_by="bench")
        return run.cut_count + run.spare_count


def main(sizes: list[int]) -> int:
    works = {
        "plain": lambda database: listed(database, SUMMED),
        "kept": lambda database: listed(database, KEPT),
        "gather": gathered,
        "plan": planned,
    }
    print(
        f"{'customers':>10}{'debtors':>9}{'plain SQL s':>13}{'kept sums s':>13}"
        f"{'gather s':>10}{'ratio':>7}{'plan s':>9}{'ratio':>7}"
    )
    failed = False
    with embedded.throwaway() as urls:
        for size in sizes:
            name = f"debt{size}"
            migrate.create_database(urls.database, name)
            fill(named(urls.database, name), size, months=24)
            database = db.Database(db.engine_of(named(urls.database, name)))
            took: dict[str, list[float]] = {each: [] for each in works}
            found = {}
            for _ in range(ROUNDS):
                for each, work in works.items():
                    began = time.perf_counter()
                    found[each] = work(database)
                    took[each].append(time.perf_counter() - began)
            database.dispose()
            migrate.drop_database(urls.database, name)
            if found["plain"] != found["kept"] or found["gather"] < found["plain"]:
                print(f"not the same debtors: {found}")
                return 1
            plain, kept, gather, plan = (statistics.median(took[each]) for each in works)
            failed |= size == 100_000 and plan / plain > GOAL
            print(
                f"{size:>10}{found['gather']:>9}{plain:>13.3f}{kept:>13.3f}"
                f"{gather:>10.3f}{gather / plain:>7.2f}{plan:>9.3f}{plan / plain:>7.2f}",
                flush=True,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
