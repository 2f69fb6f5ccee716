"""`python -m netdiag ping|sweep|arp|mac|snmp|status`: the wire from a shell, for engineers.

Exit codes: 0 answered, 2 wrong usage, 3 silent, 4 refused or not permitted.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from netdiag import arp_client, errors, mac_lookup, ping, status, sweep
from netdiag.results import MacFinding
from netdiag.snmp import SnmpTarget, client, target

ANSWERED, USAGE, SILENT, REFUSED = 0, 2, 3, 4

Options = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[Options], int] = options.run
    try:
        return run(options)
    except (errors.BadAddress, errors.NoInterface, ValueError) as fault:
        return _complain(fault, USAGE)
    except errors.SnmpSilent as fault:
        return _complain(fault, SILENT)
    except errors.WireError as fault:
        return _complain(fault, REFUSED)
    except KeyboardInterrupt:
        return SILENT


def _complain(fault: Exception, code: int) -> int:
    print(f"netdiag: {fault}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m netdiag", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    one = _command(commands, "ping", _ping, "ping one address, live")
    one.add_argument("address")
    one.add_argument("-c", "--count", type=int, default=5)
    one.add_argument("-i", "--interval", type=float, default=1.0, metavar="SECONDS")
    one.add_argument("-s", "--size", type=int, default=56, metavar="BYTES")
    one.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")
    one.add_argument("-t", "--ttl", type=int, default=64)

    many = _command(commands, "sweep", _sweep, "ping many addresses over one socket")
    many.add_argument("addresses", nargs="+")
    many.add_argument("-c", "--count", type=int, default=1)
    many.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")

    wire = _command(commands, "arp", _arp, "ask the own segment who has an address")
    wire.add_argument("address")
    wire.add_argument("-I", "--interface")

    found = _command(commands, "mac", _mac, "find the MAC behind an address, by whatever way there is")
    found.add_argument("address")
    found.add_argument("--router", help="ask this router's ARP table by SNMP")
    _credentials(found)

    values = _command(commands, "snmp", _snmp, "read values, or everything under an OID")
    values.add_argument("host")
    values.add_argument("oids", nargs="+", metavar="oid")
    values.add_argument("--walk", action="store_true")
    _credentials(values)

    device = _command(commands, "status", _status, "a device's system group and ports")
    device.add_argument("host")
    device.add_argument("--port", type=int, dest="if_index", metavar="IFINDEX", help="one port, with rates")
    _credentials(device)
    return parser


def _command(commands: Any, name: str, run: Callable[[Options], int], words: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words)
    made.add_argument("--json", action="store_true", help="JSON, one object a line")
    made.set_defaults(run=run)
    return made


def _credentials(parser: argparse.ArgumentParser) -> None:
    keys = parser.add_argument_group(
        "SNMP", "keys are read from NETDIAG_COMMUNITY, NETDIAG_AUTH_KEY and NETDIAG_PRIV_KEY"
    )
    keys.add_argument("-v", "--version", choices=("1", "2c", "3"), default="2c")
    keys.add_argument("-u", "--user", default="")
    keys.add_argument("-a", "--auth", choices=target.AUTH_PROTOCOLS)
    keys.add_argument("-x", "--priv", choices=target.PRIV_PROTOCOLS)
    keys.add_argument("--udp-port", type=int, default=161)
    keys.add_argument("--timeout", type=float, default=1.5, metavar="SECONDS")


def _target(options: Options, host: str) -> SnmpTarget:
    """Build the target; keys come from the environment, where other users' `ps` does not show them."""
    return SnmpTarget(
        host=host,
        port=options.udp_port,
        version=options.version,
        community=os.environ.get("NETDIAG_COMMUNITY", "public"),
        user=options.user,
        auth_protocol=options.auth,
        auth_key=os.environ.get("NETDIAG_AUTH_KEY", ""),
        priv_protocol=options.priv,
        priv_key=os.environ.get("NETDIAG_PRIV_KEY", ""),
        timeout_s=options.timeout,
    )


def _say(options: Options, found: dict[str, Any], words: str) -> None:
    print(json.dumps(found) if options.json else words, flush=True)


def _ping(options: Options) -> int:
    replies = []
    for one in ping.stream(
        options.address,
        count=options.count,
        interval_s=options.interval,
        size=options.size,
        timeout_s=options.timeout,
        ttl=options.ttl,
    ):
        replies.append(one)
        words = one.reason if one.rtt_ms is None else f"{one.rtt_ms} ms, {one.size} bytes, ttl {one.ttl}"
        _say(options, one.as_dict(), f"{one.sequence}: {words}{' (duplicate)' if one.is_duplicate else ''}")
    total = ping.summarize(options.address, replies)
    times = f"{total.rtt_min_ms}/{total.rtt_avg_ms}/{total.rtt_max_ms} ms, jitter {total.jitter_ms} ms"
    _say(
        options,
        total.as_dict(),
        f"{total.received} of {total.sent} answered, {total.loss_percent} % lost"
        + (f", {times}" if total.received else ""),
    )
    return ANSWERED if total.received else SILENT


def _sweep(options: Options) -> int:
    found = sweep.sweep(options.addresses, probes=options.count, timeout_s=options.timeout)
    for one in found:
        words = f"{one.rtt_avg_ms} ms" if one.received else "silent"
        _say(options, one.as_dict(), f"{one.address}: {words}, {one.loss_percent} % lost")
    return ANSWERED if any(one.received for one in found) else SILENT


def _arp(options: Options) -> int:
    return _show(options, arp_client.lookup(options.address, interface=options.interface))


def _mac(options: Options) -> int:
    routers = [_target(options, options.router)] if options.router else []
    return _show(options, mac_lookup.find(options.address, routers=routers))


def _show(options: Options, found: MacFinding) -> int:
    lines = []
    for one in found.macs:
        maker = "made-up address" if one.is_random else one.vendor or "unknown maker"
        lines.append(f"{one.mac} ({maker}) by {found.method}")
    if found.is_duplicate:
        lines.append("two devices answer for this address")
    lines += [found.why_not] if found.why_not else []
    _say(options, found.as_dict(), "\n".join(lines))
    return ANSWERED if found.macs else SILENT


def _snmp(options: Options) -> int:
    asked = _target(options, options.host)
    if options.walk:
        found = [pair for oid in options.oids for pair in client.walk(asked, oid)]
    else:
        found = [(oid, value) for oid, value in client.get(asked, *options.oids).items() if value is not None]
    for oid, value in found:
        plain = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
        _say(options, {"oid": oid, "value": plain}, f"{oid} = {plain}")
    return ANSWERED if found else SILENT


def _status(options: Options) -> int:
    found = status.read(_target(options, options.host), if_index=options.if_index)
    lines = [f"{found.system.name}: {found.system.description}", f"up {found.system.uptime_s} s"]
    for port in found.ports:
        rate = "" if port.in_bps is None else f", in {port.in_bps} bit/s, out {port.out_bps} bit/s"
        lines.append(f"{port.if_index} {port.name}: {port.admin}/{port.oper}, {port.speed_bps} bit/s{rate}")
    _say(options, found.as_dict(), "\n".join(lines))
    return ANSWERED


if __name__ == "__main__":
    sys.exit(main())
