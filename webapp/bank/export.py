"""The lists of statements and of their lines as files: every row the filters leave, in its order."""

from collections.abc import Iterator

from flask import Response, abort
from flask_babel import gettext

from billing.models import BatchStatus, Certainty, LineStatus
from registry import bank_list, bank_views, spreadsheets
from registry.bank_views import BatchRow, LineRow
from registry.keyset import Marks
from webapp import downloads, identity, permissions, runtime, texts
from webapp.bank import asking

FILE_PAGE = 1000


@permissions.required("report.read")
def statements(ending: str) -> Response:
    """The list of statements as a file."""
    identity.demand("bank.import")
    if ending not in downloads.ENDINGS:
        abort(404)
    heads = [
        gettext("Statement"), gettext("Number"), gettext("State"), gettext("Rows"), gettext("Known before"),
        gettext("Booked"), gettext("Waiting"), gettext("Total"), gettext("Currency"), gettext("Difference"),
        gettext("Read in by"), gettext("Read in"),
    ]  # fmt: skip
    table = downloads.Table(f"statements-{runtime.today().isoformat()}", ending)
    table.write(gettext("Bank statements"), heads, (_statement(row) for row in _statements()))
    return table.answer()


def _statement(row: BatchRow) -> tuple[spreadsheets.Value, ...]:
    one = row.batch
    counts = (one.lines_total, one.lines_known, row.booked.lines, row.waiting.lines)
    by = (texts.tell(one.read_by), downloads.moment(one.read_at))
    state = _batch_state(one.status)
    return (one.file_name, one.statement_number, state, *counts, row.total, one.currency, row.gap, *by)


def _batch_state(status: BatchStatus) -> str:
    return {
        BatchStatus.MATCHING: gettext("being matched"),
        BatchStatus.READY: gettext("read"),
        BatchStatus.BOOKING: gettext("being booked"),
        BatchStatus.UNDOING: gettext("being undone"),
        BatchStatus.UNDONE: gettext("undone"),
    }[status]


def _statements() -> Iterator[BatchRow]:
    now, (filters, sort) = runtime.current(), asking.of_statements()

    def page(after: str | None) -> tuple[list[BatchRow], Marks]:
        with now.database.reading() as session:
            return bank_list.page(
                session, filters, zone=now.settings.isp.time_zone, sort=sort, after=after, limit=FILE_PAGE
            )

    return downloads.every(page)


@permissions.required("report.read")
def lines(batch_id: int, ending: str) -> Response:
    """The lines of a statement as a file."""
    identity.demand("bank.import")
    with runtime.current().database.reading() as session:
        bank_views.batch_row(session, batch_id)
    return _lines_file(batch_id, f"statement-{batch_id}", ending)


@permissions.required("report.read")
def waiting(ending: str) -> Response:
    """Whatever waits for a person, of all statements and gateways, as a file."""
    identity.demand("bank.import")
    return _lines_file(None, f"waiting-{runtime.today().isoformat()}", ending)


def _lines_file(batch_id: int | None, name: str, ending: str) -> Response:
    if ending not in downloads.ENDINGS:
        abort(404)
    heads = [
        gettext("Day"), gettext("Payer"), gettext("Account"), gettext("Text"), gettext("Reference"),
        gettext("Amount"), gettext("Currency"), gettext("State"), gettext("Customer number"),
        gettext("Customer"), gettext("Note"), gettext("Statement"),
    ]  # fmt: skip
    table = downloads.Table(name, ending)
    table.write(gettext("Bank statement"), heads, (_line(row) for row in _lines(batch_id)))
    return table.answer()


def _line(row: LineRow) -> tuple[spreadsheets.Value, ...]:
    one = row.line
    payer = (one.payer_name, one.payer_account, one.message, one.reference)
    person = (row.person.number, row.person.name) if row.person else ("", "")
    ends = (*person, texts.tell(one.note), row.origin)
    return (one.booked_on, *payer, row.amount, one.currency, _line_state(one.status, one.certainty), *ends)


def _line_state(status: LineStatus, certainty: Certainty | None) -> str:
    if status is LineStatus.WAITING:
        words = {
            Certainty.SURE: gettext("sure"),
            Certainty.LIKELY: gettext("likely"),
            Certainty.UNSURE: gettext("not clear"),
        }
        return words[certainty] if certainty else gettext("not looked at yet")
    return {
        LineStatus.BOOKED: gettext("booked"),
        LineStatus.IGNORED: gettext("put aside"),
        LineStatus.UNDONE: gettext("undone"),
    }[status]


def _lines(batch_id: int | None) -> Iterator[LineRow]:
    filters, sort = asking.of_lines(batch_id)

    def page(after: str | None) -> tuple[list[LineRow], Marks]:
        with runtime.current().database.reading() as session:
            return bank_views.lines(session, batch_id, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)
