"""Boxes of POPs: invite one, let it in, know its keys, revoke it (docs/decisions/0014-pop-boxes.md).

An invitation holds one secret. The broker is told a password made of it and never the secret itself, which
the box proves to have in its sealed letter; so neither a broker nor another box can join in its place.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import authority, errors, sealing
from core.box import Ticket, about_join, about_welcome, password_of, place_of
from core.secrets import Cipher
from core.settings import Settings
from core.words import N_
from registry import audit, credentials
from registry.models import Pop, PopBox

_KIND = "pop_box"


class BoxState(StrEnum):
    """How far a box is: `joining` was let in and has not yet been heard with its own password."""

    NONE = "none"
    INVITED = "invited"
    JOINING = "joining"
    JOINED = "joined"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a new box needs to prove itself, once and until `until`; kept nowhere."""

    pop: str
    secret: str
    core_public: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Keys:
    """What we need to write to a box and to read it: its public key and our private one for it."""

    pop: str
    public: str
    own: str


@dataclass(frozen=True, slots=True)
class Entry:
    """By which passwords (SHA-256, hex) the broker lets a POP's box in now; none: not at all."""

    pop: str
    hashes: frozenset[str]


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def find(session: Session, pop_id: int) -> PopBox | None:
    """Return the box of a POP, if one was ever invited."""
    return session.get(PopBox, pop_id)


def by_pop(session: Session) -> dict[str, PopBox]:
    """Return every box by its POP's code."""
    rows = session.execute(select(Pop.code, PopBox).join(PopBox, PopBox.pop_id == Pop.id)).all()
    return {code: box for code, box in rows}  # noqa: C416 - a Row is no pair to the types


def state(box: PopBox | None, now: datetime) -> BoxState:
    """Return how far a box is."""
    if box is None:
        return BoxState.NONE
    if box.public_key:
        return BoxState.JOINED if box.joined_at else BoxState.JOINING
    if box.invited_hash and box.invited_until and box.invited_until > now:
        return BoxState.INVITED
    return BoxState.REVOKED if box.revoked_at else BoxState.NONE


def invite(
    session: Session, actor: audit.Actor, pop_id: int, ring: Cipher, *, now: datetime, minutes: int
) -> Invitation:
    """Invite a box to a POP: the first one, or one in place of that there is, which works until then.

    An earlier invitation ends. Raises NotFound.
    """
    pop = session.get(Pop, pop_id)
    if pop is None:
        raise errors.NotFound("There is no such POP")
    box = session.get(PopBox, pop_id, with_for_update=True)
    is_new = box is None
    if box is None:
        own = sealing.new_key()
        box = PopBox(
            pop_id=pop_id,
            core_public=sealing.public_of(own),
            core_sealed=credentials.seal(ring, _KIND, pop_id, {"key": own}),
            enrolled_at=now,
            enrolled_by=actor.name,
        )
        session.add(box)
    elif box.joined_at is None:
        box.public_key = box.broker_hash = ""  # let in under an earlier invitation, and never heard
    secret = secrets.token_urlsafe(32)
    box.invited_hash = _hash(password_of(secret))
    box.invited_until = now + timedelta(minutes=minutes)
    box.enrolled_at, box.enrolled_by = now, actor.name
    session.flush()
    audit.record(
        session,
        actor,
        "pop.box_invited" if is_new or not box.public_key else "pop.box_renewed",
        object_kind="pop",
        object_id=pop_id,
        note=pop.code,
    )
    return Invitation(pop.code, secret, box.core_public, box.invited_until)


def ticket(settings: Settings, invitation: Invitation) -> Ticket:
    """Return what the box is given for an invitation; raises Invalid while none can reach the core."""
    pops, url = settings.pops, settings.data.queue_url
    if invitation.pop == settings.diagnostics.default_pop:
        raise errors.Invalid("The default POP is the core's own: its worker runs beside the core")
    if not pops.address or url is None:
        raise errors.Invalid("Set pops.address in the settings: host:port as the boxes reach it")
    try:
        given = pops.authority_file
        trusted = given.read_text() if given else authority.certificate(settings.data.folder / "pops")
    except OSError as error:
        raise errors.Unavailable(f"The authority's certificate: {error.strerror}") from error
    return Ticket.model_validate(
        {
            "pop": invitation.pop,
            "address": pops.address,
            "number": place_of(url.get_secret_value())[1],
            "secret": invitation.secret,
            "core_key": invitation.core_public,
            "authority": trusted,
        }
    )


def let_in(session: Session, ring: Cipher, pop: str, public: str, letter: str, *, now: datetime) -> str:
    """Let the box of this public key in that proves to have the invitation; returns the letter of welcome.

    The same box may ask again until it was heard: the last welcome counts. Raises Invalid, Conflict when
    another one has used the invitation.
    """
    box = _of(session, pop, is_locked=True)
    if box is None or not box.invited_hash or not box.invited_until or box.invited_until <= now:
        raise errors.Invalid(N_("No invitation stands for the POP %(pop)s", pop=pop))
    if not sealing.is_public(public):
        raise errors.Invalid("The box sent no public key")
    own = _own_key(box, ring)
    told = json.loads(sealing.unseal(letter, of=public, by=own, about=about_join(pop)))
    if not secrets.compare_digest(_hash(password_of(str(told.get("secret", "")))), box.invited_hash):
        raise errors.Invalid("The box does not have the secret of the invitation")
    if box.public_key and box.joined_at is None and box.public_key != public:
        raise errors.Overtaken("Another box has used this invitation: invite anew")
    password = secrets.token_urlsafe(32)
    box.public_key, box.broker_hash = public, _hash(password)
    box.joined_at = box.revoked_at = None
    session.flush()
    welcome = json.dumps({"password": password}).encode()
    return sealing.seal(welcome, to=public, by=own, about=about_welcome(pop))


def note_heard(session: Session, pop: str, now: datetime) -> bool:
    """Note that a box speaks under its own key: its invitation is used up. Returns whether that is new."""
    box = _of(session, pop, is_locked=True)
    if box is None or not box.public_key or box.joined_at is not None:
        return False
    box.joined_at = now
    box.invited_hash, box.invited_until = "", None
    session.flush()
    audit.record(
        session,
        audit.Actor(None, f"box: {pop}"),
        "pop.box_joined",
        object_kind="pop",
        object_id=box.pop_id,
        note=sealing.fingerprint(box.public_key),
    )
    return True


def revoke(session: Session, actor: audit.Actor, pop_id: int, *, now: datetime) -> None:
    """Shut a box out and forget its key; an open invitation ends too. Raises NotFound."""
    box = session.get(PopBox, pop_id, with_for_update=True)
    if box is None:
        raise errors.NotFound("This POP has no box")
    box.public_key = box.broker_hash = box.invited_hash = ""
    box.invited_until = box.joined_at = None
    box.revoked_at = now
    session.flush()
    audit.record(session, actor, "pop.box_revoked", object_kind="pop", object_id=pop_id)


def keys_of(session: Session, ring: Cipher, pop: str) -> Keys | None:
    """Return what is needed to talk with the box of a POP; None when it has none that may work."""
    box = _of(session, pop)
    return Keys(pop, box.public_key, _own_key(box, ring)) if box is not None and box.public_key else None


def working(session: Session) -> set[str]:
    """Return the codes of the POPs whose jobs are done by a box."""
    return set(session.scalars(select(Pop.code).join(PopBox).where(PopBox.public_key != "")))


def doer(session: Session, pop: str, default: str) -> str:
    """Return the POP whose worker of ours leads the work at `pop`: a box is led by the default one's."""
    return default if pop in working(session) else pop


def entries(session: Session, now: datetime) -> list[Entry]:
    """Return whom the broker is to let in, for every POP that ever had a box."""
    found = []
    for pop, box in sorted(by_pop(session).items()):
        is_invited = box.invited_hash and box.invited_until and box.invited_until > now
        hashes = {box.broker_hash, box.invited_hash if is_invited else ""} - {""}
        found.append(Entry(pop, frozenset(hashes)))
    return found


def note_expired(session: Session, pop: str, now: datetime) -> None:
    """Count a job that no worker of the POP took."""
    here = select(Pop.id).where(Pop.code == pop)
    session.execute(
        update(PopBox)
        .where(PopBox.pop_id.in_(here))
        .values(expired_jobs=PopBox.expired_jobs + 1, last_expired_at=now)
    )


def _of(session: Session, pop: str, *, is_locked: bool = False) -> PopBox | None:
    query = select(PopBox).join(Pop, Pop.id == PopBox.pop_id).where(Pop.code == pop)
    return session.scalar(query.with_for_update(of=PopBox) if is_locked else query)


def _own_key(box: PopBox, ring: Cipher) -> str:
    return str(credentials.open_sealed(ring, _KIND, box.pop_id, box.core_sealed)["key"])
