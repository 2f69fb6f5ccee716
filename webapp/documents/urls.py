"""The URLs of documents."""

from flask import Blueprint

from webapp.documents import acts, export, listing, pages

blueprint = Blueprint("documents", __name__)

for _rule, _name, _view, _methods in (
    ("/documents", "listing", listing.listing, ["GET"]),
    ("/documents.<string:ending>", "export", export.file, ["GET"]),
    ("/documents/send", "send_all", acts.send_all, ["POST"]),
    ("/documents/<int:document_id>", "document", pages.show, ["GET"]),
    ("/documents/<int:document_id>/pdf", "pdf", pages.as_pdf, ["GET"]),
    ("/documents/<int:document_id>/credit", "credit", acts.credit, ["GET", "POST"]),
    ("/documents/<int:document_id>/invoice", "invoice", acts.invoice, ["POST"]),
    ("/documents/<int:document_id>/send", "send", acts.send, ["POST"]),
    ("/customers/<int:customer_id>/documents/new", "issue", acts.issue, ["GET", "POST"]),
    ("/customers/<int:customer_id>/payer", "payer", acts.payer, ["GET", "POST"]),
    ("/ledger/<int:entry_id>/receipt", "receipt", acts.receipt, ["POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
