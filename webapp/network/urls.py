"""The URLs of the network area."""

from flask import Blueprint

from webapp.network import geocodes, maps, points

blueprint = Blueprint("network", __name__)

for _rule, _name, _view, _methods in (
    ("/map", "coverage", maps.coverage_page, ["GET"]),
    ("/map/points", "points", maps.points, ["GET"]),
    ("/map/ground", "ground", maps.ground, ["GET"]),
    ("/customers/<int:customer_id>/map", "panel", points.panel, ["GET"]),
    ("/customers/<int:customer_id>/point", "point", points.show, ["GET"]),
    ("/customers/<int:customer_id>/point", "set_point", points.accept, ["POST"]),
    ("/geocoding", "geocoding", geocodes.listing, ["GET"]),
    ("/geocoding/progress", "progress", geocodes.progress, ["GET"]),
    ("/geocoding/run", "run_geocoding", geocodes.run, ["POST"]),
    ("/geocoding/retry", "retry_geocoding", geocodes.retry, ["POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
