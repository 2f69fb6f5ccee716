"""POPs: places of network gear; the code names the queue of the workers that probe from there."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from core.words import N_
from registry import audit, in_use, names
from registry.models import Pop

_CODE = re.compile(r"[a-z0-9-]{1,32}")


def list_all(session: Session) -> list[Pop]:
    """Return every POP, in the order of the alphabet."""
    return sorted(session.scalars(select(Pop)), key=lambda pop: names.sort_key(pop.name))


def get(session: Session, pop_id: int) -> Pop:
    """Return the POP; raises NotFound."""
    pop = session.get(Pop, pop_id)
    if pop is None:
        raise errors.NotFound("There is no such POP")
    return pop


def find(session: Session, code: str) -> Pop:
    """Return the POP of this code; raises NotFound."""
    pop = session.scalar(select(Pop).where(Pop.code == code))
    if pop is None:
        raise errors.NotFound("There is no such POP")
    return pop


def create(
    session: Session,
    actor: audit.Actor,
    *,
    code: str,
    name: str,
    latitude: float | None = None,
    longitude: float | None = None,
    device_watch_s: int | None = None,
    customer_watch_s: int | None = None,
) -> Pop:
    """Add a POP; raises Invalid at the faulty field. The code stays: queues and workers are named by it."""
    paces = {"device_watch_s": device_watch_s, "customer_watch_s": customer_watch_s}
    faults = _faults(name, latitude, longitude, paces)
    if not _CODE.fullmatch(code.strip()):
        faults["code"] = N_("Use small letters, digits and minus, at most 32")
    if faults:
        raise errors.Invalid("The POP is not complete", faults)
    pop = Pop(code=code.strip(), name=name.strip(), latitude=latitude, longitude=longitude, **paces)
    try:
        with db.part(session):
            session.add(pop)
    except IntegrityError as error:
        raise errors.Invalid("The code is taken", {"code": "Another POP has this code"}) from error
    audit.record(session, actor, "pop.created", object_kind="pop", object_id=pop.id, note=pop.code)
    return pop


def change(
    session: Session,
    actor: audit.Actor,
    pop_id: int,
    *,
    name: str,
    latitude: float | None = None,
    longitude: float | None = None,
    device_watch_s: int | None = None,
    customer_watch_s: int | None = None,
) -> Pop:
    """Change a POP's name, point (degrees, WGS 84) and pace of watching (seconds; None: as set for all).

    Raises Invalid at the faulty field, NotFound.
    """
    pop = get(session, pop_id)
    paces = {"device_watch_s": device_watch_s, "customer_watch_s": customer_watch_s}
    faults = _faults(name, latitude, longitude, paces)
    if faults:
        raise errors.Invalid("The POP is not complete", faults)
    after: dict[str, Any] = {"name": name.strip(), "latitude": latitude, "longitude": longitude}
    after |= paces
    changes = audit.difference({field: getattr(pop, field) for field in after}, after)
    for field, value in after.items():
        setattr(pop, field, value)
    if changes:
        audit.record(session, actor, "pop.changed", object_kind="pop", object_id=pop.id, changes=changes)
    session.flush()
    return pop


def remove(session: Session, actor: audit.Actor, pop_id: int) -> None:
    """Remove a POP nothing stands in; raises NotFound, Conflict while it is in use."""
    pop = get(session, pop_id)
    in_use.refuse(session, "pop", pop_id, pop.name)
    audit.record(session, actor, "pop.removed", object_kind="pop", object_id=pop_id, note=pop.code)
    session.delete(pop)
    session.flush()


def _faults(
    name: str, latitude: float | None, longitude: float | None, paces: Mapping[str, int | None]
) -> dict[str, str]:
    faults = {
        field: N_("Between 10 seconds and a day (86400), or nothing")
        for field, pace_s in paces.items()
        if pace_s is not None and not 10 <= pace_s <= 86_400
    }
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    if (latitude is None) != (longitude is None):
        faults["latitude"] = N_("Give both latitude and longitude, or neither")
    if latitude is not None and not -90 <= latitude <= 90:
        faults["latitude"] = N_("A latitude is between -90 and 90 degrees")
    if longitude is not None and not -180 <= longitude <= 180:
        faults["longitude"] = N_("A longitude is between -180 and 180 degrees")
    return faults
