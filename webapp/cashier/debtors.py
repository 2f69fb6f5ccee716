"""Who is past due: filters, an order, pages, and the list as a file."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response, abort, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from registry import cutoff_lists, debtor_list, spreadsheets
from registry.debtor_list import DebtorFilter, DebtorPage, DebtorRow
from registry.keyset import Marks, order
from webapp import asked, downloads, identity, permissions, rendering, runtime
from webapp.cashier import day

FILE_PAGE = 1000
_SORTS: dict[str, Any] = dict.fromkeys(debtor_list.SORTS)


@permissions.required("cutoff.view")
def listing() -> Response:
    """List those who are past due, the largest sum first unless asked otherwise."""
    filters = _filters()
    with runtime.current().database.reading() as session:
        found = _page(session, filters, request.args.get("after"))
        groups = cutoff_lists.choices(session).groups
    return rendering.page_or_fragment(
        "cashier/debtors.html",
        "cashier/debtors.html",
        found=found,
        filters=filters,
        sort=_sort(),
        groups=groups,
        states=debtor_list.STATES,
        is_filtered=filters != DebtorFilter(),
    )


@permissions.required("report.read")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    identity.demand("cutoff.view")
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"debtors-{day.today().isoformat()}", ending)
    table.write(gettext("Debtors"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Past due"),
        gettext("Out of grace"),
        gettext("Balance"),
        gettext("Currency"),
        gettext("Since"),
        gettext("Days"),
        gettext("State"),
        gettext("Promise until"),
        gettext("Promised"),
        gettext("Instalments until"),
        gettext("Deferred until"),
        gettext("Why deferred"),
    ]


def _cells(row: DebtorRow) -> tuple[spreadsheets.Value, ...]:
    states = ((row.is_cut, gettext("is cut off")), (row.is_never_cut, gettext("never cut")))
    return (
        row.number,
        row.name,
        row.past_due,
        row.overdue,
        row.balance,
        row.balance.currency,
        row.oldest_due_on,
        row.days_overdue,
        ", ".join(words for is_so, words in states if is_so),
        row.promise_until,
        row.promised,
        row.instalments_until,
        row.deferred_until,
        row.deferred_why,
    )


def _every() -> Iterator[DebtorRow]:
    filters = _filters()

    def page(after: str | None) -> tuple[Sequence[DebtorRow], Marks]:
        with runtime.current().database.reading() as session:
            found = _page(session, filters, after, limit=FILE_PAGE, is_counted=False)
        return found.rows, found.next

    return downloads.every(page)


def _page(session: Session, filters: DebtorFilter, after: str | None, **how: Any) -> DebtorPage:
    limits = day.limits(session)
    return debtor_list.page(
        session,
        day.today(),
        filters,
        grace_days=limits.grace_days,
        excluded_groups=limits.excluded_groups,
        sort=_sort(),
        after=after,
        **how,
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), _SORTS, debtor_list.USUAL_SORT)


def _filters() -> DebtorFilter:
    return DebtorFilter(
        text=asked.text(),
        state=asked.word("state", debtor_list.STATES),
        group_id=asked.number("group"),
        least_days=asked.number("days", digits=4) or 0,
    )
