"""What RADIUS says of a login, and what has to change for another access. Pure: no database, no network.

With each access a mark goes into `radreply` as an attribute Class, which the NAS sends back in accounting
(RFC 2865 5.25): so a live session tells under which access it began, and since when the present one holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gates.contract import ACCESSES, Access

_OURS = "linecard"


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

    `groups` are the ids and accesses of its rows in groups of ours, first one first.
    """

    groups: list[tuple[int, Access]] = field(default_factory=list)
    rejects: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    mark: Mark | None = None
    sessions: list[Session] = field(default_factory=list)

    @property
    def access(self) -> Access:
        """What the next login gets."""
        if self.rejects:
            return "closed"
        return self.groups[0][1] if self.groups else "open"

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

    def seen(self, *, heard_after_s: float, is_changed_in_place: bool) -> Access:
        """Return what is so: a live session that began under another access counts more than the tables.

        A session nobody reported of since `heard_after_s` tells nothing. Sessions that are changed in place
        keep the mark they began with: only one that should not be there at all tells something. Where others
        wrote over our access, the tables tell.
        """
        is_meddled = self.mark is not None and self.mark.access != self.access
        if is_meddled or (is_changed_in_place and self.access != "closed"):
            return self.access
        fresh = (one for one in self.sessions if one.heard_s is None or one.heard_s >= heard_after_s)
        others = {self.access_of(one) for one in fresh} - {self.access}
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

    The caller has refused a login that somebody else rejects.
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
        new_mark=Mark(wanted, now_s, held.access) if is_mark_due else None,
    )


def to_tell(held: Held, wanted: Access, *, is_changed_in_place: bool) -> Sequence[Session]:
    """Return the live sessions that began under another access than is wanted now.

    Sessions that are changed in place are all told, for none says what it was told last, but not those of a
    login that never was anything but open. So are they where somebody else opened what we had restricted.
    """
    if wanted != "open" and held.mark is not None and held.mark.access != held.access:
        return held.sessions
    if is_changed_in_place and wanted != "closed" and (held.mark is not None or wanted != held.access):
        return held.sessions
    return [session for session in held.sessions if held.access_of(session) != wanted]
