"""Imports of files: taken in, their columns told, checked, booked in one transaction, undone."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from billing.acts import Act
from core import clock, errors, money, sentences
from core.db import Database
from core.money import Money
from core.settings import Settings
from core.words import N_
from registry import audit
from registry.models import AuditEvent, ColumnMapping, ImportBatch, ImportFault, ImportState
from registry.moving import fields, files, load, progress, rows, sheets, totals
from registry.moving.progress import Progress

# A file with more faults is the wrong file; these are kept.
MOST_FAULTS = 5000
WAITING = (ImportState.TO_CHECK, ImportState.TO_BOOK, ImportState.TO_UNDO)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an import needs of the settings: the ISP's currency, country of its phones, and time zone."""

    currency: str
    region: str
    zone: str


def setting_of(settings: Settings) -> Setting:
    """Return what the settings say of it."""
    return Setting(settings.isp.currency, settings.isp.phone_region, settings.isp.time_zone)


def add(
    session: Session,
    actor: audit.Actor,
    *,
    name: str,
    content: bytes,
    opening_on: date,
    currency: str,
    system: str = "file",
) -> ImportBatch:
    """Take a file in: read it whole, guess its columns (or as such a file was read last). Raises Invalid."""
    sheet = sheets.read(content)
    kept = session.get(ColumnMapping, _fingerprint(sheet.headings))
    batch = ImportBatch(
        system=system_name(system),
        name=name[:200],
        content=content,
        headings=sheet.headings,
        mapping=dict(kept.mapping) if kept else fields.guess(sheet.headings),
        opening_on=opening_on,
        currency=currency,
        rows_total=len(sheet.rows),
        author_id=actor.staff_id,
        author=actor.name,
    )
    session.add(batch)
    session.flush()
    _record(session, actor, "import.added", batch)
    return batch


def system_name(words: str) -> str:
    """Return the name of a system as ids are kept by it; raises Invalid."""
    plain = "-".join(words.lower().split())[:40]
    if not plain or not plain.replace("-", "").replace("_", "").isalnum() or not plain.isascii():
        hint = N_("Use small letters of the English alphabet, digits and minus")
        raise errors.Invalid("Not a name of a system", {"system": hint})
    return plain


def get(session: Session, batch_id: int) -> ImportBatch:
    """Return the import without its file; raises NotFound."""
    batch = session.get(ImportBatch, batch_id)
    if batch is None:
        raise errors.NotFound("There is no such import")
    return batch


def faults(session: Session, batch_id: int, *, limit: int = MOST_FAULTS) -> list[ImportFault]:
    """Return what is wrong with the file, in order of its rows."""
    query = select(ImportFault).where(ImportFault.batch_id == batch_id)
    return list(session.scalars(query.order_by(ImportFault.row_no, ImportFault.id).limit(limit)))


def map_columns(
    session: Session, actor: audit.Actor, batch_id: int, *, mapping: dict[str, int], opening_on: date
) -> ImportBatch:
    """Say which column tells what, remember it for files with these headings, and ask for the check."""
    batch = _locked(session, batch_id, (ImportState.DRAFT, ImportState.CHECKED, ImportState.FAILED))
    if not batch.headings:
        raise errors.Conflict("This import has no file")
    wrong = [name for name, place in mapping.items() if not 0 <= place < len(batch.headings)]
    if wrong or not mapping.keys() <= fields.BY_NAME.keys():
        raise errors.Invalid("Not a column of this file")
    if not {"number", "external_id"} & mapping.keys():
        words = N_("Say which column tells the customer's number, or his id in the other system")
        raise errors.Invalid(words, {"number": words})
    if len(set(mapping.values())) < len(mapping):
        raise errors.Invalid(N_("A column was chosen twice"))
    batch.mapping, batch.opening_on = dict(mapping), opening_on
    batch.state, batch.error = ImportState.TO_CHECK, None
    kept = {"mapping": batch.mapping, "author": actor.name, "saved_at": func.now()}
    written = insert(ColumnMapping).values(headings_sha256=_fingerprint(batch.headings), **kept)
    session.execute(written.on_conflict_do_update(index_elements=["headings_sha256"], set_=kept))
    session.flush()
    return batch


def ask_to_book(session: Session, actor: audit.Actor, batch_id: int) -> ImportBatch:
    """Ask the worker to book a checked import; raises Conflict in any other state, or with rows wrong."""
    batch = _locked(session, batch_id, (ImportState.CHECKED,))
    if batch.rows_wrong:
        raise errors.Conflict("Rows of this file are wrong: correct them and send the file again")
    batch.state = ImportState.TO_BOOK
    batch.author_id, batch.author = actor.staff_id, actor.name
    session.flush()
    return batch


def ask_to_undo(session: Session, actor: audit.Actor, batch_id: int) -> ImportBatch:
    """Ask the worker to undo a booked import; raises Conflict in any other state."""
    batch = _locked(session, batch_id, (ImportState.BOOKED,))
    batch.state, batch.undone_by = ImportState.TO_UNDO, actor.name
    session.flush()
    return batch


def waiting(session: Session) -> list[int]:
    """Return the imports that wait for the worker, oldest first."""
    query = select(ImportBatch.id).where(ImportBatch.state.in_(WAITING)).order_by(ImportBatch.id)
    return list(session.scalars(query))


def sample(session: Session, batch_id: int) -> list[str]:
    """Return the first row of an import's file, so that people see what a column holds."""
    query = select(ImportBatch.content).where(ImportBatch.id == batch_id)
    content = session.scalar(query)
    return sheets.read(content).rows[0][1] if content else []


def check(database: Database, batch_id: int, act: Act, setting: Setting) -> None:
    """Read every row, note what is wrong, and rehearse the booking: what would be made is shown.

    One at a time; a second worker that was sent for the same finds it done, and writes nothing over what a
    person asked for meanwhile.
    """
    going = Progress(database, batch_id)
    with database.rehearsal() as session:
        lock(session)
        if get(session, batch_id).state is not ImportState.TO_CHECK:
            return
        batch, parsed = _parsed(session, batch_id, setting, going)
        sheet_faults = parsed.faults
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        names: dict[str, str] = {}
        error: errors.LinecardError | None = None
        if not sheet_faults:
            try:
                before, _, names, after = _booked(session, act, batch, parsed, zone=setting.zone, going=going)
            except errors.LinecardError as failure:
                error = failure
        known = (
            set(session.scalars(text("SELECT ref FROM moving_customers WHERE is_known"))) if before else set()
        )
    with database.transaction() as session:
        batch = _locked(session, batch_id, tuple(ImportState))
        if batch.state is not ImportState.TO_CHECK:
            return
        session.execute(delete(ImportFault).where(ImportFault.batch_id == batch_id))
        session.add_all(_fault(batch, one) for one in sheet_faults[:MOST_FAULTS])
        batch.rows_done = batch.rows_total
        batch.rows_wrong = len({one.row_no for one in sheet_faults})
        batch.before = before | {"names": names, "known": len(known)} if before else {}
        batch.after, batch.error = after, sentences.keep(error.message) if error else None
        progress.end(batch)
        batch.state = ImportState.FAILED if error else ImportState.CHECKED


def book(database: Database, batch_id: int, act: Act, setting: Setting) -> None:
    """Make it all in one transaction; totals that do not agree leave nothing behind but the words why."""
    try:
        with database.transaction() as session:
            lock(session)
            if get(session, batch_id).state is not ImportState.TO_BOOK:
                return
            going = Progress(database, batch_id)
            batch, parsed = _parsed(session, batch_id, setting, going)
            if parsed.faults:
                raise errors.Conflict("Rows of this file are wrong now: check it again")
            before, loaded, names, after = _booked(
                session, act, batch, parsed, zone=setting.zone, going=going
            )
            batch.before = before | {"names": names}
            batch.after = after | {"made": loaded.made}
            finish(session, audit.Actor(act.author.staff_id, act.author.name), batch, loaded)
    except errors.LinecardError as error:
        fail(database, batch_id, error.message)


def lock(session: Session) -> None:
    """Wait until no other import is booked or undone."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('moving.in', 0))"))


def finish(session: Session, actor: audit.Actor, batch: ImportBatch, loaded: load.Loaded) -> None:
    """Note what an import made, so that it can be undone."""
    batch.state, batch.error = ImportState.BOOKED, None
    batch.rows_done = batch.rows_total
    progress.end(batch)
    batch.booked_at = clock.now()
    batch.entry_from, batch.entry_to = loaded.money.first, loaded.money.last
    _record(session, actor, "import.booked", batch)
    batch.event_to = session.scalar(select(func.max(AuditEvent.id)))
    session.flush()


def fail(database: Database, batch_id: int, words: str) -> None:
    """Write down why an import could not be done."""
    with database.transaction() as session:
        batch = get(session, batch_id)
        batch.state, batch.error = ImportState.FAILED, sentences.keep(words)
        progress.end(batch)


def source_of(batch: ImportBatch, zone: str) -> load.Source:
    """Return what the load and the totals need to know of the import."""
    return load.Source(batch.system, batch.id, batch.currency, batch.opening_on, zone)


def agree(session: Session, source: load.Source, before: dict[str, Any], currency: str) -> dict[str, Any]:
    """Return our totals; raises Conflict with the customers named when they are not the source's."""
    after = totals.ours(session, source)
    wrong = totals.different_customers(session, source)
    if wrong:
        told = "; ".join(
            f"{one.number} {one.name}: {_sum(one.wanted_minor, currency)} there,"
            f" {_sum(one.booked_minor, currency)} here"
            for one in wrong
        )
        raise errors.Conflict(N_("Balances do not agree: %(told)s", told=told))
    unlike = totals.differences(before, after, currency)
    if unlike:
        raise errors.Conflict(N_("Totals do not agree: %(told)s", told="; ".join(unlike)))
    return after


def _sum(minor: int, currency: str) -> str:
    return money.format_money(Money(minor, currency))


def _parsed(
    session: Session, batch_id: int, setting: Setting, going: Progress
) -> tuple[ImportBatch, files.Parsed]:
    query = select(ImportBatch).where(ImportBatch.id == batch_id).options(undefer(ImportBatch.content))
    batch = session.scalar(query.execution_options(populate_existing=True))
    if batch is None or batch.content is None:
        raise errors.NotFound("There is no such import")
    going.tell(progress.OPEN, 0, batch.rows_total)
    sheet = sheets.read(batch.content)
    mapping = {name: int(place) for name, place in batch.mapping.items()}
    terms = files.Terms(batch.currency, setting.region, batch.opening_on)
    return batch, files.parse(session, sheet, mapping, terms, tell=going.of(progress.READ))


def _booked(
    session: Session, act: Act, batch: ImportBatch, parsed: files.Parsed, *, zone: str, going: Progress
) -> tuple[dict[str, Any], load.Loaded, dict[str, str], dict[str, Any]]:
    source = source_of(batch, zone)
    title = N_("import %(number)s (%(name)s)", number=batch.id, name=batch.name)
    files.fill(session, parsed, opening_on=batch.opening_on, title=title)
    loaded = load.load(session, act, source, tell=going.of(progress.MAKE))
    going.tell(progress.COMPARE, 0, 1)
    known = set(session.scalars(text("SELECT ref FROM moving_customers WHERE is_known")))
    before = files.told(parsed, known)
    after = agree(session, source, before, batch.currency)
    return before, loaded, totals.names_of_plans(session), after


def _fault(batch: ImportBatch, one: rows.Fault) -> ImportFault:
    return ImportFault(
        batch_id=batch.id,
        row_no=one.row_no,
        column=rows.heading(one.field, batch.mapping, batch.headings)[:200],
        value=one.value,
        words=sentences.keep(one.words),
    )


def _locked(session: Session, batch_id: int, states: Sequence[ImportState]) -> ImportBatch:
    query = select(ImportBatch).where(ImportBatch.id == batch_id).with_for_update()
    batch = session.scalar(query.execution_options(populate_existing=True))
    if batch is None:
        raise errors.NotFound("There is no such import")
    if batch.state not in states:
        raise errors.Conflict("This import is not in a state for that: look at it again")
    return batch


def _record(session: Session, actor: audit.Actor, action: str, batch: ImportBatch) -> None:
    audit.record(
        session,
        actor,
        action,
        object_kind="import",
        object_id=batch.id,
        changes=audit.difference({}, {"name": batch.name, "system": batch.system}),
    )


def _fingerprint(headings: list[str]) -> str:
    spelled = json.dumps([fields.plain(heading) for heading in headings], ensure_ascii=False)
    return hashlib.sha256(spelled.encode()).hexdigest()
