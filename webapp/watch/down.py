"""What is down: dead, or behind something dead."""

from flask import Response, request

from registry import pops, watch_down
from registry.models import WatchState
from registry.watch_down import DownFilter, DownKind
from webapp import permissions, rendering, runtime

PAGE = 100


@permissions.required("diagnostics.view")
def listing() -> Response:
    """List who does not answer; filter, order and page stand in the URL."""
    filters, sort = _filters(), request.args.get("sort", "-since")
    sort = sort if sort.removeprefix("-") in watch_down.SORTS else "-since"
    mark = request.args.get("after") or request.args.get("before")
    with runtime.current().database.reading() as session:
        found = watch_down.page(session, filters, sort=sort, after=mark, limit=PAGE)
        offered = tuple((pop.id, pop.name) for pop in pops.list_all(session))
    return rendering.page_or_fragment(
        "watch/down.html",
        "watch/down.html",
        found=found,
        filters=filters,
        is_filtered=filters != DownFilter(),
        sort=sort,
        pops=offered,
        dead=found.counts[WatchState.DEAD],
        behind=found.counts[WatchState.BEHIND],
    )


def _filters() -> DownFilter:
    asked = request.args
    state, kind, pop = asked.get("state", ""), asked.get("kind", ""), asked.get("pop", "")
    return DownFilter(
        text=asked.get("q", "").strip().replace("\0", "")[:80],
        state=WatchState(state) if state in set(watch_down.STATES) else None,
        kind=DownKind(kind) if kind in set(DownKind) else None,
        pop_id=int(pop) if pop.isascii() and pop.isdecimal() and len(pop) < 19 else None,
    )
