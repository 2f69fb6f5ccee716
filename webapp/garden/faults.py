"""Errors of the garden in words for a customer: what to do, whom to call. Unknown pages lead to the one."""

import structlog
from flask import Flask, Response, render_template, request
from flask_babel import gettext
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Response as BaseResponse

from billing.models import Seller
from core import errors
from registry import company
from webapp import runtime, texts
from webapp.garden import door

log = structlog.get_logger()


def register(app: Flask) -> None:
    """Put the map in place."""
    app.register_error_handler(errors.LinecardError, _ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unexpected)


def words_page(status: int, title: str, text: str) -> Response:
    """Answer with a page of words and the telephone number of the ISP."""
    page = render_template("garden/words.html", title=title, text=text, company=_company())
    return Response(page, status)


def _ours(error: errors.LinecardError) -> BaseResponse:
    if isinstance(error, errors.Unavailable):
        log.warning("unavailable", path=request.path, error=error.message)
        return words_page(
            503, gettext("This does not work now"), gettext("Try again in a minute, or call us.")
        )
    status = 404 if isinstance(error, errors.NotFound) else 409
    return words_page(status, gettext("This was not done"), texts.tell(error.message))


def _of_http(error: HTTPException) -> BaseResponse:
    if isinstance(error, NotFound | MethodNotAllowed):
        return door.lead()
    if error.code is None or error.code < 400:
        return error.get_response()
    if isinstance(error, RateLimitExceeded):
        log.warning("rate_limited", path=request.path, address=door.address())
        text = gettext("Too many attempts from your connection. Try again later, or call us.")
        return words_page(429, gettext("This was not done"), text)
    return words_page(error.code, gettext("This was not done"), gettext("The request could not be read."))


def _unexpected(error: Exception) -> BaseResponse:
    log.error("unexpected", path=request.path, exc_info=error)
    return words_page(500, gettext("This does not work now"), gettext("Try again in a minute, or call us."))


def _company() -> Seller | None:
    """Return whom to call, if the database tells."""
    try:
        with runtime.current().database.reading() as session:
            return company.get(session)
    except errors.LinecardError:
        return None
