"""The URLs of the field area."""

from flask import Blueprint

from webapp.field import acts, compressing, disconnects, pages, work

blueprint = Blueprint("field", __name__)
blueprint.after_request(compressing.compress)

for _rule, _name, _view, _methods in (
    ("/field", "day", pages.day, ["GET"]),
    ("/field/line/<int:customer_id>", "line", pages.line, ["GET"]),
    ("/field/line/<int:customer_id>/ask", "ask_line", acts.ask_line, ["POST"]),
    ("/field/device/<int:device_id>", "device", pages.device, ["GET"]),
    ("/field/device/<int:device_id>/ask", "ask_device", acts.ask_device, ["POST"]),
    ("/field/run/<int:run_id>", "run", pages.run, ["GET"]),
    ("/field/run/<int:run_id>/baseline", "baseline", acts.baseline, ["POST"]),
    ("/field/visit/<int:visit_id>", "visit", acts.visit, ["POST"]),
    ("/field/work/<int:ticket_id>", "work", work.save, ["POST"]),
    ("/field/disconnects", "disconnects", disconnects.listing, ["GET"]),
    ("/field/disconnects/<int:entry_id>", "end_disconnect", disconnects.end, ["POST"]),
    ("/field/scan", "scan", pages.scan, ["GET"]),
    ("/field/near", "near", pages.near, ["GET"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
