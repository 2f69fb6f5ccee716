"""Writes the demo's network: POPs, devices with sealed credentials, ports, addresses, lines, cables."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session

from billing.models import Subscription
from core.secrets import Cipher
from linecard.demo import gear, plan
from linecard.demo.records import World
from linecard.demo.town import Spot
from registry import credentials
from registry.models import (
    CableEnd,
    CableLine,
    Connection,
    Device,
    DeviceRole,
    DeviceType,
    IpAddress,
    Line,
    LineGate,
    Network,
    Pop,
    Port,
)
from registry.models.cables import CableSide, CableType

_BOX_TYPE = "Distribution box 1:8"
_COLOURS = {
    ("core", 0): "#6c757d",
    ("core", 1): "#3b82c4",
    ("core", 2): "#1f9d8a",
    ("north", 0): "#868e96",
    ("north", 1): "#8a63d2",
    ("north", 2): "#c2487a",
    ("harbour", 0): "#adb5bd",
    ("harbour", 1): "#d9822b",
    ("harbour", 2): "#b59f00",
    ("harbour", 3): "#5c9a3d",
}
_NETWORK_WORDS = ("management", "Ethernet", "fibre", "radio")
_STREET_CORNER = 1.25  # a cable follows streets: so much longer than the crow flies
_SPARE_M = 12.0


def write_places(session: Session, world: World) -> None:
    """Add the POPs and the gate that touches nothing."""
    for district in world.isp.districts:
        latitude, longitude = district.seat.degrees(world.middle)
        world.pops[district.pop] = Pop(
            code=district.pop, name=district.pop_name, latitude=latitude, longitude=longitude
        )
    gate = LineGate(name="Dry run", kind="dry_run", is_default=True)
    session.add_all([*world.pops.values(), gate])
    session.flush()


def write_devices(session: Session, world: World, cipher: Cipher) -> None:
    """Add the ISP's gear with ports and credentials, the boxes, and a device for every connected customer."""
    types = _types()
    session.add_all(types.values())
    session.flush()
    own = {device.key: device for device in world.isp.devices}
    homes = {customer.device_key: plan.device_of(customer) for customer in world.isp.connected}
    filed = {customer.device_key: customer for customer in world.isp.connected}
    for key, planned in {**own, **homes}.items():
        world.devices[key] = _device(planned, filed.get(key), types, world)
    for box in world.isp.boxes:
        world.devices[box.key] = Device(
            name=box.name, type_id=types[_BOX_TYPE].id, pop_id=world.pops[box.pop].id
        )
    session.add_all(world.devices.values())
    session.flush()
    for key, planned in {**own, **homes}.items():
        row = world.devices[key]
        parent = filed[key].box if key in filed and filed[key].box else planned.parent
        row.parent_id = world.devices[parent].id if parent else None
        if planned.snmp:
            _set_credentials(row, planned.snmp, cipher)
    for box in world.isp.boxes:
        world.devices[box.key].parent_id = world.devices[f"olt-{box.pop}"].id
    session.flush()


def _types() -> dict[str, DeviceType]:
    types = {
        model.key: DeviceType(
            name=model.name, vendor=model.vendor, role=DeviceRole(model.role), web_scheme="https"
        )
        for model in gear.models().values()
    }
    types[_BOX_TYPE] = DeviceType(name=_BOX_TYPE, role=DeviceRole.OTHER, web_scheme="")
    return types


def _device(
    planned: gear.Device, customer: plan.Customer | None, types: Mapping[str, DeviceType], world: World
) -> Device:
    return Device(
        name=planned.name,
        type_id=types[planned.model].id,
        customer_id=world.customers[customer.number].id if customer else None,
        pop_id=world.pops[planned.pop].id,
        address=planned.address,
        mac=customer.filed_mac if customer else planned.mac,
        serial=planned.serial,
        software=gear.models()[planned.model].software,
        snmp_port=gear.SNMP_PORT,
        is_gateway=planned.is_gateway,
    )


def _set_credentials(row: Device, snmp: gear.Snmp, cipher: Cipher) -> None:
    if snmp.version == "3":
        credentials.set_snmp(
            row,
            cipher,
            version="3",
            user=snmp.user,
            auth_protocol=snmp.auth_protocol,
            auth_key=snmp.auth_key,
            priv_protocol=snmp.priv_protocol,
            priv_key=snmp.priv_key,
        )
    else:
        credentials.set_snmp(row, cipher, version=snmp.version, community=snmp.filed_community)


def write_lines(session: Session, world: World, subscriptions: Mapping[str, Subscription]) -> None:
    """Add networks, and for every connected customer his line, addresses and switch port on file."""
    networks = _networks(world)
    session.add_all(networks.values())
    for customer in world.isp.connected:
        world.lines[customer.number] = Line(
            subscription_id=subscriptions[customer.number].id,
            customer_id=world.customers[customer.number].id,
            pop_id=world.pops[customer.district.pop].id,
        )
    session.add_all(world.lines.values())
    ports = {
        (device.key, port.if_index): Port(
            device_id=world.devices[device.key].id,
            if_index=port.if_index,
            name=port.name,
            is_uplink=port.role != "access",
        )
        for device in world.isp.devices
        for port in gear.models()[device.model].ports
    }
    session.add_all(ports.values())
    session.flush()
    for customer in world.isp.connected:
        session.add_all(_addresses(customer, networks, world))
        session.add(
            Connection(
                port_id=ports[customer.node, customer.filed_if_index].id,
                customer_id=world.customers[customer.number].id,
                line_id=world.lines[customer.number].id,
                vlan=gear.VLANS[customer.district.pop],
            )
        )
    session.flush()


def _networks(world: World) -> dict[str, Network]:
    """Return the address plan by its first three numbers."""
    found = {}
    for (pop, third), colour in _COLOURS.items():
        prefix = f"{gear.POP_NETS[pop]}.{third}"
        found[prefix] = Network(
            name=f"{world.pops[pop].name} {_NETWORK_WORDS[third]}",
            cidr=f"{prefix}.0/24",
            pop_id=world.pops[pop].id,
            gateway_id=world.devices[f"rt-{pop}"].id,
            colour=colour,
            vlan=gear.VLANS[pop] if third else None,
        )
    return found


def _addresses(customer: plan.Customer, networks: Mapping[str, Network], world: World) -> list[IpAddress]:
    found: list[IpAddress] = []
    for address in customer.addresses:
        seen = world.now - timedelta(minutes=1 + len(found)) if customer.is_alive else world.ago(6)
        is_first = address == customer.address
        found.append(
            IpAddress(
                address=address,
                network_id=networks[address.rpartition(".")[0]].id,
                customer_id=world.customers[customer.number].id,
                line_id=world.lines[customer.number].id,
                device_id=world.devices[customer.device_key].id if is_first else None,
                mac=customer.filed_mac,
                description="" if is_first else "Second address of the agreement",
                last_seen_at=seen,
            )
        )
    return found


def write_cables(session: Session, world: World) -> None:
    """Add the cables: from each customer to his switch or box, from there to the POP, and between POPs."""
    for place, customer in enumerate(world.isp.connected):
        if customer.access == "radio":
            continue
        joint = customer.box or customer.node
        end = CableEnd(side=CableSide.B, device_id=world.devices[joint].id)
        start = CableEnd(side=CableSide.A, customer_id=world.customers[customer.number].id)
        fibres = 1 if customer.access == "pon" else None
        line = _cable(f"{customer.number} to {world.devices[joint].name}", fibres, start, end)
        if place % 9:
            _draw(line, customer.spot, _spot_of(world, joint), world)
        session.add(line)
    own = {device.key: device.pop for device in world.isp.devices if device.key.startswith("sw-")}
    for key, pop in {**own, **{box.key: box.pop for box in world.isp.boxes}}.items():
        start = CableEnd(side=CableSide.A, device_id=world.devices[key].id)
        end = CableEnd(side=CableSide.B, pop_id=world.pops[pop].id)
        line = _cable(f"{world.devices[key].name} to {world.pops[pop].name}", 8, start, end)
        _draw(line, _spot_of(world, key), _seats(world)[pop], world)
        session.add(line)
    for pop in ("north", "harbour"):
        start = CableEnd(side=CableSide.A, pop_id=world.pops["core"].id)
        end = CableEnd(side=CableSide.B, pop_id=world.pops[pop].id)
        line = _cable(f"Trunk {world.pops['core'].name} to {world.pops[pop].name}", 48, start, end)
        _draw(line, _seats(world)["core"], _seats(world)[pop], world)
        session.add(line)
    session.flush()


def _cable(name: str, fibres: int | None, start: CableEnd, end: CableEnd) -> CableLine:
    kind = CableType.FIBRE if fibres else CableType.COPPER
    return CableLine(name=name[:120], type=kind, fibres=fibres, path=[], ends=[start, end])


def _draw(line: CableLine, start: Spot, end: Spot, world: World) -> None:
    """Give the cable a path round one corner, and its length."""
    corner = Spot(end.east_m, start.north_m)
    line.path = [degree for spot in (start, corner, end) for degree in spot.degrees(world.middle)]
    line.length_m = round(start.distance_m(end) * _STREET_CORNER + _SPARE_M)


def _spot_of(world: World, key: str) -> Spot:
    spots = {device.key: device.spot for device in world.isp.devices}
    spots |= {box.key: box.spot for box in world.isp.boxes}
    return spots[key]


def _seats(world: World) -> dict[str, Spot]:
    return {district.pop: district.seat for district in world.isp.districts}
