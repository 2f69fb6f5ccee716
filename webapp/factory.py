"""The composition root of the web: `create_app(settings)` puts every part of webapp together.

How to add a page area (webapp/<area>/, the blueprint is named as the folder):

1. `webapp/<area>/urls.py` holds `blueprint = Blueprint("<area>", __name__)` and one table of
   `blueprint.add_url_rule("/things/<int:thing_id>", "thing", things.show)`. Add the area to AREAS below.
2. Views are plain functions in modules beside it. Each carries `@permissions.required("thing.view")` (or
   `signed_in`, `public`); without it the application refuses to start. A row in
   tests/integration/test_web_shell_doors.py says what every role gets at every URL.
3. A GET reads: `with runtime.current().database.reading() as session:` around one domain call that returns a
   frozen object; a POST writes: `with runtime.current().database.transaction() as session:` around one domain
   call with `identity.actor()`. Send jobs with `db.after_commit(session, lambda: enqueue.x(queue, ...))`.
   The view opens the session itself: the block shows how long it is held. Never hold it while streaming.
4. Answers: `rendering.page_or_fragment("area/thing.html", "area/_thing.html", thing=thing)`; after a change
   `rendering.say(...)` and `rendering.go("area.thing", ...)` (303), or the panel again with
   `rendering.with_toast`. Forms: webapp/forms.py, 422 with the form. Raise core.errors for the rest;
   webapp/errors.py turns them into page, fragment or JSON.
5. Templates: templates/<area>/, `{% extends "base.html" %}` with blocks title and content; parts from
   templates/macros (ui, forms, tables). No inline style or script; inside `_()` a percent sign is `%%`.
   A panel is a `<section id="panel-x">`: `ui.panel`, `ui.panel_later` to load after the page,
   `forms.in_panel` to edit in place. Live runs, maps, charts: see the heads of
   webapp/static/src/{live,map,ping_chart}.js.
6. An entry in webapp/navigation.py if it belongs into the rail.
"""

import importlib
import mimetypes
from typing import Any

from flask import Flask, Response, request, send_from_directory
from flask_babel import Babel

from core import db
from core.settings import Settings
from webapp import (
    errors,
    health,
    identity,
    navigation,
    permissions,
    rendering,
    runtime,
    security,
    texts,
    turns,
)

AREAS = (
    "bank",
    "cashier",
    "customers",
    "desk",
    "diagnostics",
    "documents",
    "drift",
    "field",
    "incidents",
    "network",
    "notices",
    "reports",
    "setup",
    "staff",
    "watch",
)

_YEAR_S = 31_536_000


def create_app(settings: Settings, *, database: db.Database | None = None) -> Flask:
    """Return the web application; tests give their own database. Raises SettingsError, RuntimeError."""
    app = Flask("webapp", static_folder=None, template_folder="../templates")
    app.extensions[runtime.KEY] = runtime.make(settings, database)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    security.protect(app, settings)
    errors.register(app)
    health.register(app)
    app.add_url_rule("/static/<path:filename>", "static", _static)
    app.add_url_rule("/", "home", _home)
    for area in AREAS:
        app.register_blueprint(importlib.import_module(f"webapp.{area}.urls").blueprint)
    security.limit_guesses(app, settings, "staff.sign_in", "diagnostics.shared")
    security.open_hook(app, "bank.hook")
    rendering.set_up(app, settings)
    _speak(app, settings)
    permissions.check(app)
    app.wsgi_app = turns.Turns(app.wsgi_app, settings.web.at_once)  # type: ignore[method-assign]
    return app


def _speak(app: Flask, settings: Settings) -> None:
    """Words, dates and numbers in the person's language, a stranger's by his browser; the ISP's zone."""

    def locale() -> str:
        person = identity.known()
        if person:
            return person.locale or settings.isp.locale
        return texts.of_browser(settings.isp.locale)

    Babel(
        app,
        default_locale=settings.isp.locale,
        default_timezone=settings.isp.time_zone,
        locale_selector=locale,
        timezone_selector=lambda: settings.isp.time_zone,
    )


@permissions.public
def _static(filename: str) -> Response:
    """A built file; its name holds a hash of what is in it, so it never has to be asked for again."""
    packed = f"{filename}.gz"
    is_packed = bool(request.accept_encodings["gzip"]) and (rendering.DIST / packed).is_file()
    kind = mimetypes.guess_type(filename)[0]
    answer = send_from_directory(
        rendering.DIST, packed if is_packed else filename, mimetype=kind, max_age=_YEAR_S
    )
    if is_packed:
        answer.content_encoding = "gzip"
    answer.vary.add("Accept-Encoding")
    answer.cache_control.public, answer.cache_control.immutable = True, True
    return answer


@permissions.signed_in
def _home() -> Any:
    """The first page of the rail."""
    return rendering.go_to(navigation.home(identity.person()))
