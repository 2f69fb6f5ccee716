"""Files: written to the last row, or refused in words."""

import pytest

from core import errors
from webapp import downloads

ROWS = [("one", 1), ("two", 2), ("three", 3)]


@pytest.mark.parametrize(
    ("ending", "limit", "words"),
    [("xlsx", "XLSX_LIMIT", "take the CSV"), ("csv", "CSV_LIMIT", "narrow the list")],
)
def test_a_file_of_too_many_rows_is_refused_and_not_cut_off(
    monkeypatch: pytest.MonkeyPatch, ending: str, limit: str, words: str
) -> None:
    monkeypatch.setattr(downloads, limit, 3)
    whole, more = downloads.Table("all", ending), downloads.Table("more", ending)
    whole.write("All", ["Word", "Number"], ROWS)
    whole._file.close()
    monkeypatch.setattr(downloads, limit, 2)
    with pytest.raises(errors.Invalid, match=words):
        more.write("More", ["Word", "Number"], ROWS)
    assert more._file.closed
