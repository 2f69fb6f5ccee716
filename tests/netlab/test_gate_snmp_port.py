"""The SNMP port gate on a real Net-SNMP agent of a real Linux bridge."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import gates
from gates import LineAccess, PortRef
from linecard import lab
from linecard.lab import shell
from netdiag.snmp import SnmpTarget

Inside = Callable[[str, Callable[[], Any]], Any]


@pytest.fixture
def gate(lab_up: lab.LabStatus) -> Iterator[gates.Gate]:
    yield gates.make("snmp_port", {})
    switch = lab_up.plan.switch
    for port in switch.ports:
        shell.run(["ip", "-n", switch.namespace, "link", "set", port.name, "up"])


def _port(found: lab.LabStatus, name: str, *, version: str = "3", timeout_s: float = 1.5) -> PortRef:
    switch = found.plan.switch
    snmp = switch.snmp
    target = (
        SnmpTarget(
            switch.address,
            version="3",
            user=snmp.user,
            auth_protocol=snmp.auth_protocol,
            auth_key=snmp.auth_key,
            priv_protocol=snmp.priv_protocol,
            priv_key=snmp.priv_key,
            timeout_s=timeout_s,
        )
        if version == "3"
        else SnmpTarget(switch.address, community=snmp.write_community, timeout_s=timeout_s)
    )
    port = {port.name: port for port in switch.ports}[name]
    return PortRef(target, port.if_index, name=name, if_name=name, is_uplink=port.role == "uplink")


def _line(found: lab.LabStatus, key: str, **of_port: Any) -> LineAccess:
    customer = found.plan.customer(key)
    return LineAccess(int(key[1:]), (customer.address,), _port(found, customer.port or "", **of_port))


def _is_up(found: lab.LabStatus, name: str) -> bool:
    shown = shell.run(["ip", "-n", found.plan.switch.namespace, "link", "show", name])
    flags = re.search(r"<([^>]*)>", shown)
    assert flags
    return "UP" in flags[1].split(",")


def _passes(found: lab.LabStatus, key: str) -> bool:
    namespace = found.plan.customer(key).namespace
    command = ["ping", "-c", "2", "-i", "0.1", "-W", "1", "-q", found.plan.probe_address]
    return subprocess.run(shell.inside(namespace, *command), capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("version", ["2c", "3"])
def test_a_closed_port_goes_down_its_customer_is_cut_and_opening_lets_him_in(
    lab_up: lab.LabStatus, gate: gates.Gate, inside: Inside, version: str
) -> None:
    probe = lab_up.plan.probe_namespace
    line, other = _line(lab_up, "c1", version=version), _line(lab_up, "c2", version=version)
    assert inside(probe, lambda: gate.read([line, other])) == {1: "open", 2: "open"}
    assert _passes(lab_up, "c1")
    for _ in range(2):
        outcomes = inside(probe, lambda: gate.apply({line: "closed", other: "open"}))
        assert (outcomes[1].applied, outcomes[2].applied) == ("closed", "open"), outcomes
        assert not _is_up(lab_up, "port1")
    assert not _passes(lab_up, "c1")
    assert _passes(lab_up, "c2")
    assert inside(probe, lambda: gate.read([line, other])) == {1: "closed", 2: "open"}
    assert inside(probe, lambda: gate.apply({line: "open"}))[1].applied == "open"
    assert _is_up(lab_up, "port1")
    assert _passes(lab_up, "c1")


def test_an_uplink_and_a_shared_port_are_refused_and_stay_up(
    lab_up: lab.LabStatus, gate: gates.Gate, inside: Inside
) -> None:
    uplink = LineAccess(50, (), _port(lab_up, "uplink1"))
    shared = LineAccess(51, (), replace(_port(lab_up, "port2"), shared_with=1))
    twins = [LineAccess(number, (), _port(lab_up, "port3")) for number in (52, 53)]
    wanted = {uplink: "closed", shared: "closed", twins[0]: "closed", twins[1]: "open"}
    outcomes = inside(lab_up.plan.probe_namespace, lambda: gate.apply(wanted))
    assert "uplink" in outcomes[50].error
    assert "shared with 1" in outcomes[51].error
    assert "shared with 1" in outcomes[52].error
    assert outcomes[53].applied == "open"
    assert all(outcomes[number].needs_person for number in (50, 51, 52))
    assert all(_is_up(lab_up, name) for name in ("uplink1", "port2", "port3"))


def test_an_ifindex_that_moved_to_another_port_is_not_touched(
    lab_up: lab.LabStatus, gate: gates.Gate, inside: Inside
) -> None:
    stale = LineAccess(1, (), replace(_port(lab_up, "port1"), if_name="GigabitEthernet0/1"))
    gone = LineAccess(2, (), replace(_port(lab_up, "port1"), if_name="", if_index=999))
    outcomes = inside(lab_up.plan.probe_namespace, lambda: gate.apply({stale: "closed", gone: "closed"}))
    assert "ifIndex 101 is port1 now, GigabitEthernet0/1 on file" in outcomes[1].error
    assert "no port with ifIndex 999" in outcomes[2].error
    assert _is_up(lab_up, "port1")


def test_one_silent_switch_fails_its_own_lines_only(
    lab_up: lab.LabStatus, gate: gates.Gate, inside: Inside
) -> None:
    good = _line(lab_up, "c1")
    assert good.port
    silent = replace(good.port, device=SnmpTarget("10.77.0.200", timeout_s=0.2, retries=0))
    refusing = replace(good.port, device=SnmpTarget(lab_up.plan.probe_address, timeout_s=0.2, retries=0))
    dead = [LineAccess(60, (), silent), LineAccess(61, (), replace(silent, if_index=102))]
    lines = [good, *dead, LineAccess(62, (), refusing), LineAccess(63)]

    def both() -> tuple[dict[int, gates.Outcome], dict[int, gates.Access | None]]:
        return gate.apply(dict.fromkeys(lines, "closed")), gate.read(lines)

    outcomes, found = inside(lab_up.plan.probe_namespace, both)
    assert outcomes[1].applied == "closed"
    assert all(outcomes[number].applied is None for number in (60, 61, 62))
    assert outcomes[63] == gates.Outcome(63, "closed", is_bare=True)
    assert not any(outcomes[number].needs_person for number in (60, 61, 62))
    assert found == {1: "closed", 60: None, 61: None, 62: None, 63: None}


def test_read_only_credentials_need_a_person(lab_up: lab.LabStatus, gate: gates.Gate, inside: Inside) -> None:
    port = _port(lab_up, "port1", version="2c")
    reader = SnmpTarget(port.device.host, community=lab_up.plan.switch.snmp.read_community)
    line = LineAccess(1, (), replace(port, device=reader))
    outcome = inside(lab_up.plan.probe_namespace, lambda: gate.apply({line: "closed"}))[1]
    assert outcome.applied is None
    assert outcome.needs_person, outcome
    assert _is_up(lab_up, "port1")
