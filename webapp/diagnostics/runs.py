"""Diagnostic runs by themselves: the list of all, one run, stopping it, keeping the MAC it found."""

import redis
from flask import Response, render_template, request
from flask_babel import gettext

from core import errors, live
from registry import baselines, diagnostic_block, diagnostics
from registry.diagnostic_block import RunView
from registry.models import BaselineKind, DiagnosticKind
from webapp import identity, permissions, rendering, runtime

PAGE = 50


@permissions.required("diagnostics.view")
def listing() -> Response:
    """The runs of everybody, newest first; `kind`, `mine` and `open` narrow it, `after` continues it."""
    kind = request.args.get("kind", "")
    person = identity.person()
    with runtime.current().database.reading() as session:
        runs = diagnostic_block.listing(
            session,
            kind=DiagnosticKind(kind) if kind in set(DiagnosticKind) else None,
            staff_id=person.id if person and request.args.get("mine") else None,
            is_open=bool(request.args.get("open")),
            before_id=request.args.get("after", type=int),
            limit=PAGE + 1,
        )
        workers = diagnostics.workers(session)
    return rendering.page_or_fragment(
        "diagnostics/list.html",
        "diagnostics/list.html",
        runs=runs[:PAGE],
        after=runs[PAGE - 1].id if len(runs) > PAGE else None,
        workers=workers,
        kinds=list(DiagnosticKind),
    )


@permissions.required("diagnostics.view")
def show(run_id: int) -> Response:
    """One run: live while it goes on, its result after."""
    return rendering.page_or_fragment("diagnostics/run.html", "diagnostics/_run.html", run=_load(run_id))


@permissions.required("diagnostics.run")
def stop(run_id: int) -> Response:
    """End the run: at once when no worker has it yet, else the worker sees it within a tenth of a second."""
    found = runtime.current()
    with found.database.transaction() as session:
        run = diagnostic_block.view(diagnostics.stop(session, identity.actor(), run_id))
    try:
        live.ask_stop(found.redis, run_id)
        if not run.is_open:
            # The worker that would have said so never had it, or is gone; said twice does no harm.
            live.publish(
                found.redis, run_id, live.LAST_KIND, {"status": run.status.value, "error": run.error}
            )
    except redis.RedisError as error:
        raise errors.Unavailable(gettext("The server of the live streams does not answer")) from error
    if rendering.is_htmx():
        return Response(status=204)
    return rendering.go("diagnostics.run", run_id=run_id)


@permissions.required("equipment.edit")
def store_mac(run_id: int) -> Response:
    """Put the MAC the lookup found on file for its address."""
    mac = request.form.get("mac", "")
    with runtime.current().database.transaction() as session:
        row = diagnostics.store_mac(session, identity.actor(), run_id, mac)
        address = str(row.address)
    text = gettext("%(mac)s is on file for %(address)s now.", mac=mac, address=address)
    if not rendering.is_htmx():
        rendering.say(text)
        return rendering.go("diagnostics.run", run_id=run_id)
    answer = Response(render_template("diagnostics/_run.html", run=_load(run_id), is_mac_stored=True))
    return rendering.with_event(rendering.with_toast(answer, text), "addresses-changed")


@permissions.required("diagnostics.run")
def take_baseline(run_id: int) -> Response:
    """Keep what a good diagnosis measured: later ones are compared with it."""
    kind = request.form.get("kind", "")
    if kind not in set(BaselineKind):
        text = gettext("Choose the occasion")
        raise errors.Invalid(text, {"kind": text})
    with runtime.current().database.transaction() as session:
        note = request.form.get("note", "")
        baselines.take(session, identity.actor(), run_id, kind=BaselineKind(kind), note=note)
    text = gettext("The baseline of this line is taken.")
    if not rendering.is_htmx():
        rendering.say(text)
        return rendering.go("diagnostics.run", run_id=run_id)
    return rendering.with_event(rendering.with_toast(Response(""), text), "baseline-taken")


def _load(run_id: int) -> RunView:
    with runtime.current().database.reading() as session:
        return diagnostic_block.one(session, run_id)
