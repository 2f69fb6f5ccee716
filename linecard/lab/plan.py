"""The inventory of the laboratory, as plain frozen values: what `lab.up` builds and the demo points at.

`describe(prefix)` returns a `Plan`; `describe()` is the plan of the lab that `linecard lab up` builds:

    plan.customers   the lines: name, address, mac, segment, behaviour, and the switch port (None: no port)
    plan.devices     SNMP agents: the access switch `sw` (its ports with ifIndex), the gateway `gw`, a CPE
    plan.segments    networks with their VLAN; `probe_address` is set where the probe has a leg of its own
    plan.gateway     the device whose nftables closes lines
    plan.gate_kind, plan.gate_settings    the arguments of `gates.make`

To point the demo at it: a POP whose queue is worked by a probe worker started with `lab.probe_prefix`;
its networks from `segments`; a customer with line, IP and MAC for each of `customers`; the devices with
`read_community` (v2c) or `user` (v3, SHA-256, AES-128), `write_community` for port changes; a gate of
`gate_kind`. Every address is within 10.77.0.0/16 and exists inside the namespaces only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Behaviour = Literal["ordinary", "lossy", "dead", "duplicate", "no_echo", "cpe", "routed"]
PortRole = Literal["customer", "uplink", "probe"]

DEFAULT_PREFIX = "lc-"


@dataclass(frozen=True)
class Snmp:
    """What an agent accepts: v2c communities, and one v3 user with SHA-256 and AES-128 who may also write."""

    read_community: str = "lab-read"
    write_community: str = "lab-write"
    user: str = "lab"
    auth_protocol: str = "SHA256"
    auth_key: str = "lab-auth-password"
    priv_protocol: str = "AES"
    priv_key: str = "lab-privacy-password"


@dataclass(frozen=True)
class Segment:
    """A network: its VLAN on the access switch (None: not on it), and who has a leg in it."""

    name: str
    network: str
    gateway_address: str
    vlan: int | None = None
    probe_address: str | None = None


@dataclass(frozen=True)
class Port:
    """A port of the access switch; `if_index` is its ifIndex, `bridge_port` its dot1dBasePort."""

    name: str
    if_index: int
    bridge_port: int
    vlan: int
    role: PortRole


@dataclass(frozen=True)
class Device:
    """A device with an SNMP agent at `address`."""

    key: str
    kind: Literal["switch", "gateway", "cpe"]
    name: str
    address: str
    namespace: str
    snmp: Snmp
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True)
class Customer:
    """A line of the lab; `loss_percent` is the true share of echo requests that stay unanswered."""

    key: str
    name: str
    address: str
    mac: str
    segment: str
    behaviour: Behaviour
    loss_percent: int
    port: str | None
    namespace: str


@dataclass(frozen=True)
class Plan:
    """The whole laboratory."""

    prefix: str
    segments: tuple[Segment, ...]
    devices: tuple[Device, ...]
    customers: tuple[Customer, ...]
    probe_namespace: str
    probe_address: str
    gate_kind: str
    gate_settings: Mapping[str, object]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace of the lab, in building order."""
        core = f"{self.prefix}core"
        return (
            core,
            self.probe_namespace,
            *(device.namespace for device in self.devices if device.kind != "cpe"),
            *(customer.namespace for customer in self.customers),
        )

    @property
    def gateway(self) -> Device:
        """The gateway between customers and core."""
        return self.device("gw")

    @property
    def switch(self) -> Device:
        """The access switch."""
        return self.device("sw")

    def device(self, key: str) -> Device:
        """Return the device of this key; raises KeyError."""
        return {device.key: device for device in self.devices}[key]

    def customer(self, key: str) -> Customer:
        """Return the customer of this key, c1 to c12; raises KeyError."""
        return {customer.key: customer for customer in self.customers}[key]

    def segment(self, name: str) -> Segment:
        """Return the segment of this name; raises KeyError."""
        return {segment.name: segment for segment in self.segments}[name]


SEGMENTS = (
    Segment("core", "10.77.0.0/24", "10.77.0.1", probe_address="10.77.0.10"),
    # The probe has a leg here: ARP is on its own wire.
    Segment("yard", "10.77.1.0/24", "10.77.1.1", vlan=10, probe_address="10.77.1.250"),
    # Here only the gateway and the switch know a MAC.
    Segment("street", "10.77.2.0/24", "10.77.2.1", vlan=20),
    # Straight on the gateway, on no switch at all.
    Segment("hill", "10.77.3.0/24", "10.77.3.1"),
)

# key, name, address, mac, segment, behaviour, loss in percent. The first half of a MAC is a real vendor's.
_CUSTOMERS: tuple[tuple[str, str, str, str, str, Behaviour, int], ...] = (
    ("c1", "Olena Koval", "10.77.1.11", "50:c7:bf:10:00:01", "yard", "ordinary", 0),
    ("c2", "Taras Bondar", "10.77.1.12", "4c:5e:0c:10:00:02", "yard", "ordinary", 0),
    ("c3", "Iryna Melnyk", "10.77.1.13", "50:ff:20:10:00:03", "yard", "ordinary", 0),
    ("c4", "Petro Lossy", "10.77.1.14", "1c:7e:e5:10:00:04", "yard", "lossy", 40),
    ("c5", "Danylo Dead", "10.77.1.15", "04:d4:c4:10:00:05", "yard", "dead", 100),
    ("c6", "Dmytro Double", "10.77.1.16", "50:c7:bf:10:00:06", "yard", "duplicate", 0),
    ("c7", "Daria Double", "10.77.1.16", "b0:b2:dc:10:00:07", "yard", "duplicate", 0),
    ("c8", "Sofia Silent", "10.77.1.18", "24:a4:3c:10:00:08", "yard", "no_echo", 100),
    ("c9", "Maksym Shevchuk", "10.77.2.19", "50:c7:bf:10:00:09", "street", "ordinary", 0),
    ("c10", "Yulia Tkach", "10.77.2.20", "4c:5e:0c:10:00:10", "street", "ordinary", 0),
    ("c11", "Cafe Lvivska", "10.77.2.21", "b8:69:f4:10:00:11", "street", "cpe", 0),
    ("c12", "Hill Farm", "10.77.3.22", "24:a4:3c:10:00:12", "hill", "routed", 0),
)

UPLINKS = (("uplink1", 10), ("uplink2", 20))
PROBE_PORT = "probe1"


def describe(prefix: str = DEFAULT_PREFIX) -> Plan:
    """Return the plan of a lab whose namespaces begin with this prefix."""
    vlans = {segment.name: segment.vlan for segment in SEGMENTS}
    customers = tuple(
        Customer(
            key,
            name,
            address,
            mac,
            segment,
            behaviour,
            loss,
            port=f"port{key[1:]}" if vlans[segment] else None,
            namespace=prefix + key,
        )
        for key, name, address, mac, segment, behaviour, loss in _CUSTOMERS
    )
    snmp = Snmp()
    gateway = f"{prefix}gw"
    devices = (
        Device("gw", "gateway", "lab-gateway", "10.77.0.1", gateway, snmp),
        Device(
            "sw", "switch", "lab-access-switch", "10.77.0.2", f"{prefix}sw", snmp, _ports(customers, vlans)
        ),
        *(
            Device(f"cpe-{customer.key}", "cpe", "lab-cpe", customer.address, customer.namespace, snmp)
            for customer in customers
            if customer.behaviour == "cpe"
        ),
    )
    return Plan(
        prefix,
        SEGMENTS,
        devices,
        customers,
        probe_namespace=f"{prefix}probe",
        probe_address="10.77.0.10",
        gate_kind="nftables",
        gate_settings={"namespace": gateway},
    )


def _ports(customers: tuple[Customer, ...], vlans: Mapping[str, int | None]) -> tuple[Port, ...]:
    wanted: list[tuple[str, int, PortRole]] = [
        (customer.port, vlans[customer.segment] or 0, "customer") for customer in customers if customer.port
    ]
    wanted += [(name, vlan, "uplink") for name, vlan in UPLINKS]
    wanted += [(PROBE_PORT, 10, "probe")]
    return tuple(
        Port(name, if_index=100 + number, bridge_port=number, vlan=vlan, role=role)
        for number, (name, vlan, role) in enumerate(wanted, start=1)
    )
