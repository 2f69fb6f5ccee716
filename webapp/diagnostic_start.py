"""Opening a diagnostic run: the row first, then the job; for every page that has a button for it."""

from collections.abc import Mapping
from typing import Any

from core import errors
from registry import diagnostic_block, diagnostics, pop_boxes
from registry.diagnostic_block import RunView
from registry.models import DiagnosticKind, DiagnosticStatus
from tasks import enqueue
from webapp import identity, runtime


def begin(
    customer_id: int | None,
    kind: DiagnosticKind,
    target: str,
    options: Mapping[str, Any] | None = None,
    *,
    once: str = "",
) -> RunView:
    """Open a run and send its job; the same form (`once`) sent again gives the run it opened.

    Raises what diagnostics.open_run raises, and Unavailable when the queue does not answer.
    """
    found = runtime.current()
    limits = found.settings.diagnostics
    with found.database.transaction() as session:
        run = diagnostics.open_run(
            session,
            identity.actor(),
            kind=kind,
            target=target,
            customer_id=customer_id,
            limits=limits,
            options=options,
            once=once,
        )
        view = diagnostic_block.view(run)
        doer = pop_boxes.doer(session, view.pop, limits.default_pop)
    if view.status is not DiagnosticStatus.QUEUED:
        return view
    try:
        # For a form that came again this is a second job of the same run: whoever comes second does nothing.
        enqueue.diagnose(found.queue, view.id, pop=doer, expires_s=limits.job_expires_s)
    except errors.Unavailable as error:
        with found.database.transaction() as session:
            diagnostics.finish(session, view.id, DiagnosticStatus.FAILED, error=error.message)
        raise
    return view
