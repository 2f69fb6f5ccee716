"""The URLs of the diagnostics area."""

from flask import Blueprint

from webapp.diagnostics import block, device, macs, passing, runs, stream

blueprint = Blueprint("diagnostics", __name__)

for _rule, _name, _view, _methods in (
    ("/customers/<int:customer_id>/diagnostics", "panel", block.panel, ["GET"]),
    ("/customers/<int:customer_id>/diagnostics/diagnose", "diagnose", block.diagnose, ["POST"]),
    ("/devices/<int:device_id>/diagnose", "diagnose_device", block.diagnose_device, ["POST"]),
    ("/customers/<int:customer_id>/diagnostics/ping", "ping", block.ping, ["POST"]),
    ("/customers/<int:customer_id>/diagnostics/mac", "mac", block.mac, ["POST"]),
    ("/customers/<int:customer_id>/diagnostics/snmp", "snmp", block.snmp, ["POST"]),
    ("/customers/<int:customer_id>/diagnostics/locate", "locate", block.locate, ["POST"]),
    ("/customers/<int:customer_id>/macs", "macs", macs.panel, ["GET"]),
    ("/customers/<int:customer_id>/macs/adopt", "adopt_mac", macs.adopt, ["POST"]),
    ("/devices/<int:device_id>/status", "device", device.show, ["GET"]),
    ("/devices/<int:device_id>/status", "read_device", device.read, ["POST"]),
    ("/runs", "listing", runs.listing, ["GET"]),
    ("/runs/events", "events", stream.events, ["GET"]),
    ("/runs/<int:run_id>", "run", runs.show, ["GET"]),
    ("/runs/<int:run_id>/stop", "stop", runs.stop, ["POST"]),
    ("/runs/<int:run_id>/store-mac", "store_mac", runs.store_mac, ["POST"]),
    ("/runs/<int:run_id>/baseline", "take_baseline", runs.take_baseline, ["POST"]),
    ("/runs/<int:run_id>/passing", "passing", passing.panel, ["GET"]),
    ("/runs/<int:run_id>/ticket", "attach", passing.attach, ["POST"]),
    ("/runs/<int:run_id>/links", "share", passing.share, ["POST"]),
    ("/runs/<int:run_id>/links/<int:share_id>/revoke", "revoke", passing.revoke, ["POST"]),
    ("/shared/<token>", "shared", passing.shared, ["GET"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
