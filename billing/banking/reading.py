"""A bank's file of whatever format: told apart by its first bytes, read within bounds."""

from billing.banking import camt, csv_lines, mt940, words
from billing.banking.csv_lines import CsvMapping
from billing.banking.words import Statement
from core.words import N_


def kind_of(content: bytes) -> str:
    """Return which format the file seems to have: camt.053, mt940 or csv."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").replace(b"\0", b"")
    if head.startswith(b"<"):
        return "camt.053"
    if head.startswith((b"{1:", b":20:")) or b"\n:20:" in head or b"\n:60F:" in head:
        return "mt940"
    return "csv"


def read(content: bytes, *, mapping: CsvMapping | None, currency: str) -> Statement:
    """Read the file; a CSV by `mapping`, in `currency` unless it names one. Raises Invalid, never hangs."""
    if not content.strip():
        raise words.refuse(N_("The file is empty"))
    if len(content) > words.MOST_BYTES:
        raise words.refuse(N_("The file is larger than %(size)s MB", size=words.MOST_BYTES // 2**20))
    kind = kind_of(content)
    if kind == "camt.053":
        return camt.read(content)
    if kind == "mt940":
        return mt940.read(content)
    if mapping is None:
        raise words.refuse(N_("Say which bank's columns these are: choose a mapping"))
    return csv_lines.read(content, mapping, currency=currency)
