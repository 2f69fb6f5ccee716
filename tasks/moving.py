"""Moving in: imports that wait are checked, booked or undone, one after the other."""

import structlog

from billing import acts, ledger
from core import clock, errors
from core.words import N_
from registry.models import ImportState
from registry.moving import batches, undo
from tasks.runtime import Runtime

log = structlog.get_logger()


def run(runtime: Runtime) -> None:
    """Do what is asked of every import that waits; what cannot be done is written down with the import."""
    with runtime.database.reading() as session:
        waiting = batches.waiting(session)
    for batch_id in waiting:
        try:
            _advance(runtime, batch_id)
        except errors.Unavailable:
            raise
        except errors.LinecardError as error:
            batches.fail(runtime.database, batch_id, error.message)
        except Exception:
            # Left waiting it would fail again with every turn of the timetable.
            batches.fail(
                runtime.database, batch_id, N_("This stopped on a fault of ours; the log says which")
            )
            log.exception("import_failed", batch=batch_id)


def _advance(runtime: Runtime, batch_id: int) -> None:
    settings = runtime.settings
    with runtime.database.reading() as session:
        batch = batches.get(session, batch_id)
    today = clock.today(settings.isp.time_zone)
    setting = batches.setting_of(settings)
    author = ledger.Author(batch.author, batch.author_id)
    if batch.state is ImportState.TO_UNDO:
        author = ledger.Author(batch.undone_by)
    act = acts.Act(today, acts.terms_of(settings), author)
    if batch.state is ImportState.TO_CHECK:
        batches.check(runtime.database, batch_id, act, setting)
    elif batch.state is ImportState.TO_BOOK:
        batches.book(runtime.database, batch_id, act, setting)
    elif batch.state is ImportState.TO_UNDO:
        undo.undo(runtime.database, batch_id, act)
