"""How fast the pages answer and how many statements each asks: `python bench/bench_pages.py [CUSTOMERS]`.

The demo ISP in a throwaway database, grown to so many customers; requests go through the application in this
process, without a network. A page that does not answer 200 is named, not measured.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event, select, text

from core import db, secrets
from core.settings import Settings
from linecard import demo, embedded, migrate
from registry import staff
from registry.models import Customer, StaffUser
from webapp import factory, runtime

ROUNDS = 40
OK = 200

# Customers that only fill the lists and the search: a name, an account, a contact, an address.
_GROW = """
WITH fresh AS (
    INSERT INTO accounts (currency, balance_minor, is_never_cut)
    SELECT CAST(:currency AS text), 0, false FROM generate_series(1, CAST(:more AS integer)) RETURNING id
), numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) + 100000 AS number FROM fresh
), people AS (
    INSERT INTO customers (number, kind, last_name, first_name, sort_name, status, account_id, version)
    SELECT number::text, 'person', 'Family' || md5(number::text), 'Given' || number % 97,
           'family' || md5(number::text) || ' given', 'connected', id, 1
    FROM numbered RETURNING id
), phones AS (
    INSERT INTO contacts (customer_id, name, phone, is_primary)
    SELECT id, 'Contact ' || id, '+38044' || lpad((id % 10000000)::text, 7, '0'), true FROM people
)
INSERT INTO addresses (customer_id, kind, street, building, city, sort_text)
SELECT id, 'visiting', 'Street ' || id % 400, (id % 90)::text, 'Town ' || id % 40,
       'town ' || lpad((id % 40)::text, 6, '0') || ' street ' || lpad((id % 400)::text, 6, '0') FROM people
"""


def main(wanted: int) -> int:
    with tempfile.TemporaryDirectory() as folder, embedded.throwaway() as urls:
        migrate.upgrade(urls.database)
        settings = Settings.model_validate(
            {
                "web": {"secret_key": "x" * 43},
                "data": {"folder": folder, "database_url": urls.database, "queue_url": urls.queue},
                "secrets": {"keys": [secrets.new_key()]},
            }
        )
        database = db.Database(db.engine_of(urls.database))
        began = time.perf_counter()
        demo.seed_if_empty(settings, database)
        print(f"demo written in {time.perf_counter() - began:.1f} s")
        customer_id = grow(settings, database, wanted)
        app = factory.create_app(settings, database=database)
        client = signed_in(app, database)
        print(f"{'page':<44}{'median ms':>10}{'p95 ms':>8}{'SELECTs':>9}{'kB':>7}")
        measured = [measure(client, database, name, path) for name, path in pages(customer_id)]
        made: runtime.Runtime = app.extensions[runtime.KEY]
        made.hub.close()
        made.redis.close()
        database.dispose()
    return 0 if any(measured) else 1


def grow(settings: Settings, database: db.Database, wanted: int) -> int:
    """Fill up to so many customers; return the id of one with everything on his card."""
    with database.transaction() as session:
        there = session.scalar(text("SELECT count(*) FROM customers")) or 0
        if wanted > there:
            session.execute(text(_GROW), {"currency": settings.isp.currency, "more": wanted - there})
        found = session.scalar(select(Customer.id).where(Customer.number == "10008"))
    with database.bind.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    assert found is not None
    return int(found)


def signed_in(app: Any, database: db.Database) -> FlaskClient:
    with database.transaction() as session:
        member = session.scalars(select(StaffUser).where(StaffUser.login == "admin")).one()
        token = staff.sign_in(session, member, address="127.0.0.1", agent="bench", hours=1)
    client: FlaskClient = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"] = token
    return client


def pages(customer_id: int) -> Iterator[tuple[str, str]]:
    yield "sign-in", "/sign-in"
    yield "staff", "/staff"
    yield "customer card", f"/customers/{customer_id}"
    yield "list, first page by name", "/customers"
    yield "list by balance", "/customers?sort=balance"
    yield "list, debtors", "/customers?debtors=1"
    yield "search by name", "/customers?q=ko"
    yield "search by address", "/customers?q=127.20.1.1"
    yield "cutoff plan", "/cutoff"
    yield "map", "/map"


def measure(client: FlaskClient, database: db.Database, name: str, path: str) -> bool:
    first = client.get(path, follow_redirects=True)
    if first.status_code != OK:
        print(f"{name:<44}{'answers ' + str(first.status_code):>18}")
        return False
    with counted(database) as statements:
        client.get(path, follow_redirects=True)
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(path, follow_redirects=True)
        took.append(1000 * (time.perf_counter() - began))
    p95 = statistics.quantiles(took, n=20)[-1]
    size = len(first.data) / 1000
    print(f"{name:<44}{statistics.median(took):>10.1f}{p95:>8.1f}{len(statements):>9}{size:>7.0f}")
    return True


@contextmanager
def counted(database: db.Database) -> Iterator[list[str]]:
    """Collect the SELECTs of a block."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append(statement)

    event.listen(database.bind, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.bind, "before_cursor_execute", note)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
