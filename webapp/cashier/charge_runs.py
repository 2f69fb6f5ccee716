"""Charge runs: how far each came and what it made; one started by hand."""

from datetime import date, timedelta

from flask import Response, render_template, request
from flask_babel import format_date, gettext, lazy_gettext
from wtforms import DateField
from wtforms.validators import InputRequired

from billing import acts, charge_runs, late_documents
from billing.models import ChargeRun
from core import clock, errors
from core.money import Money
from core.words import N_
from registry import audit, money, run_lists
from registry.keyset import order
from registry.run_lists import RunFilter
from tasks import enqueue
from webapp import asked, identity, permissions, rendering, runtime
from webapp.cashier import day
from webapp.forms import Form

# How many seconds a page waits for the worker to take up a run that was started.
AWAITED = 10


class DayForm(Form):
    """By which day everybody is charged."""

    on = DateField(lazy_gettext("By which day"), [InputRequired(lazy_gettext("Say by which day to charge."))])


@permissions.required("charge.run")
def listing() -> Response:
    """The runs, newest first; htmx asks for them every second while one goes on."""
    return _page(DayForm(formdata=None, on=day.today()))


def _page(form: DayForm) -> Response:
    filters, sort, after = _filters(), _sort(), request.args.get("after")
    with runtime.current().database.reading() as session:
        found, mark = run_lists.charging(session, filters, sort=sort, after=after)
    awaited = min(request.args.get("awaited", 0, type=int), AWAITED)
    is_over = awaited <= 1 and "awaited" in request.args
    return rendering.page_or_fragment(
        "cashier/charge_runs.html",
        "cashier/_charge_runs.html",
        form.status,
        form=form,
        runs=found,
        next=mark,
        filters=filters,
        sort=sort,
        states=run_lists.CHARGE_STATES,
        is_filtered=filters != RunFilter(),
        is_running=not after and any(_is_running(one) for one in found),
        awaited=max(0, awaited - 1),
        is_untaken=is_over and not any(map(_is_recent, found)),
        is_lost=charge_runs.is_lost,
        interrupted=charge_runs.INTERRUPTED,
        today=day.today(),
        as_money=Money,
        day_text=lambda since: format_date(date.fromisoformat(since), "medium"),
    )


def _filters() -> RunFilter:
    return RunFilter(
        state=asked.word("state", run_lists.CHARGE_STATES),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), run_lists.CHARGE_KEYS, run_lists.USUAL_SORT)


def _is_running(run: ChargeRun) -> bool:
    return run.finished_at is None and run.error is None and not charge_runs.is_lost(run)


def _is_recent(run: ChargeRun) -> bool:
    """Whether a worker took it up since the page waits, or a little before."""
    return run.started_at > clock.now() - timedelta(seconds=2 * AWAITED)


@permissions.required("charge.run")
def start() -> Response:
    """Start a run for a day; pressed twice it charges nothing twice, for the run itself is once-only."""
    form = DayForm()
    if form.accept(lambda: _start(form)):
        rendering.say(gettext("The charge run starts."))
        return rendering.go("cashier.charge_runs", awaited=AWAITED)
    return _page(form)


def _start(form: DayForm) -> None:
    on = form.on.data
    if on > day.today():
        raise errors.Invalid("Not yet", {"on": N_("A day that has not begun is not charged.")})
    actor = identity.actor()
    enqueue.charge(runtime.current().queue, on.isoformat(), actor.name)
    with runtime.current().database.transaction() as session:
        changes = audit.difference({}, {"on": on})
        audit.record(session, actor, "charge_run.started", object_kind="charge_run", changes=changes)


@permissions.required("document.issue")
def late() -> Response:
    """Show how many charges from a day on stand on no document though they should, and why."""
    since = asked.day("since") or day.today().replace(day=1)
    act = acts.Act(day.today(), day.terms(), money.author(identity.actor()))
    with runtime.current().database.reading() as session:
        found = late_documents.waiting(session, act, since)
    return Response(render_template("cashier/late_documents.html", since=since, found=found, as_money=Money))


@permissions.required("document.issue")
def issue_late() -> Response:
    """Have them issued; pressed twice it issues nothing twice."""
    try:
        since = date.fromisoformat(request.form.get("since", ""))
    except ValueError as error:
        raise errors.Invalid("Say from which day on") from error
    enqueue.document_charges(runtime.current().queue, since.isoformat(), identity.actor().name)
    rendering.say(gettext("The documents are being issued."))
    return rendering.go("cashier.late_documents", since=since.isoformat())
