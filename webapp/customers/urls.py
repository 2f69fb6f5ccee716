"""The URLs of the customers area."""

from flask import Blueprint

from webapp.customers import card, creating, editing, files, listing, paper

blueprint = Blueprint("customers", __name__)

for _rule, _name, _view, _methods in (
    ("/customers", "listing", listing.listing, ["GET"]),
    ("/customers/print", "paper", paper.paper, ["GET"]),
    ("/customers/list.<string:ending>", "export", paper.export, ["GET"]),
    ("/customers/new", "new", creating.new, ["GET", "POST"]),
    ("/customers/<int:customer_id>", "card", card.show, ["GET"]),
    ("/customers/<int:customer_id>/panels/<name>", "panel", card.panel, ["GET"]),
    ("/customers/<int:customer_id>/files/<int:file_id>", "file", files.download, ["GET"]),
    *editing.ROUTES,
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
