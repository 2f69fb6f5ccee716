"""Wakes the gates: whoever changed what a line should be has its gate told at once."""

from sqlalchemy.orm import Session

from core import db
from tasks import enqueue
from webapp import runtime


def wake_gates(session: Session) -> None:
    """Have the gate worker look, once the change is written; the sweep finds it anyway if this is lost."""
    now = runtime.current()
    pop = now.settings.diagnostics.default_pop
    db.after_commit(session, lambda: enqueue.sweep_access(now.queue, pop=pop))
