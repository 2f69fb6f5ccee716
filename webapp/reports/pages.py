"""The list of reports, a report on screen, and the same on paper."""

from flask import Response, request

from registry import report_pictures, report_reading, reports
from registry.report_kinds import ReportPage
from webapp import permissions, rendering, runtime
from webapp.reports import asking

PAGE = 100
PAPER = 5000


@permissions.required("report.read")
def listing() -> Response:
    """Every report there is."""
    return rendering.page_or_fragment("reports/list.html", "reports/list.html", reports=reports.ALL)


@permissions.required("report.read")
def report(name: str) -> Response:
    """A page of a report with the totals of all its pages."""
    return _show(name, "reports/report.html", PAGE, request.args.get("after") or request.args.get("before"))


@permissions.required("report.read")
def paper(name: str) -> Response:
    """The whole report, as far as anybody would print it."""
    return _show(name, "reports/paper.html", PAPER, None)


def _show(name: str, template: str, limit: int, after: str | None) -> Response:
    found = asking.found(name)
    ask = asking.asked(found)
    sort, _ = report_reading.order_of(found, request.args.get("sort", ""))
    with runtime.current().database.reading() as session:
        pictures = report_pictures.of(session, found, ask)
        page: ReportPage = report_reading.page(session, found, ask, sort=sort, after=after, limit=limit)
    return rendering.page_or_fragment(
        template,
        template,
        report=found,
        ask=ask,
        page=page,
        pictures=pictures,
        sort=sort,
        limit=limit,
        query=asking.query(found),
    )
