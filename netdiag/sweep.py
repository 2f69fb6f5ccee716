"""Ping many addresses over one socket, in paced bursts, and tell each one's loss and round trip."""

from collections.abc import Callable, Iterable

from netdiag import icmp
from netdiag.results import PingSummary
from netdiag.sweep_rounds import Plan, Terms

ChannelOpener = Callable[[int], icmp.WideChannel]


def sweep(
    addresses: Iterable[str],
    *,
    probes: int = 1,
    timeout_s: float = 1.0,
    pace_s: float = 0.00002,
    size: int = 56,
    ttl: int = 64,
    dscp: int = 0,
    dont_fragment: bool = False,
    should_stop: Callable[[], bool] | None = None,
    open_channel: ChannelOpener = icmp.open_wide_channel,
) -> list[PingSummary]:
    """Ping every address `probes` times, one packet each `pace_s`, and return a summary for each in order.

    The next round begins when all have answered, or `timeout_s` after this one began; an answer has its
    `timeout_s` in any case and is late after that. A pace of 0 is as fast as the machine can. Addresses
    named twice are pinged once. Raises BadAddress, NoInterface, NotPermitted, ValueError.
    """
    plan = Plan(addresses, Terms(probes, timeout_s, pace_s, size, icmp.Shape(ttl, dscp, dont_fragment)))
    for version in plan.versions:
        channel = open_channel(version)
        try:
            for wait in plan.steps(version, channel, should_stop):
                channel.wait(*wait)
        finally:
            channel.close()
    return plan.summaries()


async def sweep_async(
    addresses: Iterable[str],
    *,
    probes: int = 1,
    timeout_s: float = 1.0,
    pace_s: float = 0.00002,
    size: int = 56,
    ttl: int = 64,
    dscp: int = 0,
    dont_fragment: bool = False,
    should_stop: Callable[[], bool] | None = None,
    open_channel: ChannelOpener = icmp.open_wide_channel,
) -> list[PingSummary]:
    """Do what `sweep` does in an event loop; a busy loop delays it but spoils no round trip."""
    plan = Plan(addresses, Terms(probes, timeout_s, pace_s, size, icmp.Shape(ttl, dscp, dont_fragment)))
    for version in plan.versions:
        channel = open_channel(version)
        try:
            for wait in plan.steps(version, channel, should_stop):
                await channel.wait_async(*wait)
        finally:
            channel.close()
    return plan.summaries()
