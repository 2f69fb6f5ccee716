"""Bank statements: match, book or undo them in parts, until nothing is wanted any more."""

from billing import policies
from billing.banking import batches
from core import clock
from registry import bank
from tasks.runtime import Runtime

# More parts than the largest statement has: no fault makes this go on for ever.
MOST_PARTS = 5_000


def settle(runtime: Runtime) -> int:
    """Do what is wanted of every batch, a transaction a part; return how many parts were done."""
    with runtime.database.reading() as session:
        limits = policies.in_force(session, runtime.settings)
        waiting = batches.is_open(session)
    done = 0
    for batch_id in waiting:
        has_more = True
        while has_more and done < MOST_PARTS and not runtime.is_stopping.is_set():
            with runtime.database.transaction() as session:
                today = clock.today(runtime.settings.isp.time_zone)
                has_more = bank.work(session, batch_id, today=today, rules=limits)
            done += 1
    return done
