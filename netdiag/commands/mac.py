"""`python -m netdiag arp|mac`."""

from typing import Any

from netdiag import arp_client, commands, mac_lookup
from netdiag.results import MacFinding


def add(parsers: Any) -> None:
    """Add these commands to the parser."""
    wire = commands.command(parsers, "arp", _arp, "ask the own segment who has an address")
    wire.add_argument("address")
    wire.add_argument("-I", "--interface")

    found = commands.command(parsers, "mac", _mac, "find the MAC behind an address, by whatever way there is")
    found.add_argument("address")
    found.add_argument("--router", help="ask this router's ARP table by SNMP")
    commands.credentials(found)


def _arp(options: commands.Options) -> int:
    return _show(options, arp_client.lookup(options.address, interface=options.interface))


def _mac(options: commands.Options) -> int:
    routers = [commands.target_of(options, options.router)] if options.router else []
    return _show(options, mac_lookup.find(options.address, routers=routers))


def _show(options: commands.Options, found: MacFinding) -> int:
    lines = []
    for one in found.macs:
        maker = "made-up address" if one.is_random else one.vendor or "unknown maker"
        lines.append(f"{one.mac} ({maker}) by {found.method}")
    if found.is_duplicate:
        lines.append("two devices answer for this address")
    lines += [found.why_not] if found.why_not else []
    commands.say(options, found.as_dict(), "\n".join(lines))
    return commands.ANSWERED if found.macs else commands.SILENT
