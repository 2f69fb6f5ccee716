"""Undoes an import as long as nothing happened since: money by counter entries, records taken out."""

from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import moving
from billing.acts import Act
from core import clock, errors, sentences
from core.db import Database
from core.words import N_
from registry import audit
from registry.models import ImportBatch, ImportState
from registry.moving import batches, progress
from registry.moving.progress import Progress

log = structlog.get_logger()

_MADE = """
CREATE TEMP TABLE undone_customers ON COMMIT DROP AS
SELECT c.id, c.account_id, c.number FROM external_identities x JOIN customers c ON c.id = x.object_id
WHERE x.batch_id = :batch_id AND x.kind = 'customer'
"""

# Every act of staff leaves a line of history, a night its decisions; money that is not of the import came
# after it.
_SINCE = """
SELECT u.number FROM undone_customers u
WHERE EXISTS (SELECT FROM audit_events e WHERE e.customer_id = u.id AND e.id > :event_to)
   OR EXISTS (SELECT FROM cutoff_decisions d WHERE d.account_id = u.account_id)
   OR EXISTS (
        SELECT FROM ledger_entries l WHERE l.account_id = u.account_id
          AND NOT (l.id BETWEEN :first AND :last AND starts_with(coalesce(l.idempotency_key, ''), :prefix))
   )
   OR EXISTS (SELECT FROM bank_lines b WHERE b.account_id = u.account_id AND b.status <> 'waiting')
ORDER BY length(u.number), u.number LIMIT 20
"""

_LOCK = "SELECT id FROM accounts WHERE id IN (SELECT account_id FROM undone_customers) ORDER BY id FOR UPDATE"

_SERVICES = "SELECT s.id FROM subscriptions s JOIN undone_customers u ON u.account_id = s.account_id"

# What refers to others goes first. Accounts whose ledger remembers the import stay, with nothing on them.
_REMOVE = (
    # A line of a statement that was only guessed to be his is anybody's again.
    """
    UPDATE bank_lines SET account_id = NULL, rule = NULL, certainty = 'unsure'
    WHERE status = 'waiting' AND account_id IN (SELECT account_id FROM undone_customers)
    """,
    f"DELETE FROM lines WHERE subscription_id IN ({_SERVICES})",
    f"DELETE FROM suspension_locks WHERE subscription_id IN ({_SERVICES})",
    f"DELETE FROM subscription_access WHERE subscription_id IN ({_SERVICES})",
    "DELETE FROM account_discounts WHERE account_id IN (SELECT account_id FROM undone_customers)",
    "DELETE FROM liabilities WHERE account_id IN (SELECT account_id FROM undone_customers)",
    "DELETE FROM subscriptions WHERE account_id IN (SELECT account_id FROM undone_customers)",
    "DELETE FROM customers WHERE id IN (SELECT id FROM undone_customers)",
    """
    DELETE FROM accounts a USING undone_customers u WHERE a.id = u.account_id
      AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.account_id = a.id)
    """,
    """
    DELETE FROM plans p USING external_identities x
    WHERE x.batch_id = :batch_id AND x.kind = 'plan' AND p.id = x.object_id
      AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.plan_id = p.id)
      AND NOT EXISTS (SELECT FROM planned_changes c WHERE c.plan_id = p.id)
    """,
    """
    DELETE FROM networks n USING external_identities x
    WHERE x.batch_id = :batch_id AND x.kind = 'network' AND n.id = x.object_id
      AND NOT EXISTS (SELECT FROM ip_addresses i WHERE i.network_id = n.id)
    """,
    "DELETE FROM external_identities WHERE batch_id = :batch_id",
)


def undo(database: Database, batch_id: int, act: Act) -> None:
    """Take an import back whole, or write down why it cannot be: then it stays booked."""
    going = Progress(database, batch_id)
    try:
        with database.transaction() as session:
            going.tell(progress.UNDO, 0, len(_REMOVE) + 1)
            batches.lock(session)
            batch = batches.get(session, batch_id)
            if batch.state is not ImportState.TO_UNDO:
                return
            _undo(session, act, batch, going.of(progress.UNDO))
    except errors.LinecardError as error:
        _leave(database, batch_id, error.message)
    except IntegrityError as error:
        table = getattr(getattr(error.orig, "diag", None), "table_name", None) or "?"
        log.exception("import_not_undone", batch_id=batch_id)
        _leave(
            database,
            batch_id,
            N_("Something refers to what it brought (%(table)s), so it stays", table=table),
        )


def _leave(database: Database, batch_id: int, why: str) -> None:
    """Let the import stay as it is, booked whole, and say why."""
    with database.transaction() as session:
        batch = batches.get(session, batch_id)
        batch.state, batch.error = ImportState.BOOKED, sentences.keep(why)
        progress.end(batch)


def _undo(session: Session, act: Act, batch: ImportBatch, tell: progress.Tell) -> None:
    values: dict[str, Any] = {
        "batch_id": batch.id,
        "first": batch.entry_from or 0,
        "last": batch.entry_to or 0,
        "prefix": batches.source_of(batch, "UTC").prefix,
        "event_to": batch.event_to or 0,
    }
    session.execute(text("DROP TABLE IF EXISTS pg_temp.undone_customers"))
    _run(session, _MADE, values)
    session.execute(text(_LOCK))
    since = list(session.scalars(text(_SINCE), _wanted(_SINCE, values)))
    if since:
        words = N_(
            "Something happened since to customers of this import, so it stays: %(numbers)s",
            numbers=", ".join(since),
        )
        raise errors.Conflict(words)
    reason = N_("Import %(number)s undone", number=batch.id)
    moving.reverse_staged(
        session,
        act,
        first=values["first"],
        last=values["last"],
        prefix=values["prefix"],
        reason=reason,
    )
    for place, statement in enumerate(_REMOVE, 1):
        tell(place, len(_REMOVE) + 1)
        _run(session, statement, values)
    batch.state, batch.error, batch.undone_at = ImportState.UNDONE, None, clock.now()
    progress.end(batch)
    audit.record(
        session,
        audit.Actor(act.author.staff_id, act.author.name),
        "import.undone",
        object_kind="import",
        object_id=batch.id,
        changes=audit.difference({}, {"name": batch.name}),
    )
    session.expire_all()


def _run(session: Session, statement: str, values: dict[str, Any]) -> None:
    session.execute(text(statement), _wanted(statement, values))


def _wanted(statement: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in statement}
