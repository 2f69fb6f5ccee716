"""Who comes in: by which address, for which host, in which language; and the way to the one page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import flask_babel
from flask import Response, g, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from core import errors
from registry import payers, seats
from registry.seats import Seat
from webapp import runtime, seals, texts

_USUAL_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A preview is staff looking at a customer's page: they may do nothing there."""

    seat: Seat
    is_preview: bool = False


def address() -> str:
    """Return the address the request came from, as it would be on file."""
    return seats.plain(request.remote_addr or "")


def actor() -> str:
    """Return by what acts are counted: the customer whose form it is, else the address.

    Who has a prefix of IPv6 has more addresses than there are digits to guess.
    """
    sealed = _form_seal()
    return f"customer {sealed[1]}" if sealed else address()


def lead_strangers() -> Response | None:
    """Lead a request for any host but our own to our page.

    Never answered under another host's name: a script of that host's page could read the answer.
    """
    parts = urlsplit(runtime.current().settings.garden.address)
    own = parts.netloc.lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ""))
    asked = request.host.lower().removesuffix(_USUAL_PORTS.get(request.scheme, ""))
    return None if asked == own else lead()


def lead() -> Response:
    """Lead to the page: 302 for who looks, 511 (RFC 6585) for who sends something."""
    url = runtime.current().settings.garden.address + "/"
    if request.method in ("GET", "HEAD"):
        return Response(status=302, headers={"Location": url})
    words = gettext("This network asks you to open %(url)s first.", url=url)
    return Response(f"{words}\n", 511, mimetype="text/plain")


def asked_language() -> str:
    """Return the language chosen on the page; empty when none was."""
    asked = request.args.get("lang", "")
    return asked if asked in texts.languages() else ""


def link(endpoint: str, **values: Any) -> str:
    """Return the path of a page of ours; the chosen language, and staff's preview, go with it."""
    kept = {"lang": asked_language(), "preview": request.args.get("preview", "")}
    return url_for(endpoint, **{**{name: value for name, value in kept.items() if value}, **values})


def caller(session: Session) -> Caller | None:
    """Return who asks, by the address; None where that says nobody, or several."""
    settings = runtime.current().settings
    sealed = request.args.get("preview", "")
    if sealed:
        customer_id = seals.opened(settings, "preview", sealed, seals.PREVIEW_S)
        seat = seats.of_customer(session, customer_id, today=runtime.today()) if customer_id else None
        return _spoken_to(session, Caller(seat, is_preview=True)) if seat else None
    seat = seats.at(session, address(), today=runtime.today())
    return _spoken_to(session, Caller(seat)) if seat else None


def language() -> str:
    """Return the language chosen on the page, else the customer's own, else the browser's, else the ISP's."""
    usual = runtime.current().settings.isp.locale
    wanted = asked_language() or str(g.get("own_language", ""))
    if wanted not in texts.languages():
        return texts.of_browser(usual)
    return usual if wanted == usual.partition("_")[0] else wanted


def _spoken_to(session: Session, found: Caller) -> Caller:
    """Have the page speak the caller's own language from here on."""
    g.own_language = payers.language_of(session, found.seat.customer_id).partition("_")[0]
    flask_babel.refresh()
    return found


def form_seal(seat: Seat) -> str:
    """Return what goes into every form shown to this seat."""
    return seals.seal(runtime.current().settings, "form", [seat.address, seat.customer_id])


def sender(session: Session) -> Seat:
    """Return who sent a form of ours; raises Forbidden for nobody's, another's and one that is too old."""
    found, sealed = caller(session), _form_seal()
    if found is None or found.is_preview or sealed != [found.seat.address, found.seat.customer_id]:
        raise errors.Forbidden("This page was open for too long. Look at it again and repeat what you did.")
    return found.seat


def _form_seal() -> Any:
    return seals.opened(runtime.current().settings, "form", request.form.get("seal", ""), seals.FORM_S)
