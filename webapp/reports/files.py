"""A report as a file: every row of what the screen shows a page of, and its totals."""

import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

from flask import Response, abort, request
from flask_babel import gettext

from registry import report_reading, spreadsheets
from registry.report_kinds import Kind, Report
from webapp import permissions, runtime, texts
from webapp.reports import asking

CHUNK = 65_536
ENDINGS = ("xlsx", "csv")


@permissions.required("report.read")
def file(name: str, ending: str) -> Response:
    """Write the file wholly, then send it: no transaction stays open while a browser takes its time."""
    report = asking.found(name)
    if ending not in ENDINGS:
        abort(404)
    ask = asking.asked(report)
    made: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the last byte is sent
    with runtime.current().database.reading() as session:
        found = report_reading.every(session, report, ask, sort=request.args.get("sort", ""))
        rows = (_cells(report, row.values) for row in found)
        totals = _totals(report, report_reading.totals(session, report, ask))
        heads = [texts.tell(column.head) for column in report.columns]
        if ending == "xlsx":
            spreadsheets.write_xlsx(made, texts.tell(report.title), heads, rows, totals)
        else:
            spreadsheets.write_csv(made, heads, rows, totals)
    return _sent(made, f"{report.name}-{ask.last.isoformat()}.{ending}", ending)


def _totals(report: Report, found: Sequence[Any]) -> list[tuple[spreadsheets.Value, ...]]:
    """Return the rows of totals, the first column saying what they are."""
    return [(gettext("Total"), *_cells(report, total.values)[1:]) for total in found]


def _cells(report: Report, values: Sequence[Any]) -> tuple[spreadsheets.Value, ...]:
    return tuple(
        _cell(column.kind, column.words, value) for column, value in zip(report.columns, values, strict=True)
    )


def _cell(kind: Kind, words: Any, value: Any) -> spreadsheets.Value:
    if value is None:
        return None
    if kind is Kind.PERCENT:
        return Decimal(value).scaleb(-2)
    if kind is Kind.WORD:
        return texts.tell(words.get(value, value))
    return value  # type: ignore[no-any-return]


def _sent(made: IO[bytes], name: str, ending: str) -> Response:
    size = made.tell()
    made.seek(0)

    def chunks() -> Iterator[bytes]:
        with made:
            while chunk := made.read(CHUNK):
                yield chunk

    kind = spreadsheets.XLSX_TYPE if ending == "xlsx" else spreadsheets.CSV_TYPE
    answer = Response(chunks(), content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.content_length = size
    return answer
