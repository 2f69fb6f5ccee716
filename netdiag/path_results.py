"""What a path looked like, as frozen values that turn into JSON: its hops, and the sizes it takes."""

import dataclasses
from typing import Literal

from netdiag.results import Result

MtuVerdict = Literal["clear", "limited", "black hole", "silent", "unclear"]


@dataclasses.dataclass(frozen=True, slots=True)
class TraceHop(Result):
    """One hop of a path: who answered there (most often first), loss and round trips over all rounds."""

    number: int
    addresses: tuple[str, ...]
    sent: int
    received: int
    loss_percent: float
    rtt_last_ms: float | None
    rtt_avg_ms: float | None
    rtt_best_ms: float | None
    rtt_worst_ms: float | None
    rtt_stdev_ms: float | None
    reason: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class PathTrace(Result):
    """The path to an address; `reason` says why it ends before it, `is_last` that no round will follow."""

    address: str
    hops: tuple[TraceHop, ...]
    is_reached: bool
    reason: str | None
    is_last: bool


@dataclasses.dataclass(frozen=True, slots=True)
class PathMtu(Result):
    """What sizes a path takes whole. `mtu` is the largest IP packet that passed; sizes are payloads in bytes.

    `verdict`: "clear" takes whatever the interface sends, "limited" refuses larger ones and says so
    (`router`, `router_mtu`; no router: this machine), "black hole" loses them without a word, "silent"
    answers nothing, "unclear" loses too much of every size to tell.
    """

    address: str
    verdict: MtuVerdict
    mtu: int | None
    largest_fine: int | None
    smallest_lost: int | None
    router: str | None
    router_mtu: int | None
    words: str
