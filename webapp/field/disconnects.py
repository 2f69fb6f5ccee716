"""The disconnect queue on the technician's phone: what is due for me, and how it ended."""

from datetime import timedelta

from flask import Response, render_template, request
from flask_babel import gettext

from core import clock, errors
from desk import disconnects
from registry import field
from webapp import identity, permissions, rendering, runtime


@permissions.required("field.work")
def listing() -> Response:
    """What is due for me or for nobody, the earliest day first."""
    found = runtime.current()
    today = clock.today(found.settings.isp.time_zone)
    with found.database.reading() as session:
        rows = disconnects.of_technician(session, identity.actor().staff_id or 0, today)
        places = field.places(session, {row.customer_id for row in rows})
    return Response(render_template("field/disconnects.html", rows=rows, places=places, today=today))


@permissions.required("field.work")
def end(entry_id: int) -> Response:
    """End an entry: disconnected, or nobody was at home and it is tried tomorrow."""
    result, note, actor = request.form.get("result", ""), request.form.get("note", ""), identity.actor()
    if result not in ("disconnected", "not_home"):
        raise errors.Invalid(gettext("Choose how it ended"))
    with runtime.current().database.transaction() as session:
        if result == "disconnected":
            disconnects.done(session, actor, entry_id, note=note)
        else:
            again = clock.today(runtime.current().settings.isp.time_zone) + timedelta(days=1)
            disconnects.miss(session, actor, entry_id, note=note, next_on=again)
    rendering.say(gettext("Disconnected.") if result == "disconnected" else gettext("It is tried again."))
    return rendering.go("field.disconnects")
