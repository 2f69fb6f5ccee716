"""What RADIUS says of a login, and what has to change for another access. Pure: no database, no network.

With each access a mark goes into `radreply` as an attribute Class, which the NAS sends back in accounting
(RFC 2865 5.25): so a live session tells under which access it began, and since when the present one holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gates.contract import ACCESSES, Access

_OURS = "linecard"
# What passes everything: a session is never ended for the one or the other.
PASSING: frozenset[Access] = frozenset({"open", "notice"})


def are_alike(one: Access, other: Access) -> bool:
    """Whether a session under the one may go on where the other is wanted."""
    return one == other or {one, other} <= PASSING


@dataclass(frozen=True, slots=True)
class Mark:
    """An access as we wrote it: since when (seconds since 1970) it holds, and which one it followed."""

    access: Access
    since_s: int
    before: Access

    def __str__(self) -> str:
        """Return it as Class carries it."""
        return f"{_OURS}/{self.access}/{self.since_s}/{self.before}"


def mark_of(text: str | None) -> Mark | None:
    """Read a mark as the tables hold it, in plain letters or in hexadecimal; None for what is not ours."""
    if text and text[:2].lower() == "0x":
        try:
            text = bytes.fromhex(text[2:]).decode("ascii")
        except ValueError:
            return None
    parts = (text or "").split("/")
    if len(parts) != 4 or parts[0] != _OURS or not parts[2].isdecimal():
        return None
    known = {str(access): access for access in ACCESSES}
    access, before = known.get(parts[1]), known.get(parts[3])
    return Mark(access, int(parts[2]), before) if access and before else None


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has begun and not ended, as accounting tells."""

    id: int
    session_id: str
    nas: str
    framed: str | None
    started_s: float | None
    heard_s: float | None
    mark: Mark | None


@dataclass(slots=True)
class Held:
    """What the tables hold of one login: ids of our rows, the mark, and its live sessions.

    `groups` are the ids and accesses of its rows in groups of ours, first one first. `is_notice_bare`: the
    group of a notice neither checks nor replies anything, so nobody is put into it and the mark alone tells.
    """

    groups: list[tuple[int, Access]] = field(default_factory=list)
    rejects: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    mark: Mark | None = None
    sessions: list[Session] = field(default_factory=list)
    is_notice_bare: bool = False

    @property
    def access(self) -> Access:
        """What the next login gets."""
        if self.rejects:
            return "closed"
        if self.groups:
            return self.groups[0][1]
        is_noticed = self.is_notice_bare and self.mark is not None and self.mark.access == "notice"
        return "notice" if is_noticed else "open"

    @property
    def is_reject_foreign(self) -> bool:
        """Whether somebody else has the login rejected: we never write that without our mark."""
        return bool(self.rejects) and (self.mark is None or self.mark.access != "closed")

    def access_of(self, session: Session) -> Access:
        """Return the access a session began under.

        Without a mark of its own its beginning decides: until the present access was written, what held
        before. A restriction that was written anew had been lost: who came meanwhile has the older mark.
        """
        if session.mark is not None:
            is_restricted = self.mark is not None and self.mark.access not in ("open", self.mark.before)
            if self.mark and is_restricted and session.mark.access == self.mark.access:
                is_anew = session.mark.since_s < self.mark.since_s
                return self.mark.before if is_anew else self.mark.access
            return session.mark.access
        if self.mark is None:
            return self.access
        is_older = session.started_s is not None and session.started_s <= self.mark.since_s
        return self.mark.before if is_older else self.mark.access

    def changed_to(self, session: Session) -> set[Access]:
        """Return the accesses a session may have been changed to in place: it tells nothing of that itself.

        One from before the present access may be left under the former: its NAS may not have heard.
        """
        if self.mark is None:
            return {self.access}
        is_older = session.started_s is not None and session.started_s <= self.mark.since_s
        return {self.access, self.mark.access, *({self.mark.before} if is_older else ())}

    def seen(self, *, heard_after_s: float, is_changed_in_place: bool) -> Access:
        """Return what is so: a live session that began under another access counts more than the tables.

        A session nobody reported of since `heard_after_s` tells nothing. Sessions that are changed in place
        keep the mark they began with: only one that should not be there at all tells something. Where others
        wrote over our access, the tables tell. A notice may begin or end with the next login.
        """
        is_meddled = self.mark is not None and self.mark.access != self.access
        if is_meddled or (is_changed_in_place and self.access != "closed"):
            return self.access
        fresh = (one for one in self.sessions if one.heard_s is None or one.heard_s >= heard_after_s)
        begun = {self.access_of(one) for one in fresh}
        others = (access for access in begun if not are_alike(access, self.access))
        return min(others, key=ACCESSES.index, default=self.access)


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be written for a login: ids to delete, and the rows to add where there are any."""

    groups: tuple[int, ...] = ()
    rejects: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    new_group: str | None = None
    is_new_reject: bool = False
    new_mark: Mark | None = None

    def __bool__(self) -> bool:
        """Whether anything has to be written."""
        return self != Change()


def change(
    held: Held, wanted: Access, groups: Mapping[Access, str], *, by_reject: bool, now_s: int
) -> Change:
    """Return what has to be written so that the next login gets what is wanted; rows in place stay.

    The caller has refused a login that somebody else rejects. From open to notice and back nothing is told
    to a session, so the mark keeps since when both hold and what they followed.
    """
    rejects = wanted == "closed" and by_reject
    name = "" if rejects else groups.get(wanted, "")
    kept = next((row for row, access in held.groups if name and access == wanted), None)
    is_mark_due = wanted != held.access or (held.mark is not None and held.mark.access != wanted)
    return Change(
        groups=tuple(row for row, _ in held.groups if row != kept),
        rejects=() if rejects or held.is_reject_foreign else tuple(held.rejects),
        marks=tuple(held.marks) if is_mark_due else (),
        new_group=name if name and kept is None else None,
        is_new_reject=rejects and not held.rejects,
        new_mark=_mark(held, wanted, now_s) if is_mark_due else None,
    )


def _mark(held: Held, wanted: Access, now_s: int) -> Mark:
    is_in_order = held.mark is not None and held.mark.access == held.access
    if held.mark is not None and is_in_order and {held.access, wanted} <= PASSING:
        return Mark(wanted, held.mark.since_s, held.mark.before)
    return Mark(wanted, now_s, held.access)


def to_tell(
    held: Held, wanted: Access, *, is_changed_in_place: bool, is_named: bool = True
) -> Sequence[Session]:
    """Return the live sessions that began under another access than is wanted now.

    Sessions that are changed in place are all told, for none says what it was told last, but not those of a
    login that never was anything but open. So are they where somebody else opened what we had restricted.
    Where what is wanted has no group to be named in place (not `is_named`), a session can only be ended:
    those that are restricted, or may be. None is ended for a notice, nor for the end of one.
    """
    if wanted not in PASSING and held.mark is not None and held.mark.access != held.access:
        return held.sessions
    is_told_in_place = is_changed_in_place and is_named and wanted != "closed"
    if is_told_in_place and (held.mark is not None or wanted != held.access):
        return held.sessions
    return [
        session for session in held.sessions if not _may_go_on(held, session, wanted, is_changed_in_place)
    ]


def _may_go_on(held: Held, session: Session, wanted: Access, is_changed_in_place: bool) -> bool:
    under = {held.access_of(session), *(held.changed_to(session) if is_changed_in_place else ())}
    return all(are_alike(access, wanted) for access in under)
