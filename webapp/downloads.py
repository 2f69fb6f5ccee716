"""Tables sent as files: written wholly first, so that no transaction waits for a slow browser."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, TypeVar
from zoneinfo import ZoneInfo

from flask import Response

from core import errors
from registry import spreadsheets
from registry.keyset import Marks
from webapp import runtime

Row = TypeVar("Row")

ENDINGS = ("xlsx", "csv")
# A file is written while a browser waits; one that stopped in the middle would look whole.
XLSX_LIMIT, CSV_LIMIT = 100_000, 1_000_000
_CHUNK = 65_536


def moment(at: datetime | None) -> datetime | None:
    """Return a moment as the ISP's clocks showed it, to the second, for a cell."""
    if at is None:
        return None
    zone = ZoneInfo(runtime.current().settings.isp.time_zone)
    return at.astimezone(zone).replace(microsecond=0, tzinfo=None)


def every(page: Callable[[str | None], tuple[Sequence[Row], Marks]]) -> Iterator[Row]:
    """Yield the rows of a list, asked for page by page, each in a short reading of its own."""
    after: str | None = None
    while True:
        rows, marks = page(after)
        yield from rows
        if (after := marks.next) is None:
            return


class Table:
    """A file being written, then sent; `ending` is one of ENDINGS."""

    def __init__(self, name: str, ending: str) -> None:
        self.name, self.ending = name, ending
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the last byte is sent

    def write(
        self,
        title: str,
        heads: Sequence[str],
        rows: Iterable[Sequence[spreadsheets.Value]],
        totals: Iterable[Sequence[spreadsheets.Value]] = (),
    ) -> None:
        """Write heads, rows and totals; rows are taken one by one and not kept.

        Raises Invalid for more rows than a file of this kind may have.
        """
        try:
            if self.ending == "xlsx":
                spreadsheets.write_xlsx(self._file, title, heads, self._bounded(rows), totals)
            else:
                spreadsheets.write_csv(self._file, heads, self._bounded(rows), totals)
        except BaseException:
            self._file.close()
            raise

    def _bounded(
        self, rows: Iterable[Sequence[spreadsheets.Value]]
    ) -> Iterator[Sequence[spreadsheets.Value]]:
        is_workbook = self.ending == "xlsx"
        for count, row in enumerate(rows, 1):
            if count > (XLSX_LIMIT if is_workbook else CSV_LIMIT):
                raise errors.Invalid(
                    "These are too many rows for a workbook: narrow the list, or take the CSV"
                    if is_workbook
                    else "These are too many rows for a file: narrow the list"
                )
            yield row

    def answer(self) -> Response:
        """Return the answer that sends the file."""
        self._file.seek(0, 2)
        size = self._file.tell()
        self._file.seek(0)
        kind = spreadsheets.XLSX_TYPE if self.ending == "xlsx" else spreadsheets.CSV_TYPE
        answer = Response(self._chunks(), content_type=kind)
        answer.headers["Content-Disposition"] = f'attachment; filename="{self.name}.{self.ending}"'
        answer.content_length = size
        return answer

    def _chunks(self) -> Iterator[bytes]:
        with self._file:
            while chunk := self._file.read(_CHUNK):
                yield chunk
