"""A town of paying customers for the measurements of money: accounts, plans, subscriptions, history."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from core import db
from linecard import migrate

COMPANY = """
INSERT INTO sellers (name, written_by) VALUES ('Fibre Ltd', 'bench');
INSERT INTO vat_rates (name) VALUES ('Standard');
INSERT INTO vat_percents SELECT id, date '2000-01-01', 2300 FROM vat_rates;
INSERT INTO plans (name, price_minor, currency, is_net, vat_rate_id, is_postpaid)
SELECT 'Home ' || n, 1000 + 100 * n, 'EUR', n % 2 = 0, (SELECT id FROM vat_rates), n % 5 = 0
FROM generate_series(1, 10) n
"""

# Nine of ten have one service, the others two; one of twenty has a discount letter, one of fifty is frozen.
PEOPLE = """
INSERT INTO accounts (id, currency, balance_minor)
SELECT n, 'EUR', 0 FROM generate_series(1, :count) n;
INSERT INTO payers (id, name, address)
SELECT n, 'Customer ' || n, 'Street ' || n FROM generate_series(1, :count) n;
UPDATE accounts SET payer_id = id;
INSERT INTO subscriptions (account_id, plan_id, starts_on, terms_from, bill_day)
SELECT n, 1 + n % 10, date '2024-01-01',
       CASE WHEN (1 + n % 10) % 5 = 0 THEN date '2026-11-01' ELSE date '2026-12-01' END, 1
FROM generate_series(1, :count) n;
INSERT INTO subscriptions (account_id, plan_id, starts_on, terms_from, bill_day)
SELECT n, 1 + n % 10, date '2024-01-01',
       CASE WHEN (1 + n % 10) % 5 = 0 THEN date '2026-11-01' ELSE date '2026-12-01' END, 1
FROM generate_series(10, :count, 10) n;
INSERT INTO discounts (name, percent_hundredths) VALUES ('Ten off', 1000);
INSERT INTO account_discounts (account_id, discount_id, starts_on, author)
SELECT n, (SELECT id FROM discounts), date '2024-01-01', 'bench' FROM generate_series(20, :count, 20) n;
INSERT INTO suspension_locks (subscription_id, reason, owner, billed_percent, from_on)
SELECT n, 'freeze', 'bench', 50, date '2026-10-20' FROM generate_series(50, :count, 50) n
"""

# Two years of charges and payments, twenty-five entries each way, so a hundred thousand have five million.
# One of ten has not paid the last of them, one month or up to four; what they owe is of hundreds of sums.
HISTORY = """
INSERT INTO ledger_entries (
    account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method, author, terms_no,
    posted_at
)
SELECT a, CASE WHEN m % 2 = 0 THEN 'charge' ELSE 'payment' END,
       (CASE WHEN m % 2 = 0 THEN -1 ELSE 1 END) * (1000 + 37 * (a / 10 % 97)), 'EUR', 0,
       date '2024-10-01' + m * 15, CASE WHEN m % 2 = 0 THEN date '2024-10-15' + m * 15 END,
       CASE WHEN m % 2 = 0 THEN 'none' ELSE 'bank' END, 'bench', 1,
       date '2024-10-01' + m * 15 + time '12:00'
FROM generate_series(0, :months * 2 - 1) m, generate_series(1, :count) a
WHERE NOT (a % 10 = 0 AND m % 2 = 1 AND m > (:months - a / 10 % 4) * 2 - 2);
UPDATE accounts SET balance_minor = s.minor
FROM (SELECT account_id, sum(amount_minor) AS minor FROM ledger_entries GROUP BY 1) s
WHERE s.account_id = accounts.id
"""


def fill(url: str, count: int, *, months: int = 0) -> None:
    """Migrate the database and fill it with so many customers, and so many months of their history."""
    migrate.upgrade(url)
    database = db.Database(db.engine_of(url))
    with database.transaction() as session:
        # What is made here is right by making: the triggers of five million rows' foreign keys are spared.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for script in (COMPANY, PEOPLE, HISTORY if months else ""):
            for statement in script.split(";"):
                if statement.strip():
                    values = {"count": count, "months": months}
                    used = {name: value for name, value in values.items() if f":{name}" in statement}
                    session.execute(text(statement), used)
        session.execute(text("SELECT setval(pg_get_serial_sequence('payers', 'id'), :n)"), {"n": count})
        session.execute(text("SELECT setval(pg_get_serial_sequence('accounts', 'id'), :n)"), {"n": count})
    with database.bind.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (FREEZE, ANALYZE)"))
        connection.execute(text("CHECKPOINT"))
    database.dispose()


@contextmanager
def copy_of(server: str, template: str) -> Iterator[db.Database]:
    """Give a copy of a filled database nobody is connected to; it is dropped afterwards."""
    migrate.create_database(server, "measured", template)
    made = db.Database(db.engine_of(named(server, "measured")))
    with made.transaction() as session:
        session.execute(text("SELECT 1"))
    try:
        yield made
    finally:
        made.dispose()
        migrate.drop_database(server, "measured")


def named(server: str, name: str) -> str:
    """Return the URL of another database of the server."""
    return server.replace("/linecard?", f"/{name}?")
