"""Staff: sign-in names, passwords, sessions, and the lines of history they leave."""

from datetime import timedelta

import argon2
import pytest
from sqlalchemy import select

from core import clock, errors
from registry import audit, passwords, staff
from registry.models import AuditEvent, StaffSession

ROOT = audit.Actor(None, "setup")
PASSWORD = "correct horse"


def person(session, login="olena"):
    return staff.create(session, ROOT, login=login, name="Olena", password=PASSWORD, roles=["noc"])


def test_a_sign_in_name_is_found_in_any_case_and_taken_once(session):
    olena = person(session, " Olena ")
    assert staff.find_by_login(session, "OLENA") is olena
    with pytest.raises(errors.Invalid) as caught:
        person(session, "olena")
    assert caught.value.fields == {"login": "This sign-in name is taken"}


@pytest.mark.parametrize("login", ["", "with space", "оля", "x" * 121])
def test_a_bad_sign_in_name_is_refused_at_its_field(session, login):
    with pytest.raises(errors.Invalid) as caught:
        person(session, login)
    assert "login" in caught.value.fields


def test_a_password_fits_its_person_and_nobody_else(session):
    olena = person(session)
    assert staff.verify_password(olena, PASSWORD)
    assert not staff.verify_password(olena, "wrong")
    assert not staff.verify_password(None, PASSWORD)
    assert PASSWORD not in olena.password_hash
    assert olena.password_hash.startswith("$argon2id$")


def test_an_unknown_name_does_the_work_of_a_real_check():
    parameters = argon2.extract_parameters(passwords.dummy())
    assert parameters == argon2.extract_parameters(passwords.seal(PASSWORD))


def test_a_short_password_is_refused_at_its_field(session):
    olena = person(session)
    with pytest.raises(errors.Invalid) as caught:
        staff.change_password(session, ROOT, olena.id, "short")
    assert "password" in caught.value.fields


def test_a_hash_of_older_parameters_is_made_anew_once(session):
    olena = person(session)
    assert not staff.refresh_hash(olena, PASSWORD)
    olena.password_hash = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    assert staff.verify_password(olena, PASSWORD)
    assert staff.refresh_hash(olena, PASSWORD)
    assert staff.verify_password(olena, PASSWORD)
    assert not staff.refresh_hash(olena, PASSWORD)


def test_a_token_opens_its_session_until_it_is_over(session):
    olena = person(session)
    token = staff.sign_in(session, olena, address="127.0.0.1", agent="Firefox", hours=12)
    found = staff.session_of(session, token, clock.now())
    assert (found.staff_id, found.login, found.roles) == (olena.id, olena.login, tuple(olena.roles))
    assert token not in session.get_one(StaffSession, found.session_id).token_hash
    assert staff.session_of(session, token, clock.now() + timedelta(hours=13)) is None
    assert staff.session_of(session, "other", clock.now()) is None
    staff.sign_out(session, token)
    assert staff.session_of(session, token, clock.now()) is None
    staff.sign_out(session, token)


def test_a_new_password_signs_out_every_other_browser(session):
    olena = person(session)
    here = staff.sign_in(session, olena, address=None, agent="", hours=1)
    there = staff.sign_in(session, olena, address=None, agent="", hours=1)
    kept = staff.session_of(session, here, clock.now())
    staff.change_password(session, ROOT, olena.id, "another one", keep_session_id=kept.session_id)
    assert staff.session_of(session, here, clock.now()) is not None
    assert staff.session_of(session, there, clock.now()) is None


def test_who_is_made_inactive_is_signed_out_and_kept_out(session):
    olena = person(session)
    token = staff.sign_in(session, olena, address=None, agent="", hours=1)
    staff.change(session, ROOT, olena.id, name="Olena", email="", roles=["noc"], is_active=False)
    assert staff.session_of(session, token, clock.now()) is None
    assert not staff.verify_password(olena, PASSWORD)
    assert staff.list_all(session, is_active=True) == []
    assert staff.list_all(session) == [olena]


def test_one_session_can_be_ended_from_the_list(session):
    olena = person(session)
    staff.sign_in(session, olena, address="10.0.0.1", agent="", hours=1)
    (only,) = staff.sessions_of(session, olena.id, clock.now())
    staff.revoke(session, ROOT, only.id)
    assert staff.sessions_of(session, olena.id, clock.now()) == []
    with pytest.raises(errors.NotFound):
        staff.revoke(session, ROOT, only.id)


def test_the_last_use_is_written_at_most_once_a_minute(session):
    olena = person(session)
    token = staff.sign_in(session, olena, address=None, agent="", hours=1)
    found = staff.session_of(session, token, clock.now())
    later = clock.now() + timedelta(seconds=90)
    assert not staff.is_seen_due(found, clock.now())
    assert staff.is_seen_due(found, later)
    staff.note_seen(session, found.session_id, later)
    session.expire_all()
    assert session.scalars(select(StaffSession)).one().seen_at == later


def test_what_is_done_to_people_stands_in_history_without_secrets(session):
    olena = person(session)
    staff.change(session, ROOT, olena.id, name="Olena K", email="o@example.org", roles=["billing"])
    staff.change_password(session, ROOT, olena.id, "another one")
    events = list(session.scalars(select(AuditEvent).order_by(AuditEvent.id)))
    assert [event.action for event in events] == ["staff.created", "staff.changed", "staff.password_changed"]
    assert events[1].changes["name"] == ["Olena", "Olena K"]
    assert events[1].changes["roles"] == [["noc"], ["billing"]]
    assert "argon2" not in str([event.changes for event in events])


def test_history_of_a_customer_comes_newest_first_and_continues(session):
    for number in range(5):
        audit.record(session, ROOT, f"act.{number}", customer_id=7)
    audit.record(session, ROOT, "other", customer_id=8)
    first = audit.of_customer(session, 7, limit=3)
    rest = audit.of_customer(session, 7, before_id=first[-1].id)
    assert [event.action for event in [*first, *rest]] == ["act.4", "act.3", "act.2", "act.1", "act.0"]


def test_nobody_rewrites_history(database):
    with database.transaction() as session:
        audit.record(session, ROOT, "act")
    with pytest.raises(Exception, match="append-only"), database.transaction() as session:
        session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first().note = "otherwise"
