"""What a device of the network says of itself: the last whole reading, and a new one."""

from flask import Response

from core import errors
from registry import diagnostic_block, diagnostics, gear, pop_boxes
from registry.models import DiagnosticKind, DiagnosticStatus
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime


@permissions.required("diagnostics.view")
def show(device_id: int) -> Response:
    """Show the last whole reading: identity, warnings, sensors, ports, transceivers, ONUs, radio."""
    with runtime.current().database.reading() as session:
        device = gear.own(session, device_id)
    last = device.last_status or {}
    # A reading of one port names the MACs behind it.
    found = last if "ports" in last and "macs" not in last else None
    return rendering.page_or_fragment(
        "diagnostics/device.html", "diagnostics/device.html", device=device, found=found
    )


@permissions.required("diagnostics.run")
def read(device_id: int) -> Response:
    """Read the device whole, now, and go to the run."""
    found = runtime.current()
    limits = found.settings.diagnostics
    with found.database.transaction() as session:
        gear.own(session, device_id)
        run = diagnostics.open_run(
            session,
            identity.actor(),
            kind=DiagnosticKind.SNMP_STATUS,
            target=f"device:{device_id}",
            customer_id=None,
            limits=limits,
        )
        view = diagnostic_block.view(run)
        doer = pop_boxes.doer(session, view.pop, limits.default_pop)
    try:
        enqueue.diagnose(found.queue, view.id, pop=doer, expires_s=limits.job_expires_s)
    except errors.Unavailable as error:
        with found.database.transaction() as session:
            diagnostics.finish(session, view.id, DiagnosticStatus.FAILED, error=error.message)
        raise
    return rendering.go("diagnostics.run", run_id=view.id)
