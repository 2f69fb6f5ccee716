"""What a technician does: ask the line, take its baseline, end a visit. Nothing is done twice."""

from flask import Response, render_template, request
from flask_babel import gettext

from core import errors
from desk import visits
from desk.models import VisitResult
from registry import baselines, diagnostic_block, diagnostics
from registry.diagnostic_block import RunView
from registry.models import BaselineKind, DiagnosticKind
from webapp import diagnostic_start, identity, permissions, rendering, runtime
from webapp.field import pages

ASKED = {
    "ping": DiagnosticKind.PING,
    "read": DiagnosticKind.SNMP_STATUS,
    "mac": DiagnosticKind.MAC_LOOKUP,
    "diagnose": DiagnosticKind.DIAGNOSE,
}


@permissions.required("field.work")
def ask_line(customer_id: int) -> Response:
    """Ping an address of the line, read its port, look its MAC up, or diagnose all of it."""
    return _ask(customer_id, request.form.get("target", ""))


@permissions.required("field.work")
def ask_device(device_id: int) -> Response:
    """Ping a device of the network, or read what it says of itself."""
    return _ask(None, f"device:{device_id}")


def _ask(customer_id: int | None, target: str) -> Response:
    identity.demand("diagnostics.run")
    kind = ASKED.get(request.form.get("kind", ""))
    if kind is None:
        raise errors.Invalid(gettext("Choose what to ask"))
    once = request.form.get("once", "")
    try:
        shown = diagnostic_start.begin(customer_id, kind, target, once=once)
    except errors.Busy:
        shown = _going_already(kind, target)
    return pages.fragment(shown) if rendering.is_htmx() else pages.to_page(shown)


def _going_already(kind: DiagnosticKind, target: str) -> RunView:
    """Return my own run of this, which goes on: pressing again shows it. Raises Busy when it is not that."""
    with runtime.current().database.reading() as session:
        going = diagnostics.open_run_of(session, identity.actor().staff_id or 0, kind, target)
        if going is None:
            raise errors.Busy(gettext("Too many measurements go on; stop one or wait for its end"))
        return diagnostic_block.view(going)


@permissions.required("field.work")
def baseline(run_id: int) -> Response:
    """Keep what a good diagnosis measured as the line's baseline."""
    identity.demand("diagnostics.run")
    kind = request.form.get("kind", "")
    if kind not in set(BaselineKind):
        raise errors.Invalid(gettext("Choose the occasion"))
    with runtime.current().database.transaction() as session:
        if not baselines.is_taken(session, run_id):
            note = request.form.get("note", "")
            baselines.take(session, identity.actor(), run_id, kind=BaselineKind(kind), note=note)
        shown = diagnostic_block.one(session, run_id)
    text = gettext("The baseline of this line is taken.")
    if not rendering.is_htmx():
        rendering.say(text)
        return pages.to_page(shown)
    return rendering.with_toast(Response(render_template("field/_baseline_taken.html")), text)


@permissions.required("field.work")
def visit(visit_id: int) -> Response:
    """End my visit: done, or not done and why."""
    identity.demand("ticket.write")
    result = request.form.get("result", "")
    if result not in (VisitResult.DONE, VisitResult.NOT_DONE):
        raise errors.Invalid(gettext("Choose how the visit ended"))
    with runtime.current().database.transaction() as session:
        visits.finish(session, identity.actor(), visit_id, VisitResult(result), request.form.get("note", ""))
    is_done = result == VisitResult.DONE
    rendering.say(
        gettext("Done: the ticket is closed.") if is_done else gettext("Not done: the ticket stays open.")
    )
    return rendering.go("field.day")
