"""The list of documents: filters, order and keyset pages, all in the URL."""

from flask import Response, request

from billing.models import DocumentKind
from registry import papers
from registry.papers import PaperFilter
from webapp import permissions, rendering, runtime
from webapp.documents import asking

PAGE = 50


@permissions.required("money.view")
def listing() -> Response:
    """List documents."""
    filters, sort, today = asking.filters(), asking.sort(), asking.today()
    with runtime.current().database.reading() as session:
        found = papers.page(
            session, filters, sort=sort, after=request.args.get("after"), limit=PAGE, today=today
        )
        is_summed = 0 < found.total <= papers.TOTAL_LIMIT
        sums = papers.sums(session, filters, today=today) if is_summed else ()
    return rendering.page_or_fragment(
        "documents/list.html",
        "documents/list.html",
        found=found,
        sums=sums,
        filters=filters,
        sort=sort,
        today=today,
        is_filtered=filters != PaperFilter(),
        total_limit=papers.TOTAL_LIMIT,
        kinds=tuple(DocumentKind),
        states=papers.STATES,
    )
