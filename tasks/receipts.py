"""Receipts of payments that nobody asked for one by one: the setting billing.receipts = "always"."""

from datetime import timedelta

import structlog

from billing import document_acts, documents
from billing.ledger import Author
from core import clock, errors
from tasks.runtime import Runtime

log = structlog.get_logger()

# Turning the setting on gives no receipts for years gone by.
BACK = timedelta(days=3)
BATCH = 500
AUTHOR = Author("receipts")


def run(runtime: Runtime) -> int:
    """Give the payments of the last days their receipts, if the setting says so; return how many."""
    if runtime.settings.billing.receipts != "always":
        return 0
    with runtime.database.reading() as session:
        if documents.seller(session) is None:
            return 0
        waiting = document_acts.without_receipt(session, clock.now() - BACK, limit=BATCH)
    given, today = 0, clock.today(runtime.settings.isp.time_zone)
    for entry_id in waiting:
        try:
            with runtime.database.transaction() as session:
                document_acts.receipt(session, entry_id, on=today, author=AUTHOR)
        except errors.Conflict as error:  # undone meanwhile
            log.info("no_receipt", entry_id=entry_id, reason=str(error))
        else:
            given += 1
    return given
