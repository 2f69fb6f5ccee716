"""The cutoff: its runs, a plan that explains itself, and the acts on it; and who is past due."""

from flask import Response, request
from flask_babel import gettext

from billing import policies
from billing.models import DecisionAction
from registry import cutoffs
from webapp import identity, permissions, rendering, runtime
from webapp.cashier import day


@permissions.required("cutoff.view")
def runs() -> Response:
    """List the runs, newest first."""
    after = request.args.get("after", "")
    with runtime.current().database.reading() as session:
        before_id = int(after) if after.isdecimal() and len(after) < 19 else None
        found = cutoffs.runs(session, before_id=before_id, limit=51)
    following = found[49].id if len(found) > 50 else None
    return rendering.page_or_fragment(
        "cashier/runs.html", "cashier/runs.html", runs=found[:50], next=following, today=day.today()
    )


@permissions.required("cutoff.view")
def run(run_id: int) -> Response:
    """Show a plan: who, why, how much, what changes; who is spared and why."""
    wanted = request.args.get("action", "")
    with runtime.current().database.reading() as session:
        found = cutoffs.page(
            session,
            run_id,
            action=DecisionAction(wanted) if wanted in set(DecisionAction) else None,
            reason=request.args.get("reason", ""),
            q=request.args.get("q", ""),
            after=request.args.get("after"),
        )
    return rendering.page_or_fragment(
        "cashier/run.html", "cashier/_decisions.html", found=found, run=found.run, today=day.today()
    )


@permissions.required("cutoff.run")
def plan() -> Response:
    """Make a plan for today; nobody is cut by it."""
    with runtime.current().database.transaction() as session:
        limits = policies.in_force(session, runtime.current().settings.cutoff)
        made = cutoffs.plan(session, identity.actor(), day.today(), rules=limits)
    return rendering.go("cashier.run", run_id=made.id)


@permissions.required("cutoff.run")
def apply(run_id: int) -> Response:
    """Carry a plan out; `force` releases the brake."""
    is_forced = request.form.get("force") == "yes"
    with runtime.current().database.transaction() as session:
        cutoffs.apply(session, identity.actor(), run_id, force=is_forced, today=day.today())
        day.wake_gates(session)
    rendering.say(gettext("The plan is applied; the gates are being told."))
    return rendering.go("cashier.run", run_id=run_id)


@permissions.required("cutoff.run")
def discard(run_id: int) -> Response:
    """Put a plan aside."""
    with runtime.current().database.transaction() as session:
        cutoffs.discard(session, identity.actor(), run_id)
    rendering.say(gettext("The plan is discarded; nobody was cut by it."))
    return rendering.go("cashier.run", run_id=run_id)


@permissions.required("cutoff.view")
def debtors() -> Response:
    """List those who are past due, the largest sum first."""
    with runtime.current().database.reading() as session:
        found = cutoffs.debtors(
            session, day.today(), grace_days=day.grace_days(session), after=request.args.get("after")
        )
    return rendering.page_or_fragment("cashier/debtors.html", "cashier/debtors.html", found=found)
