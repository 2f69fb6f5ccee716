"""Lines: where a subscription meets the network, and what a gate needs to know of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from billing import access, suspensions
from billing.models import LockReason, Plan, Subscription
from core import clock, errors
from core.columns import any_of
from registry import audit, gate_choice
from registry.models import (
    Connection,
    Customer,
    CustomerStatus,
    IpAddress,
    Line,
    LineGate,
    Pop,
    Port,
    PortReading,
)
from registry.words import STATUS_WORDS


@dataclass(frozen=True, slots=True)
class GateTarget:
    """The gate of a line: its kind and settings; the secrets are sealed for the gate's row."""

    id: int
    kind: str
    options: Mapping[str, Any]
    secrets_sealed: str


@dataclass(frozen=True, slots=True)
class PortTarget:
    """The switch port of a line; `shared_with` counts the other customers on it.

    `if_name` is what its interface was called when its counters were read last (ifName), empty until then.
    """

    device_id: int
    if_index: int
    name: str
    is_uplink: bool
    shared_with: int
    if_name: str = ""


@dataclass(frozen=True, slots=True)
class LineTarget:
    """What a gate needs to know of one line; `gate` is None while no gate is configured at all."""

    line_id: int
    subscription_id: int
    customer_id: int
    addresses: tuple[str, ...] = ()
    port: PortTarget | None = None
    gate: GateTarget | None = None
    pop: str | None = None
    login: str = ""


@dataclass(frozen=True, slots=True)
class LineChoice:
    """A line to choose in a form, named by its plan."""

    id: int
    plan: str


def attach(
    session: Session,
    subscription_id: int,
    customer_id: int,
    *,
    actor: audit.Actor,
    pop_id: int | None = None,
    gate_id: int | None = None,
    today: date | None = None,
) -> Line:
    """Give a subscription its line, or change the one it has; raises NotFound, Invalid.

    The line of a customer who is not connected begins with a status lock; nothing is billed while it stands.
    """
    customer = session.get(Customer, customer_id)
    subscription = session.get(Subscription, subscription_id)
    if customer is None or subscription is None or subscription.account_id != customer.account_id:
        raise errors.NotFound("The customer has no such subscription")
    _check(session, pop_id, gate_id)
    line = session.scalar(select(Line).where(Line.subscription_id == subscription_id))
    before = {"pop_id": line.pop_id, "gate_id": line.gate_id} if line else {}
    line = line or Line(subscription_id=subscription_id, customer_id=customer_id)
    line.pop_id, line.gate_id = pop_id, gate_id
    session.add(line)
    session.flush()
    changes = audit.difference(before, {"pop_id": pop_id, "gate_id": gate_id})
    audit.record(
        session,
        actor,
        "line.attached",
        customer_id=customer_id,
        object_kind="line",
        object_id=line.id,
        changes=changes,
    )
    if customer.status is not CustomerStatus.CONNECTED:
        words = STATUS_WORDS[customer.status]
        suspensions.place(
            session,
            [subscription_id],
            LockReason.STATUS,
            owner=actor.name,
            note=words,
            today=today,
            billed_percent=0,
        )
    return line


def _check(session: Session, pop_id: int | None, gate_id: int | None) -> None:
    if pop_id is not None and session.get(Pop, pop_id) is None:
        raise errors.Invalid("No such POP", {"pop_id": "Choose from the list"})
    if gate_id is not None and session.get(LineGate, gate_id) is None:
        raise errors.Invalid("No such gate", {"gate_id": "Choose from the list"})


def find(session: Session, customer_id: int, line_id: int) -> Line:
    """Return the customer's line; raises NotFound."""
    line = session.get(Line, line_id)
    if line is None or line.customer_id != customer_id:
        raise errors.NotFound("The customer has no such line")
    return line


def choices(session: Session, customer_id: int) -> list[LineChoice]:
    """Return the customer's lines for a form, by the name of their plan."""
    query = (
        select(Line.id, Plan.name)
        .join(Subscription, Subscription.id == Line.subscription_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(Line.customer_id == customer_id)
        .order_by(Plan.name, Line.id)
    )
    return [LineChoice(*row) for row in session.execute(query)]


def targets(
    session: Session, subscription_ids: Iterable[int], *, today: date | None = None
) -> dict[int, LineTarget]:
    """Return, by subscription, what its gate needs to know; subscriptions without a line are left out.

    An address or port on file without a line belongs to the customer's main one: a running subscription
    before one that is not, then the one that ends last, then the oldest. `today` is the business day.
    """
    # Ten thousand lines come at once when a gate has lost them all: columns, not objects.
    query = (
        select(Line.id, Line.subscription_id, Line.customer_id, Line.login, LineGate.id, Pop.code)
        .outerjoin(LineGate, gate_of_line())
        .outerjoin(Pop, Pop.id == Line.pop_id)
        .where(Line.subscription_id == any_of(subscription_ids))
    )
    found = [(_Line(*row[:4]), row[4], row[5]) for row in session.execute(query)]
    lines = [line for line, *_ in found]
    gates = {gate.id: _gate(gate) for gate in session.scalars(select(LineGate))}
    mains = _main_lines(session, {line.customer_id for line in lines}, today or clock.now().date())
    addresses = _addresses(session, lines, mains)
    ports = _ports(session, lines, mains)
    return {
        line.subscription_id: LineTarget(
            line_id=line.id,
            subscription_id=line.subscription_id,
            customer_id=line.customer_id,
            addresses=tuple(addresses.get(line.id, ())),
            port=ports.get(line.id),
            gate=gates.get(gate_id) if gate_id else None,
            pop=pop,
            login=line.login or "",
        )
        for line, gate_id, pop in found
    }


@dataclass(frozen=True, slots=True)
class _Line:
    """What is read of a line."""

    id: int
    subscription_id: int
    customer_id: int
    login: str | None


def gate_of_line() -> ColumnElement[bool]:
    """Return the condition that a gate is the line's (see registry.gate_choice)."""
    return LineGate.id == gate_choice.serving()


def _gate(gate: LineGate) -> GateTarget:
    return GateTarget(gate.id, gate.kind, dict(gate.options), gate.secrets_sealed)


def _main_lines(session: Session, customer_ids: Iterable[int], today: date) -> set[int]:
    """Return the ids of the lines that take what is on file without a line."""
    is_first = (
        func.row_number()
        .over(
            partition_by=Line.customer_id,
            order_by=(
                access.is_running(today).desc(),
                Subscription.ends_on.desc().nulls_first(),
                Line.id,
            ),
        )
        .label("place")
    )
    ranked = (
        select(Line.id, is_first)
        .join(Subscription, Subscription.id == Line.subscription_id)
        .where(Line.customer_id == any_of(customer_ids))
        .subquery()
    )
    return set(session.scalars(select(ranked.c.id).where(ranked.c.place == 1)))


def _of_lines(query: Any, row: Any, lines: Iterable[_Line]) -> Any:
    lines = list(lines)
    is_loose = and_(row.line_id.is_(None), row.customer_id == any_of({line.customer_id for line in lines}))
    return query.where(or_(row.line_id == any_of(line.id for line in lines), is_loose))


def _line_id(line_id: int | None, customer_id: int, main_of: Mapping[int, int]) -> int | None:
    return line_id if line_id is not None else main_of.get(customer_id)


def _addresses(session: Session, lines: list[_Line], mains: set[int]) -> dict[int, list[str]]:
    query = select(IpAddress.line_id, IpAddress.customer_id, IpAddress.address).order_by(IpAddress.address)
    main_of = {line.customer_id: line.id for line in lines if line.id in mains}
    found: dict[int, list[str]] = {}
    for line_id, customer_id, address in session.execute(_of_lines(query, IpAddress, lines)):
        owner = _line_id(line_id, customer_id, main_of)
        if owner is not None:
            found.setdefault(owner, []).append(str(address))
    return found


def _ports(session: Session, lines: list[_Line], mains: set[int]) -> dict[int, PortTarget]:
    """Return the port of each line; of several, the one that was connected last."""
    if_name = func.coalesce(PortReading.reading["name"].astext, "")
    on_port = select(Connection.port_id, func.count().label("count")).group_by(Connection.port_id).subquery()
    query = (
        select(Connection.line_id, Connection.customer_id, Port, on_port.c.count, if_name)
        .join(Port, Port.id == Connection.port_id)
        .join(on_port, on_port.c.port_id == Port.id)
        .outerjoin(PortReading, PortReading.port_id == Port.id)
        .order_by(Connection.id)
    )
    main_of = {line.customer_id: line.id for line in lines if line.id in mains}
    found = {}
    for line_id, customer_id, port, count, name in session.execute(_of_lines(query, Connection, lines)):
        owner = _line_id(line_id, customer_id, main_of)
        if owner is not None:
            found[owner] = PortTarget(
                port.device_id, port.if_index, port.name, port.is_uplink, count - 1, name
            )
    return found
