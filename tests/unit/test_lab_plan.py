"""The lab's plan is consistent, and its bridge agent answers from what the kernel lists."""

import ipaddress

from linecard.lab import agents, bridge_mib, plan


def test_every_address_lies_in_its_segment_and_in_the_labs_network() -> None:
    described = plan.describe()
    for customer in described.customers:
        network = ipaddress.ip_network(described.segment(customer.segment).network)
        assert ipaddress.ip_address(customer.address) in network
        assert network.subnet_of(ipaddress.ip_network("10.77.0.0/16"))  # type: ignore[arg-type]


def test_macs_are_unicast_and_unique_and_only_the_duplicate_shares_an_address() -> None:
    customers = plan.describe().customers
    macs = [customer.mac for customer in customers]
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) % 2 == 0 for mac in macs)
    shared = [customer for customer in customers if customer.behaviour == "duplicate"]
    assert len({customer.address for customer in customers}) == len(customers) - len(shared) + 1


def test_every_port_of_a_customer_exists_on_the_switch_in_the_vlan_of_his_segment() -> None:
    described = plan.describe()
    ports = {port.name: port for port in described.switch.ports}
    for customer in described.customers:
        vlan = described.segment(customer.segment).vlan
        assert (customer.port is None) == (vlan is None)
        if customer.port:
            assert (ports[customer.port].vlan, ports[customer.port].role) == (vlan, "customer")
    assert len({port.if_index for port in ports.values()}) == len(ports)


def test_namespaces_carry_the_prefix_and_are_unique() -> None:
    described = plan.describe("x1-")
    assert all(name.startswith("x1-") for name in described.namespaces)
    assert len(set(described.namespaces)) == len(described.namespaces)
    assert described.gate_settings == {"namespace": "x1-gw"}


def test_only_the_switch_serves_a_bridge_mib() -> None:
    described = plan.describe()
    assert "pass_persist .1.3.6.1.2.1.17 " in agents.configuration(described.switch)
    assert "pass_persist" not in agents.configuration(described.gateway)
    assert "createUser lab SHA-256 lab-auth-password AES" in agents.configuration(described.gateway)


_LINKS = [
    {"ifname": "vlan10", "ifindex": 510, "address": "02:00:00:00:00:10"},
    {"ifname": "port1", "ifindex": 101, "master": "vlan10", "address": "02:00:00:00:01:01"},
    {"ifname": "mgmt0", "ifindex": 2, "address": "02:00:00:00:00:02"},
]
_FDB = [
    {"mac": "50:c7:bf:10:00:01", "ifname": "port1", "master": "vlan10", "state": ""},
    {"mac": "02:00:00:00:01:01", "ifname": "port1", "master": "vlan10", "state": "permanent"},
    {"mac": "02:00:00:00:01:01", "ifname": "port1", "vlan": 1, "master": "vlan10", "state": "permanent"},
    {"mac": "33:33:00:00:00:01", "ifname": "mgmt0", "flags": ["self"], "state": "permanent"},
]


def test_learned_and_own_addresses_are_told_apart_and_strangers_left_out() -> None:
    found = bridge_mib.tree(_LINKS, _FDB)
    learned = bridge_mib.octets("50:c7:bf:10:00:01")
    own = bridge_mib.octets("02:00:00:00:01:01")
    assert found[(4, 3, 1, 3, *learned)] == ("integer", "3")
    assert found[(4, 3, 1, 3, *own)] == ("integer", "4")
    assert found[(7, 1, 2, 2, 1, 2, 10, *learned)] == ("integer", "1")
    assert found[(7, 1, 2, 1, 1, 2, 10)] == ("gauge", "1")
    assert found[(1, 2, 0)] == ("integer", "1")
    assert found[(4, 3, 1, 1, *learned)] == ("octet", "50 C7 BF 10 00 01")
    assert not any(oid[-6:] == bridge_mib.octets("33:33:00:00:00:01") for oid in found)


def test_getnext_walks_in_the_order_of_numbers_to_the_end() -> None:
    agent = bridge_mib.Agent()
    agent.read_at = float("inf")  # never ask this machine
    agent.objects = {bridge_mib.BRIDGE + oid: ("integer", "1") for oid in [(2,), (10,), (9, 1)]}
    agent.order = sorted(agent.objects)
    seen, oid = [], bridge_mib.BRIDGE
    while (answer := agent.answer("getnext", oid)) != ["NONE"]:
        oid = tuple(int(part) for part in answer[0].strip(".").split("."))
        seen.append(oid[len(bridge_mib.BRIDGE) :])
    assert seen == [(2,), (9, 1), (10,)]
    assert agent.answer("get", (*bridge_mib.BRIDGE, 2)) == [".1.3.6.1.2.1.17.2", "integer", "1"]
    assert agent.answer("get", (*bridge_mib.BRIDGE, 3)) == ["NONE"]
