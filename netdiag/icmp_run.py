"""What all runs of echoes share: options, the loop, whose answer is ours, how long a round trip took."""

import dataclasses
import functools
import inspect
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, ParamSpec, TypeVar

from netdiag import icmp
from netdiag.icmp_packets import TOKEN

# Somebody may press stop at any moment: it is looked at this often, however long a wait is.
STOP_LOOK_S = 0.1
LARGEST_SIZE = 65507

ChannelOpener = Callable[[icmp.IPAddress], icmp.Channel]

Told = TypeVar("Told")
Asked = TypeVar("Asked")
Result = TypeVar("Result")
Options = ParamSpec("Options")


@dataclasses.dataclass(frozen=True, slots=True)
class Run(Generic[Told]):
    """A run that is ready: nothing is opened or sent before the first of what it tells is asked for."""

    target: icmp.IPAddress
    open_channel: ChannelOpener
    steps: Callable[[icmp.Channel], Iterator[Told | icmp.Wait]]

    def __iter__(self) -> Iterator[Told]:
        channel = self.open_channel(self.target)
        try:
            for step in self.steps(channel):
                if isinstance(step, icmp.Wait):
                    channel.wait(*step)
                else:
                    yield step
        finally:
            channel.close()

    async def __aiter__(self) -> AsyncIterator[Told]:
        channel = self.open_channel(self.target)
        try:
            for step in self.steps(channel):
                if isinstance(step, icmp.Wait):
                    await channel.wait_async(*step)
                else:
                    yield step
        finally:
            channel.close()


def takes_options_of(
    make: Callable[Options, Asked],
) -> Callable[[Callable[[Asked], Result]], Callable[Options, Result]]:
    """Give a function the options of `make` and hand it what that makes of them.

    So that what is done plainly and in an event loop has its options, defaults and checks once.
    """

    def decorate(run: Callable[[Asked], Result]) -> Callable[Options, Result]:
        @functools.wraps(run)
        def call(*arguments: Options.args, **options: Options.kwargs) -> Result:
            return run(make(*arguments, **options))

        result = inspect.signature(run).return_annotation
        call.__signature__ = inspect.signature(make).replace(return_annotation=result)  # type: ignore[attr-defined]
        return call

    return decorate


def plain(address: str) -> str:
    """Return the address in its shortest spelling, without an interface scope."""
    return str(ipaddress.ip_address(address.partition("%")[0]))


def is_ours(answer: icmp.Answer, identifier: int, target: str, payload: bytes) -> bool:
    """Tell whether a message is about an echo of this id and payload to this address (spelled by `plain`)."""
    # The id alone is no proof: forked workers had equal ones, and a dead host was reported alive.
    if answer.identifier != identifier or plain(answer.target) != target:
        return False
    token = answer.payload[:TOKEN]
    # An error may quote less of the echo than a reply repeats.
    is_quoted = answer.error is not None and payload.startswith(token[: len(payload)])
    return is_quoted or token == payload[:TOKEN]


def elapsed_ms(answer: icmp.Answer, sent_at: float, clock: float, now: float) -> float:
    """Return the round trip of an echo that left at epoch second `sent_at`, by the channel's own at `clock`.

    Both stamps are wall time, the kernel's being the more exact; if the clock was set meanwhile they
    contradict the monotonic clock, which then decides.
    """
    elapsed = answer.received_at - (sent_at if answer.sent_at is None else answer.sent_at)
    if not 0 <= elapsed <= now - clock + 0.001:
        elapsed = now - clock
    return round(elapsed * 1000, 3)
