"""The composition root of the garden: an application of its own, with none of staff's pages in it.

It answers every host and path. Its pages stand under one address alone (garden.url); whatever else a browser
or a phone asks for by plain HTTP is led there:

- GET and HEAD get 302. Android, iOS, Windows and Firefox ask a known page (generate_204, hotspot-detect.html,
  connecttest.txt, success.txt) and show the page we lead to when the answer is not the known one. Android
  takes only 200 to 399 for a portal, so the 511 of RFC 6585 would leave its users without the page.
- Anything else gets 511: what a program sends must not be taken as received.
- /captive is the API of RFC 8908, for networks that announce it by DHCP (RFC 8910) and serve it by TLS.

Every answer ends its connection: one kept open would go on leading here after the line was opened.
"""

from typing import Any

from flask import Flask, Response
from flask_babel import Babel, format_date, get_locale
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from billing import bank
from core import db, logs
from core import settings as settings_of
from core.settings import Settings
from webapp import rendering, runtime, security, texts
from webapp.garden import door, faults, looks, pages

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
LARGEST_BYTES = 16 * 1024


def create_app(settings: Settings, *, database: db.Database | None = None) -> Flask:
    """Return the garden; tests give their own database. Raises SettingsError, RuntimeError."""
    app = Flask("webapp.garden", static_folder=None, template_folder="../../templates")
    app.extensions[runtime.KEY] = runtime.make(settings, database, name="linecard-garden")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BYTES
    hops = settings.garden.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(door.lead_strangers)
    app.after_request(_finish)
    looks.register(app)
    faults.register(app)
    _add_pages(app, settings)
    _speak(app, settings)
    return app


def serve() -> Flask:
    """Return the garden by the settings of this machine: what gunicorn calls."""
    settings = settings_of.load()
    logs.set_up(settings.logs.level, is_json=settings.logs.is_json)
    return create_app(settings)


def _add_pages(app: Flask, settings: Settings) -> None:
    limiter = security.limiter_of(app, settings)
    seen = limiter.shared_limit(settings.garden.view_limit, scope="garden", key_func=door.address)
    done = limiter.shared_limit(settings.garden.act_limit, scope="garden-act", key_func=door.actor)
    for rule, name, view in pages.SEEN:
        app.add_url_rule(rule, name, seen(view))
    for rule, name, view in pages.DONE:
        app.add_url_rule(rule, name, done(view), methods=["POST"])
    app.add_url_rule("/healthz", "health", pages.health)


def _speak(app: Flask, settings: Settings) -> None:
    """The language asked for, else the customer's own, else the browser's, else the ISP's."""
    Babel(
        app,
        default_locale=settings.isp.locale,
        default_timezone=settings.isp.time_zone,
        default_translation_directories=str(texts.FOLDER),
        locale_selector=door.language,
        timezone_selector=lambda: settings.isp.time_zone,
    )
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["told"] = texts.tell
    environment.globals.update(
        format_date=format_date,
        iban=bank.readable_iban,
        format_money=rendering.format_money,
        isp_name=settings.isp.name,
        languages=texts.languages,
        link=door.link,
        asked_language=door.asked_language,
    )
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    return {"language": texts.language(), "locale_language": getattr(get_locale(), "language", "")}


def _finish(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Connection"] = "close"
    headers.setdefault("Cache-Control", "no-store")
    return response
