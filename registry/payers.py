"""Payers follow the customer: who an account's documents are made out to, as the customer is written now.

Documents keep the payer they were issued to, so a change of the name, the number, the address or the e-mail
writes a new row. What is written for documents alone (tax number, language, whether they come by e-mail)
goes along from row to row.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from billing.models import Account, Payer
from core import errors
from registry import audit
from registry.models import Customer

# The invoice address beats the visiting one, the first contact's e-mail the others'.
_FOLLOW = """
    WITH wanted AS (
        SELECT c.account_id, c.number,
               left(coalesce(nullif(c.company_name, ''), nullif(trim(c.first_name || ' ' || c.last_name), ''),
                             c.number), 200) AS name,
               coalesce(a.text, '') AS address, coalesce(a.country, '') AS country,
               coalesce(e.email, '') AS email
        FROM customers c
        LEFT JOIN LATERAL (
            SELECT concat_ws(E'\\n',
                       trim(street || ' ' || building || CASE WHEN unit = '' THEN '' ELSE '/' || unit END),
                       trim(postcode || ' ' || city)) AS text, country
            FROM addresses WHERE customer_id = c.id
            ORDER BY array_position(ARRAY['invoice', 'visiting', 'mail'], kind::text), id LIMIT 1
        ) a ON true
        LEFT JOIN LATERAL (
            SELECT email FROM contacts WHERE customer_id = c.id AND email <> ''
            ORDER BY is_primary DESC, id LIMIT 1
        ) e ON true
        WHERE CAST(:customers AS bigint[]) IS NULL OR c.id = ANY (CAST(:customers AS bigint[]))
    ),
    changed AS (
        SELECT w.*, coalesce(p.tax_number, '') AS tax_number, coalesce(p.language, '') AS language,
               coalesce(p.takes_documents, true) AS takes_documents,
               nextval(pg_get_serial_sequence('payers', 'id')) AS payer_id
        FROM wanted w
        JOIN accounts t ON t.id = w.account_id
        LEFT JOIN payers p ON p.id = t.payer_id
        WHERE (p.name, p.address, p.country, p.number, p.email)
              IS DISTINCT FROM (w.name, w.address, w.country, w.number, w.email)
        ORDER BY w.account_id
    ),
    written AS (
        INSERT INTO payers (
            id, name, address, country, tax_number, number, email, language, takes_documents
        )
        SELECT payer_id, name, address, country, tax_number, number, email, language, takes_documents
        FROM changed
    )
    UPDATE accounts SET payer_id = changed.payer_id
    FROM changed WHERE accounts.id = changed.account_id
    RETURNING accounts.id, accounts.payer_id
"""


def follow(session: Session, customer_ids: Iterable[int] | None = None) -> int:
    """Write a new payer for each of these customers (None: all) who is written otherwise by now.

    Returns how many were written. What the caller changed is flushed before.
    """
    wanted = None if customer_ids is None else list(customer_ids)
    session.flush()
    rows: Any = session.execute(
        text(_FOLLOW).bindparams(bindparam("customers", wanted, ARRAY(BigInteger)))
    ).all()
    for account_id, payer_id in rows:
        account = session.identity_map.get(session.identity_key(Account, account_id))
        if account is not None:
            set_committed_value(account, "payer_id", payer_id)
    return len(rows)


def of_customer(session: Session, customer_id: int) -> Payer:
    """Return who the customer's documents are made out to; raises NotFound."""
    found = session.scalar(
        select(Payer)
        .join(Account, Account.payer_id == Payer.id)
        .join(Customer, Customer.account_id == Account.id)
        .where(Customer.id == customer_id)
    )
    if found is None:
        raise errors.NotFound("There is no such customer")
    return found


def language_of(session: Session, customer_id: int) -> str:
    """Return the language the customer is written to in; empty where none was chosen."""
    query = (
        select(Payer.language)
        .join(Account, Account.payer_id == Payer.id)
        .join(Customer, Customer.account_id == Account.id)
    )
    return session.scalar(query.where(Customer.id == customer_id)) or ""


def change(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    *,
    tax_number: str,
    language: str,
    takes_documents: bool = True,
) -> bool:
    """Write what only documents say of a customer, as a new row; say whether anything differed.

    Raises Invalid at the faulty field. An empty language is the company's. `takes_documents` says whether
    documents go to him by e-mail without anybody sending them one by one.
    """
    tax_number = tax_number.strip()
    values: dict[str, Any] = {"language": language.strip(), "takes_documents": takes_documents}
    values["tax_number"] = tax_number
    if len(tax_number) > 40:
        raise errors.Invalid("The tax number is too long", {"tax_number": "At most 40 characters"})
    account = session.scalar(
        select(Account)
        .join(Customer, Customer.account_id == Account.id)
        .where(Customer.id == customer_id)
        .with_for_update(of=Account, key_share=True)
        .execution_options(populate_existing=True)
    )
    before = of_customer(session, customer_id)
    changes = audit.difference({name: getattr(before, name) for name in values}, values)
    if account is None or not changes:
        return False
    kept = {name: getattr(before, name) for name in ("name", "address", "country", "number", "email")}
    made = Payer(**kept, **values)
    session.add(made)
    session.flush()
    account.payer_id = made.id
    audit.record(session, actor, "payer.changed", customer_id=customer_id, changes=changes)
    return True
