"""The drift list: cut but still passing, paid but still cut, unknown on a list; repaired by a press."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Response, abort, request
from flask_babel import gettext, ngettext

from core import clock
from registry import drift, spreadsheets
from registry.drift import DriftFilter, DriftRow
from registry.keyset import Marks, order
from webapp import asked, downloads, identity, permissions, rendering, runtime, texts, waking

FILE_PAGE = 1000
CHOSEN_LIMIT = 1000
_SORTS: dict[str, Any] = dict.fromkeys(drift.SORTS)


@permissions.required("cutoff.view")
def listing() -> Response:
    """List what is adrift, the longest first."""
    filters = _filters()
    with runtime.current().database.reading() as session:
        rows, mark = drift.page(session, filters, sort=_sort(), after=request.args.get("after"))
        counts, gates = drift.counts(session), drift.gates(session)
    return rendering.page_or_fragment(
        "drift/list.html",
        "drift/_table.html" if request.headers.get("HX-Target") == "drift" else "drift/list.html",
        rows=rows,
        next=mark,
        filters=filters,
        sort=_sort(),
        counts=counts,
        gates=gates,
        kinds=drift.KINDS,
        now=clock.now(),
        is_filtered=filters != DriftFilter(state=filters.state),
    )


@permissions.required("cutoff.view")
def file(ending: str) -> Response:
    """The list as a file: every row the filters leave, in its order."""
    if ending not in downloads.ENDINGS:
        abort(404)
    table = downloads.Table(f"drift-{runtime.today().isoformat()}", ending)
    table.write(gettext("Drift"), _heads(), (_cells(row) for row in _every()))
    return table.answer()


def _heads() -> list[str]:
    return [
        gettext("What"),
        gettext("Since"),
        gettext("Customer number"),
        gettext("Customer"),
        gettext("Address"),
        gettext("Gate"),
        gettext("wanted"),
        gettext("applied"),
        gettext("observed"),
        gettext("Read at"),
        gettext("Fault"),
        gettext("Tried again at"),
        gettext("Repair"),
        gettext("Repair asked at"),
        gettext("Repair asked by"),
        gettext("Repaired at"),
    ]


def _cells(row: DriftRow) -> tuple[spreadsheets.Value, ...]:
    return (
        _what(row),
        downloads.moment(row.since),
        row.number,
        row.name or gettext("nobody's"),
        row.address,
        row.gate or gettext("none"),
        _access(row.wanted, gettext("nothing")),
        _access(row.applied, gettext("not told")) if row.wanted else "",
        _access(row.observed, gettext("not measured")),
        downloads.moment(row.observed_at),
        texts.tell(row.error or row.gate_error),
        downloads.moment(row.paused_until),
        _repair(row),
        downloads.moment(row.repair_asked_at),
        row.repair_by,
        downloads.moment(row.repaired_at),
    )


def _what(row: DriftRow) -> str:
    """Return what the page says of the row, as templates/drift/_words.html has it."""
    if not row.is_adrift:
        return gettext("nothing at the gate to close") if row.is_bare else gettext("as wanted")
    if row.is_port:
        return gettext("port left closed")
    if row.kind == "stranger":
        login, address = gettext("unknown login on the list"), gettext("unknown address on the list")
        return login if row.is_login else address
    return gettext("cut but still passing") if row.kind == "passing" else gettext("paid but still cut")


def _access(state: str | None, unknown: str) -> str:
    words: dict[str, str] = {
        "open": gettext("open"),
        "notice": gettext("notice shown"),
        "slow": gettext("slow lane"),
        "walled": gettext("walled garden"),
        "closed": gettext("closed"),
    }
    return words.get(state or "", unknown)


def _repair(row: DriftRow) -> str:
    if row.is_in_repair:
        return gettext("told, not read back yet") if row.is_told else gettext("being told")
    return gettext("worked") if row.repair_s is not None and not row.is_adrift else ""


def _every() -> Iterator[DriftRow]:
    filters, sort = _filters(), _sort()

    def page(after: str | None) -> tuple[Sequence[DriftRow], Marks]:
        with runtime.current().database.reading() as session:
            return drift.page(session, filters, sort=sort, after=after, limit=FILE_PAGE)

    return downloads.every(page)


@permissions.required("gate.repair")
def repair() -> Response:
    """Repair one row, the chosen ones, or all that the filters leave; asked twice it is told twice."""
    form = request.form
    with runtime.current().database.transaction() as session:
        if form.get("all"):
            ids = drift.every_id(session, _filters())
        else:
            ids = _ids(form.getlist("one") or form.getlist("row"))
        count = drift.repair(session, identity.actor(), ids)
        if count:
            waking.wake_gates(session)
    if count:
        rendering.say(
            ngettext(
                "%(num)s is being repaired: its gate is told, then read back.",
                "%(num)s are being repaired: their gates are told, then read back.",
                count,
            )
        )
    else:
        rendering.say(gettext("Nothing was chosen."), "warn")
    return rendering.go("drift.listing", **rendering.carried())


@permissions.required("gate.repair")
def try_gate(gate_id: int) -> Response:
    """Try a gate now that is left alone after failures."""
    with runtime.current().database.transaction() as session:
        drift.try_gate(session, identity.actor(), gate_id)
        waking.wake_gates(session)
    rendering.say(gettext("The gate is being tried."))
    return rendering.go("setup.gates")


def _ids(written: list[str]) -> list[int]:
    return [int(one) for one in written[:CHOSEN_LIMIT] if re.fullmatch(r"-?[0-9]{1,18}", one)]


def _filters() -> DriftFilter:
    return DriftFilter(
        text=asked.text(),
        kind=asked.word("kind", drift.KINDS),
        gate_id=asked.number("gate"),
        state=asked.word("state", drift.STATES) or "adrift",
    )


def _sort() -> str:
    return order(request.args.get("sort", ""), _SORTS, drift.USUAL_SORT)
