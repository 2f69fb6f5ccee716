"""Gates: where lines are opened and closed, and which of them is the default."""

from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext

from core import clock, errors
from registry import gate_kinds, gate_tries, in_use, line_gates, pops
from registry.gate_kinds import KINDS, GateKind
from registry.gate_tries import TryState
from registry.models import LineGate
from webapp import identity, permissions, rendering, runtime, waking
from webapp.setup import gate_words, pages
from webapp.setup.forms import gate_form


@permissions.required("setup.view")
def listing() -> Response:
    """List the gates, with what the next default one would take over."""
    with runtime.current().database.reading() as session:
        rows, takeover = line_gates.overview(session), line_gates.takeover(session)
        tries = gate_tries.last(session, (row.gate.id for row in rows), clock.now())
    return rendering.page_or_fragment(
        "setup/gates.html",
        "setup/gates.html",
        rows=rows,
        takeover=takeover,
        tries=tries,
        kinds=KINDS,
        say=gate_words.say,
        TryState=TryState,
    )


@permissions.required("setup.change")
def add() -> Response:
    """Add a gate: its kind stands in the URL, the form asks for that kind's options."""
    kind = KINDS.get(request.args.get("kind", ""))
    if kind is None:
        return rendering.page_or_fragment(
            "setup/gate_kinds.html", "setup/gate_kinds.html", kinds=KINDS, say=gate_words.say
        )
    form = _form(kind, None)
    if form.accept(lambda: _add(kind, form)):
        rendering.say(gettext("The gate is added. Lines use it once it is the default or they name it."))
        return rendering.go("setup.gates")
    title = gettext("Add a gate: %(kind)s", kind=gate_words.say(kind.title))
    note = str(gate_words.say(kind.summary))
    return pages.show(pages.Frame(title, form.ROWS, url_for("setup.gates"), note), form)


def _add(kind: GateKind, form: Any) -> None:
    options, secrets = _read(kind, form)
    with runtime.current().database.transaction() as session:
        line_gates.create(
            session,
            identity.actor(),
            name=form.name.data or "",
            kind=kind.name,
            options=options,
            secrets=secrets,
            ring=runtime.current().ring,
            pop_id=form.pop_id.data,
        )


@permissions.required("setup.change")
def edit(gate_id: int) -> Response:
    """Change a gate."""
    with runtime.current().database.reading() as session:
        gate, users = line_gates.get(session, gate_id), in_use.count(session, "gate", gate_id)
        tries = gate_tries.of_gate(session, gate_id, clock.now())
    kind = _kind(gate)
    form = _form(kind, gate)
    if form.accept(lambda: _change(gate_id, kind, form)):
        rendering.say(gettext("Saved. Its lines are told to it anew where that matters."))
        return rendering.go("setup.gates")
    refusal = gettext("This is the default gate: make another one the default first.")
    removal = pages.Removal(
        url_for("setup.remove_gate", gate_id=gate_id), gate.name, users, refusal if gate.is_default else ""
    )
    note = gettext(
        "%(summary)s What was closed under the old options stays closed there: "
        "take care of it before you change them.",
        summary=gate_words.say(kind.summary),
    )
    frame = pages.Frame(gate.name, form.ROWS, url_for("setup.gates"), note, removal)
    return pages.show(frame, form, "setup/gate.html", gate_id=gate_id, tries=tries, TryState=TryState)


def _kind(gate: LineGate) -> GateKind:
    kind = KINDS.get(gate.kind)
    if kind is None:
        raise errors.Conflict(gettext("This version has no gates of the kind %(kind)s.", kind=gate.kind))
    return kind


def _form(kind: GateKind, gate: LineGate | None) -> Any:
    with runtime.current().database.reading() as session:
        places = pops.list_all(session)
    written: dict[str, Any] = gate_kinds.written_options(kind.name, gate.options if gate else {})
    shown = {"name": gate.name, "pop_id": gate.pop_id} if gate else {}
    form = gate_form(kind)(**shown, **written)
    form.pop_id.choices = pages.offer((pop.id, pop.name) for pop in places)
    return form


def _read(kind: GateKind, form: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the options and the secrets the form wrote; raises Invalid with every fault at its option."""
    written = {option.name: form[option.name].data or "" for option in kind.options}
    read = gate_kinds.read_options(kind.name, written)
    return read, {name: read.pop(name) for name in gate_kinds.secret_names(kind.name) & set(read)}


def _change(gate_id: int, kind: GateKind, form: Any) -> None:
    options, secrets = _read(kind, form)
    with runtime.current().database.transaction() as session:
        line_gates.change(
            session,
            identity.actor(),
            gate_id,
            name=form.name.data or "",
            options=options,
            secrets=secrets,
            ring=runtime.current().ring,
            pop_id=form.pop_id.data,
        )
        waking.wake_gates(session)


@permissions.required("setup.change")
def make_default(gate_id: int) -> Response:
    """Let this gate take over every line that names none."""
    with runtime.current().database.transaction() as session:
        count = line_gates.take_over(session, identity.actor(), gate_id)
        waking.wake_gates(session)
    rendering.say(gettext("It is the default gate now and is being told its lines: %(count)s.", count=count))
    return rendering.go("setup.gates")


@permissions.required("setup.change")
def remove(gate_id: int) -> Response:
    """Remove a gate no line names."""
    return pages.remove(
        lambda session: line_gates.remove(session, identity.actor(), gate_id),
        stay_url=url_for("setup.edit_gate", gate_id=gate_id),
        endpoint="setup.gates",
    )
