"""The pages of the technician's phone: small, without maps or charts."""

from flask import Response, request

from desk import board
from desk.board import BoardFilter
from registry import field
from webapp import identity, permissions, rendering, runtime


@permissions.required("diagnostics.view")
def day() -> Response:
    """The open tickets given to me, by urgency, each with its place."""
    filters = BoardFilter(assignee_id=identity.actor().staff_id or 0)
    with runtime.current().database.reading() as session:
        page = board.page(session, filters, after=request.args.get("after"), limit=25)
        places = field.places(session, {row.customer_id for row in page.rows})
    return rendering.page_or_fragment("field/day.html", "field/day.html", page=page, places=places)


@permissions.required("diagnostics.view")
def line(customer_id: int) -> Response:
    """One line: where, whether it answers, and the buttons to examine it."""
    with runtime.current().database.reading() as session:
        found = field.line(session, customer_id)
    return rendering.page_or_fragment("field/line.html", "field/line.html", line=found)


@permissions.required("diagnostics.view")
def scan() -> Response:
    """Find by MAC or serial, as `q` names it."""
    text = request.args.get("q", "").strip()
    with runtime.current().database.reading() as session:
        found = field.find(session, text)
        places = field.places(session, {one.customer_id for one in found if one.customer_id})
    return rendering.page_or_fragment(
        "field/scan.html", "field/scan.html", text=text, found=found, places=places
    )


@permissions.required("diagnostics.view")
def near() -> Response:
    """The customers around `lat`, `lon`, nearest first."""
    lat, lon = request.args.get("lat", type=float), request.args.get("lon", type=float)
    is_asked = lat is not None and lon is not None
    found = []
    if lat is not None and lon is not None:
        with runtime.current().database.reading() as session:
            found = field.near(session, lat, lon)
    return rendering.page_or_fragment(
        "field/near.html", "field/near.html", lat=lat, lon=lon, is_asked=is_asked, found=found
    )
