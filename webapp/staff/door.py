"""Signing in and out."""

import structlog
from flask import Response, request, url_for
from flask_babel import gettext

from core import errors
from registry import staff
from registry.models import StaffUser
from webapp import identity, permissions, rendering, runtime
from webapp.staff.forms import SignInForm

log = structlog.get_logger()


@permissions.public
def sign_in() -> Response:
    """Show the form; let in whom the password fits, with a fresh server-side session."""
    if identity.person() is not None:
        return rendering.go_to(_next())
    form = SignInForm()
    if form.accept(lambda: _let_in(form)):
        return rendering.go_to(_next())
    action = url_for("staff.sign_in", next=request.args.get("next"))
    return rendering.page_or_fragment(
        "staff/sign_in.html", "staff/sign_in.html", form.status, form=form, action=action
    )


def _let_in(form: SignInForm) -> None:
    login, password = form.login.data or "", form.password.data or ""
    database = runtime.current().database
    with database.reading() as session:
        member = staff.find_by_login(session, login)
    # The hash takes a tenth of a second on purpose, for unknown names too: no transaction waits for it.
    if not staff.verify_password(member, password) or member is None:
        log.warning("sign_in_refused", login=login[:120], address=identity.address())
        raise errors.Invalid(gettext("This name and password do not fit together."))
    identity.sign_in(_open_session(member, password))


def _open_session(checked: StaffUser, password: str) -> str:
    now = runtime.current()
    carried = identity.token()
    with now.database.transaction() as session:
        member = staff.get(session, checked.id)
        if not member.is_active or member.password_hash != checked.password_hash:
            raise errors.Overtaken(gettext("Your account was changed just now; try again."))
        staff.refresh_hash(member, password)
        if carried:
            staff.sign_out(session, carried)  # what this browser carried before is over
        return staff.sign_in(
            session,
            member,
            address=identity.address(),
            agent=request.headers.get("User-Agent", ""),
            hours=now.settings.web.session_hours,
        )


def _next() -> str:
    """Return where the person wanted to go: a path of ours, never another host."""
    wanted = request.args.get("next", "")
    is_ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if is_ours and wanted.isprintable() else url_for("home")


@permissions.signed_in
def sign_out() -> Response:
    """End the session on the server and forget it in the browser."""
    carried = identity.token()
    if carried:
        with runtime.current().database.transaction() as session:
            staff.sign_out(session, carried)
    identity.sign_out()
    return rendering.go("staff.sign_in")
