"""Tables as files: XLSX (ISO/IEC 29500) with real numbers and dates, and CSV (RFC 4180), of any length."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from core import money
from core.money import Money

# A datetime is written as the wall clock it says, so it has no zone.
Value = str | int | Decimal | date | datetime | Money | None

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE = "text/csv; charset=utf-8"
# Control characters XML 1.0 has no way to write, and those a sheet's name may not have.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_IN_NAME = re.compile(r"[\[\]:*?/\\]")
_LONGEST_CELL = 32_767
# A cell too narrow for its moment shows nothing but #: the first rows tell where moments stand.
_MOMENT_WIDTH = 20
_LOOKED_AT = 100
# A spreadsheet takes a text that begins so for a formula and works it out.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_xlsx(
    target: IO[bytes],
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Value]],
    totals: Iterable[Sequence[Value]] = (),
) -> None:
    """Write a workbook of one sheet: heads, rows, then totals in bold; rows are not kept in memory."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_NOT_IN_NAME.sub(" ", title)[:31] or "1")
    sheet.freeze_panes = "A2"
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    for place, head in enumerate(heads):
        has_moment = any(isinstance(row[place], datetime) for row in first if place < len(row))
        least = _MOMENT_WIDTH if has_moment else 12
        sheet.column_dimensions[_letter(place)].width = max(least, min(40, len(head) + 4))
    sheet.append([_cell(sheet, head, is_bold=True) for head in heads])
    for row in chain(first, rows):
        sheet.append([_cell(sheet, value) for value in row])
    for row in totals:
        sheet.append([_cell(sheet, value, is_bold=True) for value in row])
    book.save(target)


def write_csv(
    target: IO[bytes],
    heads: Sequence[str],
    rows: Iterable[Sequence[Value]],
    totals: Iterable[Sequence[Value]] = (),
) -> None:
    """Write heads, rows and totals as UTF-8 with its mark; sums with a point, times as ISO 8601."""
    stream = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(stream)
    writer.writerow([_plain(head) for head in heads])
    for part in (rows, totals):
        writer.writerows([_plain(value) for value in row] for row in part)
    stream.detach()


def _letter(place: int) -> str:
    """Return the name of a column: A to Z, then AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _cell(sheet: Any, value: Value, *, is_bold: bool = False) -> Any:
    """Return what the sheet takes: a bare value where nothing about it is special."""
    form = ""
    if isinstance(value, Money):
        places = money.exponent(value.currency)
        form = "#,##0" + ("." + "0" * places if places else "")
        value = money.to_decimal(value)
    elif isinstance(value, str):
        value = _NOT_IN_XML.sub(" ", value)[:_LONGEST_CELL]
    is_like_formula = isinstance(value, str) and value.startswith("=")
    if value is None or not (form or is_bold or is_like_formula):
        return value
    cell = WriteOnlyCell(sheet, value)
    if is_like_formula:
        cell.data_type = "s"
    if form:
        cell.number_format = form
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, Money):
        return format(money.to_decimal(value), "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
