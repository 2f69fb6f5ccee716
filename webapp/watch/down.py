"""What is down: dead, or behind something dead."""

from flask import Response, request

from registry import watch_views
from registry.models import WatchState
from webapp import permissions, rendering, runtime

PAGE = 100


@permissions.required("diagnostics.view")
def listing() -> Response:
    """List who does not answer; filter, order and page stand in the URL."""
    asked = request.args
    state = asked.get("state", "")
    sort = asked.get("sort", "-since")
    after = asked.get("after", "")
    page = int(after) if after.isascii() and after.isdecimal() and len(after) < 6 else 0
    text = asked.get("q", "").strip().replace("\0", "")[:80]
    with runtime.current().database.reading() as session:
        found = watch_views.down(
            session,
            state=WatchState(state) if state in set(watch_views.DOWN) else None,
            text=text,
            sort=sort if sort.removeprefix("-") in watch_views.SORTS else "-since",
            page=page,
            limit=PAGE,
        )
    has_more = (page + 1) * PAGE < found.total
    return rendering.page_or_fragment(
        "watch/down.html",
        "watch/down.html",
        found=found,
        sort=sort,
        state=state,
        text=text,
        before=str(page - 1) if page else None,
        after=str(page + 1) if has_more else None,
    )
