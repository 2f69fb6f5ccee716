"""The first page of a statement of 10,000 entries beside that of one of 100: the query, and the whole page.

`python bench/billing/bench_statement.py [CUSTOMERS ...]`: in turns, medians.
"""

import statistics
import sys
import time

import till
from sqlalchemy import text

from billing import statements
from core import db

ROUNDS = 40
LENGTHS = (100, 10_000)
OK = 200
GOAL = 1.5

MORE = """
INSERT INTO ledger_entries (
    account_id, kind, amount_minor, currency, balance_after_minor, dated_on, method, author
)
SELECT :account, 'payment', 100, 'EUR', 0, date '2026-01-01' + (n / 100)::int, 'bank', 'bench'
FROM generate_series(1, :count - (SELECT count(*) FROM ledger_entries WHERE account_id = :account)) n
"""


def grow(database: db.Database) -> None:
    """Give account 1 the short statement, account 2 the long one."""
    with database.transaction() as session:
        for account, count in enumerate(LENGTHS, 1):
            session.execute(text(MORE), {"account": account, "count": count})
    with database.bind.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) ledger_entries"))


def query_ms(database: db.Database, account: int) -> float:
    began = time.perf_counter()
    with database.reading() as session:
        if len(statements.entries(session, account, limit=51)) != 51:
            raise RuntimeError("not a full page")
    return (time.perf_counter() - began) * 1000


def main(sizes: list[int]) -> int:
    print(f"{'customers':>10}{'entries':>9}{'query ms':>10}{'ratio':>7}{'page ms':>9}{'ratio':>7}")
    failed = False
    for size, database, client in till.desks("statement", sizes, months=2):
        grow(database)
        with database.reading() as session:
            owners = dict(
                session.execute(text("SELECT account_id, id FROM customers WHERE account_id < 3")).all()
            )
        queries: dict[int, list[float]] = {1: [], 2: []}
        pages: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for account in (1, 2):
                queries[account].append(query_ms(database, account))
                began = time.perf_counter()
                answer = client.get(f"/customers/{owners[account]}/money")
                pages[account].append((time.perf_counter() - began) * 1000)
                if answer.status_code != OK:
                    print(f"the page answered {answer.status_code}")
                    return 1
        query = {account: statistics.median(each) for account, each in queries.items()}
        page = {account: statistics.median(each) for account, each in pages.items()}
        for account, length in enumerate(LENGTHS, 1):
            print(
                f"{size:>10}{length:>9}{query[account]:>10.2f}{query[account] / query[1]:>7.2f}"
                f"{page[account]:>9.2f}{page[account] / page[1]:>7.2f}",
                flush=True,
            )
        failed |= page[2] / page[1] > GOAL or query[2] / query[1] > GOAL
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
