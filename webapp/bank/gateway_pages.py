"""Payment gateways in setup: who may tell us of payments, by which secret."""

from flask import Response, request, url_for
from flask_babel import gettext

from billing.models import PaymentGateway
from core import errors
from registry import bank_views, gateways
from webapp import identity, permissions, rendering, runtime
from webapp.bank import asking, forms


@permissions.required("setup.view")
def listing() -> Response:
    """List the gateways with the URL each sends to."""
    with runtime.current().database.reading() as session:
        rows = gateways.list_all(session)
        waiting = gateways.contradictions(session)
    shown = [
        (row, rendering.public_url("bank.hook", gateway=row.slug), waiting.get(row.id, 0)) for row in rows
    ]
    return rendering.page_or_fragment("bank/gateways.html", "bank/gateways.html", rows=shown)


@permissions.required("bank.import")
def events(gateway_id: int) -> Response:
    """Show what a gateway told, newest first, and what of it contradicts an earlier message."""
    filters, sort = asking.of_lines(None, usual="all")
    sort = sort if request.args.get("sort") else "-line"
    after = request.args.get("after")
    with runtime.current().database.reading() as session:
        row = gateways.get(session, gateway_id)
        lines, mark = bank_views.lines(session, None, filters, sort=sort, after=after, gateway_id=gateway_id)
        waiting = gateways.contradictions(session).get(gateway_id, 0)
    return rendering.page_or_fragment(
        "bank/gateway_events.html",
        "bank/_lines.html",
        row=row,
        found={"lines": lines, "next": mark},
        filters=filters,
        sort=sort,
        is_filtered=bool(filters.text),
        waiting=waiting,
    )


@permissions.required("gateway.edit")
def add() -> Response:
    """Add a gateway."""
    return _edit(None, forms.GatewayForm(), gettext("Add a payment gateway"))


@permissions.required("gateway.edit")
def edit(gateway_id: int) -> Response:
    """Change a gateway; its secret is never shown."""
    with runtime.current().database.reading() as session:
        row = gateways.get(session, gateway_id)
    return _edit(row, forms.GatewayForm(obj=row), row.name)


def _edit(row: PaymentGateway | None, form: forms.GatewayForm, title: str) -> Response:
    def act() -> None:
        try:
            with runtime.current().database.transaction() as session:
                gateways.save(
                    session,
                    identity.actor(),
                    runtime.current().ring,
                    None if row is None else row.id,
                    slug=form.slug.data,
                    name=form.name.data,
                    secret=form.secret.data or "",
                    tolerance_s=form.tolerance_s.data,
                    is_active=form.is_active.data,
                )
        except errors.Conflict as error:
            raise errors.Invalid("Taken", {"slug": "This name is in use"}) from error

    if form.accept(act):
        rendering.say(gettext("Saved."))
        return rendering.go("bank.gateways")
    return rendering.page_or_fragment(
        "bank/gateway.html",
        "bank/gateway.html",
        form.status,
        form=form,
        title=title,
        back=url_for("bank.gateways"),
    )
