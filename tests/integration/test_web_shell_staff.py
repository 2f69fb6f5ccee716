"""The staff pages: adding, changing, closing, passwords and sessions of oneself and of others."""

from collections.abc import Callable

from sqlalchemy import select

from registry import staff
from registry.models import AuditEvent, StaffSession, StaffUser


def test_an_administrator_adds_a_person_who_then_signs_in(sign_in_as: Callable, stranger) -> None:
    browser = sign_in_as("administrator")
    answer = browser.post(
        "/staff/new",
        data={
            "login": "petro", "name": "Petro Bondar", "email": "petro@example.net", "password": "a long one",
            "roles": ["noc", "billing"], "locale": "uk", "is_active": "y",
        },
    )  # fmt: skip
    assert (answer.status_code, answer.location) == (303, "/staff")
    page = browser.get("/staff").text
    assert "Petro Bondar" in page
    assert "may sign in now" in page
    assert stranger.post("/sign-in", data={"login": "petro", "password": "a long one"}).status_code == 303


def test_a_taken_name_comes_back_at_its_field_with_what_was_typed(sign_in_as: Callable) -> None:
    browser = sign_in_as("administrator", login="olena")
    answer = browser.post(
        "/staff/new", data={"login": "olena", "name": "Petro <b>", "password": "a long one", "locale": ""}
    )
    assert answer.status_code == 422
    assert "This sign-in name is taken" in answer.text
    assert "Petro &lt;b&gt;" in answer.text


def test_an_empty_form_names_every_field_that_must_be_filled(sign_in_as: Callable) -> None:
    answer = sign_in_as("administrator").post("/staff/new", data={})
    assert answer.status_code == 422
    assert answer.text.count("Must be filled in.") == 3


def test_taking_a_role_away_signs_the_person_out(sign_in_as: Callable, add_staff: Callable) -> None:
    petro = sign_in_as("noc", login="petro")
    member = add_staff("noc", login="petro")
    answer = sign_in_as("administrator").post(
        f"/staff/{member.id}", data={"name": "Petro", "roles": ["technician"], "is_active": "y"}
    )
    assert answer.status_code == 303
    assert petro.get("/me/sessions").status_code == 303


def test_an_administrator_cannot_lock_himself_out(
    sign_in_as: Callable, add_staff: Callable, database
) -> None:
    browser = sign_in_as("administrator", login="olena")
    member = add_staff("administrator", login="olena")
    for change in ({"roles": ["noc"], "is_active": "y"}, {"roles": ["administrator"]}):
        answer = browser.post(f"/staff/{member.id}", data={"name": "Olena", **change})
        assert answer.status_code == 422
        assert "cannot take your own access away" in answer.text
    with database.reading() as session:
        assert session.get(StaffUser, member.id).roles == ["administrator"]


def test_a_new_password_for_somebody_ends_the_sessions(sign_in_as, add_staff, stranger) -> None:
    petro = sign_in_as("noc", login="petro")
    member = add_staff("noc", login="petro")
    admin = sign_in_as("administrator")
    assert admin.post(f"/staff/{member.id}/password", data={"password": "short"}).status_code == 422
    assert admin.post(f"/staff/{member.id}/password", data={"password": "a new long one"}).status_code == 303
    assert petro.get("/me/sessions").status_code == 303
    answer = stranger.post("/sign-in", data={"login": "petro", "password": "a new long one"})
    assert answer.status_code == 303


def test_one_changes_one_s_own_password_and_only_this_browser_stays(sign_in_as: Callable) -> None:
    here, there = sign_in_as("noc", login="petro"), sign_in_as("noc", login="petro")
    wrong = here.post(
        "/me/password", data={"current": "wrong", "password": "a new long one", "again": "a new long one"}
    )
    assert wrong.status_code == 422
    assert "This is not your password now." in wrong.text
    unlike = here.post(
        "/me/password", data={"current": "correct horse", "password": "a new long one", "again": "another"}
    )
    assert "The two are not the same." in unlike.text
    right = here.post(
        "/me/password",
        data={"current": "correct horse", "password": "a new long one", "again": "a new long one"},
    )
    assert right.status_code == 303
    assert here.get("/me/sessions").status_code == 200
    assert there.get("/me/sessions").status_code == 303


def test_one_ends_one_s_own_sessions_and_nobody_else_s(sign_in_as: Callable, add_staff, database) -> None:
    here, there, stranger = (
        sign_in_as("noc", login="petro"), sign_in_as("noc", login="petro"), sign_in_as("noc", login="ivan"),
    )  # fmt: skip
    ivan = add_staff("noc", login="ivan")
    with database.reading() as session:
        theirs = session.scalars(select(StaffSession.id).where(StaffSession.staff_id == ivan.id)).one()
    assert here.post(f"/me/sessions/{theirs}/end").status_code == 404
    assert stranger.get("/me/sessions").status_code == 200
    assert here.post("/me/sessions/end-others").status_code == 303
    assert there.get("/me/sessions").status_code == 303
    assert here.get("/me/sessions").status_code == 200


def test_an_administrator_ends_a_session_of_somebody(sign_in_as: Callable, add_staff, database) -> None:
    petro = sign_in_as("noc", login="petro")
    member = add_staff("noc", login="petro")
    admin = sign_in_as("administrator")
    with database.reading() as session:
        found = session.scalars(select(StaffSession.id).where(StaffSession.staff_id == member.id)).one()
    assert "pytest" in admin.get(f"/staff/{member.id}").text
    assert admin.post(f"/staff/{member.id}/sessions/{found}/end").status_code == 303
    assert admin.post(f"/staff/{member.id}/sessions/{found}/end").status_code == 404
    assert petro.get("/me/sessions").status_code == 303


def test_every_act_is_in_the_history_under_the_actor_s_name(sign_in_as, add_staff, database) -> None:
    browser = sign_in_as("administrator", login="olena")
    olena = add_staff("administrator", login="olena")
    member = add_staff("noc", login="petro")
    browser.post(f"/staff/{member.id}", data={"name": "Petro B", "roles": ["noc"], "is_active": "y"})
    browser.post(f"/staff/{member.id}/password", data={"password": "a new long one"})
    with database.reading() as session:
        rows = session.execute(
            select(AuditEvent.action, AuditEvent.staff_id).where(AuditEvent.object_id == member.id)
        ).all()
        assert staff.get(session, member.id).name == "Petro B"
    assert {("staff.changed", olena.id), ("staff.password_changed", olena.id)} <= {tuple(row) for row in rows}


def test_one_chooses_the_language_of_one_s_own_pages(sign_in_as: Callable, database) -> None:
    browser = sign_in_as("administrator", login="olena")
    assert '<html lang="en">' in browser.get("/me/language").text
    assert browser.post("/me/language", data={"locale": "xx"}).status_code == 422
    assert browser.post("/me/language", data={"locale": "uk"}).status_code == 303
    page = browser.get("/me/language").text
    assert '<html lang="uk">' in page
    assert "Тепер ваші сторінки цією мовою." in page
    empty = browser.post("/staff/new", data={"login": "p", "password": "x"}).text
    assert "Обов’язкове поле." in empty
    assert "Field must be between" not in empty  # what WTForms says by itself is in the language too
    taken = browser.post(
        "/staff/new", data={"login": "olena", "name": "Petro", "password": "a long one", "locale": ""}
    )
    assert "Це ім’я для входу зайняте" in taken.text  # what a layer below says, which knows no catalogue
    with database.reading() as session:
        event = session.scalar(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1))
        assert event.changes == {"locale": ["", "uk"]}


def test_before_sign_in_the_browser_s_language_is_spoken_if_there_are_texts_in_it(stranger) -> None:
    for wanted, language, words in (
        ("uk-UA,uk;q=0.9,en;q=0.8", "uk", "Увійти"),
        ("pl,uk;q=0.5", "uk", "Увійти"),
        ("pl", "en", "Sign in"),
        ("en-GB,uk;q=0.5", "en", "Sign in"),
        ("", "en", "Sign in"),
    ):
        page = stranger.get("/sign-in", headers={"Accept-Language": wanted}).text
        assert f'<html lang="{language}">' in page, wanted
        assert words in page, wanted
