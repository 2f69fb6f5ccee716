"""Charges without a document: the company was not written down then, or the account named no payer.

What an account's charges make is issued for them later, all at once; money that moved in is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import BigInteger, Date, String, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from billing import books, crediting, documents, ledger
from billing.acts import Act
from billing.models import Documented, DocumentKind, LedgerEntry
from core import errors
from core.db import Database

BATCH = 200

_WAITING = """
    FROM ledger_entries e JOIN accounts a ON a.id = e.account_id
    WHERE e.dated_on >= :since AND e.kind IN ('charge', 'adjustment') AND e.amount_minor < 0
      AND e.due_on IS NOT NULL AND coalesce(a.documented, :usual) <> 'none'
      AND (e.idempotency_key IS NULL OR NOT starts_with(e.idempotency_key, 'moved:'))
      AND NOT EXISTS (SELECT FROM ledger_entries r WHERE r.reverses_id = e.id)
      AND NOT EXISTS (
          SELECT FROM document_lines d WHERE d.entry_id = e.id
            AND (d.kind <> 'proforma' OR coalesce(a.documented, :usual) = 'proforma')
      )
"""
_TOTALS = f"""
    SELECT e.currency, count(*) AS entries, -sum(e.amount_minor) AS minor,
           count(*) FILTER (WHERE a.payer_id IS NULL) AS nameless, count(DISTINCT a.id) AS accounts
    {_WAITING} GROUP BY e.currency
"""
_ACCOUNTS = f"SELECT DISTINCT a.id {_WAITING} AND a.payer_id IS NOT NULL ORDER BY a.id"
_ENTRIES = f"""
    SELECT coalesce(a.documented, :usual) AS kind, array_agg(e.id ORDER BY e.id) AS ids
    {_WAITING} AND a.payer_id IS NOT NULL AND a.id = ANY (:accounts) GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much is asked for on no document: entries, their sums by currency, accounts; and why."""

    entries: int = 0
    accounts: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    nameless: int = 0
    has_company: bool = True


def waiting(session: Session, act: Act, since: date) -> Waiting:
    """Return what of the charges from that day on stands on no document though it should."""
    rows = session.execute(_bound(_TOTALS, act, since)).all()
    return Waiting(
        entries=sum(row.entries for row in rows),
        accounts=sum(row.accounts for row in rows),
        totals={row.currency: int(row.minor) for row in rows},
        nameless=sum(row.nameless for row in rows),
        has_company=documents.seller(session) is not None,
    )


def issue(database: Database, act: Act, since: date) -> int:
    """Issue them, some accounts in a transaction; return how many documents. Again it issues nothing twice.

    What was given back of a charge meanwhile follows on credit notes. Raises Conflict while the company is
    not written down.
    """
    with database.reading() as session:
        if documents.seller(session) is None:
            raise errors.Conflict("Write the company down first")
        accounts = list(session.scalars(_bound(_ACCOUNTS, act, since)))
    made = 0
    for first in range(0, len(accounts), BATCH):
        with database.transaction() as session:
            made += _issue(session, act, since, ledger.hold(session, accounts[first : first + BATCH]))
    return made


def _issue(session: Session, act: Act, since: date, accounts: Sequence[int]) -> int:
    statement = _bound(_ENTRIES, act, since).bindparams(
        bindparam("accounts", list(accounts), ARRAY(BigInteger))
    )
    made, on = 0, max(act.today, books.first_open(books.hold(session)))
    for kind, ids in session.execute(statement).all():
        made += len(documents.issue(session, ids, kind=DocumentKind(kind), on=on, author=act.author))
        for entry_id in ids if kind == Documented.INVOICE else ():
            claim = session.get_one(LedgerEntry, entry_id)
            for given in crediting.without_note(session, claim):
                made += documents.correct(session, given, claim, author=act.author, on=on) is not None
    return made


def _bound(statement: str, act: Act, since: date) -> TextClause:
    return text(statement).bindparams(
        bindparam("since", since, Date), bindparam("usual", act.terms.documented.value, String)
    )
