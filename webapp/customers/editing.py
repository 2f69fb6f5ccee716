"""The URLs of everything that is changed from the card; urls.py puts them into the blueprint."""

from collections.abc import Callable, Iterator
from typing import Any

from webapp.customers import (
    edit_cables,
    edit_gear,
    edit_head,
    edit_orders,
    edit_papers,
    edit_people,
    edit_status,
    edit_tickets,
    edit_wires,
)

Route = tuple[str, str, Callable[..., Any], list[str]]

_FORM = ["GET", "POST"]
_ONE = "/customers/<int:customer_id>"

_WHOLE: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("customer", edit_head.customer),
    ("number", edit_head.number),
    ("status", edit_status.status),
    ("labels", edit_head.groups_and_marks),
    ("alert", edit_head.alert),
    ("files", edit_papers.file),
    ("tickets", edit_tickets.add),
)
_ITEMS: tuple[tuple[str, Callable[..., Any], Callable[..., Any]], ...] = (
    ("contacts", edit_people.contact, edit_people.remove_contact),
    ("addresses", edit_people.address, edit_people.remove_address),
    ("equipment", edit_gear.device, edit_gear.remove_device),
    ("ips", edit_wires.ip, edit_wires.remove_ip),
    ("ports", edit_wires.port, edit_wires.remove_port),
    ("cables", edit_cables.cable, edit_cables.remove_cable),
    ("notes", edit_papers.note, edit_papers.remove_note),
)
_OTHERS: tuple[tuple[str, str, Callable[..., Any], list[str]], ...] = (
    ("/edit/status/effect", "status_effect", edit_status.status_effect, ["GET"]),
    ("/edit/services/<int:item_id>", "edit_services", edit_wires.line, _FORM),
    ("/remove/files/<int:item_id>", "remove_files", edit_papers.remove_file, ["POST"]),
    ("/edit/equipment/<int:item_id>/credentials", "edit_credentials", edit_gear.access, _FORM),
    ("/edit/equipment/<int:item_id>/login", "reveal_login", edit_gear.reveal, _FORM),
    ("/edit/tickets/<int:item_id>", "ticket", edit_tickets.show, ["GET"]),
    ("/edit/tickets/<int:item_id>/comment", "comment_ticket", edit_tickets.comment, ["POST"]),
    ("/edit/tickets/<int:item_id>/close", "close_ticket", edit_tickets.close, ["POST"]),
    ("/edit/tickets/<int:item_id>/reopen", "reopen_ticket", edit_tickets.reopen, ["POST"]),
    ("/edit/tickets/<int:item_id>/assign", "assign_ticket", edit_tickets.assign, ["POST"]),
    ("/edit/tickets/<int:item_id>/work", "save_order", edit_orders.save, ["POST"]),
    ("/edit/tickets/<int:item_id>/bill", "bill_order", edit_orders.bill, ["POST"]),
    ("/edit/tickets/<int:item_id>/visit", "plan_visit", edit_tickets.plan_visit, ["POST"]),
    ("/edit/tickets/<int:item_id>/visit/cancel", "cancel_visit", edit_tickets.cancel_visit, ["POST"]),
)


def _routes() -> Iterator[Route]:
    for panel, view in _WHOLE:
        yield f"{_ONE}/edit/{panel}", f"edit_{panel}", view, _FORM
    for panel, edit, remove in _ITEMS:
        yield f"{_ONE}/edit/{panel}", f"edit_{panel}", edit, _FORM
        yield f"{_ONE}/edit/{panel}/<int:item_id>", f"edit_{panel}", edit, _FORM
        yield f"{_ONE}/remove/{panel}/<int:item_id>", f"remove_{panel}", remove, ["POST"]
    for rule, name, view, methods in _OTHERS:
        yield f"{_ONE}{rule}", name, view, methods


ROUTES: tuple[Route, ...] = tuple(_routes())
