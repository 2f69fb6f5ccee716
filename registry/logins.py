"""Logins of lines: the name a line dials in with, and what becomes of the one it had before."""

import re

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import access
from core import db, errors
from registry import audit, line_moves, lines, strangers
from registry.models import Line, LineGate

LOGIN = re.compile(r"[^\s\x00-\x1f\x7f]{1,120}")


def set_login(session: Session, actor: audit.Actor, customer_id: int, line_id: int, login: str) -> bool:
    """Write down the name the line dials in with (empty: none) and have its gate told anew.

    Capitals count, as they do for RADIUS. The name before is asked off the gate's list where it may stand
    there: it may be somebody's whom only RADIUS knows. Returns whether anything changed; raises NotFound,
    Invalid at `login`.
    """
    line = lines.find(session, customer_id, line_id)
    after, before = login.strip() or None, line.login
    if after == before:
        return False
    if after and not LOGIN.fullmatch(after):
        raise errors.Invalid("The login is not right", {"login": "Write at most 120 characters, no spaces"})
    try:
        with db.part(session):
            line.login = after
    except IntegrityError as error:
        raise errors.Invalid("The login is taken", {"login": "Another line dials in with it"}) from error
    audit.record(
        session,
        actor,
        "line.login_set",
        customer_id=customer_id,
        object_kind="line",
        object_id=line.id,
        changes=audit.difference({"login": before}, {"login": after}),
    )
    if before:
        _give_up(session, actor, line, before)
    access.tell_again(session, [line.subscription_id])
    return True


def _give_up(session: Session, actor: audit.Actor, line: Line, login: str) -> None:
    held = line_moves.restriction(session, line.subscription_id)
    gate = session.scalar(select(LineGate).join(Line, lines.gate_of_line()).where(Line.id == line.id))
    if gate is not None and held:
        strangers.give_up(session, gate, login, held.value, by=actor.name)
