"""Who may do what: every permission, every role, and the mark that every view carries. All of it is here.

A view without a mark is refused, and `check` refuses to start an application that has one.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flask import Flask

from core.words import N_

PERMISSIONS = {
    "customer.view": N_("See the customer list and cards"),
    "customer.create": N_("Add customers"),
    "customer.edit": N_("Change a customer, the contacts and the addresses"),
    "customer.number": N_("Change a customer's number, which accounting uses too"),
    "note.write": N_("Write notes on a card"),
    "file.add": N_("Keep files with a customer"),
    "file.remove": N_("Remove a customer's files"),
    "ticket.write": N_("Open, comment and close tickets"),
    "order.bill": N_("Bill the work on tickets"),
    "equipment.edit": N_("Change equipment, addresses, switch ports, cable lines and MACs on file"),
    "point.set": N_("Set a customer's point on the map"),
    "map.view": N_("See the coverage map"),
    "geocode.run": N_("Start geocoding and see what it could not find"),
    "diagnostics.view": N_("See diagnostic runs"),
    "diagnostics.run": N_("Ping, look up MACs, read devices"),
    "field.work": N_("Work in the field: visits, lines, what is near, find by MAC or serial"),
    "money.view": N_("See balances and ledger entries"),
    "payment.take": N_("Record payments and pay back debts"),
    "payment.reverse": N_("Undo payments, and money given back or moved"),
    "charge.reverse": N_("Undo charges and what was given back of them"),
    "writeoff.reverse": N_("Undo what was written off"),
    "payment.refund": N_("Give money back and move it to another customer"),
    "debt.move": N_("Move more than a customer has to another one, so that he owes it"),
    "bank.import": N_("Read bank statements in and book them"),
    "debt.writeoff": N_("Write debts off"),
    "service.edit": N_("Change plans and subscriptions of a customer"),
    "charge.add": N_("Charge by hand, add liabilities and let them end"),
    "terms.set": N_("Give a customer terms of his own: days to pay, grace, credit, never cut"),
    "promise.give": N_("Give a promise to pay, which keeps a debtor on line"),
    "suspension.place": N_("Suspend services and let them in again, for the reasons below"),
    "suspension.money": N_("Freeze a service and suspend it by hand, and say how that is billed"),
    "suspension.technical": N_("Suspend a service for abuse and for technical reasons"),
    "disconnect.plan": N_("Put customers into the disconnect queue and plan it"),
    "cutoff.view": N_("See the cutoff plan and the debtors"),
    "report.read": N_("Read the reports of money, and take them and all lists of money as files"),
    "charge.run": N_("See the charge runs and start one"),
    "cutoff.policy": N_("Change the cutoff policy, debt groups and reminders"),
    "cutoff.run": N_("Run the cutoff: make, review, apply and undo plans"),
    "cutoff.release": N_("Run the cutoff, also past its brake"),
    "gate.repair": N_("Have gates told again what lines are to be, and their lists put right"),
    "import.run": N_("Move customers and balances in from files, and undo it"),
    "setup.view": N_("See POPs, networks, network devices, plans, groups, marks and gates"),
    "setup.gear": N_("Change networks, network devices and their ports"),
    "setup.change": N_("Change POPs, device types, groups, marks and gates"),
    "price.edit": N_("Change plans, discounts, VAT rates and the price list of work"),
    "gateway.edit": N_("Change payment gateways and the secrets by which they tell of payments"),
    "notice.give": N_("Write notices, give them to customers, warn customers, and take both back"),
    "contract.keep": N_("Queue contracts, take signatures, lead customers to what they must sign"),
    "document.issue": N_("Issue documents and send them to customers"),
    "document.credit": N_("Give back by credit notes what an invoice asked for"),
    "books.close": N_("Close the books through a day"),
    "books.open": N_("Open closed days again"),
    "company.edit": N_("Change the company's data and the number series"),
    "staff.edit": N_("See and change staff, their roles and their sessions"),
}

_EVERYBODY = {"customer.view", "note.write", "file.add", "ticket.write"} | {
    "map.view",
    "diagnostics.view",
    "money.view",
}
_LINE = {"equipment.edit", "point.set", "diagnostics.run", "field.work"}

_BILLING = (
    _EVERYBODY
    | {"customer.create", "customer.edit", "service.edit", "point.set", "geocode.run"}
    | {"charge.add", "terms.set", "payment.refund", "debt.writeoff", "bank.import"}
    | {"document.issue", "document.credit", "notice.give", "contract.keep", "price.edit", "order.bill"}
    | {"payment.take", "payment.reverse", "promise.give", "cutoff.view", "cutoff.run"}
    | {"suspension.place", "suspension.money"}
    | {"cutoff.release", "disconnect.plan"}
    | {"charge.run", "report.read", "setup.view", "gate.repair"}
)

ROLES: dict[str, frozenset[str]] = {
    "noc": frozenset(
        _EVERYBODY
        | _LINE
        | {"customer.edit", "file.remove", "geocode.run", "cutoff.view", "gate.repair", "notice.give"}
        | {"disconnect.plan", "suspension.place", "suspension.technical"}
        | {"setup.view", "setup.gear"}
    ),
    "technician": frozenset(_EVERYBODY | _LINE | {"setup.view"}),
    "billing": frozenset(_BILLING),
    # Who takes the money does not undo what asks for it: an office of one gives that person both roles.
    "accountant": frozenset(
        _BILLING | {"charge.reverse", "writeoff.reverse", "debt.move", "books.close", "cutoff.policy"}
    ),
    "administrator": frozenset(PERMISSIONS),
}

ROLE_NAMES = {
    "noc": N_("NOC"),
    "technician": N_("technician"),
    "billing": N_("billing desk"),
    "accountant": N_("accountant"),
    "administrator": N_("administrator"),
}

ANYBODY = "anybody"
SIGNED_IN = "signed in"

View = TypeVar("View", bound=Callable[..., Any])


def required(name: str) -> Callable[[View], View]:
    """Mark a view: only who has the permission may call it."""
    if name not in PERMISSIONS:
        raise ValueError(f"there is no permission {name!r}; webapp/permissions.py lists them")
    return lambda view: _mark(view, name)


def public(view: View) -> View:
    """Mark a view that anybody may call, signed in or not."""
    return _mark(view, ANYBODY)


def signed_in(view: View) -> View:
    """Mark a view that everybody who is signed in may call: the person's own things."""
    return _mark(view, SIGNED_IN)


def _mark(view: View, name: str) -> View:
    view.permission = name  # type: ignore[attr-defined]
    return view


def of(view: object) -> str | None:
    """Return what a view asks for; None when nobody said, which means: refuse."""
    return getattr(view, "permission", None)


def granted(roles: Iterable[str]) -> frozenset[str]:
    """Return what the roles allow together; a role nobody knows allows nothing."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def check(app: Flask) -> None:
    """Refuse an application in which any URL has no mark."""
    open_doors = sorted(
        {rule.endpoint for rule in app.url_map.iter_rules() if not of(app.view_functions[rule.endpoint])}
    )
    if open_doors:
        raise RuntimeError(f"these views have no permission: {', '.join(open_doors)}")
