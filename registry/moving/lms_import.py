"""The use-case: an LMS database becomes ours in one transaction, or not at all; a test run tells the same."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.acts import Act
from core import errors, sentences
from core.db import Database
from core.words import N_
from registry import audit
from registry.models import ImportBatch, ImportState
from registry.moving import batches, lms, lms_source, load, progress, totals
from registry.moving.batches import Setting
from registry.moving.lms_source import Lms
from registry.moving.progress import Progress

_LOST_NODES = """
SELECT host(m.address) FROM moving_nodes m
JOIN moving_customers c ON c.ref = m.customer_ref AND NOT c.is_known
WHERE NOT EXISTS (SELECT FROM ip_addresses i WHERE i.address = m.address AND i.customer_id = c.customer_id)
ORDER BY m.address
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which database is moved in, as of which day, with its whole history or its balances."""

    url: str
    opening_on: date
    system: str = "lms"
    with_history: bool = False
    is_test: bool = False


def run(
    database: Database, wish: Wish, act: Act, setting: Setting, *, show: progress.Show = lambda *_: None
) -> ImportBatch:
    """Move the database in and return the import with its totals, before and after.

    A test is rolled back and leaves the totals alone. Raises Unavailable, Invalid; Conflict when totals do
    not agree, with the customers named: then nothing is left behind but the words. How far it is stands in
    its row, and is told to `show`.
    """
    actor = audit.Actor(act.author.staff_id, act.author.name)
    batch_id = _add(database, actor, wish, setting)
    going = Progress(database, batch_id, show)
    door = database.rehearsal if wish.is_test else database.transaction
    try:
        with (
            lms_source.opened(
                wish.url, opening_on=wish.opening_on, zone=setting.zone, currency=setting.currency
            ) as there,
            door() as session,
        ):
            made = _move(session, there, wish, act, setting=setting, batch_id=batch_id, going=going)
            batch = batches.get(session, batch_id)
            if not wish.is_test:
                _write(batch, made)
                batches.finish(session, actor, batch, made.loaded)
    except errors.LinecardError as error:
        batches.fail(database, batch_id, error.message)
        raise
    with database.transaction() as session:
        batch = batches.get(session, batch_id)
        if wish.is_test:
            _write(batch, made)
            batch.state = ImportState.CHECKED
            progress.end(batch)
    return batch


@dataclass(frozen=True, slots=True)
class _Made:
    before: dict[str, Any]
    after: dict[str, Any]
    notes: list[Any]
    loaded: load.Loaded
    number: int


def _add(database: Database, actor: audit.Actor, wish: Wish, setting: Setting) -> int:
    with database.transaction() as session:
        batch = ImportBatch(
            system=batches.system_name(wish.system),
            name=f"LMS {lms_source.shown(wish.url)}"[:200],
            opening_on=wish.opening_on,
            currency=setting.currency,
            author_id=actor.staff_id,
            author=actor.name,
        )
        session.add(batch)
        session.flush()
        return batch.id


def _move(
    session: Session,
    there: Lms,
    wish: Wish,
    act: Act,
    *,
    setting: Setting,
    batch_id: int,
    going: Progress,
) -> _Made:
    batches.lock(session)
    # While the other database works a large table out, this transaction waits for it.
    session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10min'"))
    title = N_("import %(number)s (%(name)s)", number=batch_id, name=lms_source.shown(wish.url))
    percent = lms_source.suspension_percent(there)
    reading = lms.Reading(setting.currency, setting.region, percent, title)
    lms.fill(session, there, reading, with_history=wish.with_history, tell=going.of(progress.READ))
    source = load.Source(
        wish.system, batch_id, setting.currency, wish.opening_on, setting.zone, updates=wish.with_history
    )
    load.refuse_taken(session, source)
    before = lms_source.told(there, percent)
    loaded = load.load(session, act, source, tell=going.of(progress.MAKE))
    going.tell(progress.COMPARE, 0, 1)
    known = load.known_count(session)
    reading.note(N_("Addresses outside of every network, or given twice, are left out"), _lost(session))
    if known:
        # What an earlier import made has been compared then; now only money that came since can differ.
        before = {"money": before["money"]} if wish.with_history else {}
        words = N_("Customers known from an import before are left as they are: %(count)s", count=known)
        reading.notes.append(words)
    after = batches.agree(session, source, before, setting.currency)
    names = totals.names_of_plans(session)
    number = len(session.execute(text("SELECT FROM moving_customers")).all())
    notes = [sentences.keep(one) for one in reading.notes]
    return _Made(
        {**before, "names": names, "known": known}, {**after, "made": loaded.made}, notes, loaded, number
    )


def _lost(session: Session) -> list[str]:
    return list(session.scalars(text(_LOST_NODES)))


def _write(batch: ImportBatch, made: _Made) -> None:
    batch.before, batch.after, batch.notes = made.before, made.after, made.notes
    batch.rows_total = batch.rows_done = made.number
