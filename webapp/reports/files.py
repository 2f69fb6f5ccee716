"""A report as a file: every row of what the screen shows a page of, and its totals."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import Response, abort, request
from flask_babel import gettext

from registry import report_reading, spreadsheets
from registry.report_kinds import Kind, Report
from webapp import downloads, permissions, runtime, texts
from webapp.reports import asking


@permissions.required("report.read")
def file(name: str, ending: str) -> Response:
    """Send the report as XLSX or CSV."""
    report = asking.found(name)
    if ending not in downloads.ENDINGS:
        abort(404)
    ask = asking.asked(report)
    made = downloads.Table(f"{report.name}-{ask.last.isoformat()}", ending)
    with runtime.current().database.reading() as session:
        found = report_reading.every(session, report, ask, sort=request.args.get("sort", ""))
        rows = (_cells(report, row.values) for row in found)
        totals = _totals(report, report_reading.totals(session, report, ask))
        heads = [texts.tell(column.head) for column in report.columns]
        made.write(texts.tell(report.title), heads, rows, totals)
    return made.answer()


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
