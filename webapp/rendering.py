"""From a frozen object to an answer: page or fragment, redirects, toasts, and what templates may call."""

import functools
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import babel.dates
from flask import Flask, Response, flash, render_template, request, url_for
from flask_babel import format_date, format_datetime, format_decimal, get_locale
from jinja2 import StrictUndefined

from core import clock, money
from core.money import Money
from core.settings import Settings
from webapp import forms, health, identity, navigation, runtime, texts

DIST = Path(__file__).parent / "static" / "dist"

HTMX = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,  # no customer's card in the browser's storage
    "refreshOnHistoryMiss": True,
    "defaultSettleDelay": 0,  # a form takes the focus as it appears, never from under the first key
    "timeout": 20_000,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "(409|422)", "swap": True, "error": False},
        {"code": "[45]..", "swap": False, "error": True},
    ],
}


def set_up(app: Flask, settings: Settings) -> None:
    """Give the templates their functions; raises RuntimeError when the front end is not built."""
    manifest = _manifest()
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.do")
    environment.add_extension("jinja2.ext.loopcontrols")
    environment.filters["count_text"] = format_decimal
    environment.filters["told"] = texts.tell
    environment.filters["told_all"] = texts.tell_all
    environment.globals.update(
        asset=lambda name: url_for("static", filename=manifest[name]),
        # The phone's pages name few icons, and their sheet is a tenth of the whole one.
        icon_sheet=lambda: url_for(
            "static", filename=manifest["field-icons.svg" if request.blueprint == "field" else "icons.svg"]
        ),
        carried=carried,
        url_with=url_with,
        may=identity.may,
        may_open=identity.may_open,
        is_htmx=is_htmx,
        age_in_words=age_in_words,
        format_date=format_date,
        format_datetime=format_datetime,
        format_decimal=format_decimal,
        format_money=format_money,
        once_key=forms.new_key,
        htmx_config=HTMX,
        icmp_words=texts.icmp_words,
        isp_name=settings.isp.name,
        isp_currency=settings.isp.currency,
    )
    app.context_processor(_frame)


def _manifest() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError as error:
        raise RuntimeError("the front end is not built: run `python hatch_build.py`") from error
    return found


def built(name: str) -> Path:
    """Return the built file of a source such as app.css; raises RuntimeError when it is not built."""
    return DIST / _manifest()[name]


def _frame() -> dict[str, Any]:
    """What base.html needs beside the page's own object; the rail is made for pages only."""
    person = identity.known()
    return {
        "person": person,
        "language": texts.language(),
        "navigation": functools.cache(lambda: navigation.sections(person)),  # asked by rail and overlays
        "home_url": lambda: navigation.home(person),
        "search_url": navigation.search(person),
        "search_text": request.args.get("q", "") if navigation.is_search(request.endpoint) else "",
        "heartbeat_fault": health.fault() if person else None,
    }


# --- answers


def is_htmx() -> bool:
    """Say whether htmx asks for a fragment (and not for the whole page again after Back)."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def path_of_page() -> str | None:
    """Return the path of the page the browser is on when htmx asks; None when it is not known."""
    parts = urlsplit(request.headers.get("HX-Current-URL", ""))
    return f"{parts.path}?{parts.query}".rstrip("?") or None


def page_or_fragment(page: str, fragment: str, /, status: int = 200, **context: Any) -> Response:
    """Answer the same URL with the page, or with the fragment when htmx asks."""
    answer = Response(render_template(fragment if is_htmx() else page, **context), status)
    answer.vary.add("HX-Request")
    return answer


def go(endpoint: str, /, **values: Any) -> Response:
    """Send the browser to another page after a change (303); works for htmx too."""
    return go_to(url_for(endpoint, **values))


def go_to(url: str) -> Response:
    """The same to a URL of our own."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return Response(status=303, headers={"Location": url})


def public_url(endpoint: str, /, **values: Any) -> str:
    """Return a page's URL for people outside: under web.public_url, else as this page was asked for."""
    base = runtime.current().settings.web.public_url
    return base + url_for(endpoint, **values) if base else url_for(endpoint, **values, _external=True)


def say(text: str, kind: str = "ok") -> None:
    """Show a short message on the next page; kinds: ok, info, warn, bad."""
    flash(text, kind)


def with_toast(answer: Response, text: str, kind: str = "ok") -> Response:
    """Show a short message together with a fragment; also the way to fire other events at the page."""
    return with_event(answer, "toast", {"text": text, "kind": kind})


def with_event(answer: Response, name: str, detail: Any = None) -> Response:
    """Fire an event in the browser when the fragment arrives (a header of htmx): panels listen for it."""
    events = json.loads(answer.headers.get("HX-Trigger", "{}"))
    answer.headers["HX-Trigger"] = json.dumps({**events, name: detail})
    return answer


# --- what templates call


def url_with(**changes: Any) -> str:
    """Return this URL with some parameters changed; None takes one away. All others stay."""
    wanted = {name: value for name, value in changes.items() if value is not None}
    return url_for(str(request.endpoint), **{**(request.view_args or {}), **carried(*changes), **wanted})


def carried(*without: str) -> dict[str, Any]:
    """Return the parameters of this URL for another one, but those named, of its path, or url_for()'s own."""
    left = {"endpoint", *(request.view_args or {}), *without}
    return {
        name: values for name, values in request.args.lists() if name not in left and not name.startswith("_")
    }


def age_in_words(moment: datetime) -> str:
    """Return how long ago something was: "3 min. ago"; app.js keeps it true."""
    gone = moment - clock.now()
    return babel.dates.format_timedelta(gone, add_direction=True, format="short", locale=get_locale())


def format_money(amount: Money) -> str:
    """Write an amount in the person's locale."""
    return money.format_money(amount, str(get_locale()))
