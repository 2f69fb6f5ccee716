"""The frame around every page: errors for page, fragment and program, headers, health, banner, language."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from core import clock, errors
from registry import upkeep
from registry.models import Heartbeat
from webapp import permissions

PARTS = ("beat", "work", "probe.core")


def _raising(web_app: Flask, error: Exception) -> None:
    @permissions.public
    def fail() -> None:
        raise error

    web_app.view_functions["staff.sign_in"] = fail


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid("Not an amount", {"amount": "Write 12.50"}), 422),
        (errors.NotFound("No such customer"), 404),
        (errors.Forbidden("Not yours"), 403),
        (errors.Conflict("A promise stands already"), 409),
        (errors.Overtaken("Somebody saved before you"), 409),
        (errors.Busy("A ping of this address runs already"), 429),
        (errors.Unavailable("The queue does not answer"), 503),
    ],
)
def test_every_error_of_the_domain_has_its_status_in_page_fragment_and_json(
    web_app: Flask, stranger, error: errors.LinecardError, status: int
) -> None:
    _raising(web_app, error)
    page = stranger.get("/sign-in")
    fragment = stranger.fragment("/sign-in")
    program = stranger.get("/sign-in", headers={"Accept": "application/json"})
    assert page.status_code == fragment.status_code == program.status_code == status
    assert "<!doctype html>" in page.text
    assert error.message in page.text
    assert ("Somebody else was first" in page.text) == isinstance(error, errors.Overtaken)
    assert "<!doctype" not in fragment.text
    assert error.message in fragment.text
    assert program.json["message"] == error.message
    assert program.json["fields"] == getattr(error, "fields", {})


def test_a_fault_of_ours_shows_a_number_and_no_trace(web_app: Flask, stranger) -> None:
    _raising(web_app, ZeroDivisionError("secret of the house"))
    answer = stranger.get("/sign-in", headers={"X-Request-ID": "abc-12345"})
    assert answer.status_code == 500
    assert "abc-12345" in answer.text
    assert "secret of the house" not in answer.text


def test_a_page_that_does_not_exist_says_so_inside_the_frame(sign_in_as: Callable) -> None:
    answer = sign_in_as("noc").get("/no-such-page")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert 'class="rail"' in answer.text


def test_a_fragment_for_somebody_signed_out_sends_the_whole_page_to_sign_in(stranger) -> None:
    answer = stranger.fragment("/me/sessions", headers={"HX-Current-URL": "http://localhost/customers/7?x=1"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/customers/7?x%3D1"


def test_a_wrong_method_says_which_are_right(sign_in_as: Callable) -> None:
    answer = sign_in_as("noc").get("/sign-out")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_every_answer_carries_the_headers(stranger) -> None:
    for path in ("/sign-in", "/healthz", "/no-such-page"):
        headers = stranger.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert len(headers["X-Request-ID"]) == 16


def test_a_built_file_is_kept_for_ever_and_nothing_else_is_served(web_app: Flask, stranger) -> None:
    with web_app.test_request_context():
        path = web_app.jinja_env.globals["asset"]("app.css")
    answer = stranger.get(path)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    answer.close()
    assert stranger.get("/static/../../config.toml").status_code == 404
    assert stranger.get("/static/%2e%2e/src/app.js").status_code == 404


def test_health_tells_which_part_is_missing(stranger, database, redis_client) -> None:
    answer = stranger.get("/healthz")
    assert answer.status_code == 503
    assert answer.json["parts"] == {
        "database": "ok", "queue": "ok", "beat": "silent", "work": "silent", "probe.core": "silent",
    }  # fmt: skip
    with database.transaction() as session:
        for name in PARTS:
            upkeep.beat(session, name)
    answer = stranger.get("/healthz")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")
    with database.transaction() as session:
        old = clock.now() - timedelta(minutes=6)
        session.execute(update(Heartbeat).where(Heartbeat.name == "work").values(at=old))
    assert stranger.get("/healthz").json["parts"]["work"] == "silent"


def test_a_silent_part_puts_a_banner_on_every_page(web_app: Flask, sign_in_as: Callable, database) -> None:
    browser = sign_in_as("noc")
    page = browser.get("/me/sessions").text
    assert "No sign of life from: the timetable, the work worker, the probe worker at core." in page
    with database.transaction() as session:
        for name in PARTS:
            upkeep.beat(session, name)
    assert 'id="heartbeat"' in browser.get("/me/sessions").text, "it is asked every ten seconds only"
    web_app.extensions["linecard.health"]._read_at = 0.0
    assert 'id="heartbeat"' not in browser.get("/me/sessions").text


def test_the_rail_shows_only_what_the_person_may(sign_in_as: Callable) -> None:
    assert 'href="/staff"' in sign_in_as("administrator").get("/me/sessions").text
    assert 'href="/staff"' not in sign_in_as("noc").get("/me/sessions").text


def test_dates_and_words_follow_the_person_s_language(sign_in_as: Callable, database, add_staff) -> None:
    browser = sign_in_as("noc", login="olena")
    member = add_staff("noc", login="olena")
    with database.transaction() as session:
        session.merge(member).locale = "uk"
    assert '<html lang="uk">' in browser.get("/me/sessions").text


def test_a_page_reads_the_session_once(sign_in_as: Callable, database) -> None:
    from sqlalchemy import event

    browser = sign_in_as("noc")
    browser.get("/me/sessions")
    statements: list[str] = []
    event.listen(database.bind, "before_cursor_execute", lambda *call: statements.append(call[2]))
    browser.get("/me/sessions")
    selects = [one for one in statements if one.lstrip().upper().startswith("SELECT")]
    assert len(selects) == 2, selects  # who is asking, and the page's own list
