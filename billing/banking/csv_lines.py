"""Statements as CSV: every bank writes its own, so a saved mapping says which column is what."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from billing.banking import words
from billing.banking.words import Statement, StatementLine
from core.words import N_

ENCODINGS = ("utf-8", "cp1251", "cp1252", "cp1250", "iso8859-2", "iso8859-15", "koi8-u", "utf-16")
COLUMNS = (
    "date",
    "amount",
    "credit",
    "debit",
    "currency",
    "payer_name",
    "payer_account",
    "own_account",
    "message",
    "reference",
)


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """How to read the file; `columns` maps names of COLUMNS to the number of a column, from 1."""

    delimiter: str = ";"
    encoding: str = "utf-8"
    date_format: str = "%d.%m.%Y"
    decimal_mark: str = ","
    skipped_rows: int = 1
    columns: Mapping[str, int] = field(default_factory=dict)


def read(content: bytes, mapping: CsvMapping, *, currency: str) -> Statement:
    """Read the file; lines without currency are in `currency`. Raises Invalid naming the faulty line."""
    if "date" not in mapping.columns or not {"amount", "credit"} & set(mapping.columns):
        raise words.refuse(N_("The mapping names no column for the day or for the amount"))
    lines: list[StatementLine] = []
    rows = csv.reader(io.StringIO(_text(content, mapping.encoding), newline=""), delimiter=mapping.delimiter)
    try:
        for number, row in enumerate(rows, 1):
            if number <= mapping.skipped_rows or not _is_line(row, mapping):
                continue
            lines.append(_line(row, mapping, currency, number))
            if len(lines) > words.MOST_LINES:
                break
    except csv.Error as error:
        raise words.refuse(N_("Line %(line)s cannot be read as CSV", line=rows.line_num)) from error
    if len({line.currency for line in lines}) > 1:
        raise words.refuse(N_("There is more than one currency in this file"))
    return words.checked(Statement("csv", lines[0].currency if lines else currency, tuple(lines)))


def _is_line(row: list[str], mapping: CsvMapping) -> bool:
    """Say whether the row tells a day or a sum; sums of the whole and other words below do not."""
    told = [mapping.columns.get(name, 0) for name in ("date", "amount", "credit", "debit")]
    return any(row[place - 1].strip() for place in told if 0 < place <= len(row))


def _text(content: bytes, encoding: str) -> str:
    if encoding not in ENCODINGS:
        raise words.refuse(N_("No such encoding"))
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeError as error:
        raise words.refuse(N_("The file is not written in %(encoding)s", encoding=encoding)) from error
    return text.replace("\0", " ")


def _line(row: list[str], mapping: CsvMapping, usual: str, number: int) -> StatementLine:
    def cell(name: str) -> str:
        column = mapping.columns.get(name, 0)
        return row[column - 1] if 0 < column <= len(row) else ""

    written = cell("currency")
    currency = words.currency(written, where=number) if written.strip() else usual
    return words.line(
        _day(cell("date"), mapping, number),
        _amount(cell, currency, mapping.decimal_mark, number),
        currency,
        payer_name=cell("payer_name"),
        payer_account=cell("payer_account"),
        own_account=cell("own_account"),
        message=cell("message"),
        reference=cell("reference"),
    )


def _day(text: str, mapping: CsvMapping, number: int) -> date:
    return words.day(text, mapping.date_format, where=number)


def _amount(cell: Callable[[str], str], currency: str, mark: str, number: int) -> int:
    """Return the sum of a line: signed in one column, or what came and what went in two."""
    if cell("amount").strip():
        return words.amount(cell("amount"), currency, mark, where=number)
    came, went = (
        words.amount(cell(name), currency, mark, where=number) if cell(name).strip() else 0
        for name in ("credit", "debit")
    )
    return abs(came) - abs(went)
