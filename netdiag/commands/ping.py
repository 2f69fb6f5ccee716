"""`python -m netdiag ping|sweep|trace|mtu`."""

import argparse
import ipaddress
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from netdiag import commands, errors, mtu, ping, sweep, trace
from netdiag.path_results import TraceHop
from netdiag.results import PingSummary

NAMES = ("ping", "sweep", "trace", "mtu")
_LARGEST_PREFIX = 1 << 17


def add(parsers: Any) -> None:
    """Add these commands to the parser."""
    one = commands.command(parsers, "ping", _ping, "ping one address, live")
    one.add_argument("address")
    one.add_argument("-c", "--count", type=int, default=5)
    one.add_argument("-i", "--interval", type=float, default=1.0, metavar="SECONDS")
    _shape(one)

    many = commands.command(parsers, "sweep", _sweep, "ping many addresses over one socket")
    many.add_argument("addresses", nargs="*", help="addresses, names, or prefixes such as 10.0.0.0/24")
    many.add_argument("-f", "--file", help="a file with one of them a line, - for standard input")
    many.add_argument("-c", "--count", type=int, default=1)
    many.add_argument(
        "--pace", type=float, default=0.00002, metavar="SECONDS", help="between two packets; 0: no pause"
    )
    _shape(many)

    path = commands.command(
        parsers, "trace", _trace, "show the routers on the path, with loss and round trips"
    )
    path.add_argument("address")
    path.add_argument("-c", "--count", type=int, default=3, help="rounds")
    path.add_argument("-m", "--max-hops", type=int, default=30)
    path.add_argument("-i", "--interval", type=float, default=0.1, metavar="SECONDS")
    path.add_argument("-s", "--size", type=int, default=56, metavar="BYTES")
    path.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")
    path.add_argument("--dscp", type=int, default=0)

    size = commands.command(parsers, "mtu", _mtu, "find the largest packet that passes whole")
    size.add_argument("address")
    size.add_argument("-m", "--largest", type=int, default=1500, metavar="BYTES", help="MTU to try at most")
    size.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")


def _shape(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-s", "--size", type=int, default=56, metavar="BYTES", help="payload of the echo")
    parser.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("-t", "--ttl", type=int, default=64)
    parser.add_argument("--df", action="store_true", help="let nobody fragment the packets")
    parser.add_argument("--dscp", type=int, default=0, help="traffic class of RFC 2474, 0 to 63")


def _shape_of(options: commands.Options) -> dict[str, Any]:
    return {
        "size": options.size,
        "timeout_s": options.timeout,
        "ttl": options.ttl,
        "dscp": options.dscp,
        "dont_fragment": options.df,
    }


def _ping(options: commands.Options) -> int:
    replies = []
    address = commands.resolve(options.address)
    for one in ping.stream(address, count=options.count, interval_s=options.interval, **_shape_of(options)):
        replies.append(one)
        words = one.reason if one.rtt_ms is None else f"{one.rtt_ms} ms, {one.size} bytes, ttl {one.ttl}"
        commands.say(
            options, one.as_dict(), f"{one.sequence}: {words}{' (duplicate)' if one.is_duplicate else ''}"
        )
    total = ping.summarize(address, replies)
    times = f"{total.rtt_min_ms}/{total.rtt_avg_ms}/{total.rtt_max_ms} ms, jitter {total.jitter_ms} ms"
    commands.say(
        options,
        total.as_dict(),
        f"{total.received} of {total.sent} answered, {total.loss_percent} % lost"
        + (f", {times}" if total.received else ""),
    )
    return commands.ANSWERED if total.received else commands.SILENT


def _sweep(options: commands.Options) -> int:
    addresses = list(_expand(options))
    found = sweep.sweep(addresses, probes=options.count, pace_s=options.pace, **_shape_of(options))
    for one in found:
        commands.say(options, one.as_dict(), _summary_words(one))
    return commands.ANSWERED if any(one.received for one in found) else commands.SILENT


def _summary_words(one: PingSummary) -> str:
    words = f"{one.rtt_avg_ms} ms" if one.received else one.reason or "silent"
    extras = [
        f", {count} {name}" for count, name in ((one.duplicates, "duplicates"), (one.late, "late")) if count
    ]
    return f"{one.address}: {words}, {one.loss_percent} % lost{''.join(extras)}"


def _expand(options: commands.Options) -> Iterator[str]:
    """Yield the addresses named on the line and in the file; raises BadAddress."""
    named: Iterable[str] = options.addresses
    if options.file:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
        named = [*options.addresses, *text.split()]
    for one in named:
        if "/" not in one:
            yield commands.resolve(one)
            continue
        try:
            network = ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise errors.BadAddress(f"{one!r} is not a prefix") from None
        if network.num_addresses > _LARGEST_PREFIX:
            raise errors.BadAddress(f"{one} has more than {_LARGEST_PREFIX} addresses")
        yield from map(str, network.hosts())


def _trace(options: commands.Options) -> int:
    found = trace.trace(
        commands.resolve(options.address),
        count=options.count,
        max_hops=options.max_hops,
        interval_s=options.interval,
        timeout_s=options.timeout,
        size=options.size,
        dscp=options.dscp,
    )
    if options.json:
        commands.say(options, found.as_dict(), "")
    else:
        for hop in found.hops:
            commands.say(options, {}, _hop_words(hop))
        commands.say(options, {}, found.reason or f"{found.address} reached")
    return commands.ANSWERED if found.is_reached else commands.SILENT


def _hop_words(hop: TraceHop) -> str:
    if not hop.received:
        return f"{hop.number:2}  {hop.reason or 'silent'}"
    times = f"{hop.rtt_best_ms}/{hop.rtt_avg_ms}/{hop.rtt_worst_ms} ms"
    return f"{hop.number:2}  {', '.join(hop.addresses)}  {times}, {hop.loss_percent} % lost"


def _mtu(options: commands.Options) -> int:
    found = mtu.measure(
        commands.resolve(options.address), largest_mtu=options.largest, timeout_s=options.timeout
    )
    commands.say(options, found.as_dict(), f"{found.address}: {found.verdict}: {found.words}")
    return commands.SILENT if found.verdict == "silent" else commands.ANSWERED
