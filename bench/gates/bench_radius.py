"""RADIUS as a gate: 10,000 logins in one batch on the stock schema behind 1,000,000 sessions of history.

    python bench/gates/bench_radius.py [ROUNDS]

Needs the SQL schema of FreeRADIUS (Debian: freeradius-postgresql). Database and NAS are this run's own.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

import gates
from gates import Access, LineAccess
from gates.radius_testing import FakeNas
from linecard import embedded

SCHEMA = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql/schema.sql")
LOGINS, HISTORY = 10_000, 1_000_000
LINES = [LineAccess(number, login=f"u{number}") for number in range(1, LOGINS + 1)]
_FILL = f"""
INSERT INTO radgroupreply (groupname, attribute, op, value)
    SELECT 'linecard-' || name, 'Filter-Id', ':=', name
    FROM unnest(ARRAY['notice', 'slow', 'walled', 'closed']) AS groups (name);
INSERT INTO radusergroup (username, groupname, priority)
    SELECT 'u' || i, 'plan', 1 FROM generate_series(1, {LOGINS}) AS i;
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress,
                     acctstarttime, acctupdatetime, acctstoptime)
    SELECT 'h' || i, 'h' || i, 'u' || (i % {LOGINS}), '10.0.0.1', now() - interval '2 days',
           now() - interval '1 day', now() - interval '1 day' FROM generate_series(1, {HISTORY}) AS i;
"""
_LIVE = f"""
UPDATE radacct SET acctstoptime = now() WHERE acctstoptime IS NULL;
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime)
    SELECT %(round)s || '-' || i, %(round)s || '-' || i, 'u' || i, '127.0.0.1', now(), now()
    FROM generate_series(1, {LOGINS}) AS i;
"""


@contextmanager
def tables() -> Iterator[psycopg.Connection]:
    """A database of its own with the stock tables and their history."""
    with embedded.throwaway() as urls:
        url = urls.database.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(SCHEMA.read_text() + _FILL)
            connection.execute("VACUUM ANALYZE")
            yield connection


def timed(
    words: str, act: Callable[[int], None], rounds: int, prepare: Callable[[int], None] = lambda _: None
) -> None:
    """Print the median and the worst of some rounds; what each is prepared by is not counted."""
    took = []
    for place in range(rounds):
        prepare(place)
        begun = time.perf_counter()
        act(place)
        took.append((time.perf_counter() - begun) * 1000)
    print(f"{words}: median {statistics.median(took):,.0f} ms, worst {max(took):,.0f} ms of {rounds}")


def main(rounds: int) -> None:
    """Apply and read, without live sessions and with one for each login."""
    with tables() as connection, FakeNas() as nas:
        told = connection.info
        where = {"host": told.host, "database": told.dbname, "user": told.user}
        gate = gates.make("radius", {**where, "nas_secrets": f"127.0.0.1 secret {nas.port}"})

        def apply(access: Access) -> None:
            assert {outcome.error for outcome in gate.apply(dict.fromkeys(LINES, access)).values()} == {None}

        def read(access: Access) -> None:
            assert set(gate.read(LINES).values()) == {access}

        def live(place: int) -> None:
            connection.execute(_LIVE, {"round": str(place)})
            nas.sessions |= {f"{place}-{number}" for number in range(1, LOGINS + 1)}

        def end(place: int) -> None:
            apply("walled" if place % 2 else "slow")
            assert not nas.sessions

        timed("10,000 logins applied", lambda place: apply("open" if place % 2 else "walled"), rounds)
        apply("open")
        timed("applied again, nothing to change", lambda _: apply("open"), rounds)
        timed("read", lambda _: read("open"), rounds)
        timed("applied, and 10,000 live sessions ended at one NAS", end, rounds, live)


if __name__ == "__main__":
    if not SCHEMA.exists():
        sys.exit(f"{SCHEMA} is not there: apt-get install freeradius-postgresql")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
