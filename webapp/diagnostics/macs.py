"""The panel that tells the truth of a customer's MACs, and putting the one that was seen on file."""

from flask import Response, request
from flask_babel import gettext

from registry import mac_truth
from webapp import identity, permissions, rendering, runtime


@permissions.required("diagnostics.view")
def panel(customer_id: int) -> Response:
    """For each address: on file, on the wire, in forwarding tables, in history, and what that means."""
    return _shown(customer_id)


@permissions.required("equipment.edit")
def adopt(customer_id: int) -> Response:
    """Put the MAC last seen behind an address on file."""
    address, mac = request.form.get("address", ""), request.form.get("mac", "")
    with runtime.current().database.transaction() as session:
        row = mac_truth.adopt(session, identity.actor(), customer_id, address, mac)
        address = str(row.address)
    text = gettext("%(mac)s is on file for %(address)s now.", mac=mac, address=address)
    if not rendering.is_htmx():
        rendering.say(text)
        return rendering.go("diagnostics.macs", customer_id=customer_id)
    return rendering.with_event(rendering.with_toast(_shown(customer_id), text), "addresses-changed")


def _shown(customer_id: int) -> Response:
    with runtime.current().database.reading() as session:
        view = mac_truth.load(session, customer_id)
    return rendering.page_or_fragment(
        "diagnostics/macs.html", "diagnostics/_macs.html", view=view, is_made_up=mac_truth.is_made_up
    )
