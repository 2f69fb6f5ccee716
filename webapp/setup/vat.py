"""VAT rates: what each amounts to by date. What was charged by a percent keeps it; a new date is added."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, url_for
from flask_babel import gettext

from billing import vat
from billing.models import VatRate
from core import clock, errors
from registry import names, price_list
from webapp import identity, permissions, rendering, runtime
from webapp.setup import pages
from webapp.setup.price_forms import NewRateForm, PercentForm, RateForm


@dataclass(frozen=True, slots=True)
class Row:
    """A rate, its percent today in hundredths, the next change, and how much has it."""

    rate: VatRate
    now: int | None
    next_from: date | None
    users: dict[str, int]


KEYS = {"name": lambda row: names.sort_key(row.rate.name), "now": lambda row: row.now}


def _today() -> date:
    return clock.today(runtime.current().settings.isp.time_zone)


@permissions.required("setup.view")
def listing() -> Response:
    """List the VAT rates."""
    today = _today()
    with runtime.current().database.reading() as session:
        made = [_row(rate, today, vat.users(session, rate.id)) for rate in vat.list_all(session)]
    rows = pages.short_list(
        made, KEYS, "name", id_of=lambda row: row.rate.id, words_of=lambda row: (row.rate.name,)
    )
    return pages.show_list("setup/vat_rates.html", rows)


def _row(rate: VatRate, today: date, users: dict[str, int]) -> Row:
    later = [step.valid_from for step in rate.percents if step.valid_from > today]
    return Row(rate, vat.percent_on(rate, today), later[0] if later else None, users)


@permissions.required("price.edit")
def add() -> Response:
    """Add a VAT rate with its first percent."""
    form = NewRateForm(valid_from=_today().replace(month=1, day=1))
    if form.accept(lambda: _add(form)):
        rendering.say(gettext("The VAT rate is added."))
        return rendering.go("setup.vat_rates")
    return pages.show(pages.Frame(gettext("Add a VAT rate"), form.ROWS, url_for("setup.vat_rates")), form)


def _add(form: Any) -> None:
    with runtime.current().database.transaction() as session:
        price_list.add_rate(
            session,
            identity.actor(),
            name=form.name.data or "",
            valid_from=form.valid_from.data,
            percent_hundredths=form.hundredths,
        )


@permissions.required("price.edit")
def edit(rate_id: int) -> Response:
    """Rename a VAT rate; its percents by date stand beside."""
    with runtime.current().database.reading() as session:
        rate, steps = vat.get(session, rate_id), vat.steps(session, rate_id)
        users = vat.users(session, rate_id)
    form = RateForm(name=rate.name)
    if form.accept(lambda: _rename(rate_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("setup.vat_rates")
    removal = pages.Removal(url_for("setup.remove_vat_rate", rate_id=rate_id), rate.name, users)
    frame = pages.Frame(rate.name, form.ROWS, url_for("setup.vat_rates"), removal=removal)
    return pages.show(frame, form, "setup/vat_rate.html", rate=rate, steps=steps, today=_today())


def _rename(rate_id: int, form: RateForm) -> None:
    with runtime.current().database.transaction() as session:
        price_list.rename_rate(session, identity.actor(), rate_id, name=form.name.data or "")


@permissions.required("price.edit")
def add_percent(rate_id: int) -> Response:
    """Let a VAT rate amount to something else from a day on."""
    with runtime.current().database.reading() as session:
        rate = vat.get(session, rate_id)
    form, back = PercentForm(), url_for("setup.edit_vat_rate", rate_id=rate_id)
    if form.accept(lambda: _add_percent(rate_id, form)):
        rendering.say(gettext("From that day on charges have the new percent; what is charged stays."))
        return rendering.go_to(back)
    title = gettext("%(name)s: a new percent", name=rate.name)
    return pages.show(pages.Frame(title, form.ROWS, back), form)


def _add_percent(rate_id: int, form: PercentForm) -> None:
    with runtime.current().database.transaction() as session:
        price_list.add_percent(
            session,
            identity.actor(),
            rate_id,
            valid_from=form.valid_from.data,
            percent_hundredths=form.hundredths,
        )


@permissions.required("price.edit")
def remove_percent(rate_id: int, day: str) -> Response:
    """Take back a percent nothing was charged by."""
    try:
        valid_from = date.fromisoformat(day)
    except ValueError as error:
        raise errors.NotFound("There is no such percent") from error
    return pages.remove(
        lambda session: price_list.remove_percent(session, identity.actor(), rate_id, valid_from),
        stay_url=url_for("setup.edit_vat_rate", rate_id=rate_id),
        endpoint="setup.edit_vat_rate",
        rate_id=rate_id,
    )


@permissions.required("price.edit")
def remove(rate_id: int) -> Response:
    """Remove a VAT rate nothing has."""
    return pages.remove(
        lambda session: price_list.remove_rate(session, identity.actor(), rate_id),
        stay_url=url_for("setup.edit_vat_rate", rate_id=rate_id),
        endpoint="setup.vat_rates",
    )
