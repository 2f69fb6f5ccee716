"""The panels of a card: which there are, what each shows, who may see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
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
from registry.models import AuditEvent
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


def _history(session: Session, customer_id: int, limit: int, before_id: int | None) -> tuple[AuditEvent, ...]:
    found = audit.of_customer(session, customer_id, before_id=before_id, limit=limit)
    has_money = identity.may("money.view")
    return tuple(event for event in found if has_money or not event.action.startswith(_OF_MONEY))


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
