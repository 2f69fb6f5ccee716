"""The cutoff: its runs, a plan that explains itself row by row, the plan as a file."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from flask import Response, abort, render_template, request
from flask_babel import gettext

from billing import cutoff_runs
from billing.models import CutoffRun, RunStatus
from registry import cutoff_details, cutoff_lists, cutoffs, run_lists, spreadsheets, upkeep
from registry.cutoff_lists import PlanFilter, PlanRow
from registry.keyset import Marks, order
from registry.run_lists import RunFilter
from webapp import asked, downloads, identity, permissions, rendering, runtime, texts
from webapp.cashier import cutoff_asking, cutoff_words, day
from webapp.cashier.cutoff_forms import ReleaseForm, ReviewForm, UndoForm
from webapp.forms import Form

FILE_PAGE = 1000
GOING = (RunStatus.MAKING, RunStatus.APPLYING)


@permissions.required("cutoff.view")
def runs() -> Response:
    """List the runs, newest first; htmx asks for them every two seconds while one goes on."""
    filters, after = _run_filters(), request.args.get("after")
    sort = order(request.args.get("sort", ""), run_lists.CUTOFF_KEYS, run_lists.USUAL_SORT)
    with runtime.current().database.reading() as session:
        found, mark = run_lists.cutoffs(session, filters, sort=sort, after=after)
        waits = upkeep.find_beat(session, upkeep.NIGHT)
    return rendering.page_or_fragment(
        "cashier/runs.html",
        "cashier/_runs.html",
        runs=found,
        next=mark,
        filters=filters,
        sort=sort,
        states=run_lists.CUTOFF_STATES,
        is_filtered=filters != RunFilter(),
        is_going=not after and any(one.status in GOING for one in found),
        waits={**waits.facts, "day": date.fromisoformat(waits.facts["day"])} if waits else None,
    )


def _run_filters() -> RunFilter:
    return RunFilter(
        state=asked.word("state", run_lists.CUTOFF_STATES),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


@permissions.required("cutoff.view")
def run(run_id: int) -> Response:
    """Show a plan: who, why, how much, what changes where; who is spared and why."""
    return page(run_id)


def page(run_id: int, status: int = 200, **forms: Any) -> Response:
    """Return the page of a plan, with the forms that were sent and are to be shown again."""
    filters, sort = cutoff_asking.filters(), cutoff_asking.sort()
    with runtime.current().database.reading() as session:
        kept = cutoffs.get(session, run_id)
        found = cutoff_lists.page(session, kept, filters, sort=sort, after=request.args.get("after"))
        compared = cutoff_details.compare(session, kept)
        choices = cutoff_lists.choices(session)
    return rendering.page_or_fragment(
        "cashier/run.html",
        "cashier/_decisions.html" if not forms else "cashier/run.html",
        status,
        found=found,
        run=kept,
        compared=compared,
        choices=choices,
        filters=filters,
        sort=sort,
        is_filtered=filters != PlanFilter(),
        is_lost=cutoff_runs.is_lost(kept),
        today=day.today(),
        **_forms(kept, forms),
    )


def _forms(kept: CutoffRun, sent: dict[str, Any]) -> dict[str, Form]:
    """Return the forms of the page: those that were sent, the others empty."""
    made: dict[str, Form] = {
        "review": sent.get("review") or ReviewForm(formdata=None),
        "release": sent.get("release") or ReleaseForm(kept.cut_count, formdata=None),
        "undo": sent.get("undo") or UndoForm(formdata=None),
    }
    for name, form in made.items():
        form.stand_apart(name)
    return made


@permissions.required("cutoff.view")
def row(run_id: int, row_id: int) -> Response:
    """Show what a row rests on: opened in place."""
    with runtime.current().database.reading() as session:
        kept = cutoffs.get(session, run_id)
        found = cutoff_details.detail(session, kept, row_id)
    return Response(render_template("cashier/_decision.html", one=found, run=kept))


@permissions.required("cutoff.view")
def progress(run_id: int) -> Response:
    """Show how far a worker came; once it is done the page is asked for again."""
    with runtime.current().database.reading() as session:
        kept = cutoffs.get(session, run_id)
    is_lost = cutoff_runs.is_lost(kept)
    answer = Response(render_template("cashier/_run_progress.html", run=kept, is_lost=is_lost))
    if kept.status not in GOING:
        answer.headers["HX-Refresh"] = "true"
    return answer


@permissions.required("report.read")
def file(run_id: int, ending: str) -> Response:
    """The plan as a file: every row the filters leave, in its order."""
    identity.demand("cutoff.view")
    if ending not in downloads.ENDINGS:
        abort(404)
    with runtime.current().database.reading() as session:
        kept = cutoffs.get(session, run_id)
    table = downloads.Table(f"cutoff-{kept.run_on.isoformat()}-{run_id}", ending)
    table.write(gettext("Cutoff plan"), _heads(), (_cells(one) for one in _every(run_id)))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Service"),
        gettext("What"),
        gettext("Why"),
        gettext("Explanation"),
        gettext("Overdue"),
        gettext("Balance"),
        gettext("Currency"),
        gettext("Days"),
        gettext("POP"),
        gettext("Gate"),
        gettext("Access before"),
        gettext("Access after"),
        gettext("Review"),
        gettext("Note"),
        gettext("What became of it"),
    ]


def _cells(one: PlanRow) -> tuple[spreadsheets.Value, ...]:
    return (
        one.number,
        one.name,
        one.plan,
        cutoff_words.action(one.action),
        cutoff_words.reason(one.reason),
        texts.tell(one.explanation),
        one.overdue,
        one.balance,
        one.overdue.currency,
        one.days_overdue,
        one.pop,
        one.gate,
        cutoff_words.access(one.before),
        cutoff_words.access(one.after),
        cutoff_words.review(one.review),
        one.review_note,
        cutoff_words.outcome(one.outcome),
    )


def _every(run_id: int) -> Iterator[PlanRow]:
    filters, sort = cutoff_asking.filters(), cutoff_asking.sort()

    def page(after: str | None) -> tuple[Sequence[PlanRow], Marks]:
        with runtime.current().database.reading() as session:
            return cutoff_lists.page_of_rows(
                session, run_id, filters, sort=sort, after=after, limit=FILE_PAGE
            )

    return downloads.every(page)
