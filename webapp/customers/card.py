"""The customer card: its page, and its panels one by one."""

from flask import Response, render_template, request

from core import errors
from desk import tickets
from registry import customers
from webapp import identity, permissions, rendering, runtime
from webapp.customers import panels, top
from webapp.customers.links import Links

STALE_AFTER_S = {"seen": 86_400, "observed": 3_600}


@permissions.required("customer.view")
def show(customer_id: int) -> Response:
    """The whole card: its first screen at once, the heavier panels after it."""
    with runtime.current().database.reading() as session:
        found = panels.first_screen(session, customer_id)
        task = tickets.most_urgent_open(session, customer_id)
    views = {
        name: panels.View(name, str(panel.title), found, (), panel.shown, is_whole=False)
        for name, panel in panels.PANELS.items()
        if panel.load is None
    }
    return rendering.page_or_fragment(
        "customers/card.html",
        "customers/_card.html",
        card=found,
        top=top.of(found, task),
        views=views,
        titles={name: str(panel.title) for name, panel in panels.PANELS.items()},
        **_common(customer_id),
    )


@permissions.required("customer.view")
def panel(customer_id: int, name: str) -> Response:
    """One panel: the fragment for htmx, else a page with all its rows."""
    _demand(name)
    is_whole = not rendering.is_htmx()
    after = request.args.get("after", "")
    before_id = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
    with runtime.current().database.reading() as session:
        customer = customers.get(session, customer_id)
        number, full_name = customer.number, customer.name
        view = panels.view(session, customer_id, name, is_whole=is_whole, before_id=before_id)
    return rendering.page_or_fragment(
        "customers/panel.html",
        f"customers/panels/_{name}.html",
        view=view,
        number=number,
        name=full_name,
        **_common(customer_id),
    )


def render_panel(customer_id: int, name: str) -> Response:
    """Return the fresh panel after a change, and out of band the top of the card, which may show it too.

    Without htmx: back to the card (303). Raises NotFound, Forbidden.
    """
    if not rendering.is_htmx():
        return rendering.go("customers.card", customer_id=customer_id)
    _demand(name)
    with runtime.current().database.reading() as session:
        found = panels.first_screen(session, customer_id)
        task = tickets.most_urgent_open(session, customer_id)
        view = panels.view(session, customer_id, name, found=found)
    common = _common(customer_id)
    parts = (
        render_template(f"customers/panels/_{name}.html", view=view, **common),
        render_template(
            "customers/_top.html", card=found, top=top.of(found, task), is_out_of_band=True, **common
        ),
    )
    return Response("".join(parts))


def _demand(name: str) -> None:
    if name not in panels.PANELS:
        raise errors.NotFound("There is no such panel")
    identity.demand(panels.PANELS[name].right)


def _common(customer_id: int) -> dict[str, object]:
    stale = runtime.current().settings.diagnostics.status_stale_minutes * 60
    return {
        "customer_id": customer_id,
        "links": Links(customer_id),
        "stale_s": {**STALE_AFTER_S, "status": stale},
    }
