"""Faults of the laboratory, made for real: each is a block, after which what was broken is mended."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import select

from billing import suspensions
from billing.models import LockReason
from core import clock
from linecard.lab import shell
from registry.models import Device, DeviceType, Line
from tests.product import Product

ADMIN_STATUS = "1.3.6.1.2.1.2.2.1.7"
STRANGE_MAC = "b0:b2:dc:99:00:02"


def speak(product: Product, key: str) -> None:
    """Let the customer send packets, so that gateway and switch know him."""
    planned = product.plan.customer(key)
    gateway = product.plan.segment(planned.segment).gateway_address
    words = (sys.executable, "-m", "netdiag", "ping", gateway, "--count", "2", "--interval", "0.05")
    with suppress(shell.LabError):  # whether anybody answers is not the point
        shell.run(shell.inside(planned.namespace, *words))


def ip(namespace: str, *words: str) -> None:
    """Run ip(8) in a namespace."""
    shell.run(["ip", "-n", namespace, *words])


def plug(product: Product, key: str, mac: str) -> None:
    """Plug a router in: the link goes and comes, so that the switch forgets the one before."""
    planned = product.plan.customer(key)
    ip(planned.namespace, "link", "set", "eth0", "down")
    ip(planned.namespace, "link", "set", "eth0", "address", mac, "up")
    gateway = product.plan.segment(planned.segment).gateway_address
    ip(planned.namespace, "route", "replace", "default", "via", gateway)
    speak(product, key)


@contextmanager
def nothing(product: Product, key: str) -> Iterator[None]:
    """The customer is as the laboratory made him."""
    speak(product, key)
    yield


@contextmanager
def pulled_cable(product: Product, key: str) -> Iterator[None]:
    """The customer's end of the cable is out."""
    planned = product.plan.customer(key)
    ip(planned.namespace, "link", "set", "eth0", "down")
    try:
        yield
    finally:
        plug(product, key, planned.mac)


@contextmanager
def shut_port(product: Product, key: str) -> Iterator[None]:
    """The switch's port is switched off by Net-SNMP's own program."""
    _set_admin(product, key, is_up=False)
    try:
        yield
    finally:
        _set_admin(product, key, is_up=True)


def _set_admin(product: Product, key: str, *, is_up: bool) -> None:
    switch = product.plan.switch
    name = f"port{key.removeprefix('c')}"
    index = next(one.if_index for one in switch.ports if one.name == name)
    words = ("snmpset", "-v2c", "-c", switch.snmp.write_community, "-m", "", switch.address)
    value = "1" if is_up else "2"
    shell.run(shell.inside(product.plan.probe_namespace, *words, f"{ADMIN_STATUS}.{index}", "i", value))


@contextmanager
def wrong_mac(product: Product, key: str) -> Iterator[None]:
    """Another router is plugged in."""
    plug(product, key, STRANGE_MAC)
    try:
        yield
    finally:
        plug(product, key, product.plan.customer(key).mac)


@contextmanager
def black_hole(product: Product, key: str) -> Iterator[None]:
    """The switch's port swallows large packets and says nothing."""
    port = f"port{key.removeprefix('c')}"
    speak(product, key)
    ip(product.plan.switch.namespace, "link", "set", port, "mtu", "1300")
    try:
        yield
    finally:
        ip(product.plan.switch.namespace, "link", "set", port, "mtu", "1500")


@contextmanager
def dropping_gateway(product: Product, _: str) -> Iterator[None]:
    """The gateway drops what comes from the probe."""
    probe = f"ip saddr {product.plan.probe_address} drop"
    rules = f"inet fault {{\n{_chain('input', probe)}{_chain('forward', probe)}}}"
    with _rules(product.plan.gateway.namespace, rules):
        yield


@contextmanager
def dead_device(product: Product, _: str = "") -> Iterator[None]:
    """The access switch neither answers nor forwards."""
    tables = (f"inet fault {{\n{_chain('input')}}}", f"bridge fault {{\n{_chain('forward')}}}")
    with _rules(product.plan.switch.namespace, *tables):
        yield


@contextmanager
def dead_parent(product: Product, _: str) -> Iterator[None]:
    """The access switch is dead, and hangs on a device at whose address nobody is."""
    with product.database.transaction() as session:
        switch = session.scalars(select(Device).where(Device.name == "lab-access-switch")).one()
        kind = session.get_one(DeviceType, switch.type_id)
        above = Device(name="lab-aggregation", type_id=kind.id, pop_id=switch.pop_id, address="10.77.0.99")
        session.add(above)
        session.flush()
        number, before, switch.parent_id = above.id, switch.parent_id, above.id
    with dead_device(product):
        try:
            yield
        finally:
            with product.database.transaction() as session:
                switch = session.scalars(select(Device).where(Device.name == "lab-access-switch")).one()
                switch.parent_id = before
                session.flush()
                session.delete(session.get_one(Device, number))


@contextmanager
def debt(product: Product, key: str) -> Iterator[None]:
    """The customer's service is locked for debt."""
    today = clock.today(product.settings.isp.time_zone)
    with product.database.transaction() as session:
        customer_id = product.customer_id(f"LAB-{key[1:]}")
        numbers = list(session.scalars(select(Line.subscription_id).where(Line.customer_id == customer_id)))
        suspensions.place(session, numbers, LockReason.DEBT, owner="test", note="a fault", today=today)
    try:
        yield
    finally:
        with product.database.transaction() as session:
            suspensions.lift(session, numbers, LockReason.DEBT, by="test", today=today)


def _chain(hook: str, rule: str = "drop") -> str:
    return f"chain {hook} {{\n type filter hook {hook} priority -100\n {rule}\n}}\n"


@contextmanager
def _rules(namespace: str, *tables: str) -> Iterator[None]:
    """Have nftables rules in a namespace for a block: each `family fault { ... }`."""
    text = "".join(f"table {table}\n" for table in tables)
    shell.run(shell.inside(namespace, "nft", "-f", "-"), text)
    try:
        yield
    finally:
        for table in tables:
            family = table.partition(" ")[0]
            shell.run(shell.inside(namespace, "nft", "delete", "table", family, "fault"))
