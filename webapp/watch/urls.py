"""The URLs of watching."""

from flask import Blueprint

from webapp.watch import down, graphs

blueprint = Blueprint("watch", __name__)

for _rule, _name, _view in (
    ("/watch/down", "down", down.listing),
    ("/watch/series/<int:series_id>", "series", graphs.series),
    ("/customers/<int:customer_id>/watch", "panel", graphs.customer),
    ("/watch/devices/<int:device_id>", "device", graphs.device),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=["GET"])
