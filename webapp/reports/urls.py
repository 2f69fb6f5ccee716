"""The URLs of the reports."""

from flask import Blueprint

from webapp.reports import files, pages

blueprint = Blueprint("reports", __name__)

for _rule, _name, _view in (
    ("/reports", "listing", pages.listing),
    ("/reports/<string:name>", "report", pages.report),
    ("/reports/<string:name>/print", "paper", pages.paper),
    ("/reports/<string:name>/file.<string:ending>", "file", files.file),
):
    blueprint.add_url_rule(_rule, _name, _view)
