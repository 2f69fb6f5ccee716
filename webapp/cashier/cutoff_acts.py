"""What people do to a cutoff plan: make, review, release, apply, undo, put aside."""

from flask import Response, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session

from billing import cutoff_runs, policies
from billing.models import CutoffRun, RunStatus
from core import errors
from desk import disconnects
from desk.models import DisconnectWhy
from registry import cutoff_lists, cutoffs, debtor_list
from tasks import enqueue
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import cutoff, cutoff_asking, day
from webapp.cashier.cutoff_forms import ReleaseForm, ReviewForm, UndoForm


@permissions.required("cutoff.run")
def plan() -> Response:
    """Make a plan for today; nobody is cut by it. A large one is made by the worker."""
    with runtime.current().database.transaction() as session:
        limits = policies.in_force(session, runtime.current().settings)
        if cutoff_runs.size(session) <= cutoff_runs.AT_ONCE:
            jumped_s = runtime.current().steady.jumped_s()
            made = cutoffs.plan(session, identity.actor(), day.today(), rules=limits, jumped_s=jumped_s)
        else:
            made = cutoffs.begin(session, identity.actor(), day.today(), rules=limits)
    if made.status is RunStatus.MAKING:
        enqueue.work_cutoff(runtime.current().queue, made.id)
    return rendering.go("cashier.run", run_id=made.id)


@permissions.required("cutoff.run")
def apply(run_id: int) -> Response:
    """Carry a plan out, all of it or the approved rows; a large one is carried out by the worker."""
    only_approved = request.form.get("rows") == "approved"
    with runtime.current().database.transaction() as session:
        run = _apply(session, run_id, only_approved=only_approved)
    if run.status is RunStatus.APPLYING:
        enqueue.work_cutoff(runtime.current().queue, run_id)
        rendering.say(gettext("The plan is being applied."))
    elif run.status is RunStatus.BRAKED:
        rendering.say(gettext("The plan stood for a while, so the brake looked again: now it waits."), "warn")
    else:
        rendering.say(gettext("The plan is applied; the gates are being told."))
    return rendering.go("cashier.run", run_id=run_id)


def _apply(session: Session, run_id: int, *, only_approved: bool) -> CutoffRun:
    is_large = cutoff_runs.rows_left(session, run_id) > cutoff_runs.AT_ONCE
    run = (cutoffs.start if is_large else cutoffs.apply)(
        session,
        identity.actor(),
        run_id,
        today=day.today(),
        only_approved=only_approved,
        jumped_s=runtime.current().steady.jumped_s(),
    )
    if run.status is RunStatus.APPLIED:
        day.wake_gates(session)
    return run


@permissions.required("cutoff.release")
def release(run_id: int) -> Response:
    """Release the brake of a plan, with the reason and the number typed."""
    with runtime.current().database.reading() as session:
        form = ReleaseForm(cutoffs.get(session, run_id).cut_count)
    if form.accept(lambda: _release(run_id, form)):
        rendering.say(gettext("The brake is released; the plan can be applied."))
        return rendering.go("cashier.run", run_id=run_id)
    return cutoff.page(run_id, form.status, release=form)


def _release(run_id: int, form: ReleaseForm) -> None:
    with runtime.current().database.transaction() as session:
        cutoffs.release(session, identity.actor(), run_id, reason=form.reason.data or "")


@permissions.required("cutoff.run")
def agree(run_id: int) -> Response:
    """Approve the plan as a whole."""
    with runtime.current().database.transaction() as session:
        cutoffs.agree(session, identity.actor(), run_id)
    rendering.say(gettext("The plan is approved."))
    return rendering.go("cashier.run", run_id=run_id)


@permissions.required("cutoff.run")
def discard(run_id: int) -> Response:
    """Put a plan aside."""
    with runtime.current().database.transaction() as session:
        cutoffs.discard(session, identity.actor(), run_id)
    rendering.say(gettext("The plan is discarded; nobody was cut by it."))
    return rendering.go("cashier.run", run_id=run_id)


@permissions.required("cutoff.run")
def review(run_id: int) -> Response:
    """Approve, remove, defer or undo the ticked rows, or take back what was said of them."""
    form = ReviewForm()
    if form.accept(lambda: _review(run_id, form)):
        rendering.say(ngettext("%(num)s row is changed.", "%(num)s rows are changed.", form.result))
        return rendering.go_to(_back(run_id))
    return cutoff.page(run_id, form.status, review=form)


def _review(run_id: int, form: ReviewForm) -> int:
    act, actor, today = form.checked(), identity.actor(), day.today()
    note = form.note.data or ""
    with runtime.current().database.transaction() as session:
        ids = cutoff_asking.chosen(session, run_id, str(form.scope.data or ""))
        if not ids:
            raise errors.Invalid("Tick the rows this is about")
        if act == "disconnect":
            return _disconnect(session, run_id, ids, form)
        if act == "approve":
            return cutoffs.approve(session, actor, run_id, ids)
        if act == "reset":
            return cutoffs.reset(session, actor, run_id, ids)
        if act == "remove":
            return cutoffs.remove(session, actor, run_id, ids, note=note)
        if act == "defer" and form.until.data is not None:
            return cutoffs.defer(session, actor, run_id, ids, until=form.until.data, note=note, today=today)
        done = cutoffs.undo(
            session,
            actor,
            run_id,
            row_ids=ids,
            reason=note,
            today=today,
            spare_until=form.until.data,
        )
        day.wake_gates(session)
        return len(done.rows)


def _disconnect(session: Session, run_id: int, ids: list[int], form: ReviewForm) -> int:
    """Put the people of these rows into the disconnect queue."""
    identity.demand("disconnect.plan")
    added = disconnects.add(
        session,
        identity.actor(),
        cutoff_lists.customers(session, ids),
        why=DisconnectWhy.DEBT,
        note=form.note.data or "",
        planned_on=form.until.data,
        run_id=run_id,
    )
    return len(added)


@permissions.required("cutoff.run")
def end_deferral(customer_id: int) -> Response:
    """Let the next plan cut a customer again who was deferred."""
    with runtime.current().database.transaction() as session:
        is_ended = debtor_list.end_deferral(session, identity.actor(), customer_id)
    if is_ended:
        rendering.say(gettext("The deferral is ended; the next plan may cut."))
    # From the list of deferrals back to it, as it was narrowed and sorted.
    if request.args.get("list") == "deferrals":
        return rendering.go("cashier.deferrals", **rendering.carried("list"))
    return rendering.go("cashier.debtors")


@permissions.required("cutoff.run")
def undo(run_id: int) -> Response:
    """Undo a whole run that was applied: its own locks, no other."""
    form = UndoForm()
    if form.accept(lambda: _undo(run_id, form)):
        rendering.say(form.result)
        return rendering.go("cashier.run", run_id=run_id)
    return cutoff.page(run_id, form.status, undo=form)


def _undo(run_id: int, form: UndoForm) -> str:
    with runtime.current().database.transaction() as session:
        done = cutoffs.undo(
            session,
            identity.actor(),
            run_id,
            reason=form.reason.data or "",
            today=day.today(),
            spare_until=form.spare_until.data,
        )
        day.wake_gates(session)
    undone = ngettext("%(num)s row is undone.", "%(num)s rows are undone.", len(done.rows))
    left = sum(done.left.values())
    if not left:
        return str(undone)
    more = ngettext(
        "%(num)s is not as this run left it and stays.",
        "%(num)s are not as this run left them and stay.",
        left,
    )
    return f"{undone} {more}"


def _back(run_id: int) -> str:
    """Return the page of the plan with the filters and the page it was on."""
    return url_for("cashier.run", run_id=run_id, **rendering.carried())
