"""The box of a POP: what its worker is, can and has to do; to invite one, and to shut it out."""

from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from core import clock, db, errors, sealing
from registry import diagnostics, gate_kinds, line_gates, pop_boxes, pops, upkeep
from registry.models import LineGate, Pop, PopBox
from registry.pop_boxes import BoxState
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime


@dataclass(frozen=True, slots=True)
class View:
    """A POP's worker as the page shows it; `facts` are its own words, of its last sign of life."""

    pop: Pop
    box: PopBox | None
    state: BoxState
    seen_at: datetime | None
    is_alive: bool
    facts: dict[str, Any]
    version: str
    gates: list[LineGate]

    @property
    def key(self) -> str:
        """A short name of the box's public key, to be compared with what the box said when it joined."""
        return sealing.fingerprint(self.box.public_key) if self.box and self.box.public_key else ""

    @property
    def waiting(self) -> list[str]:
        """The gates that act on the machine of this POP's worker: told by nobody while it is not there."""
        own = (gate for gate in self.gates if gate_kinds.acts_where_told(gate.kind, gate.options))
        return [] if self.is_alive else [gate.name for gate in own]

    @property
    def is_old(self) -> bool:
        """Whether the worker is of another version than the core."""
        return bool(self.facts.get("version")) and self.facts["version"] != self.version

    @property
    def segments(self) -> list[tuple[str, str]]:
        """The interfaces with their addresses, as the worker told them."""
        told = self.facts.get("segments") or []
        return [(str(one.get("name")), ", ".join(map(str, one.get("addresses") or ()))) for one in told]


def _view(pop_id: int) -> View:
    now = clock.now()
    with runtime.current().database.reading() as session:
        pop, box = pops.get(session, pop_id), pop_boxes.find(session, pop_id)
        beat = upkeep.find_beat(session, f"probe.{pop.code}")
        gates = line_gates.standing(session, pop_id)
    return View(
        pop,
        box,
        pop_boxes.state(box, now),
        beat.at if beat else None,
        is_alive=beat is not None and now - beat.at <= diagnostics.WORKER_ALIVE,
        facts=beat.facts if beat else {},
        version=metadata.version("linecard"),
        gates=gates,
    )


@permissions.required("setup.view")
def show(pop_id: int) -> Response:
    """Show the worker of a POP."""
    return _page(pop_id)


def _page(pop_id: int, ticket: str = "") -> Response:
    settings, view = runtime.current().settings.pops, _view(pop_id)
    return rendering.page_or_fragment(
        "setup/pop_box.html",
        "setup/pop_box.html",
        view=view,
        is_core=view.pop.code == runtime.current().settings.diagnostics.default_pop,
        ticket=ticket,
        address=settings.address,
        taken_s=settings.taken_s,
        minutes=settings.invitation_minutes,
        State=BoxState,
    )


@permissions.required("setup.change")
def invite(pop_id: int) -> Response:
    """Invite a box, the first or one in place of that there is, and show its ticket this once."""
    now = runtime.current()
    try:
        with now.database.transaction() as session:
            invitation = pop_boxes.invite(
                session,
                identity.actor(),
                pop_id,
                now.ring,
                now=clock.now(),
                minutes=now.settings.pops.invitation_minutes,
            )
            ticket = pop_boxes.ticket(now.settings, invitation).text()
            db.after_commit(session, lambda: enqueue.tend_pops(now.queue))
    except errors.Invalid as error:
        rendering.say(error.message, "bad")
        return rendering.go("setup.pop_box", pop_id=pop_id)
    answer = _page(pop_id, ticket)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@permissions.required("setup.change")
def revoke(pop_id: int) -> Response:
    """Shut the box out and forget its key."""
    now = runtime.current()
    with now.database.transaction() as session:
        pop_boxes.revoke(session, identity.actor(), pop_id, now=clock.now())
        db.after_commit(session, lambda: enqueue.tend_pops(now.queue))
    rendering.say(
        gettext("The box is shut out. Its jobs are done by the default worker, as far as that reaches.")
    )
    return rendering.go_to(url_for("setup.pop_box", pop_id=pop_id))
