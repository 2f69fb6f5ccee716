"""Bank statements: match, book or undo them in parts, until nothing is wanted any more."""

import structlog

from billing import policies
from billing.banking import batches
from core import clock, errors
from registry import bank
from tasks.runtime import Runtime

log = structlog.get_logger()

# More parts than the largest statement has: no fault makes this go on for ever.
MOST_PARTS = 5_000


def settle(runtime: Runtime) -> int:
    """Do what is wanted of every batch, a transaction a part; return how many parts were done."""
    with runtime.database.reading() as session:
        limits = policies.in_force(session, runtime.settings)
        waiting = batches.is_open(session)
    done = 0
    for batch_id in waiting:
        try:
            while done < MOST_PARTS and not runtime.is_stopping.is_set():
                done += 1
                with runtime.database.transaction() as session:
                    today = clock.today(runtime.settings.isp.time_zone)
                    if not bank.work(session, batch_id, today=today, rules=limits):
                        break
        except errors.Unavailable as error:
            # It holds up no other; the row still says what is wanted, and the next round goes on.
            log.info("bank_batch_waits", batch_id=batch_id, reason=str(error))
    return done
