"""The least a payment's request can be: Flask and five statements, no forms, no rights, no rules.

It finds who is signed in, locks the account, writes the entry, the balance and a line of history. What
Linecard adds to it is measured against it.
"""

import hashlib

from flask import Flask, redirect, request, session
from sqlalchemy import Engine, text
from werkzeug.wrappers import Response

WHO = text(
    "SELECT u.id, u.name FROM staff_sessions s JOIN staff_users u ON u.id = s.staff_id"
    " WHERE s.token_hash = :token AND s.revoked_at IS NULL AND s.expires_at > now()"
)
ACCOUNT = text(
    "SELECT a.id, a.currency, a.balance_minor FROM accounts a JOIN customers c ON c.account_id = a.id"
    " WHERE c.id = :customer FOR NO KEY UPDATE OF a"
)
ENTRY = text(
    "INSERT INTO ledger_entries (account_id, kind, amount_minor, currency, balance_after_minor, dated_on,"
    " method, idempotency_key, author_id, author)"
    " VALUES (:account, 'payment', :amount, :currency, :after, :day, :method, :key, :staff, :name)"
    " RETURNING id"
)
BALANCE = text("UPDATE accounts SET balance_minor = :after WHERE id = :account")
HISTORY = text(
    "INSERT INTO audit_events (staff_id, staff_name, action, customer_id, object_kind, object_id, changes,"
    " note) VALUES (:staff, :name, 'payment.received', :customer, 'ledger_entry', :entry, '{}', '')"
)


def application(engine: Engine, secret_key: str, cookie: str) -> Flask:
    """Make the application; it reads the cookie that Linecard's sign-in gave."""
    app = Flask("thin")
    app.config.update(SECRET_KEY=secret_key, SESSION_COOKIE_NAME=cookie)

    @app.post("/customers/<int:customer_id>/money/payment")
    def payment(customer_id: int) -> Response:
        token = hashlib.sha256(session["token"].encode()).hexdigest()
        sent = request.form
        with engine.begin() as connection:
            staff, name = connection.execute(WHO, {"token": token}).one()
            account, currency, balance = connection.execute(ACCOUNT, {"customer": customer_id}).one()
            amount = round(float(sent["amount"]) * 100)
            facts = {
                "account": account,
                "amount": amount,
                "currency": currency,
                "after": balance + amount,
                "day": sent["dated_on"],
                "method": sent["method"],
                "key": sent["key"],
                "staff": staff,
                "name": name,
                "customer": customer_id,
            }
            entry = connection.execute(ENTRY, facts).scalar_one()
            connection.execute(BALANCE, facts)
            connection.execute(HISTORY, facts | {"entry": entry})
        return redirect(f"/customers/{customer_id}/money", 303)

    return app
