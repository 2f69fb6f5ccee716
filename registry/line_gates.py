"""Configured gates: where lines are opened and closed, one of them the default."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing import access
from billing.models import CUT, SubscriptionAccess
from core import db, errors
from core.secrets import Cipher
from core.words import N_
from registry import audit, credentials, in_use
from registry.models import Line, LineGate, Pop


@dataclass(frozen=True, slots=True)
class GateOption:
    """A setting of a kind of gate, as a form asks for it. `form`: text, whole, decimal or prefixes."""

    name: str
    label: str
    form: str = "text"
    default: Any = ""
    hint: str = ""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class GateKind:
    """A kind of gate: what staff read about it and what they can set."""

    name: str
    title: str
    summary: str
    options: tuple[GateOption, ...] = ()


# Records may not import the package gates: this is what its forms need of it. A test of the house holds
# every name, word, default and bound to the settings the gates themselves read.
KINDS: Mapping[str, GateKind] = {
    kind.name: kind
    for kind in (
        GateKind("dry_run", "Dry run", "Says what it would do and touches nothing."),
        GateKind(
            "nftables",
            "Linux gateway (nftables)",
            "Rejects every packet from and to the addresses of a closed line.",
            (
                GateOption(
                    "namespace",
                    "Network namespace",
                    hint="Empty: the filter of this machine. Else the name known to `ip netns`.",
                    pattern=r"^[A-Za-z0-9_.-]{0,64}$",
                ),
                GateOption("program", "Program", default="nft", hint="Name or path of nft.", pattern=r"^.+$"),
                GateOption(
                    "priority",
                    "Priority",
                    form="whole",
                    default=-10,
                    hint="Of our chain on the forward hook; the usual filter chains run at 0.",
                    minimum=-400,
                    maximum=400,
                ),
                GateOption(
                    "protected",
                    "Never close",
                    form="prefixes",
                    default=(),
                    hint="Prefixes no line may be closed in.",
                ),
                GateOption(
                    "timeout_s", "Patience, seconds", form="decimal", default=10.0, minimum=0.1, maximum=120
                ),
            ),
        ),
        GateKind(
            "snmp_port",
            "Switch port (SNMP)",
            "Sets ifAdminStatus of the line's own port down and up.",
            (
                GateOption(
                    "parallel_devices",
                    "Switches at once",
                    form="whole",
                    default=16,
                    hint="One switch is asked by one worker at a time: small agents choke on more.",
                    minimum=1,
                    maximum=256,
                ),
            ),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate as the list shows it: `own_lines` name it, `lines` are all it opens and closes."""

    gate: LineGate
    pop: str
    own_lines: int
    lines: int


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a new default gate takes over: the lines that name none, those closed now, from whom."""

    lines: int
    closed: int
    former: str


def list_all(session: Session) -> list[LineGate]:
    """Return every gate: the default one first, then by name."""
    return list(session.scalars(select(LineGate).order_by(LineGate.is_default.desc(), LineGate.name)))


def get(session: Session, gate_id: int) -> LineGate:
    """Return the gate; raises NotFound."""
    gate = session.get(LineGate, gate_id)
    if gate is None:
        raise errors.NotFound("There is no such gate")
    return gate


def overview(session: Session) -> list[GateRow]:
    """Return every gate with its POP and its lines counted: the default one first, then by name."""
    query = select(Line.gate_id, func.count()).group_by(Line.gate_id)
    counts: dict[int | None, int] = dict(session.execute(query).all())
    names = dict(session.execute(select(Pop.id, Pop.name)).all())
    return [
        GateRow(
            gate=gate,
            pop=names.get(gate.pop_id or 0, ""),
            own_lines=counts.get(gate.id, 0),
            lines=counts.get(gate.id, 0) + (counts.get(None, 0) if gate.is_default else 0),
        )
        for gate in list_all(session)
    ]


def takeover(session: Session) -> Takeover:
    """Return what the next default gate takes over, and from which."""
    is_closed = SubscriptionAccess.applied.in_(CUT)
    query = (
        select(func.count(), func.count().filter(is_closed))
        .select_from(Line)
        .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Line.subscription_id)
        .where(Line.gate_id.is_(None))
    )
    lines, closed = session.execute(query).one()
    former = session.scalar(select(LineGate.name).where(LineGate.is_default))
    return Takeover(lines, closed, former or "")


def find(session: Session, name: str) -> LineGate:
    """Return the gate of this name; raises NotFound naming those there are."""
    gate = session.scalar(select(LineGate).where(LineGate.name == name.strip()))
    if gate is None:
        there = ", ".join(session.scalars(select(LineGate.name).order_by(LineGate.name))) or "none"
        raise errors.NotFound(
            N_("There is no gate %(name)s; there are: %(there)s", name=repr(name), there=there)
        )
    return gate


def pops(session: Session) -> set[str]:
    """Return the codes of the POPs that gates stand in."""
    return set(session.scalars(select(Pop.code).join(LineGate, LineGate.pop_id == Pop.id)))


def create(
    session: Session,
    actor: audit.Actor,
    *,
    name: str,
    kind: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    ring: Cipher | None = None,
    pop_id: int | None = None,
    is_default: bool = False,
) -> LineGate:
    """Add a gate; whoever makes it the default takes that from the former one. Raises Invalid.

    Whether `options` fit the kind is known by the package gates; secrets need the ring that seals them.
    """
    values = _checked(session, name, pop_id)
    gate = LineGate(kind=kind, options=dict(options), **values)
    try:
        with db.part(session):
            session.add(gate)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another gate has this name"}) from error
    if secrets and ring is not None:
        gate.secrets_sealed = credentials.seal(ring, "gate", gate.id, secrets)
    audit.record(
        session,
        actor,
        "gate.created",
        object_kind="gate",
        object_id=gate.id,
        changes=audit.difference({}, {"name": gate.name, "kind": kind, "options": dict(options)}),
    )
    if is_default:
        make_default(session, actor, gate.id)
    return gate


def change(
    session: Session,
    actor: audit.Actor,
    gate_id: int,
    *,
    name: str,
    options: Mapping[str, Any],
    pop_id: int | None = None,
) -> LineGate:
    """Change a gate's name, POP and options, and have it told its lines anew where that matters.

    The kind stays. Raises Invalid at the faulty field, NotFound.
    """
    gate = get(session, gate_id)
    after = {**_checked(session, name, pop_id), "options": dict(options)}
    changes = audit.difference({field: getattr(gate, field) for field in after}, after)
    try:
        with db.part(session):
            for field, value in after.items():
                setattr(gate, field, value)
    except IntegrityError as error:
        raise errors.Invalid("The name is taken", {"name": "Another gate has this name"}) from error
    if changes:
        audit.record(session, actor, "gate.changed", object_kind="gate", object_id=gate_id, changes=changes)
    if {"options", "pop_id"} & set(changes):
        _tell_again(session, gate)
    return gate


def take_over(session: Session, actor: audit.Actor, gate_id: int) -> int:
    """Make this gate the default and have it told every line that names none; return how many they are."""
    gate = get(session, gate_id)
    if gate.is_default:
        raise errors.Conflict(N_("%(name)s is the default gate already", name=gate.name))
    make_default(session, actor, gate_id)
    return _tell_again(session, gate)


def _tell_again(session: Session, gate: LineGate) -> int:
    is_served = Line.gate_id == gate.id
    if gate.is_default:
        is_served = or_(is_served, Line.gate_id.is_(None))
    served = session.scalars(select(Line.subscription_id).where(is_served)).all()
    access.tell_again(session, served)
    return len(served)


def remove(session: Session, actor: audit.Actor, gate_id: int) -> None:
    """Remove a gate no line names; raises NotFound, Conflict while it is in use or the default."""
    gate = get(session, gate_id)
    if gate.is_default:
        raise errors.Conflict(
            N_("%(name)s is the default gate: make another one the default first", name=gate.name)
        )
    in_use.refuse(session, "gate", gate_id, gate.name)
    audit.record(session, actor, "gate.removed", object_kind="gate", object_id=gate_id, note=gate.name)
    session.delete(gate)
    session.flush()


def _checked(session: Session, name: str, pop_id: int | None) -> dict[str, Any]:
    faults = {}
    if not 0 < len(name.strip()) <= 80:
        faults["name"] = N_("Write a name of at most 80 characters")
    if pop_id is not None and session.get(Pop, pop_id) is None:
        faults["pop_id"] = N_("Choose from the list")
    if faults:
        raise errors.Invalid("The gate is not complete", faults)
    return {"name": name.strip(), "pop_id": pop_id}


def read_options(kind: str, written: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a gate from what a form wrote; raises Invalid with every fault at its option.

    What equals its default is left out, so that a better default of a later version is taken.
    """
    if kind not in KINDS:
        raise errors.Invalid("No such kind", {"kind": "Choose from the list"})
    read, faults = {}, {}
    for option in KINDS[kind].options:
        try:
            value = _option(option, written.get(option.name, "").strip())
        except ValueError as error:
            faults[option.name] = error.args[0]
        else:
            if value not in (option.default, list(option.default) if option.form == "prefixes" else None):
                read[option.name] = value
    if faults:
        raise errors.Invalid("The gate is not complete", faults)
    return read


def written_options(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return a gate's options as a form shows them, defaults included."""
    values = {option.name: options.get(option.name, option.default) for option in KINDS[kind].options}
    return {
        name: "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in values.items()
    }


def _option(option: GateOption, text: str) -> Any:
    """Read one option; raises ValueError with words for the person."""
    if not text and option.form != "prefixes":
        return option.default
    if option.form == "prefixes":
        return [_prefix(part) for part in re.split(r"[\s,;]+", text) if part]
    if option.form == "text":
        if option.pattern and not re.fullmatch(option.pattern, text):
            raise ValueError(N_("This is not written as it has to be"))
        return text
    return _number(option, text)


def _prefix(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(N_("%(text)s is not a prefix such as 10.0.0.0/24", text=text)) from error


def _number(option: GateOption, text: str) -> float:
    try:
        number = int(text) if option.form == "whole" else float(text.replace(",", "."))
    except ValueError as error:
        raise ValueError(N_("Write a number")) from error
    low, high = option.minimum, option.maximum
    if low is None or high is None or not low <= number <= high:
        raise ValueError(
            N_("Write a number between %(low)s and %(high)s", low=f"{low or 0:g}", high=f"{high or 0:g}")
        )
    return number


def make_default(session: Session, actor: audit.Actor, gate_id: int) -> None:
    """Let this gate serve every line that names none; raises NotFound."""
    gate = get(session, gate_id)
    others = update(LineGate).where(LineGate.is_default, LineGate.id != gate_id)
    session.execute(others.values(is_default=False))
    gate.is_default = True
    session.flush()
    audit.record(session, actor, "gate.default", object_kind="gate", object_id=gate_id, note=gate.name)


def open_secrets(ring: Cipher, gate_id: int, sealed: str) -> dict[str, Any]:
    """Return a gate's secrets; raises Unavailable when no key fits or they are another gate's."""
    return credentials.open_sealed(ring, "gate", gate_id, sealed) if sealed else {}


def note_state(session: Session, gate_id: int, error: str, now: datetime) -> None:
    """Write down that the gate failed as a whole and since when, or, with no error, that it works."""
    gate = session.get(LineGate, gate_id)
    if gate is not None and gate.error != error:
        gate.failing_since = (gate.failing_since or now) if error else None
        gate.error = error
        session.flush()
