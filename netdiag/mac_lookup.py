"""Which MAC stands behind an address: asked on the segment, else from the kernel's or the routers' tables."""

import dataclasses
from collections.abc import Sequence

from netdiag import arp_client, errors, icmp, mac, nd, neighbours, netlink
from netdiag.results import MacFinding, MacMethod, MacSeen
from netdiag.snmp import SnmpTarget

_KERNEL_WAIT_S = 1.0


def find(address: str, *, routers: Sequence[SnmpTarget] = ()) -> MacFinding:
    """Find the MAC behind an address; says which way it was found, or why it cannot be known from here.

    On an own segment: ARP or neighbour discovery, then the kernel's neighbour table; anywhere: the ARP
    tables of `routers` by SNMP, in their order. What failed on the way is in `tried`. Raises BadAddress only.
    """
    icmp.parse_address(address.partition("%")[0])
    route = netlink.route(address)
    own = None
    if route is not None and route.is_local:
        own = _own(address, netlink.owner(address) or route.interface)
        # On an interface without a MAC (lo) a router may still know one.
        if own.macs or not routers:
            return own
    tried: list[str] = []
    interface = neighbours.segment(address)
    if interface:
        found = _on_segment(address, interface, tried)
        if found is not None:
            return found
    for target in routers:
        found = _at_router(address, target, tried)
        if found is not None:
            return found
    if own is not None:
        return dataclasses.replace(own, tried=tuple(tried))
    return _unknown(address, interface, route, bool(routers), tried)


def _on_segment(address: str, interface: str, tried: list[str]) -> MacFinding | None:
    wait_s = _KERNEL_WAIT_S
    way, ask = ("neighbour discovery", _by_nd) if ":" in address else ("ARP", _by_arp)
    try:
        found = ask(address, interface)
        if found.macs:
            return found
        tried.append(f"{way} on {interface}: no answer")
        wait_s = 0.0
    except errors.NotPermitted:
        tried.append(f"{way} on {interface}: not permitted")
    except errors.WireError as fault:
        tried.append(f"{way} on {interface}: {fault}")
    # Where no question of ours was possible the kernel is made to ask itself.
    seen = neighbours.kernel(address, wait_s=wait_s)
    tried.append("kernel's neighbour table" if seen else "kernel's neighbour table: no entry")
    return _one(address, "kernel", seen, interface, tried) if seen else None


def _by_arp(address: str, interface: str) -> MacFinding:
    return arp_client.lookup(address, interface=interface)


def _by_nd(address: str, interface: str) -> MacFinding:
    found = nd.lookup(address, interface=interface)
    macs = tuple(MacSeen(one.mac, one.vendor, one.is_random, one.answers) for one in found.answers)
    tried = (f"neighbour discovery on {interface}",)
    return MacFinding(
        address, "nd" if macs else None, macs, interface, found.is_duplicate, found.why_not, tried
    )


def _at_router(address: str, target: SnmpTarget, tried: list[str]) -> MacFinding | None:
    try:
        seen = neighbours.router(target, address)
    except errors.WireError as fault:
        tried.append(f"ARP table of {target.host}: {fault}")
        return None
    tried.append(f"ARP table of {target.host}" if seen else f"ARP table of {target.host}: no entry")
    return _one(address, "router", seen, None, tried) if seen else None


def _one(address: str, method: MacMethod, seen: str, interface: str | None, tried: list[str]) -> MacFinding:
    macs = (MacSeen(seen, mac.vendor(seen), mac.is_random(seen), 1),)
    return MacFinding(address, method, macs, interface, False, None, tuple(tried))


def _own(address: str, interface: str) -> MacFinding:
    """Answer for an address of this machine itself: nobody on the wire would."""
    seen = netlink.hardware_address(interface)
    if seen is None:
        why = f"{address} is this machine itself, on {interface}, which has no MAC"
        return MacFinding(address, None, (), interface, False, why, ())
    return _one(address, "kernel", seen, interface, [f"{interface} of this machine"])


def _unknown(
    address: str,
    interface: str | None,
    route: netlink.Route | None,
    were_routers: bool,
    tried: list[str],
) -> MacFinding:
    if interface:
        why = f"nobody on {interface} answers for {address}"
    elif route is None:
        why = f"there is no route to {address} from here"
    else:
        behind = f"behind the router {route.gateway}" if route.gateway else "not on a segment of this machine"
        why = f"{address} is {behind}, where ARP does not reach"
        why += ", and no router asked has an entry" if were_routers else ", and no router to ask is known"
    return MacFinding(address, None, (), interface, False, why, tuple(tried))
