"""The URLs of the staff area."""

from flask import Blueprint

from webapp.staff import door, own, people

blueprint = Blueprint("staff", __name__)

for _rule, _name, _view, _methods in (
    ("/sign-in", "sign_in", door.sign_in, ["GET", "POST"]),
    ("/sign-out", "sign_out", door.sign_out, ["POST"]),
    ("/me/password", "own_password", own.password, ["GET", "POST"]),
    ("/me/language", "own_language", own.language, ["GET", "POST"]),
    ("/me/sessions", "own_sessions", own.sessions, ["GET"]),
    ("/me/sessions/<int:session_id>/end", "end_own_session", own.end_session, ["POST"]),
    ("/me/sessions/end-others", "end_other_sessions", own.end_others, ["POST"]),
    ("/staff", "listing", people.listing, ["GET"]),
    ("/staff/new", "add", people.add, ["GET", "POST"]),
    ("/staff/<int:staff_id>", "edit", people.edit, ["GET", "POST"]),
    ("/staff/<int:staff_id>/password", "set_password", people.set_password, ["POST"]),
    ("/staff/<int:staff_id>/sessions/<int:session_id>/end", "end_session", people.end_session, ["POST"]),
):
    blueprint.add_url_rule(_rule, _name, _view, methods=_methods)
