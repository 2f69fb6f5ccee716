"""A customer's whole history of money: filtered, in any order, page by page, and as a file."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Response, abort, render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from billing.models import EntryKind, LedgerEntry, Method
from billing.statements import Line
from core import clock
from core.money import Money
from registry import ledger_list, spreadsheets, tills
from registry.keyset import order
from registry.ledger_list import LedgerFilter
from webapp import asked, downloads, permissions, runtime, texts
from webapp.cashier import day, undo_rights


def page(session: Session, account_id: int) -> dict[str, Any]:
    """Return what the ledger's template is made of, as the URL asks for it."""
    filters, sort = _filters(), _sort()
    return {
        "entries": ledger_list.page(
            session,
            account_id,
            filters,
            sort=sort,
            after=request.args.get("after") or request.args.get("before"),
        ),
        "filters": filters,
        "sort": sort,
        "is_filtered": filters != LedgerFilter(),
        "kinds": kind_words(),
        "methods": method_words(),
        "undoable": undo_rights.allowed(),
        "booked_on": _booked_on,
    }


def fragment(customer_id: int) -> Response:
    """Answer with the ledger alone; raises NotFound."""
    with runtime.current().database.reading() as session:
        account = tills.account(session, customer_id)
        found = page(session, account.id)
    shown = render_template("cashier/_ledger.html", customer_id=customer_id, as_money=Money, **found)
    answer = Response(shown)
    answer.vary.add("HX-Request")
    return answer


@permissions.required("report.read")
def export(customer_id: int, ending: str) -> Response:
    """Send what the filters leave of the ledger, in the order of the screen."""
    if ending not in downloads.ENDINGS:
        abort(404)
    with runtime.current().database.reading() as session:
        till = tills.till(session, customer_id, today=day.today(), grace_days=day.grace_days(session))
        made = downloads.Table(f"ledger-{till.number}-{day.today().isoformat()}", ending)
        found = ledger_list.every(session, till.account.id, _filters(), sort=_sort())
        rows = (row for one in found for row in _rows(one))
        made.write(gettext("Ledger"), _heads(), rows)
    return made.answer()


def _rows(found: ledger_list.LedgerPage) -> Iterator[tuple[spreadsheets.Value, ...]]:
    for line in found.lines:
        paper = found.papers.get(line.entry.id)
        yield _cells(line, paper[1] if paper else "")


def _heads() -> list[str]:
    return [
        gettext("Date"),
        gettext("Entry"),
        gettext("Method"),
        gettext("Text"),
        gettext("From"),
        gettext("To"),
        gettext("Reference"),
        gettext("Document"),
        gettext("Due"),
        gettext("Amount"),
        gettext("Balance"),
        gettext("Currency"),
        gettext("By"),
        gettext("Booked"),
        gettext("undone"),
    ]


def _cells(line: Line, paper: str) -> tuple[spreadsheets.Value, ...]:
    entry = line.entry
    return (
        entry.dated_on,
        kind_words()[entry.kind],
        method_words().get(entry.method, ""),
        texts.tell(entry.description),
        entry.period_start,
        entry.period_end,
        entry.reference,
        paper,
        entry.due_on,
        Money(entry.amount_minor, entry.currency),
        Money(entry.balance_after_minor, entry.currency),
        entry.currency,
        texts.tell(entry.author),
        _booked_on(entry),
        gettext("yes") if line.reversed_by_id else "",
    )


def _booked_on(entry: LedgerEntry) -> date:
    """Return the day of the ISP on which the entry was written."""
    return clock.today(runtime.current().settings.isp.time_zone, at=entry.posted_at)


def kind_words() -> dict[EntryKind, str]:
    """Return what each kind of entry is called."""
    return {
        EntryKind.CHARGE: gettext("charge"),
        EntryKind.PAYMENT: gettext("payment"),
        EntryKind.WRITEOFF: gettext("written off"),
        EntryKind.REFUND: gettext("refund"),
        EntryKind.ADJUSTMENT: gettext("adjustment"),
        EntryKind.TRANSFER: gettext("transfer"),
        EntryKind.REVERSAL: gettext("reversal"),
    }


def method_words() -> dict[Method, str]:
    """Return what each way of paying is called."""
    return {
        Method.CASH: gettext("cash"),
        Method.BANK: gettext("bank"),
        Method.CARD: gettext("card"),
        Method.ONLINE: gettext("online"),
    }


def _filters() -> LedgerFilter:
    """Read the filters; a value that is none of a filter's filters nothing."""
    return LedgerFilter(
        text=asked.text(),
        kind=asked.choice("kind", EntryKind),
        is_payback=asked.word("kind", ("payback",)) != "",
        method=asked.choice("method", Method),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), ledger_list.SORTS, ledger_list.USUAL_SORT)
