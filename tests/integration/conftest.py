"""The web application on real servers, and browsers signed in as somebody."""

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from core.settings import Settings
from registry import audit, passwords, staff
from registry.models import StaffUser

ROOT = audit.Actor(None, "test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of pages are not measured: what counts for coverage has tests of its own."""
    for item in items:
        if item.path.name.startswith("test_web_"):
            item.add_marker("unmeasured")


@functools.cache
def _sealed() -> str:
    """Return the hash of everybody's password, made once: it costs a fifth of a second."""
    return passwords.seal("correct horse")


class Browser(FlaskClient):
    """A client that sends the CSRF token of its session with every change, as app.js does."""

    _token: tuple[object, str] = (None, "")

    def open(self, *args: Any, **kwargs: Any) -> Any:
        method = kwargs.get("method", "GET")
        has_token = kwargs.pop("has_token", True)
        if has_token and method not in ("GET", "HEAD"):
            headers = dict(kwargs.get("headers") or {})
            headers.setdefault("X-CSRFToken", self.csrf_token())
            kwargs["headers"] = headers
        return super().open(*args, **kwargs)

    def csrf_token(self) -> str:
        """Return the token of the cookie as it is now; asked for again when the cookie has changed."""
        if self._token[0] != self._secret():
            page = super().open("/sign-in", method="GET", follow_redirects=True)
            found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
            assert found is not None, page.text[:500]
            self._token = (self._secret(), found.group(1))
        return self._token[1]

    def _secret(self) -> object:
        with self.session_transaction() as cookie:
            return cookie.get("csrf_token") or object()

    def fragment(self, path: str, **kwargs: Any) -> Any:
        """Ask as htmx does."""
        headers = {"HX-Request": "true", **(kwargs.pop("headers", None) or {})}
        return self.open(path, headers=headers, **kwargs)


@pytest.fixture
def web_settings(make_settings: Callable[..., Settings], postgres_url: str, redis_url: str) -> Settings:
    """Return settings of the web application; its database is given to it."""
    return make_settings(
        data={"database_url": postgres_url, "queue_url": redis_url}, web={"sign_in_limit": "1000 per minute"}
    )


@pytest.fixture(scope="session")
def _make_app(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings, Any], Flask]:
    """Return a function that gives an application, the same for the same settings: making one is not free.

    What a request reads for itself, by runtime.current(), is the test's own: database, data folder, keys.
    """
    from webapp import factory, health, runtime

    made: list[tuple[Settings, Flask]] = []
    base = tmp_path_factory.getbasetemp()
    compiled_folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "templates"
    compiled_folder.mkdir(exist_ok=True)  # the workers' own: each template is compiled once a run
    compiled = FileSystemBytecodeCache(str(compiled_folder))

    def make(settings: Settings, database: Any) -> Flask:
        data = settings.data.model_copy(update={"folder": Path()})
        lasting = settings.model_copy(update={"data": data, "secrets": None})
        for known, app in made:
            if known == lasting:
                app.extensions[runtime.KEY] = runtime.make(settings, database)
                app.extensions[health.KEY] = health.Watch()
                return app
        app = factory.create_app(settings, database=database)
        app.testing = True
        app.jinja_env.bytecode_cache = compiled
        app.config["PROPAGATE_EXCEPTIONS"] = False  # errors are answered as for people
        app.test_client_class = Browser
        made.append((lasting, app))
        return app

    return make


@pytest.fixture
def web_app(
    web_settings: Settings, database: Any, _make_app: Callable[[Settings, Any], Flask]
) -> Iterator[Flask]:
    """Return the application on the test's own database, in the test's outer transaction."""
    from webapp import runtime

    app = _make_app(web_settings, database)
    made: runtime.Runtime = app.extensions[runtime.KEY]
    before = app.view_functions.copy(), app.extensions.copy()
    yield app
    app.view_functions, app.extensions = before  # a test may have put in its own
    made.hub.close()
    made.redis.close()


@pytest.fixture
def stranger(web_app: Flask) -> Any:
    """Return a browser nobody signed in with."""
    return web_app.test_client()


@pytest.fixture
def add_staff(database: Any) -> Callable[..., StaffUser]:
    """Return a function that adds a member of staff: `add_staff("noc")`; the password is "correct horse"."""

    def add(*roles: str, login: str = "") -> StaffUser:
        login = login or "-".join(roles) or "nobody"
        with database.transaction() as session:
            member = staff.find_by_login(session, login)
            if member is None:
                member = StaffUser(
                    login=login, name=f"{login.title()} Person", roles=list(roles), password_hash=_sealed()
                )
                session.add(member)
                session.flush()
        return member

    return add


@pytest.fixture
def sign_in_as(
    web_app: Flask, database: Any, add_staff: Callable[..., StaffUser]
) -> Callable[..., FlaskClient]:
    """Return a function that gives a signed-in browser: `sign_in_as("noc").get("/customers")`."""

    def sign_in(*roles: str, login: str = "") -> FlaskClient:
        member = add_staff(*roles, login=login)
        with database.transaction() as session:
            token = staff.sign_in(session, member, address="127.0.0.1", agent="pytest", hours=1)
        client = web_app.test_client()
        with client.session_transaction() as cookie:
            cookie["token"] = token
        return client

    return sign_in
