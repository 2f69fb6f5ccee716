"""The URLs of the desk area."""

from flask import Blueprint

from webapp.desk import board

blueprint = Blueprint("desk", __name__)

for _rule, _name, _view in (
    ("/tickets", "board", board.listing),
    ("/tickets/<int:ticket_id>", "ticket", board.ticket),
):
    blueprint.add_url_rule(_rule, _name, _view)
