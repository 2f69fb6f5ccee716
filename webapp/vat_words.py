"""A VAT rate in a list of choices: its name, what it amounts to today, and its next step."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_babel import format_date, format_decimal, gettext, lazy_gettext

from billing import vat
from billing.models import VatRate
from webapp.forms import choices


def offered(rates: Iterable[VatRate], today: date) -> list[Any]:
    """Return the choices of a select of VAT rates; the first is none."""
    return choices(("", lazy_gettext("outside VAT")), *((str(rate.id), words(rate, today)) for rate in rates))


def words(rate: VatRate, today: date) -> str:
    """Return "standard · 23 %", with the next step of the (loaded) rate when one is known."""
    now = vat.percent_on(rate, today)
    shown = rate.name if now is None else f"{rate.name} · {_percent(now)}"
    later = next((step for step in rate.percents if step.valid_from > today), None)
    if later is None:
        return shown
    day = format_date(later.valid_from, "medium")
    coming = gettext("%(percent)s from %(day)s", percent=_percent(later.percent_hundredths), day=day)
    return f"{shown} ({coming})"


def _percent(hundredths: int) -> str:
    return f"{format_decimal(hundredths / 100, '#,##0.##')} %"
