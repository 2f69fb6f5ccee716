"""The locks that stand on lines: a list, the list as a file, and one lock's history."""

from collections.abc import Iterator, Sequence

from flask import Response, abort, request
from flask_babel import gettext

from billing import freezes
from billing.models import AccessState, LockReason
from core import clock
from registry import locks, spreadsheets
from registry.keyset import Marks, order
from registry.locks import LockFilter, LockRow
from webapp import asked, downloads, identity, permissions, rendering, runtime, texts
from webapp.cashier import cutoff_words, day, lock_rights

FILE_PAGE = 1000


@permissions.required("cutoff.view")
def listing() -> Response:
    """List the standing locks, the youngest first."""
    filters = _filters()
    with runtime.current().database.reading() as session:
        rows, mark = locks.page(
            session, filters, now=clock.now(), sort=_sort(), after=request.args.get("after")
        )
        counts = locks.counts(session)
    return rendering.page_or_fragment(
        "cashier/locks.html",
        "cashier/locks.html",
        rows=rows,
        next=mark,
        filters=filters,
        sort=_sort(),
        counts=counts,
        total=sum(counts.values()),
        is_filtered=filters != LockFilter(),
        reasons=list(LockReason),
        effects=list(AccessState)[1:],
        agreed=freezes.AGREED,
    )


@permissions.required("cutoff.view")
def show(lock_id: int) -> Response:
    """Show one lock: who placed it, how it changed, what else was on the service."""
    with runtime.current().database.reading() as session:
        found = locks.history(session, lock_id)
    return rendering.page_or_fragment(
        "cashier/lock.html",
        "cashier/lock.html",
        found=found,
        row=found.row,
        lockable=lock_rights.allowed() if identity.may("suspension.place") else (),
        agreed=freezes.AGREED,
    )


@permissions.required("cutoff.view")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"locks-{day.today().isoformat()}", ending)
    table.write(gettext("Locks"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _filters() -> LockFilter:
    return LockFilter(
        text=asked.text(),
        reason=asked.choice("reason", LockReason),
        effect=asked.choice("effect", AccessState),
        owner=asked.text("owner"),
        older_days=asked.number("age", digits=4),
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), locks.KEYS, locks.USUAL_SORT)


def _heads() -> list[str]:
    return [
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Service"),
        gettext("Lock"),
        gettext("Effect"),
        gettext("Placed by"),
        gettext("Placed on"),
        gettext("Until"),
        gettext("Percent billed"),
        gettext("Reason"),
    ]


def _cells(row: LockRow) -> tuple[spreadsheets.Value, ...]:
    lock = row.lock
    return (
        row.number,
        row.name,
        row.plan,
        cutoff_words.lock(lock.reason.value),
        cutoff_words.effect(lock.effect.value),
        texts.tell(lock.owner),
        clock.today(runtime.current().settings.isp.time_zone, at=lock.placed_at),
        row.until_on,
        lock.billed_percent,
        texts.tell(lock.note),
    )


def _every() -> Iterator[LockRow]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[LockRow], Marks]:
        with runtime.current().database.reading() as session:
            return locks.page(session, filters, now=clock.now(), sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)
