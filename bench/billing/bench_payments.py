"""Recording a payment, whole request through the application: by one cashier, and by sixteen at once.

`python bench/billing/bench_payments.py [CUSTOMERS ...]`: the cashiers press without a pause, in two processes
of threads as the product has them; one payment in ten is of the same customer. Sums are checked at the end.
"""

import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
import uuid
from typing import Any

import till
from sqlalchemy import text
from town import fill, named

from billing import ledger
from core import clock, db
from linecard import embedded, migrate

ROUNDS = 3
EACH = 40
WARM = 8
PROCESSES = 2
GOALS_MS = {1: 15, 16: 60}
SEE_OTHER = 303


def press(app: Any, database: db.Database, seed: int, started: Any, took: list[float]) -> None:
    """One cashier: so many payments one after the other; how long each took, in ms."""
    client, headers = till.cashier(app, database)
    cookie = client.get_cookie("linecard")
    if cookie is None:
        raise RuntimeError("nobody is signed in")
    with database.reading() as session:
        customers = list(session.scalars(text("SELECT id FROM customers ORDER BY id LIMIT 1000")))
    chance = random.Random(seed)
    for number in range(WARM + EACH):
        if number == WARM:
            started.wait()
        customer = customers[0] if chance.random() < 0.1 else chance.choice(customers)
        sent = {
            "key": uuid.uuid4().hex,
            "amount": "1.00",
            "method": "cash",
            "dated_on": clock.today("UTC").isoformat(),
            "reference": "",
        }
        # The page a browser would load next takes the words "recorded" out of the cookie.
        client.set_cookie("linecard", cookie.value)
        began = time.perf_counter()
        answer = client.post(f"/customers/{customer}/money/payment", data=sent, headers=headers)
        if answer.status_code != SEE_OTHER:
            raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")
        if number >= WARM:
            took.append((time.perf_counter() - began) * 1000)


def worker(urls: tuple[str, str], folder: str, cashiers: int, seed: int, sync: Any) -> None:
    """One process of cashiers; `sync` is the barrier they start at and the queue of what it took."""
    app, database = till.application(*urls, folder)
    took: list[list[float]] = [[] for _ in range(cashiers)]
    threads = [
        threading.Thread(target=press, args=(app, database, seed * 100 + n, sync[0], took[n]))
        for n in range(cashiers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    till.close(app)
    sync[1].put([one for each in took for one in each])


def measure(urls: tuple[str, str], folder: str, cashiers: int, seed: int) -> list[float]:
    """Return what every payment took, in ms."""
    context = multiprocessing.get_context("spawn")
    shares = [cashiers] if cashiers == 1 else [cashiers // PROCESSES] * PROCESSES
    started, results = context.Barrier(sum(shares)), context.Queue()
    children = [
        context.Process(target=worker, args=(urls, folder, share, seed * 10 + n, (started, results)))
        for n, share in enumerate(shares)
    ]
    for child in children:
        child.start()
    took = [one for _ in children for one in results.get(timeout=300)]
    for child in children:
        child.join()
    return took


def payments(database: db.Database) -> tuple[int, int]:
    with database.reading() as session:
        if ledger.verify(session):
            raise RuntimeError("a balance is not the sum of its entries")
        found = session.execute(
            text("SELECT count(*), sum(amount_minor) FROM ledger_entries WHERE kind = 'payment'")
        ).one()
        return int(found[0]), int(found[1] or 0)


def main(sizes: list[int]) -> int:
    print(f"{'customers':>10}{'cashiers':>10}{'median ms':>11}{'p95 ms':>8}{'goal ms':>9}{'per s':>8}")
    failed = False
    with embedded.throwaway() as urls, tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            name = f"till{size}"
            migrate.create_database(urls.database, name)
            url = named(urls.database, name)
            fill(url, size, months=1)
            database = db.Database(db.engine_of(url))
            till.people(database)
            for cashiers, goal_ms in GOALS_MS.items():
                count, total = payments(database)
                medians, p95s, rates = [], [], []
                for number in range(ROUNDS):
                    took = measure((url, urls.queue), folder, cashiers, number)
                    medians.append(statistics.median(took))
                    p95s.append(statistics.quantiles(took, n=20)[-1])
                    rates.append(cashiers * 1000 / statistics.mean(took))
                made = ROUNDS * cashiers * (WARM + EACH)
                if payments(database) != (count + made, total + made * 100):
                    print("a payment was lost or booked twice")
                    return 1
                p95 = statistics.median(p95s)
                failed |= p95 > goal_ms
                print(
                    f"{size:>10}{cashiers:>10}{statistics.median(medians):>11.1f}{p95:>8.1f}{goal_ms:>9}"
                    f"{statistics.median(rates):>8.0f}",
                    flush=True,
                )
            database.dispose()
            migrate.drop_database(urls.database, name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
