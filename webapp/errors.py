"""The only map from errors to answers: a page, a fragment for htmx, or JSON, each saying what to do."""

from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, Unauthorized
from werkzeug.wrappers import Response as BaseResponse

from core import errors
from webapp import identity, rendering, texts

log = structlog.get_logger()

STATUSES: dict[type[errors.LinecardError], int] = {
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.Busy: 429,
    errors.Unavailable: 503,
}


@dataclass(frozen=True, slots=True)
class Words:
    """What the page says about a status: a heading, what to do, an icon."""

    title: str
    advice: str
    icon_name: str = "alert-triangle"


WORDS: dict[int, Words] = {
    400: Words(
        lazy_gettext("This page is too old"),
        lazy_gettext("Load the page again and repeat what you did: it was open for too long."),
        "reload",
    ),
    401: Words(lazy_gettext("You are not signed in"), lazy_gettext("Sign in and try again."), "login-2"),
    403: Words(
        lazy_gettext("You may not do this"),
        lazy_gettext("Ask an administrator for the right, or go back."),
        "shield-lock",
    ),
    404: Words(
        lazy_gettext("There is no such page"),
        lazy_gettext("It may have been removed. Look for the customer in the search box."),
        "search",
    ),
    405: Words(lazy_gettext("Not this way"), lazy_gettext("Go back and use the button on the page.")),
    409: Words(
        lazy_gettext("Somebody else was first"),
        lazy_gettext("Load the page again to see how things are now, then decide."),
        "users",
    ),
    413: Words(lazy_gettext("This file is too large"), lazy_gettext("Choose a smaller one."), "file"),
    422: Words(
        lazy_gettext("Something is not right"), lazy_gettext("Correct it and send it again."), "pencil"
    ),
    429: Words(lazy_gettext("Too much at once"), lazy_gettext("Wait a minute, then try again."), "hourglass"),
    500: Words(
        lazy_gettext("This should not have happened"),
        lazy_gettext("It is in the log. Tell an administrator the number below."),
        "bug",
    ),
    503: Words(
        lazy_gettext("A part does not answer"),
        lazy_gettext("Try again in a moment. The command linecard doctor tells what is wrong."),
        "plug-connected-x",
    ),
}

# Nobody else had to do with it: it does not go, and the words say why.
STANDS_IN_THE_WAY = Words(
    lazy_gettext("Not as things stand"), lazy_gettext("Go back to see how they are now, then decide.")
)


def register(app: Flask) -> None:
    """Put the map in place."""
    app.register_error_handler(errors.LinecardError, _ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unexpected)


def _ours(error: errors.LinecardError) -> BaseResponse:
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    faults = error.fields if isinstance(error, errors.Invalid) else {}
    if status == STATUSES[errors.Unavailable]:
        log.warning("unavailable", path=request.path, error=error.message)
    fields = {name: texts.tell(fault) for name, fault in faults.items()}
    is_own = isinstance(error, errors.Conflict) and not isinstance(error, errors.Overtaken)
    return _answer(status, texts.tell(error.message), fields, STANDS_IN_THE_WAY if is_own else None)


def _of_http(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < 400:  # a redirect of the routing
        return error.get_response()
    if isinstance(error, Unauthorized):
        return _unsigned()
    text = ""
    if isinstance(error, RateLimitExceeded):
        log.warning("rate_limited", path=request.path, address=request.remote_addr)
        text = gettext("Too many attempts. Wait a minute, then try again.")
    elif error.code == 400 and not isinstance(error, CSRFError):
        text = gettext("The request could not be read.")
    answer = _answer(error.code, text)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> BaseResponse:
    log.error("unexpected_error", path=request.path, method=request.method, exc_info=error)
    return _answer(500, "")


def _unsigned() -> BaseResponse:
    """Send a person to the sign-in page and back; tell a program."""
    if _wants() == "page":
        here = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return redirect(url_for("staff.sign_in", next=None if here == "/" else here), 303)
    answer = _answer(401, "")
    if rendering.is_htmx():
        answer.headers["HX-Redirect"] = url_for("staff.sign_in", next=rendering.path_of_page())
    return answer


def _wants() -> str:
    if rendering.is_htmx():
        return "fragment"
    accepts = request.accept_mimetypes
    if request.path.startswith("/api/") or accepts.best == "text/event-stream":
        return "json"
    return "page" if accepts.accept_html or not accepts.accept_json else "json"


def _answer(
    status: int, text: str, fields: dict[str, str] | None = None, words: Words | None = None
) -> Response:
    words = words or WORDS.get(status, WORDS[500] if status >= 500 else WORDS[405])
    facts = {"status": status, "words": words, "text": text, "fields": fields or {}}
    facts["request_id"] = g.get("request_id", "") if status >= 500 else ""
    wanted = _wants()
    if wanted == "json":
        message = text or f"{words.title}. {words.advice}"
        answer = jsonify(status=status, message=message, fields=fields or {}, request=g.get("request_id", ""))
    elif wanted == "fragment":
        answer = Response(render_template("errors/_error.html", **facts))
    else:
        is_inside = status != 503 and identity.known() is not None
        # The phone's sheet of icons has not those of the whole frame.
        inside = "field/frame.html" if request.blueprint == "field" else "base.html"
        frame = inside if is_inside else "lone.html"
        answer = Response(render_template("errors/error.html", frame=frame, **facts))
    answer.status_code = status
    return answer
