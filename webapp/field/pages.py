"""The pages of the technician's phone: small, without maps or charts."""

import secrets

from flask import Response, render_template, request
from sqlalchemy.orm import Session

from core import clock
from desk import board, tickets, visits
from desk.board import BoardFilter
from registry import diagnostic_block, diagnostics, field, nearby
from registry.diagnostic_block import RunView
from registry.models import DiagnosticStatus
from webapp import identity, permissions, rendering, runtime
from webapp.field import work

RECENT = 5
OPEN_TICKETS = 5


@permissions.required("field.work")
def day() -> Response:
    """My visits of today by time, then the open tickets given to me that have none."""
    found = runtime.current()
    zone = found.settings.isp.time_zone
    me = identity.actor().staff_id or 0
    today = clock.today(zone)
    with found.database.reading() as session:
        planned = visits.of_day(session, me, today, zone)
        page = board.page(session, BoardFilter(assignee_id=me), after=request.args.get("after"), limit=25)
        visited = {one.ticket_id for one in planned}
        rows = [row for row in page.rows if row.id not in visited]
        customers = {one.customer_id for one in (*planned, *rows)}
        places = field.places(session, customers)
        done = work.of_tickets(session, {one.ticket_id: one.customer_id for one in planned})
    return Response(
        render_template(
            "field/day.html",
            work_of=done,
            today=today,
            now=clock.now(),
            visits=planned,
            rows=rows,
            next=page.next.next,
            places=places,
        )
    )


@permissions.required("field.work")
def line(customer_id: int) -> Response:
    """One line: where, whether it answers, and the buttons to examine it; `run` is shown above the others."""
    found = runtime.current()
    with found.database.reading() as session:
        page = field.line(session, customer_id)
        block = diagnostic_block.load(session, customer_id, found.settings.diagnostics, history_limit=RECENT)
        asked = _asked(session, customer_id=customer_id)
        going = tickets.of_customer(session, customer_id, is_closed=False, limit=OPEN_TICKETS)
        works = work.of_tickets(session, {one.id: customer_id for one in going})
    shown = _shown(asked, list(block.open_runs))
    return Response(
        render_template(
            "field/line.html",
            line=page,
            works=[(one, works[one.id]) for one in going],
            block=block,
            runs=shown,
            history=[run for run in block.history if run.id not in {one.id for one in shown}],
            mark=new_mark(),
        )
    )


@permissions.required("field.work")
def device(device_id: int) -> Response:
    """A device of the network: where it stands, whether it answers, and the buttons to ask it."""
    found = runtime.current()
    with found.database.reading() as session:
        page = field.device(session, device_id)
        asked = _asked(session, target=f"device:{device_id}")
    return Response(
        render_template("field/device.html", device=page, runs=_shown(asked, []), mark=new_mark())
    )


def _asked(session: Session, *, customer_id: int | None = None, target: str = "") -> RunView | None:
    """Return the run named by `run`, if it is one of this page."""
    run_id = request.args.get("run", type=int)
    if run_id is None:
        return None
    run = diagnostics.watchable(session, [run_id]).get(run_id)
    is_of_page = run is not None and (run.customer_id == customer_id if customer_id else run.target == target)
    return diagnostic_block.view(run) if run is not None and is_of_page else None


def _shown(asked: RunView | None, going: list[RunView]) -> list[RunView]:
    """Return the runs a page shows in full, the newest first."""
    runs = {run.id: run for run in (*going, *([asked] if asked else []))}
    return [runs[run_id] for run_id in sorted(runs, reverse=True)]


def new_mark() -> str:
    """Return the mark of the forms of one page: what is sent again with it does nothing twice."""
    return secrets.token_urlsafe(12)


@permissions.required("field.work")
def scan() -> Response:
    """Find by MAC or serial, as `q` names it."""
    text = request.args.get("q", "").strip()
    with runtime.current().database.reading() as session:
        found = field.find(session, text)
        places = field.places(session, {one.customer_id for one in found if one.customer_id})
    return Response(render_template("field/scan.html", text=text, found=found, places=places))


@permissions.required("field.work")
def near() -> Response:
    """The customers and devices around `lat`, `lon`, nearest first."""
    lat, lon = request.args.get("lat", type=float), request.args.get("lon", type=float)
    customers, devices = [], []
    if lat is not None and lon is not None:
        with runtime.current().database.reading() as session:
            customers = nearby.customers(session, lat, lon)
            devices = nearby.devices(session, lat, lon)
    return Response(
        render_template(
            "field/near.html",
            lat=lat,
            lon=lon,
            is_asked=lat is not None and lon is not None,
            customers=customers,
            devices=devices,
        )
    )


@permissions.required("field.work")
def run(run_id: int) -> Response:
    """One run as the phone shows it; asked for as a page it leads to its line."""
    with runtime.current().database.reading() as session:
        shown = diagnostic_block.one(session, run_id)
    if rendering.is_htmx():
        return fragment(shown)
    return to_page(shown)


def fragment(shown: RunView) -> Response:
    """Answer with the run alone; a stream is opened for it before it is on the page."""
    answer = Response(render_template("field/_run.html", run=shown, mark=new_mark()))
    if shown.status in (DiagnosticStatus.QUEUED, DiagnosticStatus.RUNNING):
        return rendering.with_event(answer, "runs-begun", {"runs": [shown.id]})
    return answer


def to_page(shown: RunView) -> Response:
    """Lead to the page of the line, or of the device, that shows the run."""
    if shown.customer_id is not None:
        return rendering.go("field.line", customer_id=shown.customer_id, run=shown.id)
    word, _, number = shown.target.partition(":")
    if word == "device":
        return rendering.go("field.device", device_id=int(number), run=shown.id)
    return rendering.go("diagnostics.run", run_id=shown.id)
