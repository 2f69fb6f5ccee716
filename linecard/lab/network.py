"""Builds the namespaces, wires, bridges, addresses and filters of a plan; leaves the host's network alone."""

import contextlib
from collections.abc import Iterator

from linecard.lab import plan as plans
from linecard.lab import shell

# What every namespace gets before its first wire: no IPv6 chatter, loose reverse path where routes differ.
_SYSCTLS = {
    "ipv6/conf/all/disable_ipv6": 1,
    "ipv6/conf/default/disable_ipv6": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    # An answer comes only from the interface that has the address: the probe has two legs.
    "ipv4/conf/all/arp_ignore": 1,
    "ipv4/conf/all/arp_announce": 2,
    # Speak up when plugged in, as real CPEs do: the switch learns the MAC before anybody asks.
    "ipv4/conf/default/arp_notify": 1,
}


def build(plan: plans.Plan) -> None:
    """Make the whole network of a plan; raises LabError and leaves what it made to `remove`."""
    shell.batch(f"netns add {namespace}" for namespace in plan.namespaces)
    for namespace in plan.namespaces:
        _set_sysctls(namespace, is_router=namespace == plan.gateway.namespace)
    shell.batch(_wires(plan))
    for namespace, lines in _addresses(plan).items():
        shell.batch(lines, namespace)
    for customer in plan.customers:
        rule = _filter(customer)
        if rule:
            shell.run(shell.inside(customer.namespace, "nft", "-f", "-"), rule)


def remove(namespaces: Iterator[str] | tuple[str, ...] | list[str]) -> None:
    """Delete these namespaces, with every interface in them; those already gone are passed over."""
    for namespace in namespaces:
        if namespace in shell.namespaces():
            with contextlib.suppress(shell.LabError):
                shell.run(["ip", "netns", "delete", namespace])


def _set_sysctls(namespace: str, *, is_router: bool) -> None:
    values = {**_SYSCTLS, "ipv4/ip_forward": int(is_router)}
    # A kernel without IPv6 has no such entry, and needs none.
    script = "\n".join(
        f"[ ! -e /proc/sys/net/{name} ] || echo {value} > /proc/sys/net/{name}"
        for name, value in values.items()
    )
    shell.run(shell.inside(namespace, "sh", "-e"), script)


def _wires(plan: plans.Plan) -> Iterator[str]:
    """Yield the veth pairs and bridges, each made directly inside its namespaces."""
    core, gateway, switch = f"{plan.prefix}core", plan.gateway.namespace, plan.switch.namespace
    yield f"link add name core0 netns {core} type bridge"
    for number, (name, namespace) in enumerate(
        (("core0", plan.probe_namespace), ("core0", gateway), ("mgmt0", switch)), start=1
    ):
        yield _veth(f"to{number}", core, name, namespace)
    for vlan in sorted({port.vlan for port in plan.switch.ports}):
        yield f"link add name vlan{vlan} index {500 + vlan} netns {switch} type bridge"
    customers = {customer.port: customer for customer in plan.customers if customer.port}
    for port in plan.switch.ports:
        here = f"{port.name} index {port.if_index}"
        if port.role == "customer":
            customer = customers[port.name]
            yield _veth(here, switch, f"eth0 address {customer.mac}", customer.namespace)
        elif port.role == "uplink":
            yield _veth(here, switch, f"lan{port.vlan}", gateway)
        else:
            yield _veth(here, switch, "leg0", plan.probe_namespace)
    for customer in plan.customers:
        if not customer.port:
            far = f"eth0 address {customer.mac}"
            yield _veth(customer.segment, gateway, far, customer.namespace)


def _veth(name: str, namespace: str, peer: str, peer_namespace: str) -> str:
    return f"link add name {name} netns {namespace} type veth peer name {peer} netns {peer_namespace}"


def _addresses(plan: plans.Plan) -> dict[str, list[str]]:
    """Return, by namespace, the commands that put interfaces into bridges, give addresses and set them up."""
    core, segments = plan.segment("core"), {segment.name: segment for segment in plan.segments}
    lines: dict[str, list[str]] = {f"{plan.prefix}core": _up("core0")}
    for number in (1, 2, 3):
        lines[f"{plan.prefix}core"] += [f"link set to{number} master core0", *_up(f"to{number}")]
    lines[plan.gateway.namespace] = _router(plan)
    lines[plan.switch.namespace] = [
        *_addressed("mgmt0", plan.switch.address, core),
        f"route add default via {core.gateway_address}",
    ]
    for vlan in sorted({port.vlan for port in plan.switch.ports}):
        lines[plan.switch.namespace] += _up(f"vlan{vlan}")
    for port in plan.switch.ports:
        lines[plan.switch.namespace] += [f"link set {port.name} master vlan{port.vlan}", *_up(port.name)]
    lines[plan.probe_namespace] = [
        *_addressed("core0", plan.probe_address, core),
        f"route add default via {core.gateway_address}",
    ]
    lines[plan.probe_namespace] += [
        line
        for segment in plan.segments
        if segment.vlan and segment.probe_address
        for line in _addressed("leg0", segment.probe_address, segment)
    ]
    for customer in plan.customers:
        lines[customer.namespace] = _customer(customer, segments[customer.segment])
    return {namespace: [*_up("lo"), *commands] for namespace, commands in lines.items()}


def _router(plan: plans.Plan) -> list[str]:
    lines = []
    for segment in plan.segments:
        interface = (
            "core0" if segment.name == "core" else f"lan{segment.vlan}" if segment.vlan else segment.name
        )
        lines += _addressed(interface, segment.gateway_address, segment)
    return lines


def _customer(customer: plans.Customer, segment: plans.Segment) -> list[str]:
    if customer.behaviour == "dead":
        # The cable is in, the light is on, and nobody answers: not even ARP.
        return _up("eth0")
    route = f"route add default via {segment.gateway_address}"
    return [*_addressed("eth0", customer.address, segment), route]


def _addressed(interface: str, address: str, segment: plans.Segment) -> list[str]:
    length = segment.network.partition("/")[2]
    return [f"address add {address}/{length} dev {interface}", *_up(interface)]


def _up(interface: str) -> list[str]:
    return [f"link set {interface} up"]


def _filter(customer: plans.Customer) -> str:
    """Return the nftables rules inside a customer's namespace that make his loss, if he has any.

    numgen counts: of any five echo requests in a row exactly two are lost, so the loss is known, not likely.
    """
    if customer.behaviour == "no_echo":
        verdict = "drop"
    elif customer.behaviour == "lossy":
        verdict = f"numgen inc mod 5 < {customer.loss_percent * 5 // 100} drop"
    else:
        return ""
    return (
        "add table inet lab\n"
        "add chain inet lab input { type filter hook input priority 0; policy accept; }\n"
        f"add rule inet lab input icmp type echo-request {verdict}\n"
    )
