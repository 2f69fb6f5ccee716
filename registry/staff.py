"""Staff: who may sign in, their passwords, and the browsers they are signed in with."""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, select, update
from sqlalchemy.orm import Session, joinedload

from core import clock, errors
from core.words import N_
from registry import audit, passwords
from registry.models import StaffSession, StaffUser

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,119}")
_SEEN_EVERY = timedelta(minutes=1)
# Every request asks this: it is put together once.
_LIVE = (
    select(
        StaffSession.id,
        StaffSession.seen_at,
        StaffUser.id.label("staff_id"),
        StaffUser.login,
        StaffUser.name,
        StaffUser.roles,
        StaffUser.locale,
    )
    .join(StaffUser, StaffUser.id == StaffSession.staff_id)
    .where(StaffSession.token_hash == bindparam("token_hash"), StaffUser.is_active)
    .where(StaffSession.revoked_at.is_(None), StaffSession.expires_at > bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser's live session and whose it is."""

    session_id: int
    seen_at: datetime
    staff_id: int
    login: str
    name: str
    roles: tuple[str, ...]
    locale: str


def create(
    session: Session,
    actor: audit.Actor,
    *,
    login: str,
    name: str,
    password: str,
    roles: Sequence[str],
    email: str = "",
    locale: str = "",
) -> StaffUser:
    """Add a person who may sign in; raises Invalid at the faulty field, also for a login that is taken."""
    login = login.strip().lower()
    faults = _faults(login, name)
    if not faults and find_by_login(session, login) is not None:
        faults["login"] = N_("This sign-in name is taken")
    if faults:
        raise errors.Invalid("This person cannot be added", faults)
    staff = StaffUser(
        login=login,
        name=name.strip(),
        email=email.strip(),
        password_hash=passwords.seal(password),
        roles=sorted(set(roles)),
        locale=locale,
    )
    session.add(staff)
    session.flush()
    changes = audit.difference({}, _facts(staff))
    audit.record(session, actor, "staff.created", object_kind="staff", object_id=staff.id, changes=changes)
    return staff


def _faults(login: str, name: str) -> dict[str, str]:
    faults = {}
    if not _LOGIN.fullmatch(login):
        faults["login"] = N_("Use letters, digits, dot, minus, underscore or @, at most 120, no spaces")
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    return faults


def _facts(staff: StaffUser) -> Mapping[str, Any]:
    names = ("login", "name", "email", "roles", "locale", "is_active")
    return {name: getattr(staff, name) for name in names}


def find_by_login(session: Session, login: str) -> StaffUser | None:
    """Return the person with this sign-in name, in any letter case, active or not."""
    return session.scalar(select(StaffUser).where(StaffUser.login == login.strip().lower()))


def get(session: Session, staff_id: int) -> StaffUser:
    """Return the person; raises NotFound."""
    staff = session.get(StaffUser, staff_id)
    if staff is None:
        raise errors.NotFound("There is no such member of staff")
    return staff


def list_all(session: Session, *, is_active: bool | None = None) -> list[StaffUser]:
    """Return everybody, by name; only the active or the inactive ones on request."""
    query = select(StaffUser).order_by(StaffUser.name, StaffUser.id)
    if is_active is not None:
        query = query.where(StaffUser.is_active.is_(is_active))
    return list(session.scalars(query))


def change(
    session: Session,
    actor: audit.Actor,
    staff_id: int,
    *,
    name: str,
    email: str,
    roles: Sequence[str],
    locale: str = "",
    is_active: bool = True,
) -> StaffUser:
    """Change a person; whoever is made inactive, or loses a role, is signed out everywhere at once."""
    staff = get(session, staff_id)
    faults = _faults(staff.login, name)
    if faults:
        raise errors.Invalid("This person cannot be saved", faults)
    before = dict(_facts(staff))
    staff.name, staff.email, staff.locale = name.strip(), email.strip(), locale
    staff.roles, staff.is_active = sorted(set(roles)), is_active
    if not is_active or set(before["roles"]) - set(staff.roles):
        revoke_all(session, staff.id)
    changes = audit.difference(before, _facts(staff))
    if changes:
        audit.record(
            session, actor, "staff.changed", object_kind="staff", object_id=staff.id, changes=changes
        )
    session.flush()
    return staff


def change_locale(session: Session, actor: audit.Actor, staff_id: int, locale: str) -> None:
    """Set the language of a person's pages; empty is the company's. Raises NotFound."""
    staff = get(session, staff_id)
    changes = audit.difference({"locale": staff.locale}, {"locale": locale})
    staff.locale = locale
    if changes:
        audit.record(
            session, actor, "staff.changed", object_kind="staff", object_id=staff_id, changes=changes
        )
    session.flush()


def change_password(
    session: Session, actor: audit.Actor, staff_id: int, password: str, *, keep_session_id: int | None = None
) -> None:
    """Set a new password and sign the person out everywhere but in the session kept."""
    staff = get(session, staff_id)
    staff.password_hash = passwords.seal(password)
    revoke_all(session, staff.id, keep_session_id=keep_session_id)
    audit.record(session, actor, "staff.password_changed", object_kind="staff", object_id=staff.id)


def verify_password(staff: StaffUser | None, password: str) -> bool:
    """Say whether the person may come in with this password; an unknown name costs the same work."""
    fits = passwords.fits(staff.password_hash if staff else passwords.dummy(), password)
    return fits and staff is not None and staff.is_active


def refresh_hash(staff: StaffUser, password: str) -> bool:
    """Hash a just verified password again when the parameters have changed; say whether that was done."""
    if not passwords.is_outdated(staff.password_hash):
        return False
    staff.password_hash = passwords.seal(password)
    return True


def sign_in(session: Session, staff: StaffUser, *, address: str | None, agent: str, hours: int) -> str:
    """Open a session for a browser and return its token, which is kept nowhere: only its SHA-256 is."""
    token, now = secrets.token_urlsafe(32), clock.now()
    staff.signed_in_at = now
    session.add(
        StaffSession(
            token_hash=_hash(token),
            staff_id=staff.id,
            created_at=now,
            seen_at=now,
            expires_at=now + timedelta(hours=hours),
            address=address,
            agent=agent[:300],
        )
    )
    actor = audit.Actor(staff.id, staff.name)
    audit.record(
        session, actor, "staff.signed_in", object_kind="staff", object_id=staff.id, note=address or ""
    )
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def session_of(session: Session, token: str, now: datetime) -> SignedIn | None:
    """Return the live session of a token; None when it is over or the person inactive."""
    found = session.execute(_LIVE, {"token_hash": _hash(token), "now": now}).one_or_none()
    if found is None:
        return None
    session_id, seen_at, staff_id, login, name, roles, locale = found
    return SignedIn(session_id, seen_at, staff_id, login, name, tuple(roles), locale)


def is_seen_due(found: SignedIn, now: datetime) -> bool:
    """Say whether the session's time of last use is old enough to be worth a write."""
    return now - found.seen_at >= _SEEN_EVERY


def note_seen(session: Session, session_id: int, now: datetime) -> None:
    """Store when the session was last used."""
    session.execute(update(StaffSession).where(StaffSession.id == session_id).values(seen_at=now))


def sign_out(session: Session, token: str) -> None:
    """End the session of a token; one that is unknown or over stays so."""
    found = session.scalar(
        select(StaffSession)
        .options(joinedload(StaffSession.staff))
        .where(StaffSession.token_hash == _hash(token), StaffSession.revoked_at.is_(None))
    )
    if found is None:
        return
    found.revoked_at = clock.now()
    actor = audit.Actor(found.staff_id, found.staff.name)
    audit.record(session, actor, "staff.signed_out", object_kind="staff", object_id=found.staff_id)


def revoke(session: Session, actor: audit.Actor, session_id: int) -> None:
    """End one session; raises NotFound when it is over already."""
    found = session.get(StaffSession, session_id)
    if found is None or found.revoked_at is not None:
        raise errors.NotFound("This session is over already")
    found.revoked_at = clock.now()
    audit.record(session, actor, "staff.session_revoked", object_kind="staff", object_id=found.staff_id)


def revoke_all(session: Session, staff_id: int, *, keep_session_id: int | None = None) -> int:
    """End every session of a person but the one kept; return how many were ended."""
    query = (
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
    if keep_session_id is not None:
        query = query.where(StaffSession.id != keep_session_id)
    return cast("CursorResult[Any]", session.execute(query)).rowcount


def sessions_of(session: Session, staff_id: int, now: datetime) -> list[StaffSession]:
    """Return the live sessions of a person, the last used first."""
    query = (
        select(StaffSession)
        .where(StaffSession.staff_id == staff_id)
        .where(StaffSession.revoked_at.is_(None), StaffSession.expires_at > now)
        .order_by(StaffSession.seen_at.desc())
    )
    return list(session.scalars(query))
