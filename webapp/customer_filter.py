"""What the list of customers is narrowed to, read from a URL: for the list, and for acts on all who match."""

from flask import request

from registry.listing import CustomerFilter
from registry.models import CustomerStatus

NAMES = ("q", "status", "group", "city", "network", "type", "debtors", "warned")


def asked(*, has_money: bool) -> CustomerFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    status = request.args.get("status", "")
    return CustomerFilter(
        q=request.args.get("q", "").strip(),
        status=CustomerStatus(status) if status in set(CustomerStatus) else None,
        group_id=_id("group"),
        city=request.args.get("city", "").strip(),
        network_id=_id("network"),
        device_type_id=_id("type"),
        is_debtor=has_money and request.args.get("debtors") == "1",
        is_warned=request.args.get("warned") == "1",
    )


def given() -> dict[str, str]:
    """Return the filters as they stand in the URL, the empty ones left out."""
    return {name: request.args[name] for name in NAMES if request.args.get(name)}


def _id(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
