"""`python -m netdiag ping|sweep`."""

from typing import Any

from netdiag import commands, ping, sweep


def add(parsers: Any) -> None:
    """Add these commands to the parser."""
    one = commands.command(parsers, "ping", _ping, "ping one address, live")
    one.add_argument("address")
    one.add_argument("-c", "--count", type=int, default=5)
    one.add_argument("-i", "--interval", type=float, default=1.0, metavar="SECONDS")
    one.add_argument("-s", "--size", type=int, default=56, metavar="BYTES")
    one.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")
    one.add_argument("-t", "--ttl", type=int, default=64)

    many = commands.command(parsers, "sweep", _sweep, "ping many addresses over one socket")
    many.add_argument("addresses", nargs="+")
    many.add_argument("-c", "--count", type=int, default=1)
    many.add_argument("-W", "--timeout", type=float, default=1.0, metavar="SECONDS")


def _ping(options: commands.Options) -> int:
    replies = []
    address = commands.resolve(options.address)
    for one in ping.stream(
        address,
        count=options.count,
        interval_s=options.interval,
        size=options.size,
        timeout_s=options.timeout,
        ttl=options.ttl,
    ):
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
    addresses = [commands.resolve(one) for one in options.addresses]
    found = sweep.sweep(addresses, probes=options.count, timeout_s=options.timeout)
    for one in found:
        words = f"{one.rtt_avg_ms} ms" if one.received else "silent"
        commands.say(options, one.as_dict(), f"{one.address}: {words}, {one.loss_percent} % lost")
    return commands.ANSWERED if any(one.received for one in found) else commands.SILENT
