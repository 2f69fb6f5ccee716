"""How far an import is, told while its one transaction still goes on; its page may be closed meanwhile."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm.attributes import flag_modified

from core.db import Database
from core.words import N_
from registry.models import ImportBatch

# What is done, in this order; pages and the command name it.
OPEN, READ, MAKE, COMPARE, UNDO = "open", "read", "make", "compare", "undo"
PHASES = {
    OPEN: N_("Opening the file"),
    READ: N_("Reading"),
    MAKE: N_("Making the records"),
    COMPARE: N_("Comparing both sides"),
    UNDO: N_("Taking it back"),
}
_EVERY_S = 0.4
STALE_S = 600

Tell = Callable[[int, int], None]
Show = Callable[[str, int, int], object]

# The use-case's own transaction may have the row already: then nothing is told, and nobody waits.
_WRITE = """
UPDATE import_batches SET progress = CAST(:progress AS jsonb)
WHERE id = (SELECT id FROM import_batches WHERE id = :id FOR UPDATE SKIP LOCKED)
"""


@dataclass(slots=True)
class Progress:
    """Tells how far an import is: in its row, by short transactions of its own, and to `show`."""

    database: Database
    batch_id: int
    show: Show = lambda *_: None
    _told: tuple[str, float] = field(default=("", 0.0))

    def tell(self, phase: str, done: int, total: int) -> None:
        """Tell that so many of all are done; often enough for an eye, and every phase at its begin."""
        now = time.monotonic()
        before, at = self._told
        if phase == before and now - at < _EVERY_S:
            return
        self._told = phase, now
        told = json.dumps({"phase": phase, "done": done, "total": total, "at": int(time.time())})
        with self.database.transaction() as session:
            session.execute(text(_WRITE), {"id": self.batch_id, "progress": told})
        self.show(phase, done, total)

    def of(self, phase: str) -> Tell:
        """Return what tells one phase's progress."""
        return lambda done, total: self.tell(phase, done, total)


def end(batch: ImportBatch) -> None:
    """Say in the row that nothing goes on: written even where the session never saw what was told."""
    batch.progress = {}
    flag_modified(batch, "progress")


def is_going_on(progress: dict[str, Any]) -> bool:
    """Say whether somebody told so lately: what was killed stays as it was told last."""
    return bool(progress) and time.time() - progress.get("at", 0) < STALE_S
