"""Reads a CSV or XLSX file into rows of text; which it is, its encoding and its separator are found out."""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import charset_normalizer

from core import errors
from core.words import N_

MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_BYTES = 32 * 1024 * 1024
# An XLSX is a zip: a small one may unpack into what fills the memory.
_MOST_UNPACKED = 512 * 1024 * 1024
_LONGEST_CELL = 2000


@dataclass(frozen=True, slots=True)
class Sheet:
    """The headings and the rows below; a row's number is the one people see in the file."""

    headings: list[str]
    rows: list[tuple[int, list[str]]]


def read(content: bytes) -> Sheet:
    """Return the sheet; raises Invalid for what is no table, is empty or is too large."""
    if len(content) > MOST_BYTES:
        raise errors.Invalid(N_("The file is larger than %(count)s MB", count=MOST_BYTES // 1024**2))
    lines = _xlsx(content) if content[:4] == b"PK\x03\x04" else _csv(content)
    head: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    for number, cells in lines:
        texts = [cell.strip()[:_LONGEST_CELL] for cell in cells[:MOST_COLUMNS]]
        if not any(texts):
            continue
        if not head:
            head = texts
            continue
        if len(rows) >= MOST_ROWS:
            raise errors.Invalid(N_("The file has more than %(count)s rows: split it", count=MOST_ROWS))
        rows.append((number, texts))
    if not rows:
        raise errors.Invalid(N_("The file holds no row below its headings"))
    return Sheet(head, rows)


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(content)
    if "\0" in text:
        raise errors.Invalid(N_("This is neither a CSV nor an XLSX file"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise errors.Invalid(N_("Line %(line)s is not CSV", line=reader.line_num)) from error


def _decoded(content: bytes) -> str:
    """Return the text: UTF-8 when it is, with or without a mark; else what it most likely is."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(
            content, cp_isolation=["cp1251", "cp1250", "koi8_u", "cp1252", "utf_16"]
        ).best()
        if best is None:
            raise errors.Invalid(N_("The file's letters cannot be read: save it as CSV in UTF-8")) from None
        return str(best).removeprefix("\ufeff")


def _separator(text: str) -> str:
    head = next((line for line in text.splitlines() if line.strip()), "")
    return max(";\t,|", key=head.count)


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl  # takes a third of a second, and only a file needs it

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_UNPACKED:
                raise errors.Invalid(N_("This XLSX unpacks into too much"))
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise errors.Invalid(N_("This is neither a CSV nor an XLSX file")) from error
    try:
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            yield number, [_text(value) for value in row]
    finally:
        book.close()


def _text(value: object) -> str:
    """Return a cell as people would write it: 12.0 is 12, a date is ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(round(value, 9))
    return str(value)
