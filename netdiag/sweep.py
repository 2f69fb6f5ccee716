"""Ping many addresses over one socket, in paced bursts, and tell each one's loss and round trip."""

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable

from netdiag import icmp
from netdiag.icmp_channel import Wait
from netdiag.icmp_run import takes_options_of
from netdiag.results import PingSummary
from netdiag.sweep_rounds import Plan, Terms

ChannelOpener = Callable[[int], icmp.WideChannel]


@dataclasses.dataclass(frozen=True, slots=True)
class _Sweep:
    plan: Plan
    should_stop: Callable[[], bool] | None
    open_channel: ChannelOpener

    def steps(self) -> Generator[tuple[icmp.WideChannel, Wait], None, None]:
        """Sweep one IP version after the other; yields what is to be waited for, and by whom."""
        for version in self.plan.versions:
            with contextlib.closing(self.open_channel(version)) as channel:
                for wait in self.plan.steps(version, channel, self.should_stop):
                    yield channel, wait


def _asked(
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
) -> _Sweep:
    terms = Terms(probes, timeout_s, pace_s, size, icmp.Shape(ttl, dscp, dont_fragment))
    return _Sweep(Plan(addresses, terms), should_stop, open_channel)


@takes_options_of(_asked)
def sweep(asked: _Sweep) -> list[PingSummary]:
    """Ping every address `probes` times, one packet each `pace_s`, and return a summary for each in order.

    The next round begins when all have answered, or `timeout_s` after this one began; an answer has its
    `timeout_s` in any case and is late after that. A pace of 0 is as fast as the machine can. Addresses
    named twice are pinged once. Raises BadAddress, NoInterface, NotPermitted, ValueError.
    """
    with contextlib.closing(asked.steps()) as steps:
        for channel, wait in steps:
            channel.wait(*wait)
    return asked.plan.summaries()


@takes_options_of(_asked)
async def sweep_async(asked: _Sweep) -> list[PingSummary]:
    """Do what `sweep` does in an event loop; a busy loop delays it but spoils no round trip."""
    with contextlib.closing(asked.steps()) as steps:
        for channel, wait in steps:
            await channel.wait_async(*wait)
    return asked.plan.summaries()
