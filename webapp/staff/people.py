"""Who works here: the list, adding, changing, signing somebody out."""

from dataclasses import dataclass

from flask import Response
from flask_babel import gettext

from core import clock, errors
from registry import staff
from registry.models import StaffSession, StaffUser
from webapp import identity, permissions, rendering, runtime
from webapp.staff.forms import NewPersonForm, PersonForm, SetPasswordForm


@dataclass(frozen=True, slots=True)
class Member:
    """One person with the live sessions, as the page shows them."""

    staff: StaffUser
    sessions: list[StaffSession]


@permissions.required("staff.edit")
def listing() -> Response:
    """List everybody."""
    with runtime.current().database.reading() as session:
        people = staff.list_all(session)
    return rendering.page_or_fragment(
        "staff/list.html", "staff/list.html", people=people, role_names=permissions.ROLE_NAMES
    )


@permissions.required("staff.edit")
def add() -> Response:
    """Add a person."""
    form = NewPersonForm()
    if form.accept(lambda: _add(form)):
        rendering.say(gettext("%(name)s may sign in now.", name=form.name.data))
        return rendering.go("staff.listing")
    return rendering.page_or_fragment("staff/new.html", "staff/new.html", form.status, form=form)


def _add(form: NewPersonForm) -> None:
    with runtime.current().database.transaction() as session:
        staff.create(
            session,
            identity.actor(),
            login=form.login.data or "",
            name=form.name.data or "",
            password=form.password.data or "",
            roles=form.roles.data or [],
            email=form.email.data or "",
            locale=form.locale.data or "",
        )


@permissions.required("staff.edit")
def edit(staff_id: int) -> Response:
    """Change a person: name, roles, language, whether the person may come in at all."""
    member = _member(staff_id)
    form = PersonForm(obj=member.staff)
    if form.accept(lambda: _change(staff_id, form)):
        rendering.say(gettext("Saved."))
        return rendering.go("staff.listing")
    return _page(member, form, SetPasswordForm(formdata=None), form.status)


def _change(staff_id: int, form: PersonForm) -> None:
    roles = form.roles.data or []
    with runtime.current().database.transaction() as session:
        actor = identity.actor()
        if staff_id == actor.staff_id and not (form.is_active.data and "administrator" in roles):
            text = gettext("You cannot take your own access away: another administrator can.")
            raise errors.Invalid(text, {"roles": text})
        staff.change(
            session,
            actor,
            staff_id,
            name=form.name.data or "",
            email=form.email.data or "",
            roles=roles,
            locale=form.locale.data or "",
            is_active=form.is_active.data,
        )


@permissions.required("staff.edit")
def set_password(staff_id: int) -> Response:
    """Give a person a new password; all browsers of the person are signed out."""
    member = _member(staff_id)
    form = SetPasswordForm()
    if form.accept(lambda: _set_password(staff_id, form)):
        rendering.say(
            gettext("%(name)s has a new password and is signed out everywhere.", name=member.staff.name)
        )
        return rendering.go("staff.edit", staff_id=staff_id)
    return _page(member, PersonForm(formdata=None, obj=member.staff), form, form.status)


def _set_password(staff_id: int, form: SetPasswordForm) -> None:
    with runtime.current().database.transaction() as session:
        staff.change_password(session, identity.actor(), staff_id, form.password.data or "")


@permissions.required("staff.edit")
def end_session(staff_id: int, session_id: int) -> Response:
    """Sign one browser of a person out."""
    with runtime.current().database.transaction() as session:
        if session_id not in {one.id for one in staff.sessions_of(session, staff_id, clock.now())}:
            raise errors.NotFound(gettext("This session is over already."))
        staff.revoke(session, identity.actor(), session_id)
    rendering.say(gettext("That browser is signed out."))
    return rendering.go("staff.edit", staff_id=staff_id)


def _member(staff_id: int) -> Member:
    with runtime.current().database.reading() as session:
        return Member(staff.get(session, staff_id), staff.sessions_of(session, staff_id, clock.now()))


def _page(member: Member, form: PersonForm, password_form: SetPasswordForm, status: int) -> Response:
    password_form.stand_apart("set")
    return rendering.page_or_fragment(
        "staff/edit.html",
        "staff/edit.html",
        status,
        member=member,
        form=form,
        password_form=password_form,
    )
