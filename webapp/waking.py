"""Wakes those who act on what was changed: the gates, and whoever lets in whom debt need not keep off."""

from sqlalchemy.orm import Session

from core import db
from tasks import enqueue
from webapp import runtime


def wake_gates(session: Session) -> None:
    """Have the gate worker look, once the change is written; the sweep finds it anyway if this is lost."""
    now = runtime.current()
    pop = now.settings.diagnostics.default_pop
    db.after_commit(session, lambda: enqueue.sweep_access(now.queue, pop=pop))


def let_in(session: Session) -> None:
    """Have it looked at once the change is written whom it lets in; each minute finds it anyway."""
    queue = runtime.current().queue
    db.after_commit(session, lambda: enqueue.let_in(queue))
