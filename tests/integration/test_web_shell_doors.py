"""Every URL of the application for every role: who is let in, who is refused, who must sign in first.

A new URL needs a row here: "anybody" needs no sign-in, "staff" is everybody signed in, else the roles who may.
The accountant may whatever the billing desk may (tests/unit/test_web_permissions.py), so rows name the desk.
"""

from collections.abc import Callable

import pytest
from flask import Flask, url_for
from werkzeug.routing import Rule

from webapp import permissions

EVERYBODY = "noc billing technician administrator"
LINE = "noc technician administrator"
MONEY = "billing administrator"
OFFICE = "noc billing administrator"

DOORS: dict[str, str] = {
    "static": "anybody",
    "healthz": "anybody",
    "home": "staff",
    "customers.listing": EVERYBODY,
    "customers.paper": MONEY,
    "customers.export": MONEY,
    "customers.new": MONEY,
    "customers.card": EVERYBODY,
    "customers.panel": EVERYBODY,
    "customers.file": EVERYBODY,
    "customers.edit_customer": OFFICE,
    "customers.edit_status": OFFICE,
    "customers.status_effect": OFFICE,
    "customers.edit_labels": OFFICE,
    "customers.edit_alert": OFFICE,
    "customers.edit_contacts": OFFICE,
    "customers.edit_addresses": OFFICE,
    "customers.remove_contacts": OFFICE,
    "customers.remove_addresses": OFFICE,
    "customers.edit_number": "administrator",
    "customers.edit_equipment": LINE,
    "customers.remove_equipment": LINE,
    "customers.edit_ips": LINE,
    "customers.edit_services": LINE,
    "customers.remove_ips": LINE,
    "customers.edit_ports": LINE,
    "customers.remove_ports": LINE,
    "customers.edit_cables": LINE,
    "customers.remove_cables": LINE,
    "customers.edit_credentials": LINE,
    "customers.reveal_login": LINE,
    "customers.edit_notes": EVERYBODY,
    "customers.remove_notes": EVERYBODY,
    "customers.edit_files": EVERYBODY,
    "customers.remove_files": "noc administrator",
    "customers.edit_tickets": EVERYBODY,
    "customers.ticket": EVERYBODY,
    "customers.comment_ticket": EVERYBODY,
    "customers.close_ticket": EVERYBODY,
    "customers.reopen_ticket": EVERYBODY,
    "customers.assign_ticket": EVERYBODY,
    "customers.save_order": EVERYBODY,
    "customers.bill_order": MONEY,
    "customers.plan_visit": EVERYBODY,
    "customers.cancel_visit": EVERYBODY,
    "desk.board": EVERYBODY,
    "desk.ticket": EVERYBODY,
    "field.day": LINE,
    "field.line": LINE,
    "field.scan": LINE,
    "field.near": LINE,
    "field.ask_line": LINE,
    "field.device": LINE,
    "field.ask_device": LINE,
    "field.run": LINE,
    "field.baseline": LINE,
    "field.visit": LINE,
    "field.work": LINE,
    "drift.listing": OFFICE,
    "drift.export": OFFICE,
    "drift.repair": OFFICE,
    "drift.try_gate": OFFICE,
    "incidents.listing": EVERYBODY,
    "incidents.incident": EVERYBODY,
    "incidents.banner": EVERYBODY,
    "incidents.open_one": LINE,
    "incidents.close": LINE,
    "documents.listing": EVERYBODY,
    "documents.document": EVERYBODY,
    "documents.pdf": EVERYBODY,
    "documents.export": MONEY,
    "documents.credit": MONEY,
    "documents.invoice": MONEY,
    **dict.fromkeys(("documents.send", "documents.send_all"), MONEY),
    "documents.issue": MONEY,
    "documents.payer": MONEY,
    "documents.receipt": MONEY,
    "setup.company": "administrator",
    "setup.company_logo": "administrator",
    "setup.series": "administrator",
    "setup.add_series": "administrator",
    "setup.preview_series": "administrator",
    "setup.edit_series": "administrator",
    "setup.default_series": "administrator",
    "diagnostics.panel": EVERYBODY,
    "diagnostics.diagnose": "noc technician administrator",
    "diagnostics.diagnose_device": "noc technician administrator",
    "diagnostics.ping": "noc technician administrator",
    "diagnostics.mac": "noc technician administrator",
    "diagnostics.snmp": "noc technician administrator",
    "diagnostics.locate": "noc technician administrator",
    "diagnostics.take_baseline": "noc technician administrator",
    "diagnostics.passing": "noc technician administrator",
    "diagnostics.attach": EVERYBODY,
    "diagnostics.share": "noc technician administrator",
    "diagnostics.revoke": "noc technician administrator",
    "diagnostics.shared": "anybody",
    "diagnostics.macs": EVERYBODY,
    "diagnostics.adopt_mac": "noc technician administrator",
    "diagnostics.device": EVERYBODY,
    "diagnostics.read_device": "noc technician administrator",
    "diagnostics.listing": EVERYBODY,
    "diagnostics.events": EVERYBODY,
    "diagnostics.run": EVERYBODY,
    "diagnostics.stop": "noc technician administrator",
    "diagnostics.store_mac": "noc technician administrator",
    "watch.down": EVERYBODY,
    "watch.series": EVERYBODY,
    "watch.panel": EVERYBODY,
    "watch.device": EVERYBODY,
    **{f"notices.{name}": OFFICE for name in ("add", "give", "edit", "switch", "withdraw")},
    **{f"notices.{name}": OFFICE for name in ("warn", "warn_one", "switch_warnings")},
    **{f"notices.{name}": MONEY for name in ("contract", "contract_pdf", "add_contract")},
    **{f"notices.{name}": MONEY for name in ("withdraw_contract", "switch_contracts", "templates")},
    **{f"notices.{name}": MONEY for name in ("add_template", "edit_template", "remove_template")},
    **{f"notices.{name}": EVERYBODY for name in ("listing", "show", "export", "panel", "preview")},
    "notices.export_list": EVERYBODY,
    "notices.contracts": EVERYBODY,
    "notices.export_contracts": EVERYBODY,
    "network.coverage": EVERYBODY,
    "network.points": EVERYBODY,
    "network.ground": EVERYBODY,
    "network.panel": EVERYBODY,
    "network.point": EVERYBODY,
    "network.set_point": EVERYBODY,
    "network.geocoding": "noc billing administrator",
    "network.progress": "noc billing administrator",
    "network.run_geocoding": "noc billing administrator",
    "network.retry_geocoding": "noc billing administrator",
    "staff.sign_in": "anybody",
    "staff.sign_out": "staff",
    "staff.own_password": "staff",
    "staff.own_language": "staff",
    "staff.own_sessions": "staff",
    "staff.end_own_session": "staff",
    "staff.end_other_sessions": "staff",
    "staff.listing": "administrator",
    "staff.add": "administrator",
    "staff.edit": "administrator",
    "staff.set_password": "administrator",
    "staff.end_session": "administrator",
    "setup.pops": EVERYBODY,
    "setup.networks": EVERYBODY,
    "setup.plans": EVERYBODY,
    "setup.device_types": EVERYBODY,
    "setup.devices": EVERYBODY,
    "setup.device": EVERYBODY,
    "setup.labels": EVERYBODY,
    "setup.account_groups": EVERYBODY,
    **dict.fromkeys(("cashier.locks", "cashier.export_locks", "cashier.lock"), OFFICE),
    "setup.cutoff_policy": EVERYBODY,
    "setup.change_cutoff_policy": "accountant administrator",
    "setup.add_account_group": "accountant administrator",
    "setup.edit_account_group": "accountant administrator",
    "setup.remove_account_group": "accountant administrator",
    "setup.gates": EVERYBODY,
    "setup.add_network": "noc administrator",
    "setup.edit_network": "noc administrator",
    "setup.remove_network": "noc administrator",
    "setup.add_device": "noc administrator",
    "setup.edit_device": "noc administrator",
    "setup.device_access": "noc administrator",
    "setup.remove_device": "noc administrator",
    "setup.add_ports": "noc administrator",
    "setup.edit_port": "noc administrator",
    "setup.remove_port": "noc administrator",
    "setup.add_pop": "administrator",
    "setup.edit_pop": "administrator",
    "setup.remove_pop": "administrator",
    "setup.pop_box": EVERYBODY,
    "setup.invite_box": "administrator",
    "setup.revoke_box": "administrator",
    "setup.add_plan": MONEY,
    "setup.edit_plan": MONEY,
    "setup.remove_plan": MONEY,
    "setup.vat_rates": EVERYBODY,
    "setup.discounts": EVERYBODY,
    "setup.add_discount": MONEY,
    "setup.edit_discount": MONEY,
    "setup.remove_discount": MONEY,
    "setup.articles": EVERYBODY,
    **dict.fromkeys(("setup.add_article", "setup.edit_article", "setup.remove_article"), MONEY),
    "setup.add_vat_rate": MONEY,
    "setup.edit_vat_rate": MONEY,
    "setup.add_vat_percent": MONEY,
    "setup.remove_vat_percent": MONEY,
    "setup.remove_vat_rate": MONEY,
    "setup.add_device_type": "administrator",
    "setup.edit_device_type": "administrator",
    "setup.remove_device_type": "administrator",
    "setup.imports": "administrator",
    "setup.add_import": "administrator",
    "setup.import_template": "administrator",
    "setup.import_batch": "administrator",
    "setup.import_columns": "administrator",
    "setup.import_faults": "administrator",
    "setup.book_import": "administrator",
    "setup.undo_import": "administrator",
    "setup.add_group": "administrator",
    "setup.edit_group": "administrator",
    "setup.remove_group": "administrator",
    "setup.add_mark": "administrator",
    "setup.edit_mark": "administrator",
    "setup.remove_mark": "administrator",
    "setup.add_gate": "administrator",
    "setup.edit_gate": "administrator",
    "setup.remove_gate": "administrator",
    "setup.default_gate": "administrator",
    "setup.gate_tries": EVERYBODY,
    "setup.try_gate": "administrator",
    "cashier.statement": EVERYBODY,
    "cashier.what_if": EVERYBODY,
    "cashier.ledger_file": MONEY,
    "cashier.billing": "billing administrator",
    "cashier.billing_effect": "billing administrator",
    "cashier.dunning": OFFICE,
    "cashier.export_dunning": MONEY,
    "cashier.add_dunning_step": "accountant administrator",
    "cashier.edit_dunning_step": "accountant administrator",
    "cashier.remove_dunning_step": "accountant administrator",
    "cashier.entry": EVERYBODY,
    "cashier.instalments": OFFICE,
    "cashier.export_instalments": MONEY,
    **dict.fromkeys(("cashier.payment", "cashier.payback", "cashier.refund", "cashier.transfer"), MONEY),
    **dict.fromkeys(("cashier.promise", "cashier.withdraw_promise", "cashier.reverse"), MONEY),
    **dict.fromkeys(("cashier.agree_instalments", "cashier.instalment_parts"), MONEY),
    "cashier.end_instalments": MONEY,
    **dict.fromkeys(("cashier.change_service", "cashier.end_service", "cashier.go_on"), MONEY),
    **dict.fromkeys(("cashier.end_liability", "cashier.take_back_liability"), MONEY),
    **dict.fromkeys(("cashier.give_discount", "cashier.discount_choices", "cashier.end_discount"), MONEY),
    **dict.fromkeys(("cashier.add_service", "cashier.first_charge", "cashier.terms"), MONEY),
    "cashier.let_in": "noc billing administrator",
    "cashier.charge": "billing administrator",
    "cashier.add_liability": "billing administrator",
    "cashier.liability_effect": "billing administrator",
    **dict.fromkeys(("cashier.give_article", "cashier.change_article", "cashier.take_article"), MONEY),
    "cashier.suspend_effect": "noc billing administrator",
    "cashier.forget_suspension": "noc billing administrator",
    "cashier.change_effect": "billing administrator",
    "cashier.end_effect": "billing administrator",
    "cashier.forget_change": "billing administrator",
    "cashier.debtors": "noc billing administrator",
    "cashier.export_debtors": MONEY,
    **dict.fromkeys(("cashier.promises", "cashier.export_promises"), MONEY),
    **dict.fromkeys(("cashier.deferrals", "cashier.export_deferrals"), MONEY),
    **dict.fromkeys(("cashier.charge_runs", "cashier.start_charge_run", "cashier.nights"), MONEY),
    **dict.fromkeys(("cashier.late_documents", "cashier.issue_late_documents"), MONEY),
    "cashier.books": MONEY,
    "cashier.close_books": "accountant administrator",
    "cashier.reopen_books": "administrator",
    "reports.listing": MONEY,
    "reports.report": MONEY,
    "reports.paper": MONEY,
    "reports.file": MONEY,
    "cashier.cutoff": "noc billing administrator",
    "cashier.plan": "billing administrator",
    "cashier.run": "noc billing administrator",
    "cashier.apply": "billing administrator",
    "cashier.cut_off_all": "billing administrator",
    "cashier.restore_all": "billing administrator",
    **dict.fromkeys(("desk.disconnects", "desk.export_disconnects"), "noc billing administrator"),
    **dict.fromkeys(("desk.act_on_disconnects", "desk.add_disconnects"), "noc billing administrator"),
    **dict.fromkeys(("desk.print_disconnects", "cashier.suspend"), "noc billing administrator"),
    **dict.fromkeys(("desk.add_disconnect", "desk.disconnect_banner"), "noc billing administrator"),
    "field.disconnects": "noc technician administrator",
    "field.end_disconnect": "noc technician administrator",
    "cashier.release": "billing administrator",
    "cashier.agree": "billing administrator",
    "cashier.review": "billing administrator",
    **dict.fromkeys(("cashier.undo", "cashier.end_deferral"), "billing administrator"),
    "cashier.row": "noc billing administrator",
    "cashier.run_progress": "noc billing administrator",
    "cashier.export_run": MONEY,
    **dict.fromkeys(
        ("bank.listing", "bank.gateway_events", "bank.choose_day", "bank.choose_day_of_all"), MONEY
    ),
    **dict.fromkeys(("bank.export", "bank.export_lines", "bank.export_waiting"), MONEY),
    "bank.new": MONEY,
    "bank.waiting": MONEY,
    "bank.review": MONEY,
    "bank.progress": MONEY,
    "bank.book_sure": MONEY,
    "bank.undo": MONEY,
    "bank.book": MONEY,
    "bank.ignore": MONEY,
    "bank.take_up": MONEY,
    "bank.people": MONEY,
    "bank.mappings": MONEY,
    "bank.add_mapping": MONEY,
    "bank.edit_mapping": MONEY,
    "bank.remove_mapping": MONEY,
    "bank.gateways": EVERYBODY,
    "bank.add_gateway": "administrator",
    "bank.edit_gateway": "administrator",
    "bank.hook": "anybody",
    "cashier.discard": "billing administrator",
}


def _path(app: Flask, rule: Rule) -> str:
    """A URL of the rule whose ids belong to nothing: the door is asked before anything is looked up."""
    values: dict[str, object] = {}
    for name in rule.arguments:
        kind = type(rule._converters[name]).__name__
        values[name] = 999_999 if kind == "IntegerConverter" else "nothing"
    with app.test_request_context():
        return url_for(rule.endpoint, **values)


def _methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def test_every_url_has_a_row_and_every_row_a_url(web_app: Flask) -> None:
    assert {rule.endpoint for rule in web_app.url_map.iter_rules()} == set(DOORS)


def test_every_row_says_what_the_code_says(web_app: Flask) -> None:
    for endpoint, who in DOORS.items():
        needed = permissions.of(web_app.view_functions[endpoint])
        if who == "anybody":
            assert needed == permissions.ANYBODY, endpoint
        elif who == "staff":
            assert needed == permissions.SIGNED_IN, endpoint
        else:
            holders = {role for role, granted in permissions.ROLES.items() if needed in granted}
            named = set(who.split())
            assert holders == (named | {"accountant"} if "billing" in named else named), endpoint


def test_a_stranger_is_sent_to_the_sign_in_page_everywhere_else(web_app: Flask, stranger) -> None:
    for rule in web_app.url_map.iter_rules():
        if DOORS[rule.endpoint] == "anybody":
            continue
        for method in _methods(rule):
            answer = stranger.open(_path(web_app, rule), method=method, has_token=True)
            assert answer.status_code == 303, (method, rule)
            assert answer.location.startswith("/sign-in"), (method, rule)


@pytest.mark.parametrize("role", [*EVERYBODY.split(), "unknown-role"])
def test_a_role_passes_its_own_doors_and_no_other(web_app: Flask, sign_in_as: Callable, role: str) -> None:
    browser = sign_in_as(role)
    browser.environ_base["HTTP_ACCEPT"] = "application/json"  # a refusal needs no page around it
    for rule in web_app.url_map.iter_rules():
        who = DOORS[rule.endpoint]
        if who == "anybody" or rule.endpoint == "staff.sign_out":
            continue
        is_let_in = who == "staff" or role in who.split()
        for method in _methods(rule):
            status = browser.open(_path(web_app, rule), method=method).status_code
            if is_let_in:
                assert status not in (401, 403), (method, rule, role)
                assert status < 500 or status == 503, (method, rule, role)
            else:
                assert status == 403, (method, rule, role)


def test_every_change_without_a_token_is_refused(web_app: Flask, sign_in_as: Callable) -> None:
    browser = sign_in_as("administrator")
    browser.environ_base["HTTP_ACCEPT"] = "application/json"
    for rule in web_app.url_map.iter_rules():
        if rule.endpoint == "bank.hook":
            continue  # other programs have no token of ours: a signature stands in its place
        for method in set(_methods(rule)) - {"GET"}:
            answer = browser.open(_path(web_app, rule), method=method, has_token=False)
            assert answer.status_code == 400, (method, rule)


def test_an_application_with_an_unmarked_view_does_not_start(web_app: Flask) -> None:
    web_app.view_functions["staff.listing"] = lambda: "open"
    with pytest.raises(RuntimeError, match=r"staff\.listing"):
        permissions.check(web_app)


def test_an_unmarked_view_is_closed_even_to_the_administrator(web_app: Flask, sign_in_as: Callable) -> None:
    web_app.view_functions["staff.listing"] = lambda: "open"
    assert sign_in_as("administrator").get("/staff").status_code == 403
