"""Signs of life of the product's own parts: who beats, since when, and what it can do."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import clock
from registry.models import Heartbeat

# Older than this and a banner says so on every page.
STALE = timedelta(minutes=5)
# Among the signs of life while a day waits to be closed: its facts say which day, and why.
NIGHT = "night"


def beat(session: Session, name: str, facts: Mapping[str, Any] | None = None) -> None:
    """Note that the part called `name` (`beat`, `work`, `probe.<pop>`) is alive, and what it can do."""
    values = {"at": clock.now(), "facts": dict(facts or {})}
    session.execute(
        insert(Heartbeat)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=[Heartbeat.name], set_=values)
    )


def beats(session: Session) -> list[Heartbeat]:
    """Return the last sign of life of every part that ever gave one, by name."""
    return list(session.scalars(select(Heartbeat).order_by(Heartbeat.name)))


def find_beat(session: Session, name: str) -> Heartbeat | None:
    """Return the last sign of life of one part; None if it never gave one."""
    return session.get(Heartbeat, name)


def stop_beating(session: Session, name: str) -> None:
    """Forget a part that ended in good order, so that nobody waits for it."""
    row = session.get(Heartbeat, name)
    if row is not None:
        session.delete(row)


def silent(session: Session, *, needed: tuple[str, ...] = ("beat", "work")) -> list[str]:
    """Return the needed parts that gave no sign of life for five minutes, or never."""
    oldest = clock.now() - STALE
    alive = set(session.scalars(select(Heartbeat.name).where(Heartbeat.at >= oldest)))
    return [name for name in needed if name not in alive]
