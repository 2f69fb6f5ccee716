"""The list of documents as a file: every row the filters leave, in the list's order."""

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

from flask import Response, abort
from flask_babel import gettext

from core import errors
from core.money import Money
from registry import papers, spreadsheets
from registry.keyset import Marks
from registry.papers import PaperRow
from webapp import downloads, permissions, runtime
from webapp.documents import asking

CHUNK = 65_536
PAGE = 1000
# Excel's own limit is 1,048,576 rows; a workbook of more than this takes longer than a browser waits.
XLSX_LIMIT = 100_000
ENDINGS = ("xlsx", "csv")


@permissions.required("report.read")
def file(ending: str) -> Response:
    """Write the file wholly, then send it: nothing of the database is held while a browser takes its time."""
    if ending not in ENDINGS:
        abort(404)
    if ending == "xlsx":
        _refuse_too_many()
    made: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the last byte is sent
    rows = (_cells(row) for row in _every())
    try:
        if ending == "xlsx":
            spreadsheets.write_xlsx(made, gettext("Documents"), _heads(), rows)
        else:
            spreadsheets.write_csv(made, _heads(), rows)
    except BaseException:
        made.close()
        raise
    return _sent(made, ending)


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


def _refuse_too_many() -> None:
    with runtime.current().database.reading() as session:
        found = papers.count(session, asking.filters(), today=asking.today(), most=XLSX_LIMIT)
    if found > XLSX_LIMIT:
        raise errors.Invalid("These are too many rows for a workbook: narrow the list, or take the CSV")


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


def _sent(made: IO[bytes], ending: str) -> Response:
    size = made.tell()
    made.seek(0)

    def chunks() -> Iterator[bytes]:
        with made:
            while chunk := made.read(CHUNK):
                yield chunk

    kind = spreadsheets.XLSX_TYPE if ending == "xlsx" else spreadsheets.CSV_TYPE
    answer = Response(chunks(), content_type=kind)
    name = f"documents-{asking.today().isoformat()}.{ending}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.content_length = size
    return answer
