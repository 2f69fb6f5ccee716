"""The URLs of the field area."""

from flask import Blueprint

from webapp.field import pages

blueprint = Blueprint("field", __name__)

for _rule, _name, _view in (
    ("/field", "day", pages.day),
    ("/field/line/<int:customer_id>", "line", pages.line),
    ("/field/scan", "scan", pages.scan),
    ("/field/near", "near", pages.near),
):
    blueprint.add_url_rule(_rule, _name, _view)
