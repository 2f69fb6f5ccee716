"""The diagnostics block of a card and the list of runs, gathered as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import errors, settings
from core.words import N_
from registry import baselines, diagnostic_sources, diagnostics
from registry.diagnostic_sources import PortOnFile
from registry.models import (
    Baseline,
    Customer,
    Device,
    DeviceState,
    DiagnosticKind,
    DiagnosticRun,
    DiagnosticStatus,
    IpAddress,
    Network,
    Pop,
)


@dataclass(frozen=True, slots=True)
class AddressChoice:
    """An address that can be pinged and looked up; `target` is what a run is opened with."""

    target: str
    address: str
    what: str
    mac: str | None
    colour: str | None


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """A device of the customer that speaks SNMP, with its last known state."""

    target: str
    name: str
    state: DeviceState | None
    state_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as pages show it."""

    id: int
    kind: DiagnosticKind
    target: str
    customer_id: int | None
    device_id: int | None
    status: DiagnosticStatus
    pop: str
    staff_name: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    options: Mapping[str, Any]
    result: Mapping[str, Any]
    error: str
    customer: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self.status in diagnostics.OPEN

    @property
    def is_good(self) -> bool:
        """Whether it is a diagnosis of a customer that can be taken as a baseline."""
        is_over = self.kind is DiagnosticKind.DIAGNOSE and self.status is DiagnosticStatus.DONE
        return is_over and self.customer_id is not None and not baselines.unfit(self.result)


@dataclass(frozen=True, slots=True)
class Block:
    """All the diagnostics block shows."""

    customer_id: int
    addresses: Sequence[AddressChoice]
    devices: Sequence[DeviceChoice]
    ports: Sequence[PortOnFile]
    open_runs: Sequence[RunView]
    history: Sequence[RunView]
    baseline: Baseline | None
    fault: str
    """Why a ping cannot be sent now, and what to do; empty when it can."""


def load(
    session: Session, customer_id: int, limits: settings.Diagnostics, *, history_limit: int = 8
) -> Block:
    """Gather the block; raises NotFound for a customer who is none."""
    if session.get(Customer, customer_id) is None:
        raise errors.NotFound("There is no such customer")
    rows = session.execute(
        select(IpAddress, Network, Pop.code)
        .join(Network, Network.id == IpAddress.network_id)
        .outerjoin(Pop, Pop.id == Network.pop_id)
        .where(IpAddress.customer_id == customer_id)
        .order_by(IpAddress.address)
    ).all()
    devices = list(
        session.scalars(select(Device).where(Device.customer_id == customer_id).order_by(Device.id))
    )
    return Block(
        customer_id=customer_id,
        addresses=_addresses(rows, devices),
        devices=[
            DeviceChoice(f"device:{one.id}", one.name, one.state, one.state_at)
            for one in devices
            if one.snmp_version and one.address is not None
        ],
        ports=diagnostic_sources.ports_of_customer(session, customer_id),
        open_runs=[view(run) for run in diagnostics.open_runs(session, customer_id)],
        history=[view(run) for run in diagnostics.history(session, customer_id, limit=history_limit)],
        baseline=baselines.newest(session, customer_id),
        fault=ping_fault(session, next((pop for _, _, pop in rows), None), limits),
    )


def _addresses(rows: Sequence[Any], devices: Sequence[Device]) -> list[AddressChoice]:
    """Return the addresses given to the customer, then those of his devices that are none of them.

    A prefix is none of them: nobody answers for it.
    """
    given = {str(row.address) for row, _, _ in rows}
    addresses = [
        AddressChoice(
            str(row.address),
            str(row.address),
            row.description or network.name,
            str(row.mac) if row.mac else None,
            row.colour or network.colour,
        )
        for row, network, _ in rows
        if not row.is_prefix
    ]
    addresses += [
        AddressChoice(f"device:{one.id}", str(one.address), one.name, str(one.mac) if one.mac else None, None)
        for one in devices
        if one.address is not None and str(one.address) not in given
    ]
    return addresses


def ping_fault(session: Session, near: str | None, limits: settings.Diagnostics) -> str:
    """Return why the worker that would take a ping near this POP cannot send one, in words; else nothing."""
    try:
        pop = diagnostics.choose_pop(session, near, limits.default_pop)
    except errors.Unavailable as error:
        return error.message
    facts = next(one["facts"] for one in diagnostics.workers(session) if one["pop"] == pop)
    access = facts.get("ping") or {}
    return "" if access.get("is_allowed", True) else str(access.get("advice") or N_("Ping is not permitted"))


def view(run: DiagnosticRun, customer: str = "") -> RunView:
    """Return the run as pages show it."""
    return RunView(
        id=run.id,
        kind=run.kind,
        target=run.target,
        customer_id=run.customer_id,
        device_id=run.device_id,
        status=run.status,
        pop=run.pop,
        staff_name=run.staff_name,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        options=run.options,
        result=run.result or {},
        error=run.error,
        customer=customer,
    )


def one(session: Session, run_id: int) -> RunView:
    """Return one run; raises NotFound."""
    run = diagnostics.get(session, run_id)
    customer = session.get(Customer, run.customer_id) if run.customer_id else None
    return view(run, customer.name if customer else "")


def listing(
    session: Session,
    *,
    kind: DiagnosticKind | None = None,
    staff_id: int | None = None,
    is_open: bool = False,
    before_id: int | None = None,
    limit: int = 50,
) -> list[RunView]:
    """Return the runs of everybody, newest first; `before_id` continues a list."""
    query = select(DiagnosticRun, Customer).outerjoin(Customer, Customer.id == DiagnosticRun.customer_id)
    if kind is not None:
        query = query.where(DiagnosticRun.kind == kind)
    if staff_id is not None:
        query = query.where(DiagnosticRun.staff_id == staff_id)
    if is_open:
        query = query.where(DiagnosticRun.status.in_(diagnostics.OPEN))
    if before_id is not None:
        query = query.where(DiagnosticRun.id < before_id)
    rows = session.execute(query.order_by(DiagnosticRun.id.desc()).limit(limit))
    return [view(run, customer.name if customer else "") for run, customer in rows]
