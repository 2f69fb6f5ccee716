"""Tries of a gate from its page: it is read, nothing is changed, and what was found stands there."""

from flask import Response, request
from flask_babel import gettext

from core import clock, db
from registry import gate_tries, line_gates
from registry.gate_tries import TryState
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime


@permissions.required("setup.change")
def ask(gate_id: int) -> Response:
    """Have the gate tried by the worker that tells it; one that is under way is not asked twice."""
    now = runtime.current()
    with now.database.transaction() as session:
        asked = gate_tries.ask(
            session,
            identity.actor(),
            gate_id,
            default_pop=now.settings.diagnostics.default_pop,
            now=clock.now(),
        )
        if asked is not None:
            try_id, pop = asked
            expires_s = gate_tries.TAKEN_S
            db.after_commit(
                session, lambda: enqueue.try_gate(now.queue, try_id, pop=pop, expires_s=expires_s)
            )
    if rendering.is_htmx():
        return _fragment(gate_id)
    rendering.say(gettext("The gate is being tried; nothing on it is changed."))
    return rendering.go("setup.edit_gate", gate_id=gate_id)


@permissions.required("setup.view")
def show(gate_id: int) -> Response:
    """Show how far the last try is, or what it found."""
    return _fragment(gate_id)


def _fragment(gate_id: int) -> Response:
    with runtime.current().database.reading() as session:
        line_gates.get(session, gate_id)
        tries = gate_tries.of_gate(session, gate_id, clock.now())
    return rendering.page_or_fragment(
        "setup/gate_tries.html",
        "setup/_gate_try.html",
        gate_id=gate_id,
        one=tries[0] if tries else None,
        tries=tries,
        is_short=request.args.get("short") == "1",
        TryState=TryState,
    )
