"""The URLs of the notices area."""

from flask import Blueprint

from webapp.notices import contracts, giving, pages, templates, warnings

blueprint = Blueprint("notices", __name__)

for _rule, _name, _view, _methods in (
    ("/notices", "listing", pages.listing, ["GET"]),
    ("/notices.<ending>", "export_list", pages.export_list, ["GET"]),
    ("/notices/new", "add", pages.add, ["GET", "POST"]),
    ("/notices/give", "give", giving.give, ["GET", "POST"]),
    ("/notices/<int:notice_id>", "show", pages.show, ["GET"]),
    ("/notices/<int:notice_id>/customers.<ending>", "export", pages.export, ["GET"]),
    ("/notices/<int:notice_id>/edit", "edit", pages.edit, ["GET", "POST"]),
    ("/notices/<int:notice_id>/switch", "switch", pages.switch, ["POST"]),
    ("/notices/<int:notice_id>/withdraw", "withdraw", pages.withdraw, ["POST"]),
    ("/customers/<int:customer_id>/notices", "panel", pages.panel, ["GET"]),
    ("/customers/<int:customer_id>/page", "preview", pages.preview, ["GET"]),
    ("/warnings/give", "warn", warnings.warn, ["GET", "POST"]),
    ("/warnings/switch", "switch_warnings", warnings.switch, ["POST"]),
    ("/customers/<int:customer_id>/warning", "warn_one", warnings.warn_one, ["POST"]),
    ("/contracts", "contracts", contracts.listing, ["GET"]),
    ("/contracts.<ending>", "export_contracts", contracts.file, ["GET"]),
    ("/contracts/switch", "switch_contracts", contracts.switch, ["POST"]),
    ("/contracts/templates", "templates", templates.listing, ["GET"]),
    ("/contracts/templates/new", "add_template", templates.add, ["GET", "POST"]),
    ("/contracts/templates/<int:template_id>", "edit_template", templates.edit, ["GET", "POST"]),
    ("/contracts/templates/<int:template_id>/remove", "remove_template", templates.remove, ["POST"]),
    ("/contracts/<int:contract_id>/contract.pdf", "contract_pdf", contracts.as_pdf, ["GET"]),
    ("/contracts/<int:contract_id>", "contract", contracts.show, ["GET", "POST"]),
    ("/contracts/<int:contract_id>/withdraw", "withdraw_contract", contracts.withdraw, ["POST"]),
    ("/customers/<int:customer_id>/contracts/new", "add_contract", contracts.add, ["GET", "POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
