"""POPs, and which workers live there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext

from core import clock
from registry import diagnostics, gate_moves, in_use, names, pops, watch_rounds
from registry.models import Pop
from registry.watch_rounds import Pulse
from webapp import identity, permissions, rendering, runtime, waking
from webapp.setup import pages
from webapp.setup.forms import NewPopForm, PopForm


@dataclass(frozen=True, slots=True)
class Row:
    """A POP, the sign of life of its probe worker (`seen_at` is None without one), and how its rounds go."""

    pop: Pop
    facts: dict[str, Any]
    is_alive: bool
    seen_at: datetime | None
    advice: str
    pulses: tuple[Pulse, ...]


@permissions.required("setup.view")
def listing() -> Response:
    """List the POPs, and the workers of POPs nobody entered."""
    settings = runtime.current().settings
    with runtime.current().database.reading() as session:
        found, workers = pops.list_all(session), diagnostics.workers(session)
        pulses = watch_rounds.pulses(session, settings, clock.now()) if settings.watch.is_on else {}
    beats = {worker["pop"]: worker for worker in workers}
    keys = {
        "name": lambda row: names.sort_key(row.pop.name),
        "code": lambda row: row.pop.code,
        "seen": lambda row: row.seen_at,
        "lag": lambda row: max((pulse.lag_s for pulse in row.pulses), default=None),
    }
    rows = pages.short_list(
        (_row(pop, beats.get(pop.code), pulses.get(pop.code, ())) for pop in found),
        keys,
        "name",
        id_of=lambda row: row.pop.id,
        words_of=lambda row: (row.pop.name, row.pop.code),
    )
    strays = sorted(set(beats) - {pop.code for pop in found})
    return pages.show_list("setup/pops.html", rows, strays=strays)


def _row(pop: Pop, worker: dict[str, Any] | None, pulses: tuple[Pulse, ...]) -> Row:
    if worker is None:
        return Row(pop, {}, is_alive=False, seen_at=None, advice="", pulses=pulses)
    ping = worker["facts"].get("ping") or {}
    advice = "" if ping.get("is_allowed", True) else str(ping.get("advice", ""))
    facts = worker["facts"]
    return Row(pop, facts, is_alive=worker["is_alive"], seen_at=worker["at"], advice=advice, pulses=pulses)


@permissions.required("setup.change")
def add() -> Response:
    """Add a POP."""
    form = NewPopForm(code=request.args.get("code", ""))
    _prepare(form)
    if form.accept(lambda: _add(form)):
        rendering.say(gettext("The POP is added."))
        return rendering.go("setup.pops")
    return pages.show(pages.Frame(gettext("Add a POP"), form.ROWS, url_for("setup.pops")), form)


def _prepare(form: PopForm) -> None:
    """Offer the gates, and say beside the paces what nothing means."""
    form.gate_id.choices = pages.gates_to_choose()
    watch = runtime.current().settings.watch
    for field, usual_s in (
        (form.device_watch_s, watch.device_interval_s),
        (form.customer_watch_s, watch.customer_interval_s),
    ):
        field.description = gettext("Empty: %(seconds)s s, as for all.", seconds=usual_s)


def _add(form: NewPopForm) -> None:
    with runtime.current().database.transaction() as session:
        made = pops.create(session, identity.actor(), code=form.code.data or "", **_values(form))
        gate_moves.for_pop(session, identity.actor(), made.id, form.gate_id.data)


def _values(form: PopForm) -> dict[str, Any]:
    point = {
        axis: None if form[axis].data is None else float(form[axis].data)
        for axis in ("latitude", "longitude")
    }
    paces = {name: form[name].data for name in ("device_watch_s", "customer_watch_s")}
    return {"name": form.name.data or "", **point, **paces}


@permissions.required("setup.change")
def edit(pop_id: int) -> Response:
    """Change a POP's name and point."""
    with runtime.current().database.reading() as session:
        pop, users = pops.get(session, pop_id), in_use.count(session, "pop", pop_id)
    form = PopForm(obj=pop)
    _prepare(form)
    if form.accept(lambda: _change(pop_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.pops")
    removal = pages.Removal(url_for("setup.remove_pop", pop_id=pop_id), pop.name, users)
    note = gettext(
        "Code: %(code)s. Its workers take their work from the queue probe.%(code)s.", code=pop.code
    )
    return pages.show(pages.Frame(pop.name, form.ROWS, url_for("setup.pops"), note, removal), form)


def _change(pop_id: int, form: PopForm) -> None:
    with runtime.current().database.transaction() as session:
        pops.change(session, identity.actor(), pop_id, **_values(form))
        if gate_moves.for_pop(session, identity.actor(), pop_id, form.gate_id.data):
            waking.wake_gates(session)


@permissions.required("setup.change")
def remove(pop_id: int) -> Response:
    """Remove a POP nothing stands in."""
    stay_url = url_for("setup.edit_pop", pop_id=pop_id)
    return pages.remove(
        lambda session: pops.remove(session, identity.actor(), pop_id),
        stay_url=stay_url,
        endpoint="setup.pops",
    )
