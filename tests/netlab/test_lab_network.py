"""The laboratory's devices behave as its plan says: loss, silence, duplicate MACs, true forwarding tables."""

import re
import subprocess

from linecard import lab
from linecard.lab import plan, shell


def _ping(namespace: str, address: str, count: int = 5) -> int:
    """Return how many of `count` echo requests were answered."""
    finished = subprocess.run(
        shell.inside(namespace, "ping", "-c", str(count), "-i", "0.02", "-W", "1", "-q", address),
        capture_output=True,
        text=True,
        check=False,
        env=shell.environment(),
    )
    found = re.search(r"(\d+) received", finished.stdout)
    assert found, finished.stdout + finished.stderr
    return int(found[1])


def _snmp(found: lab.LabStatus, tool: str, device: plan.Device, *oids: str, write: bool = False) -> list[str]:
    community = device.snmp.write_community if write else device.snmp.read_community
    command = [tool, "-On", "-v2c", "-c", community, "-t", "2", device.address, *oids]
    out = subprocess.run(
        [*lab.probe_prefix(found), *command],
        capture_output=True,
        text=True,
        check=True,
        env={**shell.environment(), "MIBS": ""},
    )
    return out.stdout.splitlines()


def test_every_customer_answers_as_the_plan_says(lab_up: lab.LabStatus) -> None:
    for customer in lab_up.plan.customers:
        answered = _ping(lab_up.plan.probe_namespace, customer.address)
        assert answered == 5 * (100 - customer.loss_percent) // 100, customer


def test_every_living_customer_reaches_the_core_through_the_gateway(lab_up: lab.LabStatus) -> None:
    for customer in lab_up.plan.customers:
        if customer.behaviour in {"ordinary", "cpe", "routed"}:
            assert _ping(customer.namespace, lab_up.plan.probe_address, 2) == 2, customer


def test_two_customers_answer_arp_for_one_address(lab_up: lab.LabStatus) -> None:
    doubles = [customer for customer in lab_up.plan.customers if customer.behaviour == "duplicate"]
    assert len({customer.address for customer in doubles}) == 1
    _ping(lab_up.plan.probe_namespace, doubles[0].address)
    # Both speak on the wire: the switch has both MACs, on both ports.
    listed = shell.run(["bridge", "-n", lab_up.plan.switch.namespace, "fdb", "show"])
    for customer in doubles:
        assert f"{customer.mac} dev {customer.port} master" in listed


def test_the_probe_has_its_own_wire_in_the_yard_only(lab_up: lab.LabStatus) -> None:
    routes = shell.run([*lab.probe_prefix(lab_up), "ip", "route"])
    assert re.search(r"10\.77\.1\.0/24 dev leg0", routes)
    assert "10.77.2.0/24" not in routes
    assert "10.77.3.0/24" not in routes


def test_the_gateway_tells_the_mac_where_arp_cannot_reach(lab_up: lab.LabStatus) -> None:
    hill = lab_up.plan.customer("c12")
    assert _ping(lab_up.plan.probe_namespace, hill.address, 1) == 1
    rows = _snmp(lab_up, "snmpwalk", lab_up.plan.gateway, "1.3.6.1.2.1.4.22.1.2")
    told = [row for row in rows if f".{hill.address} = " in row]
    assert len(told) == 1
    assert hill.mac.replace(":", " ").upper() in told[0]


def test_the_switch_agent_tells_the_truth_about_its_forwarding_table(lab_up: lab.LabStatus) -> None:
    switch = lab_up.plan.switch
    for customer in lab_up.plan.customers:
        _ping(lab_up.plan.probe_namespace, customer.address, 1)
    ports = {port.name: port for port in switch.ports}
    bridge = _snmp(lab_up, "snmpwalk", switch, "1.3.6.1.2.1.17.1.4.1.2")
    assert bridge == [
        f".1.3.6.1.2.1.17.1.4.1.2.{port.bridge_port} = INTEGER: {port.if_index}" for port in switch.ports
    ]
    by_vlan = _snmp(lab_up, "snmpbulkwalk", switch, "1.3.6.1.2.1.17.7.1.2.2.1.2")
    flat = _snmp(lab_up, "snmpbulkwalk", switch, "1.3.6.1.2.1.17.4.3.1.2")
    for customer in lab_up.plan.customers:
        if not customer.port or customer.behaviour == "dead":
            continue
        port = ports[customer.port]
        mac = ".".join(str(int(part, 16)) for part in customer.mac.split(":"))
        assert f".1.3.6.1.2.1.17.4.3.1.2.{mac} = INTEGER: {port.bridge_port}" in flat
        row = f".1.3.6.1.2.1.17.7.1.2.2.1.2.{port.vlan}.{mac} = INTEGER: {port.bridge_port}"
        assert row in by_vlan


def test_interfaces_have_the_numbers_of_the_plan(lab_up: lab.LabStatus) -> None:
    switch = lab_up.plan.switch
    names = _snmp(lab_up, "snmpwalk", switch, "1.3.6.1.2.1.2.2.1.2")
    for port in switch.ports:
        assert f'.1.3.6.1.2.1.2.2.1.2.{port.if_index} = STRING: "{port.name}"' in names


def test_version_3_and_the_cpe_agent_answer(lab_up: lab.LabStatus) -> None:
    for device in lab_up.plan.devices:
        snmp = device.snmp
        keys = ["-a", "SHA-256", "-A", snmp.auth_key, "-x", snmp.priv_protocol, "-X", snmp.priv_key]
        command = ["snmpget", "-Oqv", "-v3", "-l", "authPriv", "-u", snmp.user, *keys]
        told = shell.run([*lab.probe_prefix(lab_up), *command, device.address, "1.3.6.1.2.1.1.5.0"])
        assert told.strip().strip('"') == device.name


def test_nothing_of_the_lab_is_reachable_from_the_hosts_own_namespace(lab_up: lab.LabStatus) -> None:
    assert "10.77." not in shell.run(["ip", "-4", "address"])
    assert "10.77." not in shell.run(["ip", "-4", "route"])
    assert lab_up.is_whole
