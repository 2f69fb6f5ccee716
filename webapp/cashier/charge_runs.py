"""Charge runs: how far each came and what it made; one started by hand."""

from datetime import date

from flask import Response, request
from flask_babel import format_date, gettext

from billing import charge_runs
from billing.models import ChargeRun
from core import errors
from core.money import Money
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day

PAGE = 50
# How many seconds a page waits for the worker to take up a run that was started.
AWAITED = 10


@permissions.required("charge.run")
def listing() -> Response:
    """The runs, newest first; htmx asks for them every second while one goes on."""
    after = request.args.get("after", "")
    before_id = int(after) if after.isdecimal() and len(after) < 19 else None
    with runtime.current().database.reading() as session:
        found = charge_runs.recent(session, before_id=before_id, limit=PAGE + 1)
    awaited = min(request.args.get("awaited", 0, type=int), AWAITED)
    return rendering.page_or_fragment(
        "cashier/charge_runs.html",
        "cashier/_charge_runs.html",
        runs=found[:PAGE],
        next=found[PAGE - 1].id if len(found) > PAGE else None,
        is_running=before_id is None and any(_is_running(one) for one in found[:PAGE]),
        awaited=max(0, awaited - 1),
        today=day.today(),
        as_money=Money,
        day_text=lambda since: format_date(date.fromisoformat(since), "medium"),
    )


def _is_running(run: ChargeRun) -> bool:
    return run.finished_at is None and run.error is None


@permissions.required("charge.run")
def start() -> Response:
    """Start a run for a day; pressed twice it charges nothing twice, for the run itself is once-only."""
    on = _day(request.form.get("on", ""))
    enqueue.charge(runtime.current().queue, on.isoformat(), identity.actor().name)
    rendering.say(gettext("The charge run starts."))
    return rendering.go("cashier.charge_runs", awaited=AWAITED)


def _day(text: str) -> date:
    try:
        on = date.fromisoformat(text)
    except ValueError as error:
        raise errors.Invalid(gettext("Say by which day to charge.")) from error
    if on > day.today():
        raise errors.Invalid(gettext("A day that has not begun is not charged."))
    return on
