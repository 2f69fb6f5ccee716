"""`python -m netdiag arp|mac|scan|nd|neighbours`."""

from typing import Any

from netdiag import arp_client, arp_scan, commands, mac, mac_lookup, nd, router_arp
from netdiag.nd_results import NdAnswer
from netdiag.results import ArpHost, ArpScan, ArpSpeaker, MacFinding, MacSeen


def add(parsers: Any) -> None:
    """Add these commands to the parser."""
    wire = commands.command(parsers, "arp", _arp, "ask the own segment who has an address")
    wire.add_argument("address")
    wire.add_argument("-I", "--interface")

    found = commands.command(parsers, "mac", _mac, "find the MAC behind an address, by whatever way there is")
    found.add_argument("address")
    found.add_argument("--router", help="ask this router's ARP table by SNMP")
    commands.credentials(found)

    many = commands.command(parsers, "scan", _scan, "ask the own segment for every address of a range")
    many.add_argument("ranges", nargs="+", metavar="range", help="10.0.0.0/24, 10.0.0.5-10.0.0.9, 10.0.0.7")
    many.add_argument("-I", "--interface")
    many.add_argument("-c", "--count", type=int, default=2, help="probes for an address that is silent")
    many.add_argument("-W", "--timeout", type=float, default=0.5, metavar="SECONDS")
    many.add_argument(
        "--rate", type=int, default=arp_scan.CALM_RATE, metavar="N", help="frames a second, 0 for no limit"
    )

    table = commands.command(parsers, "neighbours", _neighbours, "read a router's ARP and ND table by SNMP")
    table.add_argument("router")
    commands.credentials(table)

    six = commands.command(parsers, "nd", _nd, "ask the own segment who has an IPv6 address")
    six.add_argument("address")
    six.add_argument("-I", "--interface")
    six.add_argument("-c", "--count", type=int, default=3)
    six.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")


def _arp(options: commands.Options) -> int:
    return _show(options, arp_client.lookup(options.address, interface=options.interface))


def _mac(options: commands.Options) -> int:
    routers = [commands.target_of(options, options.router)] if options.router else []
    return _show(options, mac_lookup.find(options.address, routers=routers))


def _neighbours(options: commands.Options) -> int:
    rows = router_arp.table(commands.target_of(options, options.router))
    for one in rows:
        maker = "made-up address" if mac.is_random(one.mac) else mac.vendor(one.mac) or "unknown maker"
        words = f"{one.address} {one.mac} ({maker}) on interface {one.if_index}"
        commands.say(options, {**one.as_dict(), "vendor": mac.vendor(one.mac)}, words)
    return commands.ANSWERED if rows else commands.SILENT


def _maker(one: MacSeen | ArpSpeaker | NdAnswer) -> str:
    return "made-up address" if one.is_random else one.vendor or "unknown maker"


def _show(options: commands.Options, found: MacFinding) -> int:
    lines = [f"{one.mac} ({_maker(one)}) by {found.method}" for one in found.macs]
    if found.is_duplicate:
        lines.append("two devices answer for this address")
    lines += [found.why_not] if found.why_not else []
    commands.say(options, found.as_dict(), "\n".join(lines))
    return commands.ANSWERED if found.macs else commands.SILENT


def _scan(options: commands.Options) -> int:
    found = arp_scan.scan(
        options.ranges,
        interface=options.interface,
        probes=options.count,
        timeout_s=options.timeout,
        rate_per_s=options.rate or None,
    )
    commands.say(options, found.as_dict(), "\n".join(_scan_words(found)))
    return commands.ANSWERED if found.hosts else commands.SILENT


def _scan_words(found: ArpScan) -> list[str]:
    lines = [_host_words(one) for one in found.hosts]
    for one in found.shares:
        what = "answers as a proxy" if one.is_proxy else "speaks"
        lines.append(f"{one.mac} {what} for {one.count} addresses")
    lines += [f"{one.address} announced itself, {one.mac} ({_maker(one)})" for one in found.gratuitous]
    lines += [f"{one.address} is foreign here, {one.mac} ({_maker(one)})" for one in found.foreign]
    if found.echoes:
        lines.append(f"{found.echoes} frames of our own came back: there is a loop")
    lines.append(
        f"{len(found.hosts)} of {found.asked} on {found.interface} in {found.seconds} s, {found.sent} frames"
    )
    return lines


def _host_words(host: ArpHost) -> str:
    words = ", ".join(f"{one.mac} ({_maker(one)})" for one in host.macs)
    notes = [": DUPLICATE"] if host.is_duplicate else []
    notes += [f", sent by {', '.join(host.relays)}"] if host.relays else []
    return f"{host.address} {words}{''.join(notes)}"


def _nd(options: commands.Options) -> int:
    found = nd.lookup(
        options.address, interface=options.interface, timeout_s=options.timeout, count=options.count
    )
    lines = []
    for one in found.answers:
        flags = [
            word for word, is_set in (("router", one.is_router), ("override", one.is_override)) if is_set
        ]
        lines.append(f"{one.mac} ({_maker(one)}) by nd{' ' if flags else ''}{' '.join(flags)}")
    if found.is_duplicate:
        lines.append("two devices answer for this address")
    lines += [found.why_not] if found.why_not else []
    commands.say(options, found.as_dict(), "\n".join(lines))
    return commands.ANSWERED if found.answers else commands.SILENT
