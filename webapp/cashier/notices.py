"""What the list of reminders is asked for, and the list as a file."""

import re
from collections.abc import Iterator, Sequence

from flask import Response, abort, request
from flask_babel import gettext

from billing.models import Channel
from registry import notices, spreadsheets
from registry.dunning import NoticeRow
from registry.keyset import Marks, order
from registry.notices import NoticeFilter
from webapp import asked, downloads, identity, permissions, runtime
from webapp.cashier import day

FILE_PAGE = 1000


def filters() -> NoticeFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    days = request.args.get("step", "")
    return NoticeFilter(
        text=asked.text(),
        state=asked.word("state", notices.STATES),
        channel=asked.choice("channel", Channel),
        days=int(days) if re.fullmatch(r"-?[0-9]{1,3}", days) else None,
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def sort() -> str:
    """Return the order of the list."""
    return order(request.args.get("sort", ""), notices.KEYS, notices.USUAL_SORT)


@permissions.required("report.read")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    identity.demand("cutoff.view")
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"reminders-{day.today().isoformat()}", ending)
    table.write(gettext("Reminders"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Day"),
        gettext("Days after the due date"),
        gettext("Due"),
        gettext("Sum"),
        gettext("Currency"),
        gettext("Channel"),
        gettext("State"),
        gettext("Address"),
    ]


def _cells(row: NoticeRow) -> tuple[spreadsheets.Value, ...]:
    states = {"sent": gettext("in the outbox"), "no_text": gettext("no text")}
    return (
        row.number,
        row.name,
        row.run_on,
        row.days,
        row.episode_on,
        row.amount,
        row.amount.currency,
        gettext("text message") if row.channel is Channel.SMS else gettext("e-mail"),
        states.get(row.outcome, gettext("no address")),
        row.address,
    )


def _every() -> Iterator[NoticeRow]:
    asked, order = filters(), sort()

    def page(after: str | None) -> tuple[Sequence[NoticeRow], Marks]:
        with runtime.current().database.reading() as session:
            return notices.page(session, asked, sort=order, after=after, limit=FILE_PAGE)

    return downloads.every(page)
