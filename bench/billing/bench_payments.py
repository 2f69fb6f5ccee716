"""Recording a payment, whole request through the application: by one cashier, and by sixteen at once.

`python bench/billing/bench_payments.py [CUSTOMERS ...]`: the cashiers press without a pause, and about once a
second as at a busy desk, in two processes of threads as the product has them; one payment in ten is of the
same customer. Beside it, by turns, the thinnest request there can be (thin.py). Sums are checked at the end.
"""

import multiprocessing
import random
import statistics
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import thin
import till
from sqlalchemy import text
from town import fill, named

from billing import ledger
from core import clock, db
from linecard import embedded, migrate

ROUNDS = 3
WARM = 8
PROCESSES = 2
GOALS_MS = {1: 15, 16: 60}
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Desk:
    """So many cashiers at once, each with so many payments and a pause of this mean length between two."""

    cashiers: int
    each: int
    pause_s: float = 0.0
    is_thin: bool = False


DESKS = (Desk(1, 40), Desk(16, 40), Desk(16, 12, 1.0))


def press(app: Any, signed: till.Signed, desk: Desk, chance: random.Random, started: Any) -> list[float]:
    """One cashier: payments one after the other; return how long each took, in ms."""
    client, took = app.test_client(), []
    for number in range(WARM + desk.each):
        if number == WARM:
            started.wait()
        if desk.pause_s and number >= WARM:
            time.sleep(chance.uniform(0, 2 * desk.pause_s))
        customers = signed.customers
        customer = customers[0] if chance.random() < 0.1 else chance.choice(customers)
        sent = {
            "key": uuid.uuid4().hex,
            "amount": "1.00",
            "method": "cash",
            "dated_on": clock.today("UTC").isoformat(),
            "reference": "",
        }
        # The page a browser would load next takes the words "recorded" out of the cookie.
        client.set_cookie(till.COOKIE, signed.cookie)
        began = time.perf_counter()
        answer = client.post(f"/customers/{customer}/money/payment", data=sent, headers=signed.headers)
        if answer.status_code != SEE_OTHER:
            raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")
        if number >= WARM:
            took.append((time.perf_counter() - began) * 1000)
    return took


def worker(urls: tuple[str, str], folder: str, desk: Desk, seed: int, sync: Any) -> None:
    """One process of cashiers; `sync` is the barrier they start at and the queue of what it took."""
    app, database = till.application(*urls, folder)
    signed = [till.sign_in(app, database) for _ in range(desk.cashiers)]
    key = app.config["SECRET_KEY"]
    pressed = thin.application(database.bind, key, till.COOKIE) if desk.is_thin else app
    with ThreadPoolExecutor(desk.cashiers) as pool:
        chances = [random.Random(seed * 100 + number) for number in range(desk.cashiers)]
        jobs = [
            pool.submit(press, pressed, one, desk, chance, sync[0])
            for one, chance in zip(signed, chances, strict=True)
        ]
        took = [one for job in jobs for one in job.result()]
    till.close(app)
    sync[1].put(took)


def measure(urls: tuple[str, str], folder: str, desk: Desk, seed: int) -> list[float]:
    """Return what every payment took, in ms."""
    context = multiprocessing.get_context("spawn")
    count = min(PROCESSES, desk.cashiers)
    share = replace(desk, cashiers=desk.cashiers // count)
    sync = (context.Barrier(desk.cashiers), context.Queue())
    children = [
        context.Process(target=worker, args=(urls, folder, share, seed * 10 + number, sync))
        for number in range(count)
    ]
    for child in children:
        child.start()
    took = [one for _ in children for one in sync[1].get(timeout=300)]
    for child in children:
        child.join()
    return took


def payments(database: db.Database) -> tuple[int, int]:
    """Return how many there are and their sum; raises RuntimeError for a wrong balance."""
    with database.reading() as session:
        if ledger.verify(session):
            raise RuntimeError("a balance is not the sum of its entries")
        found = session.execute(
            text("SELECT count(*), sum(amount_minor) FROM ledger_entries WHERE kind = 'payment'")
        ).one()
        return int(found[0]), int(found[1] or 0)


def compare(urls: tuple[str, str], folder: str, database: db.Database, desk: Desk, size: int) -> bool:
    """Measure both by turns and print the line; say whether the goal was missed; lost money raises."""
    count, total = payments(database)
    medians: tuple[list[float], list[float]] = ([], [])
    p95s: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        for place, is_thin in enumerate((True, False)):
            took = measure(urls, folder, replace(desk, is_thin=is_thin), number)
            medians[place].append(statistics.median(took))
            p95s[place].append(statistics.quantiles(took, n=20)[-1])
    made = 2 * ROUNDS * desk.cashiers * (WARM + desk.each)
    if payments(database) != (count + made, total + made * 100):
        raise RuntimeError("a payment was lost or booked twice")
    thinnest, ours = (statistics.median(each) for each in p95s)
    middle = [statistics.median(each) for each in medians]
    goal = GOALS_MS[desk.cashiers]
    print(
        f"{size:>10}{desk.cashiers:>10}{desk.pause_s:>8.0f}{middle[0]:>9.1f}{thinnest:>8.1f}"
        f"{middle[1]:>9.1f}{ours:>8.1f}{ours / thinnest:>7.2f}{goal:>6}",
        flush=True,
    )
    return ours > goal


def main(sizes: list[int]) -> int:
    """Print the table; 1 when a goal was missed."""
    print(
        f"{'customers':>10}{'cashiers':>10}{'pause s':>8}{'thin ms':>9}{'p95':>8}{'ours ms':>9}{'p95':>8}"
        f"{'ratio':>7}{'goal':>6}"
    )
    failed = False
    with embedded.throwaway() as urls, tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            name = f"till{size}"
            migrate.create_database(urls.database, name)
            url = named(urls.database, name)
            fill(url, size, months=1)
            database = db.Database(db.engine_of(url))
            till.people(database)
            for desk in DESKS:
                failed |= compare((url, urls.queue), folder, database, desk, size)
            database.dispose()
            migrate.drop_database(urls.database, name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or [1000, 10_000, 100_000]))
