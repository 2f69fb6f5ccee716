"""A try of a gate that a person asked for, done from where the gate is told; nothing is changed by it."""

from dataclasses import asdict

import gates
from core import clock
from core.errors import LinecardError
from core.words import N_
from gates import Finding, GateError, PortRef
from netdiag.errors import WireError
from registry import gate_tries
from registry.lines import GateTarget
from tasks import agents, gate_calls
from tasks.gate_calls import Maker
from tasks.runtime import Runtime

_UNKNOWN = N_("Something unforeseen went wrong; the worker's log says what")


def run(runtime: Runtime, try_id: int, make: Maker = gates.make) -> None:
    """Do the try, if it still waits, and write down what came out."""
    with runtime.database.transaction() as session:
        gate = gate_tries.take(session, try_id, clock.now())
    if gate is None:
        return
    findings: list[Finding] = []
    error = _UNKNOWN
    try:
        findings, error = check(runtime, gate, make), ""
    except (GateError, LinecardError, WireError) as fault:
        error = str(fault) or type(fault).__name__
    finally:
        with runtime.database.transaction() as session:
            told = [asdict(one) for one in findings]
            gate_tries.end(session, try_id, clock.now(), findings=told, error=error)


def check(runtime: Runtime, gate: GateTarget, make: Maker = gates.make) -> list[Finding]:
    """Try a gate from where it is told, by the box of its POP if any; raises GateError, Unavailable."""
    made = gate_calls.made(runtime, gate, make)
    if gate.kind != "snmp_port":
        return made.check()
    ports, faults = _ports(runtime, gate)
    # Where no port can be described at all, the gate itself says what is missing.
    return (faults if not ports and faults else made.check(ports)) + (faults if ports else [])


def _ports(runtime: Runtime, gate: GateTarget) -> tuple[list[PortRef], list[Finding]]:
    site = gate_calls.site_of(runtime, gate)
    with runtime.database.reading() as session:
        targets = gate_tries.ports(session, gate.id)
    found, faults = [], []
    for port in targets:
        try:
            device = agents.target_for(runtime, port.device_id, site)
        except LinecardError as error:
            faults.append(Finding(f"port {port.name or port.if_index}: {error}", is_good=False))
        else:
            found.append(PortRef(device, port.if_index, port.name, is_uplink=port.is_uplink))
    return found, faults
