"""Who is asking: the signed-in person of this request, found once, from the server-side session."""

from dataclasses import dataclass, field

from flask import current_app, g, request, session
from flask_babel import gettext

from core import clock
from core.errors import Forbidden, LinecardError
from core.words import N_
from registry import audit, staff
from webapp import permissions, runtime

TOKEN = "token"  # noqa: S105 - the name of a place in the cookie


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in member of staff, as pages need it."""

    id: int
    login: str
    name: str
    roles: tuple[str, ...]
    locale: str
    session_id: int
    permissions: frozenset[str] = field(repr=False)

    @property
    def initials(self) -> str:
        """One or two letters for the corner of the page."""
        words = self.name.split() or [self.login]
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    @property
    def role_name(self) -> str:
        """The roles in words."""
        return ", ".join(gettext(permissions.ROLE_NAMES.get(role, role)) for role in self.roles)


def person() -> Person | None:
    """Return who is signed in; None for a stranger. One query a request, and only if somebody asks."""
    if "person" not in g:
        g.person = None  # also when the next line fails: an error page must not fail once more
        g.person = _find()
    found: Person | None = g.person
    return found


def known() -> Person | None:
    """The same for the frame around a page and for its language: a silent database means a stranger."""
    try:
        return person()
    except LinecardError:
        return None


def actor() -> audit.Actor:
    """Return who acts, for the history; raises Forbidden for a stranger."""
    found = person()
    if found is None:
        raise Forbidden("Sign in first")
    return audit.Actor(found.id, found.name)


def may(name: str) -> bool:
    """Say whether the person has the permission; in templates too: `{% if may("payment.take") %}`."""
    found = person()
    return found is not None and name in found.permissions


def may_open(endpoint: str) -> bool:
    """Say whether the person has the permission that the endpoint's view is marked with."""
    found = person()
    return found is not None and permissions.of(current_app.view_functions[endpoint]) in found.permissions


def demand(name: str) -> None:
    """Raise Forbidden unless the person has the permission; for what a view's own mark does not cover."""
    if not may(name):
        raise Forbidden(N_("This needs the right: %(right)s", right=permissions.PERMISSIONS[name]))


def sign_in(token: str) -> None:
    """Give the browser a fresh cookie that holds the token and nothing of before (no fixed session)."""
    session.clear()
    session[TOKEN] = token
    session.permanent = True
    g.pop("person", None)


def sign_out() -> None:
    """Forget the browser; the server-side session has been ended by the caller."""
    session.clear()
    g.person = None


def token() -> str | None:
    """Return the token this browser carries."""
    found: str | None = session.get(TOKEN)
    return found


def address() -> str | None:
    """Return the network address of the browser."""
    return request.remote_addr


def _find() -> Person | None:
    carried = token()
    if carried is None:
        return None
    now, database = clock.now(), runtime.current().database
    with database.glance() as glance:
        found = staff.session_of(glance, carried, now)
    if found is None:
        return None
    member = Person(
        id=found.staff_id,
        login=found.login,
        name=found.name,
        roles=found.roles,
        locale=found.locale,
        session_id=found.session_id,
        permissions=permissions.granted(found.roles),
    )
    if staff.is_seen_due(found, now):
        with database.transaction() as writing:
            staff.note_seen(writing, member.session_id, now)
    return member
