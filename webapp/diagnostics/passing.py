"""Passing a diagnosis on: into a ticket of the customer, or by a link that ends and needs no account."""

from datetime import datetime

from flask import Response, render_template, request
from flask_babel import gettext

from core import errors
from desk import tickets
from registry import shared_runs
from webapp import identity, permissions, rendering, runtime, texts


@permissions.required("diagnostics.run")
def panel(run_id: int) -> Response:
    """The ways to pass the run on, and the links to it that work."""
    return _shown(run_id)


@permissions.required("ticket.write")
def attach(run_id: int) -> Response:
    """Write the verdict and the way to the run on an open ticket of the customer."""
    ticket_id = request.form.get("ticket_id", type=int) or 0
    with runtime.current().database.transaction() as session:
        run = shared_runs.finished(session, run_id)
        told = (run.result or {})["verdict"]
        lines = (texts.tell(told["headline"]), texts.tell(told["say"]))
        words = "\n".join((*lines, rendering.public_url("diagnostics.run", run_id=run_id)))
        ticket = tickets.get(session, ticket_id, customer_id=run.customer_id, is_locked=True)
        if ticket.status.value == "closed":
            raise errors.Conflict(gettext("This ticket is closed"))
        tickets.comment(session, identity.actor(), ticket_id, words, customer_id=run.customer_id)
    text = gettext("The verdict is on the ticket.")
    if not rendering.is_htmx():
        rendering.say(text)
        return rendering.go("diagnostics.run", run_id=run_id)
    return rendering.with_toast(_shown(run_id), text)


@permissions.required("diagnostics.run")
def share(run_id: int) -> Response:
    """Make a link; its token is shown this once."""
    hours = request.form.get("hours", shared_runs.USUAL_HOURS, type=int)
    with runtime.current().database.transaction() as session:
        token, _ = shared_runs.share(session, identity.actor(), run_id, hours=hours)
    return _shown(run_id, link=rendering.public_url("diagnostics.shared", token=token))


@permissions.required("diagnostics.run")
def revoke(run_id: int, share_id: int) -> Response:
    """End a link before its time."""
    with runtime.current().database.transaction() as session:
        shared_runs.revoke(session, identity.actor(), run_id, share_id)
    return _shown(run_id)


@permissions.public
def shared(token: str) -> Response:
    """The frozen page of a link; whatever is wrong with a link, the answer is the same."""
    with runtime.current().database.reading() as session:
        row = shared_runs.page_of(session, token)
        page, expires_at = row.page, row.expires_at
    measured_at = datetime.fromisoformat(page["measured_at"])
    answer = Response(
        render_template("diagnostics/shared.html", page=page, measured_at=measured_at, expires_at=expires_at)
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def _shown(run_id: int, link: str = "") -> Response:
    with runtime.current().database.reading() as session:
        run = shared_runs.finished(session, run_id)
        opened = tickets.of_customer(session, run.customer_id or 0, is_closed=False)
        links = shared_runs.open_links(session, run_id)
    return rendering.page_or_fragment(
        "diagnostics/passing.html",
        "diagnostics/_passing.html",
        run_id=run_id,
        tickets=opened,
        links=links,
        link=link,
        hours=shared_runs.HOURS,
        usual=shared_runs.USUAL_HOURS,
    )
