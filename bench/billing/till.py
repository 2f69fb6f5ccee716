"""The web application over a town: customers for its accounts, and browsers signed in at the till."""

import gc
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from town import fill, named

from core import db, secrets
from core.settings import Settings
from linecard import embedded, migrate
from registry import passwords, staff
from registry.models import StaffUser
from webapp import factory, runtime

COOKIE = "linecard"
PEOPLE = """
INSERT INTO customers (number, kind, last_name, first_name, sort_name, status, account_id, version)
SELECT (100000 + id)::text, 'person', 'Family' || id, 'Given', 'family' || lpad(id::text, 9, '0'),
       'connected', id, 1
FROM accounts
"""


def people(database: db.Database) -> None:
    """Give every account a customer, and the till its staff."""
    with database.transaction() as session:
        session.execute(text(PEOPLE))
        session.add(
            StaffUser(
                login="bench",
                name="Bench",
                roles=["administrator"],
                password_hash=passwords.seal("long enough"),
            )
        )
    with database.bind.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) customers"))


def application(database_url: str, queue_url: str, folder: str) -> tuple[Flask, db.Database]:
    """Make the application on that database, as gunicorn's workers have it."""
    settings = Settings.model_validate(
        {
            "web": {"secret_key": "x" * 43},
            "data": {"folder": folder, "database_url": database_url, "queue_url": queue_url},
            "secrets": {"keys": [secrets.new_key()]},
        }
    )
    database = db.Database(db.engine_of(database_url, pool_size=settings.data.pool_size))
    app = factory.create_app(settings, database=database)
    gc.collect()
    gc.freeze()  # as webapp/wsgi.py does
    return app, database


def close(app: Flask) -> None:
    """Close what the application opened."""
    made: runtime.Runtime = app.extensions[runtime.KEY]
    made.hub.close()
    made.redis.close()
    made.database.dispose()


@dataclass(frozen=True, slots=True)
class Signed:
    """A browser that is signed in: its cookie, the headers of every change, and who may come to the till."""

    cookie: str
    headers: dict[str, str]
    customers: list[int]


def sign_in(app: Flask, database: db.Database) -> Signed:
    """Sign somebody in, as the sign-in page does."""
    with database.transaction() as session:
        member: Any = staff.find_by_login(session, "bench")
        token = staff.sign_in(session, member, address="127.0.0.1", agent="bench", hours=1)
        customers = list(session.scalars(text("SELECT id FROM customers ORDER BY id LIMIT 1000")))
    client: FlaskClient = app.test_client()
    with client.session_transaction() as cookie:
        cookie["token"] = token
    page = client.get("/me/password", follow_redirects=True).text
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    kept = client.get_cookie(COOKIE)
    if found is None or kept is None:
        raise RuntimeError("no page with a token")
    return Signed(kept.value, {"X-CSRFToken": found.group(1)}, customers)


def desks(name: str, sizes: Sequence[int], *, months: int) -> Iterator[tuple[int, db.Database, FlaskClient]]:
    """Give, of each size, a database of so many customers and a browser that is signed in there."""
    with embedded.throwaway() as urls, tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            own = f"{name}{size}"
            migrate.create_database(urls.database, own)
            url = named(urls.database, own)
            fill(url, size, months=months)
            app, database = application(url, urls.queue, folder)
            people(database)
            client = app.test_client()
            client.set_cookie(COOKIE, sign_in(app, database).cookie)
            yield size, database, client
            close(app)
            migrate.drop_database(urls.database, own)
