"""The URLs of the incidents area."""

from flask import Blueprint

from webapp.incidents import pages

blueprint = Blueprint("incidents", __name__)

for _rule, _name, _view in (
    ("/incidents", "listing", pages.listing),
    ("/incidents/<int:incident_id>", "incident", pages.show),
    ("/customers/<int:customer_id>/incidents", "banner", pages.banner),
):
    blueprint.add_url_rule(_rule, _name, _view)
blueprint.add_url_rule("/incidents/open", "open_one", pages.open_one, methods=["GET", "POST"])
blueprint.add_url_rule("/incidents/<int:incident_id>/close", "close", pages.close, methods=["POST"])
