"""Gates: tell each line its wanted access until that is so, and read back what the network really does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.sql import ColumnElement

import gates
from billing import access
from billing.access import Claim
from billing.models import AccessState, SubscriptionAccess
from core import clock, errors
from core.errors import LinecardError
from gates import Gate, GateError, LineAccess, Outcome, PortRef
from registry import diagnostics, line_gates, lines
from registry.lines import GateTarget, LineTarget
from tasks import agents
from tasks.runtime import Runtime

log = structlog.get_logger()

BATCH = 200
ROUNDS = 50
OBSERVE_LIMIT = 5000

# Until a gate is configured nothing on the network is touched.
_NO_GATE = GateTarget(id=0, kind="dry_run", options={}, secrets_sealed="")

Lines = dict[LineAccess, LineTarget]
Maker = Callable[[str, Mapping[str, Any]], Gate]


def pass_on(runtime: Runtime, send: Callable[[str], None]) -> None:
    """From the default POP, have the workers of the other POPs do the same at the gates that stand there.

    `send` gets the POP's code; that it fails is harmless: the timetable asks again.
    """
    limits = runtime.settings.diagnostics
    if limits.pop != limits.default_pop:
        return
    for pop in _other_pops(runtime):
        try:
            send(pop)
        except errors.Unavailable as error:
            log.warning("not_passed_on", pop=pop, error=str(error))


def _other_pops(runtime: Runtime) -> list[str]:
    """Return the POPs that have gates and a living worker of their own beside the default one's."""
    with runtime.database.reading() as session:
        alive = {worker["pop"] for worker in diagnostics.workers(session) if worker["is_alive"]}
        return sorted((alive & line_gates.pops(session)) - {runtime.settings.diagnostics.default_pop})


def _own_lines(runtime: Runtime) -> ColumnElement[bool] | None:
    """Return which lines this worker tells: those gated in its POP; the default one all the others too.

    Some gear can only be reached from its own POP.
    """
    limits = runtime.settings.diagnostics
    key = SubscriptionAccess.subscription_id
    if limits.pop != limits.default_pop:
        return key.in_(lines.gated_in([limits.pop]))
    others = _other_pops(runtime)
    return key.not_in(lines.gated_in(others)) if others else None


def sweep(runtime: Runtime, make: Maker = gates.make) -> int:
    """Tell every line of this POP whose wanted access is not the applied one; return how many were settled.

    Sweeps may run at once: each line is claimed by one of them. No transaction is open while gear is asked.
    """
    settled = 0
    among = _own_lines(runtime)
    lease_s = runtime.settings.cutoff.lease_s
    for _ in range(ROUNDS):
        with runtime.database.transaction() as session:
            claims = access.claim(session, limit=BATCH, lease_s=lease_s, now=clock.now(), among=among)
        if not claims:
            break
        settled += _tell(runtime, claims, make)
    return settled


def _tell(runtime: Runtime, claims: list[Claim], make: Maker) -> int:
    wanted = {claim.subscription_id: claim for claim in claims}
    with runtime.database.reading() as session:
        targets = lines.targets(session, wanted, today=clock.today(runtime.settings.isp.time_zone))
    outcomes = {
        subscription_id: Outcome(0, None, "This service has no line to open or close", needs_person=True)
        for subscription_id in set(wanted) - set(targets)
    }
    for gate, members in _by_gate(targets.values()):
        outcomes |= _apply(runtime, gate, members, wanted, make)
    return sum(_settle(runtime, wanted[key], outcome) for key, outcome in sorted(outcomes.items()))


def _apply(
    runtime: Runtime,
    gate: GateTarget,
    members: list[LineTarget],
    wanted: Mapping[int, Claim],
    make: Maker,
) -> dict[int, Outcome]:
    """Ask one gate; return the outcome of each subscription, also when the whole gate failed."""
    accesses, outcomes = _described(runtime, members)
    fault = ""
    wishes = {line: wanted[target.subscription_id].wanted for line, target in accesses.items()}
    try:
        made = _make(runtime, gate, make)
        answers = made.apply({line: gates.told(gate.kind, wish.value) for line, wish in wishes.items()})
    except (GateError, LinecardError) as error:
        fault = str(error)
        needs_person = isinstance(error, gates.GateRefused | gates.GateMisconfigured)
        answers = {line.line_id: Outcome(line.line_id, None, fault, needs_person) for line in accesses}
    for line, target in accesses.items():
        silent = Outcome(line.line_id, None, "The gate said nothing of this line")
        outcomes[target.subscription_id] = _of_wish(
            answers.get(line.line_id, silent), gate.kind, wishes[line]
        )
    _note_gate(runtime, gate, fault)
    return outcomes


def _of_wish(answer: Outcome, kind: str, wish: AccessState) -> Outcome:
    """Return the answer in terms of the wish: what stands for it at this gate has fulfilled it."""
    is_fulfilled = answer.applied is not None and answer.applied == gates.told(kind, wish.value)
    return replace(answer, applied=wish.value) if is_fulfilled else answer


def _settle(runtime: Runtime, claim: Claim, outcome: Outcome) -> bool:
    cutoff = runtime.settings.cutoff
    with runtime.database.transaction() as session:
        return access.settle(
            session,
            claim.subscription_id,
            version=claim.version,
            applied=AccessState(outcome.applied) if outcome.applied else None,
            error=outcome.error,
            now=clock.now(),
            retry_first_s=cutoff.retry_limit_s if outcome.needs_person else cutoff.retry_first_s,
            retry_limit_s=cutoff.retry_limit_s,
        )


def observe(runtime: Runtime, make: Maker = gates.make) -> list[int]:
    """Read from the gates what is so, those not looked at for longest first.

    Returns the subscriptions that do otherwise than was applied: the next sweep tells them again.
    """
    among = _own_lines(runtime)
    with runtime.database.reading() as session:
        ids = access.least_observed(session, limit=OBSERVE_LIMIT, among=among)
        targets = lines.targets(session, ids, today=clock.today(runtime.settings.isp.time_zone))
    astray = []
    for gate, members in _by_gate(targets.values()):
        if gate.kind != _NO_GATE.kind:
            astray += _observe_gate(runtime, gate, members, make)
    if astray:
        log.warning("lines_astray", subscriptions=astray[:20], count=len(astray))
    return astray


def _observe_gate(runtime: Runtime, gate: GateTarget, members: list[LineTarget], make: Maker) -> list[int]:
    accesses, _ = _described(runtime, members)
    measured_at: datetime = clock.now()
    try:
        seen = _make(runtime, gate, make).read(accesses)
    except (GateError, LinecardError) as error:
        _note_gate(runtime, gate, str(error))
        return []
    found = {
        target.subscription_id: AccessState(state) if (state := seen.get(line.line_id)) else None
        for line, target in accesses.items()
    }
    with runtime.database.transaction() as session:
        told = {wish: AccessState(gates.told(gate.kind, wish.value)) for wish in AccessState}
        return access.note_observed(session, found, measured_at, told=told)


def _by_gate(targets: Iterable[LineTarget]) -> list[tuple[GateTarget, list[LineTarget]]]:
    groups: dict[int, tuple[GateTarget, list[LineTarget]]] = {}
    for target in targets:
        gate = target.gate or _NO_GATE
        groups.setdefault(gate.id, (gate, []))[1].append(target)
    return list(groups.values())


def _make(runtime: Runtime, gate: GateTarget, make: Maker) -> Gate:
    known = line_gates.open_secrets(runtime.ring, gate.id, gate.secrets_sealed) if gate.secrets_sealed else {}
    return make(gate.kind, {**gate.options, **known})


def _described(runtime: Runtime, members: list[LineTarget]) -> tuple[Lines, dict[int, Outcome]]:
    """Return the lines as gates know them, and the outcome of those that cannot be described."""
    found: Lines = {}
    outcomes = {}
    for target in members:
        try:
            line = LineAccess(target.line_id, target.addresses, _port(runtime, target), target.login)
        except LinecardError as error:
            outcomes[target.subscription_id] = Outcome(target.line_id, None, str(error), needs_person=True)
        else:
            found[line] = target
    return found, outcomes


def _port(runtime: Runtime, target: LineTarget) -> PortRef | None:
    # Only a gate on switch ports needs the port, and with it the switch's credentials.
    if target.port is None or target.gate is None or target.gate.kind != "snmp_port":
        return None
    port = target.port
    return PortRef(
        device=agents.target_of(runtime, port.device_id),
        if_index=port.if_index,
        name=port.name,
        is_uplink=port.is_uplink,
        shared_with=port.shared_with,
    )


def _note_gate(runtime: Runtime, gate: GateTarget, fault: str) -> None:
    if gate.id:
        with runtime.database.transaction() as session:
            line_gates.note_state(session, gate.id, fault, clock.now())
