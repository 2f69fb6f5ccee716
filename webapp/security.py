"""What stands between the network and a view: proxy, cookie, CSRF, rate limits, the guard, headers."""

import re
import secrets
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Unauthorized
from werkzeug.middleware.proxy_fix import ProxyFix

from core.errors import Forbidden
from core.settings import Settings
from webapp import identity, permissions

SHARED_LIMIT = "60 per minute"
HOOK_LIMIT = "1200 per minute"
_LIMITER = "linecard.limiter"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def protect(app: Flask, settings: Settings) -> None:
    """Put all of it in place; called once by the factory, before the areas are registered."""
    hops = settings.web.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.config.update(
        SECRET_KEY=settings.web.secret_key.get_secret_value(),
        SESSION_COOKIE_NAME="linecard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.web.is_https,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=settings.web.session_hours * 3600,
        MAX_CONTENT_LENGTH=(settings.data.upload_limit_mb + 1) * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    app.before_request(_name_request)
    app.before_request(_guard)
    CSRFProtect(app)
    policy = content_policy(settings.map.tile_url)

    @app.after_request
    def add_headers(response: Response) -> Response:
        return _add_headers(response, policy, is_https=settings.web.is_https)


def limit_guesses(app: Flask, settings: Settings, endpoint: str, shared: str) -> None:
    """Bound the attempts to sign in by address and by name, and looks at shared links, for all processes."""
    limiter = limiter_of(app, settings, settings.web.sign_in_limit)
    by_name = limiter.shared_limit(
        settings.web.sign_in_limit,
        scope="sign-in-name",
        key_func=lambda: request.form.get("login", "").strip().lower()[:120],
        methods=["POST"],
    )
    by_address = limiter.shared_limit(
        settings.web.sign_in_limit,
        scope="sign-in-address",
        key_func=lambda: request.remote_addr or "",
        methods=["POST"],
    )
    app.view_functions[endpoint] = by_address(by_name(app.view_functions[endpoint]))
    by_guess = limiter.shared_limit(
        SHARED_LIMIT, scope="shared-link", key_func=lambda: request.remote_addr or ""
    )
    app.view_functions[shared] = by_guess(app.view_functions[shared])
    app.extensions[_LIMITER] = limiter


def limiter_of(app: Flask, settings: Settings, fallback: str = "") -> Limiter:
    """Return what counts the requests of an address, for all processes at once.

    Without Redis each process counts for itself: up to `fallback` for every page, else up to its own limit.
    """
    url = settings.data.queue_url.get_secret_value() if settings.data.queue_url else "memory://"
    return Limiter(
        lambda: request.remote_addr or "",
        app=app,
        storage_uri=url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url,
        key_prefix="linecard",
        in_memory_fallback_enabled=True,
        in_memory_fallback=[fallback] if fallback else [],
    )


def open_hook(app: Flask, endpoint: str) -> None:
    """Let messages of other programs in without a token of ours, so many a minute from one address."""
    view = app.view_functions[endpoint]
    app.extensions["csrf"].exempt(view)
    limiter: Limiter = app.extensions[_LIMITER]
    app.view_functions[endpoint] = limiter.shared_limit(
        HOOK_LIMIT, scope="hook", key_func=lambda: request.remote_addr or ""
    )(view)


def content_policy(tile_url: str) -> str:
    """Return the Content-Security-Policy: our own files, and pictures of the tile server if one is set."""
    pictures = "'self' data:"
    if tile_url:
        parts = urlsplit(tile_url)
        pictures += f" {parts.scheme}://{parts.netloc.replace('{s}', '*')}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def device_policy(area: str | None) -> str:
    """Return the Permissions-Policy: only the technician's phone may ask for the camera and its place."""
    allowed = "(self)" if area == "field" else "()"
    return f"camera={allowed}, geolocation={allowed}, microphone=()"


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)


def _guard() -> None:
    """Let nobody through to a view without its permission; a view without a mark is open to nobody."""
    if request.endpoint is None or request.routing_exception is not None:
        return  # no such page: the error map answers
    needed = permissions.of(current_app.view_functions[request.endpoint])
    if needed == permissions.ANYBODY:
        return
    person = identity.person()
    if person is None:
        raise Unauthorized
    structlog.contextvars.bind_contextvars(staff=person.login)
    if needed == permissions.SIGNED_IN:
        return
    if needed is None:
        raise Forbidden("This page has no permission set and is closed")
    identity.demand(needed)


def _add_headers(response: Response, policy: str, *, is_https: bool) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", policy)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = device_policy(request.blueprint)
    headers["X-Request-ID"] = g.get("request_id", "")
    if is_https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"  # a card must not come back from a shared computer's disk
    return response
