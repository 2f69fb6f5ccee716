"""What the tests of reports have in common: entries of a ledger, and reports as bare numbers."""

from datetime import date, timedelta

from billing import ledger, testing
from billing.models import EntryKind
from core.money import Money
from registry import report_reading


def day(month, number=1):
    return date(2026, month, number)


def table(session, report, ask, **more):
    """Return the rows as dictionaries of bare numbers, by the report's column names."""
    page = report_reading.page(session, report, ask, **more)
    return [as_numbers(report, row.values) for row in page.rows]


def as_numbers(report, values):
    return {
        column.name.removesuffix("_minor"): value.minor if isinstance(value, Money) else value
        for column, value in zip(report.columns, values, strict=True)
    }


def total(session, report, ask):
    return {
        one.currency: as_numbers(report, one.values)
        for one in report_reading.page(session, report, ask, limit=1).totals
    }


def post(session, account_id, kind, minor, on, **more):
    author = more.pop("author", testing.AUTHOR)
    if kind is EntryKind.CHARGE:
        more.setdefault("due_on", on + timedelta(days=14))
    return ledger.post(session, account_id, kind, minor, dated_on=on, author=author, **more)
