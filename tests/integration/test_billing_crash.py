"""kill -9 in the middle of a charge run: the next run ends where a run nobody killed would have ended."""

from datetime import date

import pytest
from sqlalchemy import func, select

from bench.billing import crash, town
from billing import charges, ledger, testing
from billing.models import LedgerEntry
from core import db
from linecard import migrate

ON = date(2026, 12, 1)
PEOPLE = 5000
BATCH = 500


@pytest.mark.timeout(240)
def test_a_run_killed_in_the_middle_ends_as_one_nobody_killed(make_database, servers):
    urls = [make_database() for _ in range(2)]
    for url in urls:
        town.fill(url, PEOPLE)
    killed, whole = (db.Database(db.engine_of(url)) for url in urls)
    try:
        told = crash.killed_run(urls[0], batch=BATCH, after=4, on=ON.isoformat(), pause_s=0.02)
        with killed.reading() as session:
            left = session.scalar(select(func.count()).select_from(LedgerEntry))
        assert told == 4 * BATCH
        assert 0 < left < PEOPLE
        first = charges.run_batches(killed, testing.act(ON))
        again = charges.run_batches(killed, testing.act(ON))
        charges.run_batches(whole, testing.act(ON))
        assert first.entries == PEOPLE + PEOPLE // 10 - left
        assert again == charges.ChargeReport()
        assert crash.digests(killed) == crash.digests(whole)
        with killed.reading() as session:
            assert ledger.verify(session) == []
    finally:
        for database, url in ((killed, urls[0]), (whole, urls[1])):
            database.dispose()
            migrate.drop_database(servers["database"], url.partition("@/")[2].partition("?")[0])
