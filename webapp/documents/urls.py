"""The URLs of documents."""

from flask import Blueprint

from webapp.documents import listing, pages

blueprint = Blueprint("documents", __name__)

for _rule, _name, _view, _methods in (
    ("/documents", "listing", listing.listing, ["GET"]),
    ("/documents/<int:document_id>", "document", pages.show, ["GET"]),
    ("/documents/<int:document_id>/pdf", "pdf", pages.as_pdf, ["GET"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
