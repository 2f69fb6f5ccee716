"""Plans: what is offered, at what price."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from billing import plans, vat
from billing.models import PeriodKind, Plan, VatRate
from core import clock
from core.money import Money
from registry import names, price_list
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.price_forms import plan_form

KBPS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A plan with its price, its VAT rate's name and how many subscriptions run on it."""

    plan: Plan
    price: Money
    rate: str
    variants: int
    running: int


_LENGTHS = list(PeriodKind)
KEYS = {
    "name": lambda row: names.sort_key(row.plan.name),
    "price": lambda row: row.price.minor,
    "period": lambda row: _LENGTHS.index(row.plan.period),
    "vat": lambda row: names.sort_key(row.rate) if row.rate else None,
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
        rates = {rate.id: rate.name for rate in vat.list_all(session)}
    made = (
        Row(
            plan,
            Money(plan.price_minor, plan.currency),
            rates.get(plan.vat_rate_id or 0, ""),
            len(plan.prices),
            running.get(plan.id, 0),
        )
        for plan in known
    )
    rows = pages.short_list(
        made, KEYS, "name", id_of=lambda row: row.plan.id, words_of=lambda row: (row.plan.name, row.rate)
    )
    return pages.show_list("setup/plans.html", rows)


@permissions.required("price.edit")
def add() -> Response:
    """Add a plan, priced in the company's currency."""
    currency = runtime.current().settings.isp.currency
    with runtime.current().database.reading() as session:
        rates = vat.list_all(session)
    form = plan_form(currency, rates)()
    if form.accept(lambda: _add(form, currency)):
        rendering.say(gettext("The plan is added."))
        return rendering.go("setup.plans")
    return pages.show(pages.Frame(gettext("Add a plan"), form.ROWS, url_for("setup.plans")), form)


def _add(form: Any, currency: str) -> None:
    with runtime.current().database.transaction() as session:
        price_list.create(session, identity.actor(), currency=currency, **_values(form))


@permissions.required("price.edit")
def edit(plan_id: int) -> Response:
    """Change a plan; a new price is asked from the next charge on."""
    found = runtime.current()
    with found.database.reading() as session:
        plan, count = plans.get(session, plan_id), plans.subscription_count(session, plan_id)
        rates = vat.list_all(session)
        running = plans.running_counts(session, clock.today(found.settings.isp.time_zone)).get(plan_id, 0)
    form = _form_of(plan, rates)
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


def _form_of(plan: Plan, rates: list[VatRate]) -> Any:
    """Return the plan's form, with room for more prices by quantity than it has."""
    variants: dict[str, Any] = {}
    for place, row in enumerate(plan.prices, 1):
        variants[f"from_{place}"] = row.from_quantity
        variants[f"price_{place}"] = Money(row.price_minor, plan.currency)
    return plan_form(plan.currency, rates, variants=max(3, len(plan.prices) + 1))(
        name=plan.name,
        period=plan.period,
        price=Money(plan.price_minor, plan.currency),
        is_net="yes" if plan.is_net else "no",
        vat_rate_id=plan.vat_rate_id or "",
        is_postpaid="yes" if plan.is_postpaid else "no",
        down=_mbps(plan.down_kbps),
        up=_mbps(plan.up_kbps),
        is_offered=plan.is_offered,
        is_never_cut=plan.is_never_cut,
        **variants,
    )


def _change(plan_id: int, form: Any) -> bool:
    with runtime.current().database.transaction() as session:
        return price_list.change(session, identity.actor(), plan_id, **_values(form))


def _values(form: Any) -> dict[str, Any]:
    return {
        "name": form.name.data or "",
        "price_minor": form.price.data.minor,
        "period": form.period.data,
        "is_net": form.is_net.data == "yes",
        "vat_rate_id": form.vat_rate_id.data,
        "is_postpaid": form.is_postpaid.data == "yes",
        "prices": dict(form.prices()),
        "down_kbps": _kbps(form.down.data),
        "up_kbps": _kbps(form.up.data),
        "is_offered": form.is_offered.data,
        "is_never_cut": form.is_never_cut.data,
    }


def _kbps(mbps: Decimal | None) -> int | None:
    return None if mbps is None else int(mbps * KBPS)


def _mbps(kbps: int | None) -> Decimal | None:
    return None if kbps is None else Decimal(kbps) / KBPS


@permissions.required("price.edit")
def remove(plan_id: int) -> Response:
    """Remove a plan nobody ever had."""
    return pages.remove(
        lambda session: price_list.remove(session, identity.actor(), plan_id),
        stay_url=url_for("setup.edit_plan", plan_id=plan_id),
        endpoint="setup.plans",
    )
