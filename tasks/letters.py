"""Invoices by e-mail as they are issued, where the company wants it: a letter each into the outbox."""

from datetime import timedelta

import structlog

from core import clock
from registry import document_letters
from registry.audit import Actor
from tasks.runtime import Runtime

log = structlog.get_logger()

# A worker that was away for longer leaves old invoices to a person's press.
BACK = timedelta(days=3)
BATCH = 500
ROUNDS = 40
LETTERS = Actor(None, "letters")


def run(runtime: Runtime) -> int:
    """Put the invoices and proformas of the last days into the outbox, once each; return how many.

    Batch by batch, each a transaction; what is left when the rounds are over is the next run's.
    """
    since, locale, put = clock.now() - BACK, runtime.settings.isp.locale, 0
    for _ in range(ROUNDS):
        with runtime.database.transaction() as session:
            now = document_letters.put_new(session, LETTERS, since=since, locale=locale, limit=BATCH)
        put += now
        if now < BATCH:
            break
    if put:
        log.info("letters_put", documents=put)
    return put
