"""The list of customers on paper and in files: everybody the filter lets through, in its order."""

from collections.abc import Iterator

from flask import Response, abort, request
from flask_babel import gettext, lazy_gettext

from core import clock
from core.money import Money
from registry import listing as lists
from registry import spreadsheets
from registry.listing import CustomerFilter, CustomerRow
from webapp import downloads, permissions, rendering, runtime
from webapp.customers import listing

PAPER = 5000

STATUS_WORDS = {
    "connected": lazy_gettext("connected"),
    "waiting": lazy_gettext("waiting"),
    "prospect": lazy_gettext("prospect"),
    "former": lazy_gettext("former"),
}
ACCESS_WORDS = {
    "open": lazy_gettext("open"),
    "closed": lazy_gettext("closed"),
    "walled": lazy_gettext("walled garden"),
    "slow": lazy_gettext("slow lane"),
    "notice": lazy_gettext("notice shown"),
    "mixed": lazy_gettext("mixed"),
    "failing": lazy_gettext("gate fails"),
    "none": lazy_gettext("no service"),
}


@permissions.required("report.read")
def paper() -> Response:
    """The list for the printer, as far as anybody would print it, with its totals."""
    now = runtime.current()
    filters, sort = listing.asked()
    today = clock.today(now.settings.isp.time_zone)
    with now.database.reading() as session:
        found = lists.every(session, filters, sort=sort, today=today, limit=PAPER)
        rows = [(one, *_sums(one)) for one in found]
        totals = lists.totals(session, filters, today=today)
        choices = listing.choices(session)
    return rendering.page_or_fragment(
        "customers/paper.html",
        "customers/paper.html",
        rows=rows,
        totals=totals,
        is_cut=sum(total.customers for total in totals) > len(rows),
        today=today,
        query=_query(),
        words={**STATUS_WORDS, **ACCESS_WORDS},
        narrowed=_narrowed(filters, choices),
    )


def _narrowed(filters: CustomerFilter, choices: listing.Choices) -> list[str]:
    """Say what the list is narrowed to: a sheet of paper has no filter bar."""
    status = str(STATUS_WORDS[filters.status]) if filters.status else ""
    named = (
        (gettext("Search"), filters.q),
        (gettext("Status"), status),
        (gettext("Group"), dict(choices.groups).get(str(filters.group_id), "")),
        (gettext("City"), filters.city),
        (gettext("Network"), dict(choices.networks).get(str(filters.network_id), "")),
        (gettext("Equipment"), dict(choices.types).get(str(filters.device_type_id), "")),
    )
    marks = ((gettext("debtors"), filters.is_debtor), (gettext("warned"), filters.is_warned))
    return [f"{head}: {value}" for head, value in named if value] + [word for word, holds in marks if holds]


@permissions.required("report.read")
def export(ending: str) -> Response:
    """The list as a file."""
    if ending not in downloads.ENDINGS:
        abort(404)
    now = runtime.current()
    filters, sort = listing.asked()
    today = clock.today(now.settings.isp.time_zone)
    made = downloads.Table(f"customers-{today.isoformat()}", ending)
    with now.database.reading() as session:
        rows = (_cells(one) for one in lists.every(session, filters, sort=sort, today=today))
        totals = [
            (
                gettext("Total"),
                str(total.customers),
                *("",) * 4,
                total.balance,
                total.past_due,
                total.currency,
            )
            for total in lists.totals(session, filters, today=today)
        ]
        made.write(gettext("Customers"), _heads(), rows, totals)
    return made.answer()


def _heads() -> list[str]:
    return [
        gettext("Number"),
        gettext("Name"),
        gettext("Status"),
        gettext("Line"),
        gettext("Address"),
        gettext("Service"),
        gettext("Balance"),
        gettext("Past due"),
        gettext("Currency"),
    ]


def _cells(one: CustomerRow) -> tuple[spreadsheets.Value, ...]:
    return (
        one.number,
        one.name,
        str(STATUS_WORDS[one.status]),
        str(ACCESS_WORDS[one.access]),
        one.address,
        ", ".join(one.services),
        *_sums(one),
        one.currency,
    )


def _sums(one: CustomerRow) -> Iterator[Money]:
    return iter((Money(one.balance_minor, one.currency), Money(one.past_due_minor, one.currency)))


def _query() -> dict[str, str]:
    names = ("q", "status", "group", "city", "network", "type", "debtors", "warned", "sort")
    return {name: value for name in names if (value := request.args.get(name))}
