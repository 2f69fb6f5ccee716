"""The URLs of the drift list."""

from flask import Blueprint

from webapp.drift import pages

blueprint = Blueprint("drift", __name__)

for _rule, _name, _view, _methods in (
    ("/drift", "listing", pages.listing, ["GET"]),
    ("/drift.<ending>", "export", pages.file, ["GET"]),
    ("/drift/repair", "repair", pages.repair, ["POST"]),
    ("/drift/gates/<int:gate_id>/try", "try_gate", pages.try_gate, ["POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
