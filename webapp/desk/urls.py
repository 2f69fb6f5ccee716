"""The URLs of the desk area."""

from flask import Blueprint

from webapp.desk import board, disconnects

blueprint = Blueprint("desk", __name__)

for _rule, _name, _view, _methods in (
    ("/tickets", "board", board.listing, ["GET"]),
    ("/tickets/<int:ticket_id>", "ticket", board.ticket, ["GET"]),
    ("/disconnects", "disconnects", disconnects.listing, ["GET"]),
    ("/disconnects.<ending>", "export_disconnects", disconnects.file, ["GET"]),
    ("/disconnects/paper", "print_disconnects", disconnects.paper, ["GET"]),
    ("/disconnects/act", "act_on_disconnects", disconnects.act, ["POST"]),
    ("/disconnects/add", "add_disconnects", disconnects.add_many, ["POST"]),
    ("/customers/<int:customer_id>/disconnect", "add_disconnect", disconnects.add, ["GET", "POST"]),
    ("/customers/<int:customer_id>/disconnect/banner", "disconnect_banner", disconnects.banner, ["GET"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
