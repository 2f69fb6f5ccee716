"""Who is in the door of the POPs, who gives way to whom, and what the log says of it.

A stranger is a connection the broker has not let in yet. Strangers give way to newcomers, those of the
address that has most of them first: nobody keeps a box out by being silent. Whom the broker knows stays.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from core.settings import Pops

log = structlog.get_logger()

_MOST_NAMED = 100
_OTHERS = "others"


@dataclass(eq=False, slots=True)
class Guest:
    """One connection: the address it counts for, and how it is ended from outside."""

    address: str
    end: Callable[[], object] = bool
    is_in: bool = False
    is_known: bool = False


class Guests:
    """The book of the door."""

    def __init__(self, limits: Pops) -> None:
        self._limits = limits
        self._known: Counter[str] = Counter()
        # Of each address the oldest comes first.
        self._strangers: dict[str, dict[Guest, None]] = {}
        self.complaints = Complaints()

    def __len__(self) -> int:
        return self._known.total() + self.strangers

    @property
    def strangers(self) -> int:
        """How many the broker has not let in yet."""
        return sum(map(len, self._strangers.values()))

    def enter(self, guest: Guest) -> bool:
        """Write a newcomer down as a stranger, where need be in another one's place; false: there is none."""
        limits, own = self._limits, self._strangers.get(guest.address, {})
        if self._known[guest.address] + len(own) >= limits.connections_per_address:
            is_free = self._make_room(guest, own, "pops.connections_per_address")
        elif self.strangers >= limits.strangers:
            is_free = self._make_room(guest, self._most(), "pops.strangers")
        elif len(self) >= limits.connections:
            is_free = self._make_room(guest, self._most(), "pops.connections")
        else:
            is_free = True
        if is_free:
            guest.is_in = True
            self._strangers.setdefault(guest.address, {})[guest] = None
        return is_free

    def _most(self) -> dict[Guest, None]:
        """Return the strangers of the address that has most of them; of several the one that came first."""
        return max(self._strangers.values(), key=len, default={})

    def _make_room(self, newcomer: Guest, strangers: dict[Guest, None], limit: str) -> bool:
        oldest = next(iter(strangers), None)
        if oldest is None:
            self.complaints.note("pop_door_is_full", newcomer.address, limit=limit)
            return False
        self.leave(oldest)
        oldest.end()
        self.complaints.note("pop_door_sent_a_stranger_away", oldest.address, limit=limit)
        return True

    def know(self, guest: Guest) -> None:
        """Write down that the broker has let the guest in."""
        if guest.is_in and not guest.is_known:
            self._forget(guest)
            guest.is_known = True
            self._known[guest.address] += 1

    def leave(self, guest: Guest) -> None:
        """Strike a guest out, if he is in."""
        if not guest.is_in:
            return
        guest.is_in = False
        if not guest.is_known:
            self._forget(guest)
            return
        self._known[guest.address] -= 1
        if not self._known[guest.address]:
            del self._known[guest.address]

    def _forget(self, stranger: Guest) -> None:
        own = self._strangers[stranger.address]
        del own[stranger]
        if not own:
            del self._strangers[stranger.address]


class Complaints:
    """Lines of the log: the first of an address and event at once, of further ones only their number."""

    def __init__(self) -> None:
        self._again: dict[tuple[str, str, str], int] = {}

    def note(self, event: str, address: str, **facts: Any) -> None:
        """Say that this happened with an address, unless it was said since the last `tell`."""
        # Bounded: whoever comes from ten thousand addresses fills neither memory nor log.
        is_named = any(address == known for _, known, _ in self._again) or len(self._again) < _MOST_NAMED
        key = (event, address if is_named else _OTHERS, str(facts.get("limit", "")))
        if key in self._again:
            self._again[key] += 1
        else:
            self._again[key] = 0
            log.warning(event, address=key[1], **facts)

    def tell(self) -> None:
        """Say how often each happened again since, and begin anew."""
        for (event, address, limit), times in self._again.items():
            if times:
                log.warning(event, address=address, **({"limit": limit} if limit else {}), times_more=times)
        self._again.clear()


def source(peer: Any) -> str:
    """Return the address a connection counts for: of IPv6 its /64, which one host has whole."""
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
