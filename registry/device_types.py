"""Device types: a managed list that says what a device is and how its web page is reached."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import db, errors
from core.words import N_
from registry import audit, in_use, names
from registry.models import Device, DeviceRole, DeviceType

SCHEMES = ("https", "http", "")


def list_all(session: Session) -> list[DeviceType]:
    """Return every device type, in the order of the alphabet."""
    return sorted(session.scalars(select(DeviceType)), key=lambda kind: names.sort_key(kind.name))


def get(session: Session, type_id: int) -> DeviceType:
    """Return the device type; raises NotFound."""
    kind = session.get(DeviceType, type_id)
    if kind is None:
        raise errors.NotFound("There is no such device type")
    return kind


def create(
    session: Session,
    actor: audit.Actor,
    *,
    name: str,
    role: DeviceRole,
    vendor: str = "",
    web_scheme: str = "https",
    web_port: int | None = None,
) -> DeviceType:
    """Add a device type; raises Invalid at the faulty field. An empty scheme means: it has no web page."""
    values = _checked(name, vendor, web_scheme, web_port)
    kind = DeviceType(role=role, **values)
    try:
        with db.part(session):
            session.add(kind)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another type has this name"}) from error
    audit.record(
        session, actor, "device_type.created", object_kind="device_type", object_id=kind.id, note=kind.name
    )
    return kind


def change(
    session: Session,
    actor: audit.Actor,
    type_id: int,
    *,
    name: str,
    role: DeviceRole,
    vendor: str = "",
    web_scheme: str = "https",
    web_port: int | None = None,
) -> DeviceType:
    """Change a device type; raises Invalid at the faulty field, NotFound."""
    kind = get(session, type_id)
    after: dict[str, Any] = {"role": role, **_checked(name, vendor, web_scheme, web_port)}
    changes = audit.difference({field: getattr(kind, field) for field in after}, after)
    try:
        with db.part(session):
            for field, value in after.items():
                setattr(kind, field, value)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another type has this name"}) from error
    if changes:
        audit.record(
            session,
            actor,
            "device_type.changed",
            object_kind="device_type",
            object_id=kind.id,
            changes=changes,
        )
    return kind


def remove(session: Session, actor: audit.Actor, type_id: int) -> None:
    """Remove a device type no device has; raises NotFound, Conflict while it is in use."""
    kind = get(session, type_id)
    in_use.refuse(session, "device_type", type_id, kind.name)
    audit.record(
        session, actor, "device_type.removed", object_kind="device_type", object_id=type_id, note=kind.name
    )
    session.delete(kind)
    session.flush()


def device_counts(session: Session) -> dict[int, int]:
    """Return how many devices are of each type, by its id; types without any are left out."""
    return dict(session.execute(select(Device.type_id, func.count()).group_by(Device.type_id)).all())


def _checked(name: str, vendor: str, web_scheme: str, web_port: int | None) -> dict[str, Any]:
    faults = {}
    if not 0 < len(name.strip()) <= 120:
        faults["name"] = N_("Write a name of at most 120 characters")
    if len(vendor.strip()) > 80:
        faults["vendor"] = N_("At most 80 characters")
    if web_scheme not in SCHEMES:
        faults["web_scheme"] = N_("Choose http, https or none")
    if web_port is not None and not 0 < web_port < 65536:
        faults["web_port"] = N_("A port is between 1 and 65535")
    if faults:
        raise errors.Invalid("The device type is not complete", faults)
    return {"name": name.strip(), "vendor": vendor.strip(), "web_scheme": web_scheme, "web_port": web_port}


def web_url(device: Device) -> str | None:
    """Return where the device's own page is: its (loaded) type's scheme and port; None when it has none."""
    return web_url_at(device.type, device.address) if device.address else None


def web_url_at(kind: DeviceType, address: str) -> str | None:
    """Return the page of a device of this type at another address than the one on file."""
    if not kind.web_scheme:
        return None
    host = f"[{address}]" if ":" in address else address
    is_usual = kind.web_port in (None, 443 if kind.web_scheme == "https" else 80)
    return f"{kind.web_scheme}://{host}/" if is_usual else f"{kind.web_scheme}://{host}:{kind.web_port}/"
