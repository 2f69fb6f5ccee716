"""One's own password and language, and the browsers one is signed in with."""

from flask import Response, g
from flask_babel import gettext, refresh

from core import clock, errors
from registry import staff
from webapp import identity, permissions, rendering, runtime
from webapp.identity import Person
from webapp.staff.forms import OwnLanguageForm, OwnPasswordForm


def _me() -> Person:
    person = identity.person()
    if person is None:
        raise errors.Forbidden(gettext("Sign in first"))
    return person


@permissions.signed_in
def password() -> Response:
    """Change one's own password; every other browser of the person is signed out."""
    form = OwnPasswordForm()
    if form.accept(lambda: _change_password(form)):
        rendering.say(gettext("Your password is changed. Other browsers are signed out."))
        return rendering.go("staff.own_sessions")
    return rendering.page_or_fragment(
        "staff/own_password.html", "staff/own_password.html", form.status, form=form
    )


def _change_password(form: OwnPasswordForm) -> None:
    me, database = _me(), runtime.current().database
    with database.reading() as session:
        member = staff.get(session, me.id)
    if not staff.verify_password(member, form.current.data or ""):
        raise errors.Invalid("wrong password", {"current": gettext("This is not your password now.")})
    with database.transaction() as session:
        staff.change_password(
            session, identity.actor(), me.id, form.password.data or "", keep_session_id=me.session_id
        )


@permissions.signed_in
def language() -> Response:
    """Choose the language of one's own pages."""
    form = OwnLanguageForm(locale=_me().locale)
    if form.accept(lambda: _change_language(form.locale.data or "")):
        rendering.say(gettext("Your pages are in this language now."))
        return rendering.go("staff.own_language")
    return rendering.page_or_fragment(
        "staff/own_language.html", "staff/own_language.html", form.status, form=form
    )


def _change_language(locale: str) -> None:
    with runtime.current().database.transaction() as session:
        staff.change_locale(session, identity.actor(), _me().id, locale)
    g.pop("person", None)  # it is found anew, and what is said now is in the new language
    refresh()


@permissions.signed_in
def sessions() -> Response:
    """List the browsers the person is signed in with."""
    me = _me()
    with runtime.current().database.reading() as session:
        found = staff.sessions_of(session, me.id, clock.now())
    return rendering.page_or_fragment("staff/own_sessions.html", "staff/own_sessions.html", sessions=found)


@permissions.signed_in
def end_session(session_id: int) -> Response:
    """Sign one of one's own browsers out."""
    me = _me()
    with runtime.current().database.transaction() as session:
        if session_id not in {one.id for one in staff.sessions_of(session, me.id, clock.now())}:
            raise errors.NotFound(gettext("This session is over already."))
        staff.revoke(session, identity.actor(), session_id)
    if session_id == me.session_id:
        identity.sign_out()
        return rendering.go("staff.sign_in")
    rendering.say(gettext("That browser is signed out."))
    return rendering.go("staff.own_sessions")


@permissions.signed_in
def end_others() -> Response:
    """Sign every other browser of the person out."""
    me, actor = _me(), identity.actor()
    with runtime.current().database.transaction() as session:
        for one in staff.sessions_of(session, me.id, clock.now()):
            if one.id != me.session_id:
                staff.revoke(session, actor, one.id)
    rendering.say(gettext("Every other browser is signed out."))
    return rendering.go("staff.own_sessions")
