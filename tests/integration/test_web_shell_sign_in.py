"""Signing in and out for real: passwords, cookies, revocation, limits, where one lands."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import select

from registry import staff
from registry.models import AuditEvent, StaffSession

PASSWORD = "correct horse"


def _sign_in(browser, login: str, password: str = PASSWORD, next_path: str = "") -> object:
    path = f"/sign-in?next={next_path}" if next_path else "/sign-in"
    return browser.post(path, data={"login": login, "password": password})


def test_the_right_password_opens_the_first_page(stranger, add_staff: Callable) -> None:
    add_staff("administrator", login="olena")
    answer = _sign_in(stranger, " Olena ")
    assert (answer.status_code, answer.location) == (303, "/")
    page = stranger.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert "Olena Person" in page.text


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(stranger, add_staff: Callable) -> None:
    add_staff("noc", login="olena")
    wrong = _sign_in(stranger, "olena", "not this one")
    unknown = _sign_in(stranger, "nobody-at-all", "not this one")
    assert wrong.status_code == unknown.status_code == 422
    words = "This name and password do not fit together."
    assert words in wrong.text
    assert words in unknown.text


def test_an_unknown_name_takes_as_long_as_a_known_one(stranger, add_staff: Callable) -> None:
    add_staff("noc", login="olena")
    _sign_in(stranger, "nobody-at-all", "x")  # the dummy hash is made once

    def took(login: str) -> float:
        spans = []
        for _ in range(3):
            started = time.perf_counter()
            _sign_in(stranger, login, "not this one")
            spans.append(time.perf_counter() - started)
        return min(spans)

    assert took("nobody-at-all") > took("olena") * 0.5


def test_a_closed_person_stays_outside(stranger, add_staff: Callable, database) -> None:
    member = add_staff("noc", login="olena")
    with database.transaction() as session:
        session.merge(member).is_active = False
    assert _sign_in(stranger, "olena").status_code == 422


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger, add_staff: Callable) -> None:
    add_staff("noc", login="olena")
    cookie = _sign_in(stranger, "olena").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_in_changes_the_cookie_and_the_csrf_token(stranger, add_staff: Callable) -> None:
    add_staff("noc", login="olena")
    stranger.get("/sign-in")
    with stranger.session_transaction() as before:
        old = dict(before)
    _sign_in(stranger, "olena")
    stranger.get("/me/password")
    with stranger.session_transaction() as after:
        assert after["token"]
        assert after["csrf_token"] != old["csrf_token"]


def test_signing_out_ends_the_session_on_the_server(stranger, add_staff: Callable, database) -> None:
    add_staff("noc", login="olena")
    _sign_in(stranger, "olena")
    with stranger.session_transaction() as cookie:
        stolen = cookie["token"]
    assert stranger.post("/sign-out").location == "/sign-in"
    with stranger.session_transaction() as cookie:
        cookie["token"] = stolen
    assert stranger.get("/me/sessions").status_code == 303


def test_a_revoked_session_is_over_at_the_next_click(sign_in_as: Callable, database) -> None:
    browser = sign_in_as("noc")
    assert browser.get("/me/sessions").status_code == 200
    with database.transaction() as session:
        found = session.scalars(select(StaffSession).order_by(StaffSession.id.desc())).first()
        staff.revoke_all(session, found.staff_id)
    assert browser.get("/me/sessions").status_code == 303


def test_signing_in_and_out_is_in_the_history(stranger, add_staff: Callable, database) -> None:
    member = add_staff("noc", login="olena")
    _sign_in(stranger, "olena")
    stranger.post("/sign-out")
    with database.reading() as session:
        acts = session.scalars(select(AuditEvent.action).where(AuditEvent.staff_id == member.id)).all()
    assert sorted(acts) == ["staff.signed_in", "staff.signed_out"]


@pytest.mark.parametrize(
    ("wanted", "lands"),
    [
        ("/me/sessions", "/me/sessions"),
        ("/customers?q=10.0.0.1", "/customers?q=10.0.0.1"),
        ("//evil.example/x", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_one_lands_where_one_wanted_but_only_here(stranger, add_staff: Callable, wanted, lands) -> None:
    from urllib.parse import quote

    add_staff("noc", login="olena")
    assert _sign_in(stranger, "olena", next_path=quote(wanted, safe="")).location == lands


def test_a_stranger_comes_back_to_the_page_he_asked_for(stranger) -> None:
    assert stranger.get("/me/sessions?x=1").location == "/sign-in?next=/me/sessions?x%3D1"


def test_attempts_are_limited_by_name_and_by_address(web_settings, make_settings, database, stranger) -> None:
    from webapp import factory

    settings = web_settings.model_copy(
        update={"web": web_settings.web.model_copy(update={"sign_in_limit": "3 per minute"})}
    )
    app = factory.create_app(settings, database=database)
    app.test_client_class = stranger.application.test_client_class
    browser = app.test_client()
    statuses = [_sign_in(browser, "guessed", "x").status_code for _ in range(4)]
    assert statuses == [422, 422, 422, 429]
    # Another name from the same address, and the same name from another address.
    assert _sign_in(browser, "other", "x").status_code == 429
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "127.0.0.9"
    refused = _sign_in(other, "guessed", "x")
    assert refused.status_code == 429
    assert "Wait a minute" in refused.text
    assert _sign_in(other, "third", "x").status_code == 422
    app.extensions["linecard"].redis.close()
