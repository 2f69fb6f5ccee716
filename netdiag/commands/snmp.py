"""`python -m netdiag snmp|status`."""

from collections.abc import Iterator
from typing import Any

from netdiag import commands, status
from netdiag.results import DeviceStatus
from netdiag.snmp import client


def add(parsers: Any) -> None:
    """Add these commands to the parser."""
    values = commands.command(parsers, "snmp", _snmp, "read values, or everything under an OID")
    values.add_argument("host")
    values.add_argument("oids", nargs="+", metavar="oid")
    values.add_argument("--walk", action="store_true")
    commands.credentials(values)

    device = commands.command(parsers, "status", _status, "what a device is and how its ports are")
    device.add_argument("host")
    device.add_argument("--if-index", type=int, metavar="IFINDEX", help="one port, with rates")
    device.add_argument("--deadline", type=float, default=60.0, metavar="SECONDS")
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
    asked = commands.target_of(options, options.host)
    found = status.read(asked, if_index=options.if_index, deadline_s=options.deadline)
    commands.say(options, status.as_contract(found), "\n".join(lines_of(found)))
    return commands.ANSWERED


def lines_of(found: DeviceStatus) -> Iterator[str]:
    """Return a status in words, one thing a line."""
    about = found.system
    yield f"{about.name or found.host}: {about.description or '-'}"
    what = (found.vendor, found.family, found.model, found.version, found.serial)
    yield "  ".join(one or "-" for one in what) + f"  up {about.uptime_s} s"
    for port in found.ports:
        rate = "" if port.in_bps is None else f", in {port.in_bps} bit/s, out {port.out_bps} bit/s"
        yield f"{port.if_index} {port.name}: {port.admin}/{port.oper}, {port.speed_bps} bit/s{rate}"
    for light in found.optics:
        yield f"optics {light.port_name or light.name}: rx {light.rx_dbm} dBm, tx {light.tx_dbm} dBm"
    for sensor in found.sensors:
        yield f"{sensor.kind} {sensor.name or ''}: {sensor.value} {sensor.unit}".rstrip()
    for onu in found.pon or ():
        who = f"{onu.port_name} {onu.id or onu.index} {onu.serial or onu.mac}"
        yield f"ONU {who}: {onu.state}, {onu.rx_dbm} dBm"
    for link in found.radio or ():
        yield f"radio {link.name or link.ssid or link.mac}: {link.signal_dbm} dBm"
    if found.fdb:
        yield f"{len(found.fdb)} MACs in the forwarding table"
    for warning in found.warnings:
        yield f"warning: {warning}"
