"""What staff wait for at the desk: the what-if of a card, and the customers list with its money columns.

`python bench/billing/bench_desk.py [CUSTOMERS ...]`: whole requests through the application, without a
network. Then an import of ten thousand customers: booked, and undone.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from datetime import date

import till
from flask.testing import FlaskClient
from sqlalchemy import text

from billing import testing
from core import db
from registry import testing as registry_testing
from registry.moving import batches, undo

ROUNDS = 40
OK = 200
WHAT_IF_MS = 150
IMPORTED = 10_000
OPENING = date(2026, 12, 1)


def pages(database: db.Database) -> Iterator[tuple[str, str]]:
    """Give what is asked for: of debtors, whose questions cost most."""
    with database.reading() as session:
        debtor = session.scalar(
            text(
                "SELECT c.id FROM customers c JOIN accounts a ON a.id = c.account_id"
                " WHERE a.balance_minor < 0 ORDER BY c.id LIMIT 1"
            )
        )
    yield "what-if line of the card", f"/customers/{debtor}/money/what-if?line=1"
    yield "what if he pays", f"/customers/{debtor}/money/what-if?pay=10.00"
    yield "what if he promises", f"/customers/{debtor}/money/what-if?until=2026-12-04"
    yield "list by name", "/customers"
    yield "list by balance", "/customers?sort=balance"
    yield "list, debtors", "/customers?debtors=1"


def measure(client: FlaskClient, path: str) -> list[float]:
    """Return what each request took, in ms."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get(path, headers={"HX-Request": "true"} if "what-if" in path else {})
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != OK:
            raise RuntimeError(f"{path} answers {answer.status_code}")
    return took


def moved_in(database: db.Database) -> tuple[float, float]:
    """Book an import and undo it; return how long each took, in s."""
    rows = "\n".join(
        f"M-{n},Family{n},-{n % 90}.50,Home {n % 10},3{n % 10},2024-03-01" for n in range(IMPORTED)
    )
    content = f"number,last_name,balance,plan,price,start\n{rows}\n".encode()
    act, setting = testing.act(OPENING), batches.Setting("EUR", "UA", "Europe/Kyiv")
    with database.transaction() as session:
        actor = registry_testing.person(session)
        batch = batches.add(
            session, actor, name="old.csv", content=content, opening_on=OPENING, currency="EUR"
        )
        batches.map_columns(session, actor, batch.id, mapping=batch.mapping, opening_on=OPENING)
        number = batch.id
    batches.check(database, number, act, setting)
    with database.transaction() as session:
        batches.ask_to_book(session, actor, number)
    began = time.perf_counter()
    batches.book(database, number, act, setting)
    booked = time.perf_counter()
    with database.transaction() as session:
        batches.ask_to_undo(session, actor, number)
    undo.undo(database, number, act)
    ended = time.perf_counter()
    with database.reading() as session:
        state = batches.get(session, number).state
    if state != "undone":
        raise RuntimeError(f"the import is {state}")
    return booked - began, ended - booked


def main(sizes: list[int]) -> int:
    print(f"{'customers':>10}  {'request':<26}{'median ms':>10}{'p95 ms':>8}{'goal ms':>9}")
    failed = False
    for size, database, client in till.desks("desk", sizes, months=8):
        for words, path in pages(database):
            measure(client, path)
            took = measure(client, path)
            median, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
            goal = WHAT_IF_MS if "line" in words else None
            failed |= goal is not None and median > goal
            print(f"{size:>10}  {words:<26}{median:>10.1f}{p95:>8.1f}{goal or '':>9}", flush=True)
        if size == max(sizes):
            booked_s, undone_s = moved_in(database)
            print(f"import of {IMPORTED:,} customers beside {size:,}: ", end="")
            print(f"booked in {booked_s:.1f} s, undone in {undone_s:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
