"""Calls to one gate: made from its record, described lines, and its failure as a whole written down."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import gates
from billing import answers
from billing.access import Claim
from billing.models import AccessState
from core import clock
from core.errors import LinecardError
from gates import Gate, GateError, GateRefused, LineAccess, Mixed, Outcome, PortRef
from registry import gate_kinds, gate_turns, line_gates
from registry.gate_turns import Turn, Waits
from registry.lines import GateTarget, LineTarget, PortTarget
from tasks import agents, sites
from tasks.box_gates import BoxGate
from tasks.runtime import Runtime
from tasks.sites import Site

Lines = dict[LineAccess, LineTarget]
Maker = Callable[[str, Mapping[str, Any]], Gate]
_Answer = TypeVar("_Answer")

# Gear that takes its lines one by one must be done before the lease of the first one ends.
BATCH = 500
# A batch is halved so often to find the lines that make a gate refuse it.
REFUSALS = 60


class Failed(Exception):
    """The gate failed as a whole; it is written down. `outcomes` are those of its lines, by subscription."""

    def __init__(self, error: str, outcomes: Mapping[int, Outcome] | None = None) -> None:
        super().__init__(error)
        self.error, self.outcomes = error, dict(outcomes or {})


@dataclass(frozen=True)
class OfGate(Outcome):
    """The outcome of a line whose whole gate failed."""


def batch(kind: str) -> int:
    """Return how many lines a gate of this kind is told by one call."""
    found = gates.KINDS.get(kind)
    return found.at_once if found else BATCH


def waits(runtime: Runtime) -> Waits:
    """Return how long claims and pauses last, by the settings."""
    cutoff = runtime.settings.cutoff
    return Waits(cutoff.lease_s, cutoff.retry_limit_s, cutoff.gate_pause_limit_s)


@contextmanager
def trial(runtime: Runtime, turn: Turn) -> Iterator[bool]:
    """Take the one trial of a gate that failed, for a block; false where another worker has it.

    A trial that asked the gate nothing after all is given back.
    """
    if not turn.is_trial:
        yield True
        return
    with runtime.database.transaction() as session:
        until = gate_turns.take_trial(session, turn.gate.id, clock.now(), waits(runtime))
    yield until is not None
    if until is not None:
        with runtime.database.transaction() as session:
            gate_turns.give_back_trial(session, turn.gate.id, until, clock.now())


def ask(runtime: Runtime, gate: GateTarget, make: Maker, call: Callable[[Gate], _Answer]) -> _Answer:
    """Call the gate and write down whether it answered; raises Failed when it did not."""
    try:
        answer = call(made(runtime, gate, make))
    except sites.Elsewhere as error:
        # The worker that can tell it is at work, and writes down itself how that goes.
        raise Failed(str(error)) from error
    except (GateError, LinecardError) as error:
        _note_failed(runtime, gate, error)
        raise Failed(str(error)) from error
    if gate.id:
        with runtime.database.transaction() as session:
            gate_turns.note_works(session, gate.id)
    return answer


def _note_failed(runtime: Runtime, gate: GateTarget, error: Exception) -> None:
    cutoff = runtime.settings.cutoff
    needs_person = isinstance(error, gates.GateRefused | gates.GateMisconfigured)
    with runtime.database.transaction() as session:
        gate_turns.note_failed(
            session,
            gate.id,
            str(error),
            clock.now(),
            pause_s=cutoff.gate_pause_limit_s if needs_person else cutoff.retry_first_s,
            limit_s=cutoff.gate_pause_limit_s,
        )


def apply(
    runtime: Runtime,
    gate: GateTarget,
    members: list[LineTarget],
    wanted: Mapping[int, Claim],
    make: Maker,
) -> dict[int, Outcome]:
    """Ask one gate; return the outcome of each subscription. Raises Failed with them all the same."""
    accesses, outcomes = _described(runtime, members)
    wishes = {line: wanted[target.subscription_id].wanted for line, target in accesses.items()}
    asked = {line: gates.told(gate.kind, wish.value) for line, wish in wishes.items()}
    if not asked:
        return outcomes
    try:
        given = ask(runtime, gate, make, lambda made: _apply_but_refused(made, asked))
    except Failed as failed:
        faults = {
            target.subscription_id: OfGate(target.line_id, None, failed.error) for target in accesses.values()
        }
        raise Failed(failed.error, outcomes | faults) from failed
    for line, target in accesses.items():
        silent = Outcome(line.line_id, None, "The gate said nothing of this line")
        outcomes[target.subscription_id] = _of_wish(given.get(line.line_id, silent), gate.kind, wishes[line])
    return outcomes


def _apply_but_refused(made: Gate, asked: Mapping[LineAccess, gates.Access]) -> dict[int, Outcome]:
    """Apply; where the gate refuses the whole for one line's sake, find that one: it stops nobody else.

    Raises GateRefused where it refuses everything, or after REFUSALS refusals.
    """
    outcomes: dict[int, Outcome] = {}
    parts, refusals = [list(asked.items())], 0
    while parts:
        part = parts.pop()
        try:
            outcomes |= made.apply(dict(part))
        except GateRefused as error:
            refusals += 1
            if refusals > REFUSALS or len(asked) == 1:
                raise
            if len(part) == 1:
                key = part[0][0].line_id
                outcomes[key] = Outcome(key, None, str(error), needs_person=True)
                if len(outcomes) == len(asked) and not any(one.applied for one in outcomes.values()):
                    raise
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
    return outcomes


def _of_wish(answer: Outcome, kind: str, wish: AccessState) -> Outcome:
    """Return the answer in terms of the wish: what stands for it at this gate has fulfilled it."""
    is_fulfilled = answer.applied is not None and answer.applied == gates.told(kind, wish.value)
    return replace(answer, applied=wish.value) if is_fulfilled else answer


def read(
    runtime: Runtime, gate: GateTarget, members: list[LineTarget], make: Maker
) -> dict[int, answers.Seen]:
    """Read what is so, by subscription; raises Failed."""
    accesses, _ = _described(runtime, members)
    seen = ask(runtime, gate, make, lambda made: made.read(accesses))
    return {target.subscription_id: _seen(seen.get(line.line_id)) for line, target in accesses.items()}


def _seen(found: gates.Seen | None) -> answers.Seen:
    if isinstance(found, Mixed):
        return AccessState(found.mildest), AccessState(found.strictest)
    return AccessState(found) if found else None


def by_gate(targets: Iterable[LineTarget]) -> list[tuple[GateTarget, list[LineTarget]]]:
    """Return the lines of each gate; those of none are at one that touches nothing."""
    groups: dict[int, tuple[GateTarget, list[LineTarget]]] = {}
    for target in targets:
        gate = target.gate or gate_turns.NONE
        groups.setdefault(gate.id, (gate, []))[1].append(target)
    return list(groups.values())


def made(runtime: Runtime, gate: GateTarget, make: Maker) -> Gate:
    """Return a gate as it is told: here, or through the box of its POP; raises GateError, Unavailable."""
    known = line_gates.open_secrets(runtime.ring, gate.id, gate.secrets_sealed) if gate.secrets_sealed else {}
    settings, site = {**gate.options, **known}, site_of(runtime, gate)
    return BoxGate(site, gate.kind, settings) if site.pop else make(gate.kind, settings)


def site_of(runtime: Runtime, gate: GateTarget) -> Site:
    """Return from where a gate is told: by the box of its POP, if it has one.

    Raises NobodyThere, Elsewhere for one that acts on its worker's machine: told here it would look told,
    read back from the wrong kernel, while the gateway lets everybody through.
    """
    if not gate.id:
        return sites.HERE
    with runtime.database.reading() as session:
        pop = line_gates.pop_of(session, gate.id)
    return sites.at(runtime, pop, is_only_there=gate_kinds.acts_where_told(gate.kind, gate.options))


def _described(runtime: Runtime, members: list[LineTarget]) -> tuple[Lines, dict[int, Outcome]]:
    """Return the lines as gates know them, and the outcome of those that cannot be described."""
    found: Lines = {}
    outcomes = {}
    ports = next((one.gate for one in members if one.gate and one.gate.kind == "snmp_port"), None)
    site = site_of(runtime, ports) if ports else sites.HERE
    for target in members:
        try:
            port = _port(runtime, target, site)
            line = LineAccess(target.line_id, target.addresses, port, target.login)
        except LinecardError as error:
            outcomes[target.subscription_id] = Outcome(target.line_id, None, str(error), needs_person=True)
        else:
            found[line] = target
    return found, outcomes


def _port(runtime: Runtime, target: LineTarget, site: Site) -> PortRef | None:
    # Only a gate on switch ports needs the port, and with it the switch's credentials.
    if target.port is None or target.gate is None or target.gate.kind != "snmp_port":
        return None
    return port_ref(runtime, target.port, site)


def port_ref(runtime: Runtime, port: PortTarget, site: Site) -> PortRef:
    """Return a port as gates know it, its switch's credentials with it; raises LinecardError."""
    return PortRef(
        device=agents.target_for(runtime, port.device_id, site),
        if_index=port.if_index,
        name=port.name,
        if_name=port.if_name,
        is_uplink=port.is_uplink,
        shared_with=port.shared_with,
    )
