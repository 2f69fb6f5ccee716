"""Batches over accounts: each a transaction of its own; an account that goes wrong is logged and skipped."""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.orm import Session

from core import db, errors
from core.db import Database

log = structlog.get_logger()

Do = Callable[[Session, Sequence[int]], object]
# So many accounts do not go wrong by themselves: it is the code, or the database.
MOST_FAILED = 50


def each(database: Database, account_ids: Sequence[int], size: int, do: Do) -> tuple[int, ...]:
    """Do `do` for the accounts, so many in a transaction; return those for which it went wrong.

    A batch that went wrong is undone, and done again account by account. Raised is what is nobody's own
    fault: Unavailable, a lost connection, and what goes wrong for MOST_FAILED accounts.
    """
    failed: list[int] = []
    for first in range(0, len(account_ids), size):
        batch = account_ids[first : first + size]
        if _fault(database, batch, do) is None:
            continue
        for one in batch:
            if (fault := _fault(database, [one], do)) is None:
                continue
            log.error("account_skipped", account_id=one, exc_info=fault)
            failed.append(one)
            if len(failed) == MOST_FAILED:
                raise fault
    return tuple(failed)


def _fault(database: Database, account_ids: Sequence[int], do: Do) -> Exception | None:
    try:
        with database.transaction() as session:
            do(session, account_ids)
    except errors.Unavailable:
        raise
    except Exception as error:
        if db.is_lost(error):
            raise
        return error
    return None
