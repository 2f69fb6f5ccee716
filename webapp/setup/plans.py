"""Plans: what is offered, at what price."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from billing import plans
from billing.models import Plan
from core import clock
from core.money import Money
from registry import names, price_list
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.forms import plan_form

KBPS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A plan with its price and how many subscriptions run on it."""

    plan: Plan
    price: Money
    running: int


KEYS = {
    "name": lambda row: names.sort_key(row.plan.name),
    "price": lambda row: row.price.minor,
    "down": lambda row: row.plan.down_kbps,
    "running": lambda row: row.running,
}


@permissions.required("setup.view")
def listing() -> Response:
    """List the plans."""
    found = runtime.current()
    with found.database.reading() as session:
        known = plans.list_all(session)
        running = plans.running_counts(session, clock.today(found.settings.isp.time_zone))
    made = (Row(plan, Money(plan.price_minor, plan.currency), running.get(plan.id, 0)) for plan in known)
    rows, sort = pages.in_order(made, KEYS, "name")
    return rendering.page_or_fragment("setup/plans.html", "setup/plans.html", rows=rows, sort=sort)


@permissions.required("setup.change")
def add() -> Response:
    """Add a plan, priced in the company's currency."""
    currency = runtime.current().settings.isp.currency
    form = plan_form(currency)()
    if form.accept(lambda: _add(form, currency)):
        rendering.say(gettext("The plan is added."))
        return rendering.go("setup.plans")
    return pages.show(pages.Frame(gettext("Add a plan"), form.ROWS, url_for("setup.plans")), form)


def _add(form: Any, currency: str) -> None:
    with runtime.current().database.transaction() as session:
        price_list.create(session, identity.actor(), currency=currency, **_values(form))


@permissions.required("setup.change")
def edit(plan_id: int) -> Response:
    """Change a plan; a new price is asked from the next charge on."""
    found = runtime.current()
    with found.database.reading() as session:
        plan, count = plans.get(session, plan_id), plans.subscription_count(session, plan_id)
        running = plans.running_counts(session, clock.today(found.settings.isp.time_zone)).get(plan_id, 0)
    form = plan_form(plan.currency)(
        name=plan.name,
        price=Money(plan.price_minor, plan.currency),
        down=_mbps(plan.down_kbps),
        up=_mbps(plan.up_kbps),
        is_offered=plan.is_offered,
    )
    if form.accept(lambda: _change(plan_id, form)):
        rendering.say(
            gettext("Saved. The new price is asked from the next charge on; what is charged stays.")
            if form.result
            else gettext("Saved.")
        )
        return rendering.go("setup.plans")
    note = gettext(
        "A new price affects future charges only: what is charged already stays as it is. "
        "Subscriptions with a price of their own keep it. Running now: %(count)s.",
        count=running,
    )
    users = {"subscriptions": count} if count else {}
    removal = pages.Removal(url_for("setup.remove_plan", plan_id=plan_id), plan.name, users)
    return pages.show(pages.Frame(plan.name, form.ROWS, url_for("setup.plans"), note, removal), form)


def _change(plan_id: int, form: Any) -> bool:
    with runtime.current().database.transaction() as session:
        return price_list.change(session, identity.actor(), plan_id, **_values(form))


def _values(form: Any) -> dict[str, Any]:
    return {
        "name": form.name.data or "",
        "price_minor": form.price.data.minor,
        "down_kbps": _kbps(form.down.data),
        "up_kbps": _kbps(form.up.data),
        "is_offered": form.is_offered.data,
    }


def _kbps(mbps: Decimal | None) -> int | None:
    return None if mbps is None else int(mbps * KBPS)


def _mbps(kbps: int | None) -> Decimal | None:
    return None if kbps is None else Decimal(kbps) / KBPS


@permissions.required("setup.change")
def remove(plan_id: int) -> Response:
    """Remove a plan nobody ever had."""
    return pages.remove(
        lambda session: price_list.remove(session, identity.actor(), plan_id),
        stay_url=url_for("setup.edit_plan", plan_id=plan_id),
        endpoint="setup.plans",
    )
