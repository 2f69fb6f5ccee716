"""Who advertises an IPv6 address, as frozen values that turn into JSON."""

import dataclasses

from netdiag.results import Result


@dataclasses.dataclass(frozen=True, slots=True)
class NdAnswer(Result):
    """One MAC that advertised itself for an IPv6 address; no override means a proxy or an anycast host."""

    mac: str
    vendor: str | None
    is_random: bool
    answers: int
    is_router: bool
    is_override: bool
    is_solicited: bool


@dataclasses.dataclass(frozen=True, slots=True)
class NdFinding(Result):
    """Who advertises an IPv6 address on a segment, or why nobody is known."""

    address: str
    interface: str
    answers: tuple[NdAnswer, ...]
    is_duplicate: bool
    why_not: str | None
