"""The URLs of the setup area."""

from flask import Blueprint

from webapp.setup import company, device_types, devices, gates, labels, networks, plans, pops, series, vat

blueprint = Blueprint("setup", __name__, url_prefix="/setup")

_READ, _FORM, _ACT = ["GET"], ["GET", "POST"], ["POST"]

for _rule, _name, _view, _methods in (
    ("/pops", "pops", pops.listing, _READ),
    ("/pops/new", "add_pop", pops.add, _FORM),
    ("/pops/<int:pop_id>", "edit_pop", pops.edit, _FORM),
    ("/pops/<int:pop_id>/remove", "remove_pop", pops.remove, _ACT),
    ("/networks", "networks", networks.listing, _READ),
    ("/networks/new", "add_network", networks.add, _FORM),
    ("/networks/<int:network_id>", "edit_network", networks.edit, _FORM),
    ("/networks/<int:network_id>/remove", "remove_network", networks.remove, _ACT),
    ("/plans", "plans", plans.listing, _READ),
    ("/plans/new", "add_plan", plans.add, _FORM),
    ("/plans/<int:plan_id>", "edit_plan", plans.edit, _FORM),
    ("/plans/<int:plan_id>/remove", "remove_plan", plans.remove, _ACT),
    ("/vat", "vat_rates", vat.listing, _READ),
    ("/vat/new", "add_vat_rate", vat.add, _FORM),
    ("/vat/<int:rate_id>", "edit_vat_rate", vat.edit, _FORM),
    ("/vat/<int:rate_id>/percents/new", "add_vat_percent", vat.add_percent, _FORM),
    ("/vat/<int:rate_id>/percents/<day>/remove", "remove_vat_percent", vat.remove_percent, _ACT),
    ("/vat/<int:rate_id>/remove", "remove_vat_rate", vat.remove, _ACT),
    ("/device-types", "device_types", device_types.listing, _READ),
    ("/device-types/new", "add_device_type", device_types.add, _FORM),
    ("/device-types/<int:type_id>", "edit_device_type", device_types.edit, _FORM),
    ("/device-types/<int:type_id>/remove", "remove_device_type", device_types.remove, _ACT),
    ("/devices", "devices", devices.listing, _READ),
    ("/devices/new", "add_device", devices.add, _FORM),
    ("/devices/<int:device_id>", "device", devices.show, _READ),
    ("/devices/<int:device_id>/edit", "edit_device", devices.edit, _FORM),
    ("/devices/<int:device_id>/access", "device_access", devices.access, _FORM),
    ("/devices/<int:device_id>/remove", "remove_device", devices.remove, _ACT),
    ("/devices/<int:device_id>/ports/new", "add_ports", devices.add_ports, _FORM),
    ("/devices/<int:device_id>/ports/<int:port_id>", "edit_port", devices.edit_port, _FORM),
    ("/devices/<int:device_id>/ports/<int:port_id>/remove", "remove_port", devices.remove_port, _ACT),
    ("/labels", "labels", labels.listing, _READ),
    ("/labels/groups/new", "add_group", labels.add_group, _FORM),
    ("/labels/groups/<int:group_id>", "edit_group", labels.edit_group, _FORM),
    ("/labels/groups/<int:group_id>/remove", "remove_group", labels.remove_group, _ACT),
    ("/labels/marks/new", "add_mark", labels.add_mark, _FORM),
    ("/labels/marks/<int:mark_id>", "edit_mark", labels.edit_mark, _FORM),
    ("/labels/marks/<int:mark_id>/remove", "remove_mark", labels.remove_mark, _ACT),
    ("/gates", "gates", gates.listing, _READ),
    ("/gates/new", "add_gate", gates.add, _FORM),
    ("/gates/<int:gate_id>", "edit_gate", gates.edit, _FORM),
    ("/gates/<int:gate_id>/default", "default_gate", gates.make_default, _ACT),
    ("/gates/<int:gate_id>/remove", "remove_gate", gates.remove, _ACT),
    ("/company", "company", company.edit, _FORM),
    ("/company/logo", "company_logo", company.logo, _READ),
    ("/series", "series", series.listing, _READ),
    ("/series/new", "add_series", series.add, _FORM),
    ("/series/preview", "preview_series", series.preview, _READ),
    ("/series/<int:series_id>", "edit_series", series.edit, _FORM),
    ("/series/<int:series_id>/default", "default_series", series.make_default, _ACT),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
