"""The URLs of the bank's pages, and of what payment gateways send."""

from flask import Blueprint

from webapp.bank import export, gateway_pages, hooks, mappings, statements

blueprint = Blueprint("bank", __name__)

for _rule, _name, _view, _methods in (
    ("/bank", "listing", statements.listing, ["GET"]),
    ("/bank.<ending>", "export", export.statements, ["GET"]),
    ("/bank/new", "new", statements.new, ["GET", "POST"]),
    ("/bank/waiting", "waiting", statements.waiting, ["GET"]),
    ("/bank/waiting.<ending>", "export_waiting", export.waiting, ["GET"]),
    ("/bank/<int:batch_id>/lines.<ending>", "export_lines", export.lines, ["GET"]),
    ("/bank/<int:batch_id>", "review", statements.review, ["GET"]),
    ("/bank/<int:batch_id>/progress", "progress", statements.progress, ["GET"]),
    ("/bank/<int:batch_id>/book", "book_sure", statements.book_sure, ["POST"]),
    ("/bank/waiting/day", "choose_day_of_all", statements.choose_day_of_all, ["POST"]),
    ("/bank/<int:batch_id>/day", "choose_day", statements.choose_day, ["POST"]),
    ("/bank/<int:batch_id>/undo", "undo", statements.undo, ["POST"]),
    ("/bank/lines/<int:line_id>/book", "book", statements.book, ["POST"]),
    ("/bank/lines/<int:line_id>/ignore", "ignore", statements.ignore, ["POST"]),
    ("/bank/lines/<int:line_id>/take-up", "take_up", statements.take_up, ["POST"]),
    ("/bank/lines/<int:line_id>/people", "people", statements.people, ["GET"]),
    ("/bank/mappings", "mappings", mappings.listing, ["GET"]),
    ("/bank/mappings/new", "add_mapping", mappings.add, ["GET", "POST"]),
    ("/bank/mappings/<int:mapping_id>", "edit_mapping", mappings.edit, ["GET", "POST"]),
    ("/bank/mappings/<int:mapping_id>/remove", "remove_mapping", mappings.remove, ["POST"]),
    ("/setup/gateways", "gateways", gateway_pages.listing, ["GET"]),
    ("/setup/gateways/new", "add_gateway", gateway_pages.add, ["GET", "POST"]),
    ("/setup/gateways/<int:gateway_id>", "edit_gateway", gateway_pages.edit, ["GET", "POST"]),
    ("/setup/gateways/<int:gateway_id>/events", "gateway_events", gateway_pages.events, ["GET"]),
    ("/hooks/payments/<gateway>", "hook", hooks.payment, ["POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
