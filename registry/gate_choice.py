"""Which gate opens and closes a line: chosen for it, for its device or for its POP; else the default.

A line's device is the one whose port it is on, else the one that is the gateway of its network; its POP is
written at the line, else its network's, else its device's. What stands on file without a line counts for all
lines of the customer that have nothing of their own.
"""

from dataclasses import dataclass

from sqlalchemy import String, case, func, literal_column, select, text
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from registry.models import Device, Line, Pop

# Of several ports the one that was connected last, as for gates that close ports (see lines.targets).
PORT_DEVICE = """
    SELECT {wanted} FROM connections c JOIN ports o ON o.id = c.port_id JOIN devices d ON d.id = o.device_id
    WHERE c.customer_id = lines.customer_id AND (c.line_id = lines.id OR c.line_id IS NULL)
    ORDER BY c.line_id NULLS LAST, c.id DESC LIMIT 1
"""
NETWORK = """
    SELECT {wanted} FROM ip_addresses i JOIN networks n ON n.id = i.network_id
    LEFT JOIN devices d ON d.id = n.gateway_id
    WHERE i.customer_id = lines.customer_id AND (i.line_id = lines.id OR i.line_id IS NULL)
    ORDER BY i.line_id NULLS LAST, i.address LIMIT 1
"""


def one(query: str, wanted: str) -> str:
    """Return a query of this module as a value: its column `wanted`."""
    return f"({query.format(wanted=wanted)})"


POP = f"COALESCE(lines.pop_id, {one(NETWORK, 'n.pop_id')}, {one(PORT_DEVICE, 'd.pop_id')})"
# Where no device and no POP has a gate of its own, nothing is looked up for any line.
_BY_DEVICE = (
    "CASE WHEN EXISTS (SELECT FROM devices WHERE gate_id IS NOT NULL) THEN "
    f"COALESCE({one(PORT_DEVICE, 'd.gate_id')}, {one(NETWORK, 'd.gate_id')}) END"
)
_BY_POP = f"""CASE WHEN EXISTS (SELECT FROM pops WHERE gate_id IS NOT NULL) THEN
    (SELECT p.gate_id FROM pops p WHERE p.id = {POP}) END"""  # noqa: S608 - constants of this module alone
_DEFAULT = "(SELECT g.id FROM gates g WHERE g.is_default)"


def chosen() -> ColumnElement[int | None]:
    """Return the gate that was chosen for a row of Line, where one was; SQL over `lines`, unaliased."""
    return func.coalesce(Line.gate_id, text(f"COALESCE({_BY_DEVICE}, {_BY_POP})"))


def serving() -> ColumnElement[int | None]:
    """Return the gate of a row of Line: the chosen one, else the default."""
    # A text and no column: a join by this condition must find its left side by Line.gate_id alone.
    return func.coalesce(Line.gate_id, text(f"COALESCE({_BY_DEVICE}, {_BY_POP}, {_DEFAULT})"))


def source() -> ColumnElement[str]:
    """Return where the gate of a row of Line was chosen: "line", "device", "pop" or "default"."""
    others = literal_column(
        f"CASE WHEN {_BY_DEVICE} IS NOT NULL THEN 'device' WHEN {_BY_POP} IS NOT NULL THEN 'pop' "
        "ELSE 'default' END",
        String,
    )
    return case((Line.gate_id.is_not(None), "line"), else_=others)


@dataclass(frozen=True, slots=True)
class Named:
    """A POP or device that a gate was chosen for; `kind` is "pop" or "device"."""

    kind: str
    id: int
    name: str


def named(session: Session) -> dict[int | None, list[Named]]:
    """Return by gate the POPs and devices it was chosen for, by name: POPs before devices."""
    found: dict[int | None, list[Named]] = {}
    kinds: tuple[tuple[str, type[Pop] | type[Device]], ...] = (("pop", Pop), ("device", Device))
    for kind, model in kinds:
        query = select(model.gate_id, model.id, model.name).where(model.gate_id.is_not(None))
        for gate_id, row_id, name in session.execute(query.order_by(func.lower(model.name), model.id)):
            found.setdefault(gate_id, []).append(Named(kind, row_id, name))
    return found
