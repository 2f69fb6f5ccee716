"""Payment gateways in setup: who may tell us of payments, by which secret."""

from flask import Response, url_for
from flask_babel import gettext

from billing.models import PaymentGateway
from core import errors
from registry import gateways
from webapp import identity, permissions, rendering, runtime
from webapp.bank import forms


@permissions.required("setup.view")
def listing() -> Response:
    """List the gateways with the URL each sends to."""
    with runtime.current().database.reading() as session:
        rows = gateways.list_all(session)
    shown = [(row, rendering.public_url("bank.hook", gateway=row.slug)) for row in rows]
    return rendering.page_or_fragment("bank/gateways.html", "bank/gateways.html", rows=shown)


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
