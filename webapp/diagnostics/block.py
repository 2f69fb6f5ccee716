"""The diagnostics block of a card: what can be asked, what is being asked, what was asked before."""

from typing import Any

from flask import Response, render_template, request
from flask_babel import gettext

from core import errors
from registry import diagnostic_block, diagnostics
from registry.diagnostic_block import RunView
from registry.models import DiagnosticKind
from webapp import diagnostic_start, permissions, rendering, runtime

TARGETS_LIMIT = 32


@permissions.required("diagnostics.view")
def panel(customer_id: int) -> Response:
    """The block as a fragment; runs that go on are joined by whoever opens it."""
    found = runtime.current()
    with found.database.reading() as session:
        block = diagnostic_block.load(session, customer_id, found.settings.diagnostics)
    limits = found.settings.diagnostics
    parts = {"history": "diagnostics/_history.html", "baseline": "diagnostics/_baseline.html"}
    name = parts.get(request.args.get("part", ""), "diagnostics/_panel.html")
    return Response(render_template(name, block=block, limits=limits, sizes=diagnostics.PING_SIZES))


@permissions.required("diagnostics.run")
def diagnose(customer_id: int) -> Response:
    """Check the customer's whole line, stage by stage, and give a verdict."""
    return _start(customer_id, DiagnosticKind.DIAGNOSE, targets=[f"customer:{customer_id}"])


@permissions.required("diagnostics.run")
def diagnose_device(device_id: int) -> Response:
    """Check a device of ours, or the port named by `port_id`, by itself: no customer's line is meant."""
    port_id = request.form.get("port_id", type=int)
    target = f"port:{port_id}" if port_id else f"device:{device_id}"
    run = diagnostic_start.begin(None, DiagnosticKind.DIAGNOSE, target)
    return rendering.go("diagnostics.run", run_id=run.id)


@permissions.required("diagnostics.run")
def ping(customer_id: int) -> Response:
    """Ping the ticked addresses, all at once."""
    options = {name: request.form.get(name) for name in ("count", "interval_s", "size")}
    return _start(customer_id, DiagnosticKind.PING, options)


@permissions.required("diagnostics.run")
def mac(customer_id: int) -> Response:
    """Look up which MAC answers for the ticked addresses."""
    return _start(customer_id, DiagnosticKind.MAC_LOOKUP)


@permissions.required("diagnostics.run")
def snmp(customer_id: int) -> Response:
    """Read what a device or the customer's switch port says of itself."""
    return _start(customer_id, DiagnosticKind.SNMP_STATUS)


@permissions.required("diagnostics.run")
def locate(customer_id: int) -> Response:
    """Search the switches for the MACs on file of the ticked addresses."""
    return _start(customer_id, DiagnosticKind.LOCATE_MAC)


def _start(
    customer_id: int,
    kind: DiagnosticKind,
    options: dict[str, Any] | None = None,
    *,
    targets: list[str] | None = None,
) -> Response:
    """Open one run for each target and answer with them; what could not be opened is said in words."""
    targets = targets or list(dict.fromkeys(request.form.getlist("target")))[:TARGETS_LIMIT]
    if not targets:
        text = gettext("Tick at least one address")
        return _refused(errors.Invalid(text, {"target": text}))
    begun: list[RunView] = []
    refused: list[errors.LinecardError] = []
    for target in targets:
        try:
            begun.append(diagnostic_start.begin(customer_id, kind, target, options))
        except errors.LinecardError as error:
            refused.append(error)
    if not begun:
        return _refused(refused[0])
    if not rendering.is_htmx():
        return rendering.go("diagnostics.run", run_id=begun[0].id)
    answer = Response("".join(render_template("diagnostics/_run.html", run=run) for run in begun))
    answer = rendering.with_event(answer, "runs-begun", {"runs": [run.id for run in begun]})
    if refused:
        return rendering.with_toast(answer, " ".join(error.message for error in refused), "warn")
    return answer


def _refused(error: errors.LinecardError) -> Response:
    """Say in a toast what is wrong with the form; what is no fault of the form goes the usual way."""
    if not isinstance(error, errors.Invalid) or not rendering.is_htmx():
        raise error
    words = " ".join([error.message, *(text for text in error.fields.values() if text != error.message)])
    # The form stays as it is: nothing of the page is replaced.
    answer = Response(status=422, headers={"HX-Reswap": "none"})
    return rendering.with_toast(answer, words, "bad")
