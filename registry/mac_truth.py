"""The truth of a customer's MACs: on file, on the wire, in forwarding tables, in history; what it means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from core import clock, errors
from core.words import N_
from registry import audit, networks
from registry.models import (
    AuditEvent,
    Customer,
    Device,
    DiagnosticKind,
    DiagnosticRun,
    DiagnosticStatus,
    IpAddress,
    RadiusSession,
)

FRESH = timedelta(days=7)
"""What was seen longer ago than this is shown, but nothing is concluded from it."""
_KINDS = (DiagnosticKind.MAC_LOOKUP, DiagnosticKind.LOCATE_MAC, DiagnosticKind.DIAGNOSE)
_RUNS = 60
_PAST = 8


class Truth(StrEnum):
    """What the MACs of an address mean together."""

    SAME = "same"
    NEW = "new"
    SWAPPED = "swapped"
    FIGHT = "fight"
    OTHERS = "others"
    OURS = "ours"
    FORMERS = "formers"
    MADE_UP = "made_up"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a MAC is or was: a customer, or our own gear (no number)."""

    name: str
    customer_id: int | None = None
    number: str = ""
    is_former: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """The MACs a run found behind an address, by which way and when."""

    macs: tuple[str, ...]
    method: str
    at: datetime
    run_id: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a switch had learned a MAC."""

    mac: str
    device: str
    port: str
    is_on_file: bool
    is_uplink: bool
    at: datetime
    run_id: int


@dataclass(frozen=True, slots=True)
class Change:
    """A line of history that changed the MAC of an address."""

    at: datetime
    staff_name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One address with all that is known of its MAC, and the conclusion."""

    address: str
    on_file: str | None
    seen: Sighting | None
    places: Sequence[Place]
    owners: Mapping[str, Owner]
    past: Sequence[Change]
    truth: Truth
    is_old: bool

    @property
    def adoptable(self) -> str | None:
        """The MAC that may be put on file by one press, if there is one."""
        fits = self.truth in (Truth.NEW, Truth.SWAPPED, Truth.FORMERS, Truth.MADE_UP)
        return self.seen.macs[0] if fits and self.seen else None


@dataclass(frozen=True, slots=True)
class RadiusSeen:
    """The customer's last RADIUS session; accounting as it is kept tells no MAC."""

    nas: str
    session_id: str
    at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class View:
    """All the panel shows."""

    customer_id: int
    name: str
    rows: Sequence[Row]
    radius: RadiusSeen | None


def is_made_up(mac: str) -> bool:
    """Whether the MAC is locally administered (IEEE 802, the second bit): made up, as phones do. Pure."""
    return bool(int(mac[:2], 16) & 2)


def judge(on_file: str | None, seen: Sequence[str], owners: Mapping[str, Owner]) -> Truth:
    """Say what the MACs seen behind an address mean beside the one on file. Pure.

    `owners` says of MACs whose else they are. Somebody's own is named before it is called a new router.
    """
    macs = set(seen)
    if not macs:
        return Truth.UNKNOWN
    if len(macs) > 1:
        return Truth.FIGHT
    mac = macs.pop()
    if mac == on_file:
        return Truth.SAME
    owner = owners.get(mac)
    if owner is not None:
        somebodys = Truth.FORMERS if owner.is_former else Truth.OTHERS
        return somebodys if owner.customer_id is not None else Truth.OURS
    if is_made_up(mac):
        return Truth.MADE_UP
    return Truth.NEW if on_file is None else Truth.SWAPPED


def load(session: Session, customer_id: int) -> View:
    """Gather the panel; raises NotFound for a customer who is none."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise errors.NotFound("There is no such customer")
    addresses = list(
        session.scalars(
            select(IpAddress)
            .where(IpAddress.customer_id == customer_id, ~IpAddress.is_prefix)
            .order_by(IpAddress.address)
        )
    )
    runs = _runs(session, customer_id)
    seen = {str(one.address): _sighting(runs, str(one.address)) for one in addresses}
    known = {str(one.mac) for one in addresses if one.mac}
    strange = {mac for one in seen.values() if one for mac in one.macs} | known
    owners = _owners(session, strange, customer_id)
    past = _past(session, customer_id, [one.id for one in addresses])
    now = clock.now()
    rows = []
    for one in addresses:
        sighting = seen[str(one.address)]
        on_file = str(one.mac) if one.mac else None
        is_old = sighting is not None and now - sighting.at > FRESH
        macs = sighting.macs if sighting else ()
        wanted = {on_file, *macs} - {None}
        truth = judge(on_file, () if is_old else macs, owners)
        own = {mac: owners[mac] for mac in (*macs, on_file) if mac in owners}
        rows.append(
            Row(
                address=str(one.address),
                on_file=on_file,
                seen=sighting,
                places=_places(runs, wanted),
                owners=own,
                past=past.get(one.id, ()),
                truth=truth,
                is_old=is_old,
            )
        )
    return View(customer_id, customer.name, rows, _radius(session, customer_id))


def adopt(session: Session, actor: audit.Actor, customer_id: int, address: str, mac: str) -> IpAddress:
    """Put the MAC last seen behind the address on file, audited; raises Invalid and NotFound.

    A MAC that is on file for somebody else is not taken from him: that is cleared up there first.
    """
    sighting = _sighting(_runs(session, customer_id), address)
    if sighting is None or mac not in sighting.macs:
        raise errors.Invalid("This MAC is not what was last seen behind the address: look it up again")
    owner = _owners(session, {mac}, customer_id).get(mac)
    if owner is not None and not owner.is_former:
        raise errors.Invalid(N_("This MAC is on file for %(who)s: clear that up first", who=owner.name))
    return networks.set_mac(session, actor, customer_id, address, mac)


def _runs(session: Session, customer_id: int) -> list[DiagnosticRun]:
    query = select(DiagnosticRun).where(
        DiagnosticRun.customer_id == customer_id,
        DiagnosticRun.kind.in_(_KINDS),
        DiagnosticRun.status == DiagnosticStatus.DONE,
        DiagnosticRun.result.is_not(None),
    )
    return list(session.scalars(query.order_by(DiagnosticRun.id.desc()).limit(_RUNS)))


def _sighting(runs: Iterable[DiagnosticRun], address: str) -> Sighting | None:
    """Return the newest answer to the question which MAC is behind the address."""
    for run in runs:
        result, at = run.result or {}, run.finished_at or run.created_at
        if run.kind is DiagnosticKind.MAC_LOOKUP and run.options.get("address", run.target) == address:
            macs = tuple(one["mac"] for one in result.get("macs", ()))
            method = str(result.get("method") or "")
        elif run.kind is DiagnosticKind.DIAGNOSE:
            found = _measured(result, address)
            macs, method = tuple(found.get("macs", ())), str(found.get("method") or "")
        else:
            continue
        if macs:
            return Sighting(macs, method, at, run.id)
    return None


def _measured(result: Mapping[str, Any], address: str) -> Mapping[str, Any]:
    found = (result.get("measured") or {}).get("addresses", ())
    return next((one for one in found if one.get("address") == address), {})


def _places(runs: Iterable[DiagnosticRun], macs: set[Any]) -> list[Place]:
    """Return where each of the MACs was learned, as the newest run that found it says."""
    places: list[Place] = []
    found: set[str] = set()
    for run in runs:
        fresh = [one for one in _learned(run) if one.mac in macs and one.mac not in found]
        found |= {one.mac for one in fresh}
        places += fresh
    return places


def _learned(run: DiagnosticRun) -> list[Place]:
    result, at = run.result or {}, run.finished_at or run.created_at
    if run.kind is DiagnosticKind.LOCATE_MAC:
        return [
            Place(
                mac=str(result.get("mac")),
                device=str(one.get("device") or ""),
                port=str(one.get("port_name") or one.get("if_index") or one.get("bridge_port") or ""),
                is_on_file=bool(one.get("is_on_file")),
                is_uplink=bool(one.get("is_uplink")),
                at=at,
                run_id=run.id,
            )
            for one in result.get("places", ())
        ]
    measured = result.get("measured") or {}
    where = measured.get("learned_at")
    if not where:
        return []
    device, port = where
    return [
        Place(mac, device, port, is_on_file=True, is_uplink=False, at=at, run_id=run.id)
        for mac in measured.get("learned") or ()
    ]


def _owners(session: Session, macs: set[str], customer_id: int) -> dict[str, Owner]:
    """Return of the MACs whose they are beside this customer; who has one now counts before who had it."""
    wanted = sorted(macs)
    if not wanted:
        return {}
    found = _former(session, wanted, customer_id)
    devices = session.execute(
        select(Device.mac, Device.name, Customer)
        .outerjoin(Customer, Customer.id == Device.customer_id)
        .where(Device.mac.in_(wanted), Device.customer_id.is_distinct_from(customer_id))
    )
    for mac, name, customer in devices:
        found[str(mac)] = _owner(customer) if customer else Owner(name)
    holders = session.execute(
        select(IpAddress.mac, Customer)
        .join(Customer, Customer.id == IpAddress.customer_id)
        .where(IpAddress.mac.in_(wanted), IpAddress.customer_id != customer_id)
    )
    for mac, customer in holders:
        found[str(mac)] = _owner(customer)
    return found


def _former(session: Session, wanted: list[str], customer_id: int) -> dict[str, Owner]:
    """Return who had the MACs on file before, by the lines of history; the last one of several."""
    named = text("audit_events.changes ? 'mac' AND (audit_events.changes -> 'mac') ?| :macs").bindparams(
        bindparam("macs", wanted, type_=ARRAY(Text))
    )
    rows = session.execute(
        select(AuditEvent.changes, Customer)
        .join(Customer, Customer.id == AuditEvent.customer_id)
        .where(named, AuditEvent.customer_id != customer_id)
        .order_by(AuditEvent.id)
    )
    found: dict[str, Owner] = {}
    for changes, customer in rows:
        for mac in changes["mac"]:
            if mac in wanted:
                found[mac] = _owner(customer, is_former=True)
    return found


def _owner(customer: Customer, *, is_former: bool = False) -> Owner:
    return Owner(f"{customer.number} {customer.name}", customer.id, customer.number, is_former)


def _past(session: Session, customer_id: int, ids: list[int]) -> dict[int, list[Change]]:
    rows = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.customer_id == customer_id,
            AuditEvent.object_kind.in_(("ip", "ip_address")),
            AuditEvent.object_id.in_(ids),
            text("audit_events.changes ? 'mac'"),
        )
        .order_by(AuditEvent.id.desc())
        .limit(_PAST * max(1, len(ids)))
    )
    found: dict[int, list[Change]] = {}
    for row in rows:
        before, after = row.changes["mac"]
        lines = found.setdefault(row.object_id or 0, [])
        if len(lines) < _PAST:
            lines.append(Change(row.at, row.staff_name, before, after))
    return found


def _radius(session: Session, customer_id: int) -> RadiusSeen | None:
    row = session.scalar(
        select(RadiusSession)
        .where(RadiusSession.customer_id == customer_id)
        .order_by(RadiusSession.at.desc())
        .limit(1)
    )
    return RadiusSeen(row.nas, row.session_id, row.at, row.ended_at) if row else None
