"""Optical levels: whose the light is that was read, and where it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from registry import history, usage
from registry.models import Port, SeriesKind
from registry.series_codec import LevelPoint


@dataclass(frozen=True, slots=True)
class Unit:
    """What a customer's unit may be known by: his device's MAC and serial, or the MAC of his address."""

    customer_id: int
    device_id: int | None
    mac: str | None
    serial: str


# Who hangs below a device, by the records: on its ports, or through splitters and boxes (at most six).
_UNITS = text(
    """
    WITH RECURSIVE below AS (
        SELECT id, 0 AS depth FROM devices WHERE id = :device_id
        UNION
        SELECT d.id, b.depth + 1 FROM devices d JOIN below b ON d.parent_id = b.id WHERE b.depth < 6
    ), people AS (
        SELECT d.customer_id FROM below b JOIN devices d ON d.id = b.id WHERE d.customer_id IS NOT NULL
        UNION
        SELECT c.customer_id FROM connections c JOIN ports p ON p.id = c.port_id
        WHERE p.device_id = :device_id
    )
    SELECT d.customer_id, d.id AS device_id, d.mac::text, d.serial FROM devices d
    JOIN people USING (customer_id) WHERE (d.mac IS NOT NULL OR d.serial <> '') AND NOT d.is_unwatched
    UNION ALL
    SELECT i.customer_id, NULL, i.mac::text, '' FROM ip_addresses i
    JOIN people USING (customer_id) WHERE i.mac IS NOT NULL AND NOT i.is_unwatched
    """
)


def units_below(session: Session, device_id: int) -> list[Unit]:
    """Return what the units of the customers below a head end can be known by."""
    return [Unit(*row) for row in session.execute(_UNITS, {"device_id": device_id})]


def ports_of(session: Session, device_id: int) -> dict[int | str, int]:
    """Return a device's port ids, by ifIndex and by name."""
    found: dict[int | str, int] = {}
    query = select(Port.id, Port.if_index, Port.name).where(Port.device_id == device_id)
    for port_id, if_index, name in session.execute(query):
        found[if_index] = port_id
        found.setdefault(name, port_id)
    return found


def note(session: Session, at: datetime, levels: Mapping[int, LevelPoint], *, of: str) -> None:
    """Keep levels by port_id, device_id or customer_id, as `of` says."""
    if levels:
        series = usage.ensure_series(session, SeriesKind.LEVEL, of, levels)
        history.note(session, SeriesKind.LEVEL, at, {series[key]: level for key, level in levels.items()})
