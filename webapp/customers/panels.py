"""The panels of a card: which there are, what each shows, who may see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from billing import statements
from billing.models import EntryKind, Method
from core import clock
from core.money import Money
from desk import tickets
from registry import audit, cables, card, customers, files, notes
from registry.card_views import Card
from webapp import identity, runtime

WHOLE = 1000
OLDER = 100

Load = Callable[[Session, int, int, int | None], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel; `load` gives its rows, without one it shows a part of the card's first screen.

    `shown` is how many rows it has on the card: one more puts all of them behind "view all".
    """

    title: Any
    load: Load | None = None
    shown: int = 10
    right: str = "customer.view"


@dataclass(frozen=True, slots=True)
class View:
    """What a panel's template receives."""

    name: str
    title: str
    card: Card | None
    rows: tuple[Any, ...]
    shown: int
    is_whole: bool
    older_id: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger as the card shows it."""

    dated_on: date
    kind: EntryKind
    method: Method
    description: str
    amount: Money
    balance: Money


@dataclass(frozen=True, slots=True)
class Act:
    """A line of history as the card shows it: sums among what changed are money."""

    id: int
    at: datetime
    staff_name: str
    action: str
    note: str
    changes: Mapping[str, Any]


def _cables(session: Session, customer_id: int, limit: int, _before_id: int | None) -> tuple[Any, ...]:
    return tuple(cables.of_customer(session, customer_id)[:limit])


def _entries(session: Session, customer_id: int, limit: int, _before_id: int | None) -> tuple[Entry, ...]:
    account_id = customers.get(session, customer_id).account_id
    return tuple(
        Entry(
            dated_on=entry.dated_on,
            kind=entry.kind,
            method=entry.method,
            description=entry.description,
            amount=Money(entry.amount_minor, entry.currency),
            balance=Money(entry.balance_after_minor, entry.currency),
        )
        for entry in statements.recent(session, account_id, limit=limit)
    )


def _tickets(session: Session, customer_id: int, limit: int, _before_id: int | None) -> tuple[Any, ...]:
    return tuple(tickets.of_customer(session, customer_id, limit=limit))


def _notes(session: Session, customer_id: int, limit: int, _before_id: int | None) -> tuple[Any, ...]:
    return tuple(notes.of_customer(session, customer_id, limit=limit))


def _files(session: Session, customer_id: int, limit: int, _before_id: int | None) -> tuple[Any, ...]:
    return tuple(files.of_customer(session, customer_id)[:limit])


_OF_MONEY = ("payment.", "promise.", "instalments.", "ledger.", "account.")


_MINOR = "_minor"


def _history(session: Session, customer_id: int, limit: int, before_id: int | None) -> tuple[Act, ...]:
    found = audit.of_customer(session, customer_id, before_id=before_id, limit=limit)
    if not identity.may("money.view"):
        found = [event for event in found if not event.action.startswith(_OF_MONEY)]
    has_sums = any(name.endswith(_MINOR) for event in found for name in event.changes)
    currency = customers.currency_of(session, customer_id) if has_sums else ""
    return tuple(
        Act(
            event.id,
            event.at,
            event.staff_name,
            event.action,
            event.note,
            {name: _as_money(name, pair, currency) for name, pair in event.changes.items()},
        )
        for event in found
    )


def _as_money(name: str, pair: Any, currency: str) -> Any:
    """Return what a field of history was and is, minor units as money of the account."""
    if not (name.endswith(_MINOR) and isinstance(pair, list)):
        return pair
    return [Money(one, currency) if isinstance(one, int) else one for one in pair]


PANELS: Mapping[str, Panel] = {
    "customer": Panel(lazy_gettext("Customer")),
    "contacts": Panel(lazy_gettext("Contacts")),
    "addresses": Panel(lazy_gettext("Address")),
    "balance": Panel(lazy_gettext("Balance"), right="money.view"),
    "entries": Panel(lazy_gettext("Last entries"), _entries, 5, "money.view"),
    "services": Panel(lazy_gettext("Services")),
    "equipment": Panel(lazy_gettext("Equipment")),
    "ips": Panel(lazy_gettext("IP addresses")),
    "ports": Panel(lazy_gettext("Switch port")),
    "cables": Panel(lazy_gettext("Cable lines"), _cables),
    "tickets": Panel(lazy_gettext("Tickets"), _tickets, 5),
    "notes": Panel(lazy_gettext("Notes"), _notes, 4),
    "files": Panel(lazy_gettext("Files"), _files, 5),
    "history": Panel(lazy_gettext("History"), _history, 5),
}


def first_screen(session: Session, customer_id: int) -> Card:
    """Return the card as of this business day; raises NotFound."""
    settings, limits = runtime.current().settings, runtime.current().policy.rules(session)
    return card.load(
        session,
        customer_id,
        today=clock.today(settings.isp.time_zone),
        grace_days=limits.grace_days,
        excluded_groups=limits.excluded_groups,
    )


def view(
    session: Session,
    customer_id: int,
    name: str,
    *,
    found: Card | None = None,
    is_whole: bool = False,
    before_id: int | None = None,
) -> View:
    """Return what panel `name` shows: a part of it, or with `is_whole` all of it. Raises NotFound."""
    panel = PANELS[name]
    if panel.load is None:
        found = found or first_screen(session, customer_id)
        return View(name, str(panel.title), found, (), WHOLE if is_whole else panel.shown, is_whole)
    if before_id is None and not is_whole and name in ("entries", "history"):
        limit = panel.shown + 1
    else:
        limit = OLDER + 1 if name == "history" else WHOLE
    rows = panel.load(session, customer_id, limit, before_id)
    shown = limit - 1 if is_whole else panel.shown
    older_id = rows[shown - 1].id if is_whole and name == "history" and len(rows) > shown else None
    return View(name, str(panel.title), None, rows, shown, is_whole, older_id)
