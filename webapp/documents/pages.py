"""One document: its page and its PDF."""

import secrets

from flask import Response, request

from billing import paper, pdf
from core import catalogues
from core.money import Money
from registry import papers
from webapp import permissions, rendering, runtime
from webapp.documents import asking


@permissions.required("money.view")
def show(document_id: int) -> Response:
    """Show a document: its lines, VAT by rate, whether and by what it is paid."""
    with runtime.current().database.reading() as session:
        found = papers.view(session, document_id, today=asking.today())
    return rendering.page_or_fragment(
        "documents/document.html",
        "documents/document.html",
        found=found,
        as_money=Money,
        key=secrets.token_urlsafe(12),
    )


@permissions.required("money.view")
def as_pdf(document_id: int) -> Response:
    """Answer with the document as PDF, in the language of its payer.

    It is written in the request, in a tenth of a second of one core: nobody waits for a worker, nothing has
    to be kept, and the same document gives the same bytes, so a browser that has them is told so.
    """
    with runtime.current().database.reading() as session:
        found = paper.of(session, document_id)
    content = pdf.write(found, catalogues.voice_of(language_of(found)))
    answer = Response(content, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{pdf.file_name(found)}"'
    answer.cache_control.private, answer.cache_control.no_cache = True, True
    answer.add_etag()
    return answer.make_conditional(request)


def language_of(found: paper.Paper) -> str:
    """Return the language the document was issued in; the ISP's where that was not kept."""
    return found.language or runtime.current().settings.isp.locale
