"""Deferrals of the cutoff, of all customers: filters, an order, pages, and the list as a file."""

from collections.abc import Iterator, Sequence

from flask import Response, abort, request
from flask_babel import gettext

from registry import deferral_list, spreadsheets
from registry.deferral_list import DeferralFilter, DeferralRow
from registry.keyset import Marks, order
from webapp import asked, downloads, identity, permissions, rendering, runtime
from webapp.cashier import day

FILE_PAGE = 1000


@permissions.required("cutoff.run")
def listing() -> Response:
    """List the deferrals, the newest first."""
    filters, sort = _filters(), _sort()
    with runtime.current().database.reading() as session:
        rows, mark = deferral_list.page(
            session, filters, sort=sort, after=request.args.get("after"), today=day.today()
        )
    return rendering.page_or_fragment(
        "cashier/deferrals.html",
        "cashier/deferrals.html",
        rows=rows,
        next=mark,
        filters=filters,
        sort=sort,
        states=deferral_list.STATES,
        is_filtered=filters != DeferralFilter(),
    )


@permissions.required("report.read")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    identity.demand("cutoff.run")
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"deferrals-{day.today().isoformat()}", ending)
    table.write(gettext("Deferrals"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Until"),
        gettext("Balance"),
        gettext("Currency"),
        gettext("State"),
        gettext("Given by"),
        gettext("Given"),
        gettext("Why deferred"),
        gettext("Cutoff run"),
        gettext("Ended by"),
        gettext("Ended"),
    ]


def _cells(row: DeferralRow) -> tuple[spreadsheets.Value, ...]:
    one = row.deferral
    return (
        row.number,
        row.name,
        one.until,
        row.balance,
        row.balance.currency,
        _state(row.state),
        one.author,
        downloads.moment(one.made_at),
        one.note,
        one.run_id,
        one.ended_by,
        downloads.moment(one.ended_at),
    )


def _state(word: str) -> str:
    return {"stands": gettext("stands"), "over": gettext("over"), "ended": gettext("ended early")}[word]


def _every() -> Iterator[DeferralRow]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[DeferralRow], Marks]:
        with runtime.current().database.reading() as session:
            return deferral_list.page(
                session, filters, sort=sort, after=after, today=day.today(), limit=FILE_PAGE
            )

    return downloads.every(page)


def _filters() -> DeferralFilter:
    return DeferralFilter(
        text=asked.text(),
        state=asked.word("state", deferral_list.STATES),
        author=asked.text("by"),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), deferral_list.KEYS, deferral_list.USUAL_SORT)
