"""The list of documents as a file: every row the filters leave, in the list's order."""

from collections.abc import Iterator, Sequence

from flask import Response, abort
from flask_babel import gettext

from core.money import Money
from registry import papers, spreadsheets
from registry.keyset import Marks
from registry.papers import PaperRow
from webapp import downloads, permissions, runtime
from webapp.documents import asking

PAGE = 1000


@permissions.required("report.read")
def file(ending: str) -> Response:
    """The list as a file."""
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"documents-{asking.today().isoformat()}", ending)
    table.write(gettext("Documents"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Number"),
        gettext("Kind"),
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Issued"),
        gettext("Due"),
        gettext("Net"),
        gettext("VAT"),
        gettext("Total"),
        gettext("Left to pay"),
        gettext("Currency"),
        gettext("State"),
    ]


def _every() -> Iterator[PaperRow]:
    filters, sort, today = asking.filters(), asking.sort(), asking.today()

    def page(after: str | None) -> tuple[Sequence[PaperRow], Marks]:
        with runtime.current().database.reading() as session:
            found = papers.page(
                session, filters, sort=sort, after=after, limit=PAGE, today=today, is_counted=False
            )
        return found.rows, found.next

    return downloads.every(page)


def _cells(row: PaperRow) -> tuple[spreadsheets.Value, ...]:
    kinds = {
        "invoice": gettext("Invoice"),
        "credit_note": gettext("Credit note"),
        "receipt": gettext("Receipt"),
        "proforma": gettext("Proforma invoice"),
    }
    states = {
        "open": gettext("not paid"),
        "partly": gettext("paid in part"),
        "overdue": gettext("overdue"),
        "paid": gettext("paid"),
        "written_off": gettext("written off"),
        "invoiced": gettext("invoiced"),
        "cancelled": gettext("cancelled"),
    }
    return (
        row.full_number,
        kinds[row.kind.value],
        row.payer_number,
        row.payer,
        row.issued_on,
        row.due_on,
        Money(row.net_minor, row.currency),
        Money(row.vat_minor, row.currency),
        row.gross,
        row.open,
        row.currency,
        states.get(row.state(asking.today()), ""),
    )
