"""Promises to pay, of all customers: filters, an order, pages, and the list as a file."""

from collections.abc import Iterator, Sequence

from flask import Response, abort, request
from flask_babel import gettext

from registry import promise_list, spreadsheets
from registry.keyset import Marks, order
from registry.promise_list import PromiseFilter, PromiseRow
from webapp import asked, downloads, identity, permissions, rendering, runtime, texts
from webapp.cashier import day

FILE_PAGE = 1000


@permissions.required("promise.give")
def listing() -> Response:
    """List the promises, the newest first."""
    filters, sort = _filters(), _sort()
    with runtime.current().database.reading() as session:
        rows, mark = promise_list.page(session, filters, sort=sort, after=request.args.get("after"))
    return rendering.page_or_fragment(
        "cashier/promises.html",
        "cashier/promises.html",
        rows=rows,
        next=mark,
        filters=filters,
        sort=sort,
        states=promise_list.STATES,
        is_filtered=filters != PromiseFilter(),
    )


@permissions.required("report.read")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    identity.demand("promise.give")
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"promises-{day.today().isoformat()}", ending)
    table.write(gettext("Promises to pay"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Until"),
        gettext("Promised"),
        gettext("Balance"),
        gettext("Currency"),
        gettext("State"),
        gettext("Given by"),
        gettext("Given"),
        gettext("Settled"),
        gettext("Note"),
    ]


def _cells(row: PromiseRow) -> tuple[spreadsheets.Value, ...]:
    one = row.promise
    return (
        row.number,
        row.name,
        one.until,
        row.amount,
        row.balance,
        row.amount.currency,
        _state(one.status.value),
        texts.tell(one.author),
        downloads.moment(one.made_at),
        downloads.moment(one.settled_at),
        texts.tell(one.note),
    )


def _state(word: str) -> str:
    return {
        "active": gettext("stands"),
        "kept": gettext("kept"),
        "broken": gettext("not kept"),
        "withdrawn": gettext("taken back"),
    }[word]


def _every() -> Iterator[PromiseRow]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[PromiseRow], Marks]:
        with runtime.current().database.reading() as session:
            return promise_list.page(session, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)


def _filters() -> PromiseFilter:
    return PromiseFilter(
        text=asked.text(),
        state=asked.word("state", promise_list.STATES),
        author=asked.text("by"),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), promise_list.KEYS, promise_list.USUAL_SORT)
