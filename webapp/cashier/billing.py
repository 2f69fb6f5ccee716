"""The billing period of a customer: bill day, prepaid or postpaid, of some or all services at once."""

from typing import Any

from flask import Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing import bill_days, periods
from billing.acts import Act
from billing.models import PeriodKind
from billing.rules import DAY
from registry import agreements, tills
from webapp import effect, identity, permissions, rendering, runtime
from webapp.cashier import day, pages
from webapp.cashier.bill_fields import billing_form


@permissions.required("service.edit")
def period(customer_id: int) -> Response:
    """Change when and how services are billed; what it does to the next bill is shown before."""
    till, services = _services(customer_id)
    form = billing_form(services)(**_agreed(services))
    if form.accept(lambda: _change(customer_id, form)):
        if form.result:
            rendering.say(gettext("The billing period is changed."))
        else:
            rendering.say(gettext("It is billed so already."), "info")
        return rendering.go("cashier.statement", customer_id=customer_id)
    shown = effect.of(customer_id, lambda session, act: _alter(session, act, customer_id, form))
    return pages.form_page("billing", gettext("Billing period"), till, form, effect=shown)


def _agreed(services: list[tills.Service]) -> dict[str, Any]:
    """Return what the form begins with: how it is billed, and the day after what is charged."""
    begins: dict[str, Any] = {"services": [str(one.id) for one in services], "starts_on": day.today()}
    for one in services:
        name = "weekday" if one.period is PeriodKind.WEEK else "bill_day"
        begins.setdefault(name, str(one.bill_day))
        begins.setdefault("bill_month", str(one.bill_month))
        begins.setdefault("is_postpaid", {None: "", True: "yes", False: "no"}[one.is_postpaid])
    if services:
        cycle = periods.Cycle(services[0].period, services[0].bill_day, services[0].bill_month)
        begins["starts_on"] = cycle.whole(day.today()).end + DAY
    return begins


def _change(customer_id: int, form: Any) -> int:
    with runtime.current().database.transaction() as session:
        return agreements.change_billing(
            session,
            identity.actor(),
            customer_id,
            form.wanted(),
            on=form.starts_on.data,
            today=day.today(),
            terms=day.terms(),
        )


@permissions.required("service.edit")
def period_effect(customer_id: int) -> Response:
    """Show what the change would do, for the choices made so far."""
    till, services = _services(customer_id)
    form = billing_form(services)(request.args, meta={"csrf": False})
    form.validate()
    shown = effect.of(customer_id, lambda session, act: _alter(session, act, customer_id, form))
    return effect.fragment(shown, till.currency)


def _alter(session: Session, act: Act, customer_id: int, form: Any) -> None:
    if form.starts_on.data is None:
        raise effect.Unready()
    account = tills.account(session, customer_id)
    bill_days.change(session, account.id, act, form.wanted(), on=form.starts_on.data)


def _services(customer_id: int) -> tuple[tills.Till, list[tills.Service]]:
    """Return the services that have a billing period and no end."""
    with runtime.current().database.reading() as session:
        till = tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days(session))
        found = tills.services(session, till.account, day.today())
    return till, [one for one in found if one.may_change and one.period not in bill_days.DAYLESS]
