"""`python -m netdiag snmp|status`."""

from typing import Any

from netdiag import commands, status
from netdiag.snmp import client


def add(parsers: Any) -> None:
    """Add these commands to the parser."""
    values = commands.command(parsers, "snmp", _snmp, "read values, or everything under an OID")
    values.add_argument("host")
    values.add_argument("oids", nargs="+", metavar="oid")
    values.add_argument("--walk", action="store_true")
    commands.credentials(values)

    device = commands.command(parsers, "status", _status, "a device's system group and ports")
    device.add_argument("host")
    device.add_argument("--port", type=int, dest="if_index", metavar="IFINDEX", help="one port, with rates")
    commands.credentials(device)


def _snmp(options: commands.Options) -> int:
    asked = commands.target_of(options, options.host)
    if options.walk:
        found = [pair for oid in options.oids for pair in client.walk(asked, oid)]
    else:
        found = [(oid, value) for oid, value in client.get(asked, *options.oids).items() if value is not None]
    for oid, value in found:
        plain = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
        commands.say(options, {"oid": oid, "value": plain}, f"{oid} = {plain}")
    return commands.ANSWERED if found else commands.SILENT


def _status(options: commands.Options) -> int:
    found = status.read(commands.target_of(options, options.host), if_index=options.if_index)
    lines = [f"{found.system.name}: {found.system.description}", f"up {found.system.uptime_s} s"]
    for port in found.ports:
        rate = "" if port.in_bps is None else f", in {port.in_bps} bit/s, out {port.out_bps} bit/s"
        lines.append(f"{port.if_index} {port.name}: {port.admin}/{port.oper}, {port.speed_bps} bit/s{rate}")
    commands.say(options, found.as_dict(), "\n".join(lines))
    return commands.ANSWERED
