"""The rail at the left: what there is, in order; a person sees only what the permissions allow."""

from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_babel import lazy_gettext

from webapp import health, permissions
from webapp.identity import Person

SEARCH = "customers.listing"
DOWN = "watch.down"


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the rail. `key`: pressed after "g" it goes there; `also`: further pages it stands for."""

    endpoint: str
    text: str
    icon_name: str
    key: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An entry as the template shows it; `count` is how much there waits, 0 for nothing."""

    text: str
    icon_name: str
    url: str
    key: str
    is_here: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its items."""

    title: str
    items: tuple[Item, ...]


# The pages of one customer's money belong to his card, not to the lists of money.
MONEY_OF_ONE = tuple(
    f"cashier.{name}"
    for name in (
        *("statement", "payment", "payback", "refund", "transfer", "promise", "what_if", "entry", "reverse"),
        *("terms", "billing", "add_service", "change_service", "end_service", "suspend"),
        *("charge", "add_liability", "end_liability", "take_back_liability", "give_discount"),
        *("give_article", "change_article"),
    )
)

RAIL: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "",
        (
            Entry(
                "customers.listing",
                lazy_gettext("Customers"),
                "users",
                "c",
                also=("watch.panel", *MONEY_OF_ONE, "documents.issue", "documents.payer"),
            ),
            Entry("network.coverage", lazy_gettext("Map"), "map-2", "m"),
            Entry("diagnostics.listing", lazy_gettext("Diagnostics"), "stethoscope", "d"),
            Entry(DOWN, lazy_gettext("What is down"), "wifi-off", "w"),
            Entry("incidents.listing", lazy_gettext("Incidents"), "alert-triangle", "i"),
            Entry("desk.board", lazy_gettext("Tickets"), "ticket", "t"),
            Entry(
                "notices.listing",
                lazy_gettext("Notices"),
                "message-circle",
                also=("notices.add", "notices.edit", "notices.show", "notices.give", "notices.warn"),
            ),
            Entry(
                "notices.contracts",
                lazy_gettext("Contracts to sign"),
                "checklist",
                also=(
                    *("notices.contract", "notices.add_contract", "notices.templates"),
                    *("notices.add_template", "notices.edit_template"),
                ),
            ),
            Entry(
                "desk.disconnects", lazy_gettext("Disconnect queue"), "plug-x", also=("desk.add_disconnect",)
            ),
            Entry("field.day", lazy_gettext("Field"), "map-pins", "f"),
        ),
    ),
    (
        lazy_gettext("Money"),
        (
            Entry("documents.listing", lazy_gettext("Documents"), "file-text", "j"),
            Entry(
                "bank.listing",
                lazy_gettext("Bank"),
                "cash-banknote",
                also=("bank.review", "bank.waiting", "bank.new"),
            ),
            Entry("cashier.charge_runs", lazy_gettext("Charge runs"), "calculator", "u"),
            Entry("cashier.nights", lazy_gettext("Nights"), "moon"),
            Entry("cashier.debtors", lazy_gettext("Debtors"), "report-money", "b"),
            Entry(
                "cashier.promises",
                lazy_gettext("Promises"),
                "calendar-event",
                also=("cashier.deferrals",),
            ),
            Entry(
                "cashier.dunning",
                lazy_gettext("Reminders"),
                "mail",
                also=("cashier.add_dunning_step", "cashier.edit_dunning_step"),
            ),
            Entry(
                "cashier.instalments",
                lazy_gettext("Instalments"),
                "calendar-due",
                also=("cashier.agree_instalments", "cashier.end_instalments"),
            ),
            Entry("drift.listing", lazy_gettext("Drift"), "refresh"),
            Entry("cashier.cutoff", lazy_gettext("Cutoff"), "scissors", "x", also=("cashier.run",)),
            Entry("cashier.locks", lazy_gettext("Locks"), "lock", also=("cashier.lock",)),
            Entry("reports.listing", lazy_gettext("Reports"), "chart-bar", "r"),
            Entry(
                "cashier.books",
                lazy_gettext("Closed books"),
                "books",
                also=("cashier.close_books", "cashier.reopen_books"),
            ),
        ),
    ),
    (
        lazy_gettext("House"),
        (
            Entry("network.geocoding", lazy_gettext("Geocoding"), "map-pins", "a"),
            Entry(
                "setup.pops",
                lazy_gettext("POPs"),
                "building-store",
                "p",
                also=("setup.add_pop", "setup.edit_pop"),
            ),
            Entry(
                "setup.networks",
                lazy_gettext("Networks"),
                "network",
                "n",
                also=("setup.add_network", "setup.edit_network"),
            ),
            Entry(
                "setup.devices",
                lazy_gettext("Network devices"),
                "switch-horizontal",
                "e",
                also=(
                    "setup.device",
                    "setup.add_device",
                    "setup.edit_device",
                    "setup.device_access",
                    "setup.add_ports",
                    "setup.edit_port",
                    "watch.device",
                ),
            ),
            Entry(
                "setup.device_types",
                lazy_gettext("Device types"),
                "cpu",
                "y",
                also=("setup.add_device_type", "setup.edit_device_type"),
            ),
            Entry(
                "setup.plans",
                lazy_gettext("Plans"),
                "receipt-2",
                "l",
                also=("setup.add_plan", "setup.edit_plan"),
            ),
            Entry(
                "setup.discounts",
                lazy_gettext("Discounts"),
                "tag",
                "q",
                also=("setup.add_discount", "setup.edit_discount"),
            ),
            Entry(
                "setup.articles",
                lazy_gettext("Articles"),
                "tools",
                also=("setup.add_article", "setup.edit_article"),
            ),
            Entry(
                "setup.vat_rates",
                lazy_gettext("VAT rates"),
                "receipt",
                "v",
                also=("setup.add_vat_rate", "setup.edit_vat_rate", "setup.add_vat_percent"),
            ),
            Entry(
                "setup.account_groups",
                lazy_gettext("Debt groups"),
                "shield-lock",
                also=("setup.add_account_group", "setup.edit_account_group"),
            ),
            Entry(
                "setup.cutoff_policy",
                lazy_gettext("Cutoff policy"),
                "adjustments-horizontal",
                also=("setup.change_cutoff_policy",),
            ),
            Entry(
                "setup.imports",
                lazy_gettext("Moving in"),
                "upload",
                "z",
                also=("setup.add_import", "setup.import_batch", "setup.import_columns"),
            ),
            Entry(
                "setup.labels",
                lazy_gettext("Groups and marks"),
                "tags",
                "k",
                also=("setup.add_group", "setup.edit_group", "setup.add_mark", "setup.edit_mark"),
            ),
            Entry(
                "setup.gates", lazy_gettext("Gates"), "lock", "o", also=("setup.add_gate", "setup.edit_gate")
            ),
            Entry(
                "setup.company",
                lazy_gettext("Company"),
                "building",
                "h",
                also=("setup.series", "setup.add_series", "setup.edit_series"),
            ),
            Entry(
                "bank.gateways",
                lazy_gettext("Payment gateways"),
                "credit-card",
                also=("bank.add_gateway", "bank.edit_gateway", "bank.gateway_events"),
            ),
            Entry("staff.listing", lazy_gettext("Staff"), "user-cog", "s"),
        ),
    ),
)

_NAMED = {name for _, entries in RAIL for entry in entries for name in (entry.endpoint, *entry.also)}


def sections(person: Person | None) -> tuple[Section, ...]:
    """Return the rail of a person; empty headings are left out."""
    if person is None:
        return ()
    made = (
        Section(str(title), tuple(_item(entry) for entry in entries if _may_see(person, entry.endpoint)))
        for title, entries in RAIL
    )
    return tuple(section for section in made if section.items)


def home(person: Person | None) -> str:
    """Return the page a person starts on: the first of the rail."""
    if person is None:
        return url_for("staff.sign_in")
    seen = (entry for _, entries in RAIL for entry in entries if _may_see(person, entry.endpoint))
    first = next(seen, None)
    return url_for(first.endpoint if first else "staff.own_password")


def search(person: Person | None) -> str | None:
    """Return where the search box of the bar sends its words."""
    return url_for(SEARCH) if person and _may_see(person, SEARCH) else None


def is_search(endpoint: str | None) -> bool:
    """Say whether this page shows what the search box found."""
    return endpoint == SEARCH


def _may_see(person: Person, endpoint: str) -> bool:
    view = current_app.view_functions.get(endpoint)
    return view is not None and permissions.of(view) in person.permissions


def _item(entry: Entry) -> Item:
    area = entry.endpoint.partition(".")[0]
    here = request.endpoint or ""
    is_here = here in (entry.endpoint, *entry.also) or (
        here.startswith(f"{area}.") and here not in _NAMED and _is_first(entry)
    )
    count = health.dead() if entry.endpoint == DOWN else 0
    return Item(str(entry.text), entry.icon_name, url_for(entry.endpoint), entry.key, is_here, count)


def _is_first(entry: Entry) -> bool:
    """Say whether the entry stands for the other pages of its area (a card is under Customers)."""
    area = entry.endpoint.partition(".")[0]
    same = [other for _, entries in RAIL for other in entries if other.endpoint.startswith(f"{area}.")]
    return same[0] == entry
