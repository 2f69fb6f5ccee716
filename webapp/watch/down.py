"""What is down: dead, or behind something dead."""

from flask import Response, request

from registry import pops, watch_down
from registry.models import WatchState
from registry.watch_down import DownFilter, DownKind
from webapp import asked, permissions, rendering, runtime

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
    return DownFilter(
        text=asked.text(),
        state=asked.choice("state", watch_down.STATES),
        kind=asked.choice("kind", DownKind),
        pop_id=asked.number("pop"),
    )
