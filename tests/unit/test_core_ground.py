"""Secrets, clock, errors and logs."""

import json
import logging
from datetime import UTC, date, datetime

import pytest
import structlog
import time_machine

from core import clock, errors, logs, secrets


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    ring = secrets.Ring([secrets.new_key()])
    assert ring.seal("public") != ring.seal("public")
    assert ring.open(ring.seal("публічний")) == "публічний"


def test_after_rotation_the_old_key_can_go() -> None:
    old, new = secrets.new_key(), secrets.new_key()
    sealed = secrets.Ring([old]).seal("s3cret")
    rotated = secrets.Ring([new, old]).rotate(sealed)
    assert secrets.Ring([new]).open(rotated) == "s3cret"


def test_a_wrong_key_is_told_in_words() -> None:
    sealed = secrets.Ring([secrets.new_key()]).seal("s3cret")
    other = secrets.Ring([secrets.new_key()])
    with pytest.raises(errors.Unavailable, match=r"secrets\.keys"):
        other.open(sealed)
    with pytest.raises(errors.Unavailable, match=r"secrets\.keys"):
        other.rotate(sealed)


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(errors.Invalid, match=r"secrets\.keys"):
        secrets.Ring([])


@time_machine.travel(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), tick=False)
def test_today_is_the_day_where_the_isp_is() -> None:
    assert clock.now() == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert clock.today("Europe/Kyiv") == date(2026, 3, 2)
    assert clock.today("America/New_York") == date(2026, 3, 1)


def test_errors_carry_what_the_person_needs() -> None:
    invalid = errors.Invalid("Wrong", {"amount": "more than zero"})
    assert (invalid.message, invalid.fields) == ("Wrong", {"amount": "more than zero"})
    assert errors.Conflict("Twice", "uq_x").constraint == "uq_x"


@pytest.mark.parametrize("is_json", [True, False])
def test_lines_of_ours_and_of_libraries_look_alike(is_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.set_up("info", is_json=is_json)
        structlog.contextvars.bind_contextvars(run_id=7)
        structlog.get_logger("ours").info("ping_started", target="127.0.0.1")
        logging.getLogger("theirs").warning("low battery")
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)
    ours, theirs = capsys.readouterr().err.strip().splitlines()
    assert "ping_started" in ours
    assert "low battery" in theirs
    if is_json:
        assert json.loads(ours)["run_id"] == 7


@pytest.mark.parametrize("is_json", [True, False])
def test_a_logged_error_never_tells_the_values_at_hand(
    is_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    community = "never-tell"
    try:
        logs.set_up("info", is_json=is_json)
        try:
            raise ValueError(f"{len(community)} letters")
        except ValueError:
            structlog.get_logger("ours").error("failed", exc_info=True)
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)
    said = capsys.readouterr().err
    assert "10 letters" in said
    assert community not in said
