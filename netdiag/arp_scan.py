"""Ask a whole range of a segment by ARP (RFC 826), and tell who answered, who twice, and who else spoke."""

import collections
import dataclasses
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Iterator

from netdiag import arp_frames, errors, mac, neighbours, netlink, packet
from netdiag.results import ArpHost, ArpScan, ArpSpeaker, MacSeen, MacShare

MOST_ADDRESSES = 1 << 17
# Access switches let a few thousand broadcasts a second through before they call it a storm.
CALM_RATE = 2000
PROXY_ANSWERS = 8
# When all have answered, the segment is listened to a little longer: a second owner answers late.
_GRACE_S = 0.02
_MOST_SPEAKERS = 1024
_MOST_NAMED = 16
_TICK_S = 0.01


def addresses(texts: Iterable[str]) -> list[ipaddress.IPv4Address]:
    """Return the addresses of 10.0.0.7, 10.0.0.0/24 and 10.0.0.5-10.0.0.9, each once, in order.

    Raises BadAddress, ValueError for more than MOST_ADDRESSES.
    """
    found: dict[int, None] = {}
    for text in texts:
        try:
            first, last = _bounds(text.strip())
        except ValueError:
            raise errors.BadAddress(f"{text!r} is no IPv4 address, network or range") from None
        if last < first:
            raise errors.BadAddress(f"{text!r} ends before it begins")
        if len(found) + last - first >= MOST_ADDRESSES:
            raise ValueError(f"more than {MOST_ADDRESSES} addresses are no segment")
        found.update(dict.fromkeys(range(first, last + 1)))
    return [ipaddress.IPv4Address(number) for number in found]


def _bounds(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if dash:
        return int(ipaddress.IPv4Address(first.strip())), int(ipaddress.IPv4Address(last.strip()))
    network = ipaddress.IPv4Network(text, strict=False)
    return int(network.network_address), int(network.broadcast_address)


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """How to ask."""

    probes: int
    timeout_s: float
    rate_per_s: int | None
    should_stop: Callable[[], bool]


def scan(
    ranges: Iterable[str],
    *,
    interface: str | None = None,
    probes: int = 2,
    timeout_s: float = 0.5,
    rate_per_s: int | None = CALM_RATE,
    proxy_answers: int = PROXY_ANSWERS,
    should_stop: Callable[[], bool] = lambda: False,
) -> ArpScan:
    """Ask every address of the ranges up to `probes` times within `timeout_s` and report what was heard.

    `rate_per_s` frames a second at most, None for as fast as it goes. A MAC that speaks for
    `proxy_answers` addresses or more is called a proxy. Raises BadAddress, NoInterface (not one directly
    connected segment, or the interface went away), NotPermitted, WireError, ValueError.
    """
    if probes < 1 or timeout_s <= 0 or (rate_per_s is not None and rate_per_s < 1) or proxy_answers < 2:
        raise ValueError("probes, timeout_s, rate_per_s or proxy_answers is out of range")
    wanted = addresses(ranges)
    if not wanted:
        raise ValueError("no address to ask for")
    where, own = _ways(interface, wanted)
    plan = _Plan(probes, timeout_s, rate_per_s, should_stop)
    with packet.listening(where, packet.ARP) as listener:
        work = _Scan(listener, [one.packed for one in wanted], own)
        started = time.monotonic()
        work.run(plan)
        seconds = time.monotonic() - started
    work.add_own(netlink.addresses(where, 4))
    return work.report(where, seconds, proxy_answers)


def who_has(
    address: str, *, interface: str | None = None, timeout_s: float = 1.0, probes: int = 3
) -> str | None:
    """Return the first MAC that answers for an address, None if none does; some 0.2 ms in a warm process.

    For duplicates ask `arp_client.lookup`. Raises as `scan` does.
    """
    wanted, *others = addresses([address])
    if others:
        raise errors.BadAddress(f"{address!r} is more than one address")
    if probes < 1 or timeout_s <= 0:
        raise ValueError("probes or timeout_s is out of range")
    where, own = _ways(interface, [wanted])
    with packet.listening(where, packet.ARP) as listener:
        question = arp_frames.question_head(listener.hardware, own) + wanted.packed
        for _ in range(probes):
            listener.send(question)
            until = time.monotonic() + timeout_s / probes
            while (left_s := until - time.monotonic()) > 0:
                for frame in listener.take(left_s):
                    seen = arp_frames.parse(frame)
                    if seen is not None and seen.sender == wanted.packed and _is_answer(seen, listener):
                        return seen.sender_mac.hex(":")
    return None


def _is_answer(seen: arp_frames.Arp, listener: packet.Listener) -> bool:
    return seen.operation == arp_frames.REPLY and seen.target_mac == listener.hardware


def _ways(interface: str | None, wanted: list[ipaddress.IPv4Address]) -> tuple[str, bytes]:
    """Return the interface and the address to ask from; without one, as who looks for a free one does."""
    where = interface or _segment(wanted)
    route = netlink.route(str(wanted[0]))
    if route is None or route.source is None or route.interface != where:
        return where, arp_frames.NOBODY
    return where, socket.inet_aton(route.source)


def _segment(wanted: list[ipaddress.IPv4Address]) -> str:
    """Return the interface of the first and the last address; raises NoInterface."""
    found = {_interface_of(str(one)) for one in (min(wanted), max(wanted))}
    (where, *others) = found
    if where is None or others:
        words = f"{min(wanted)} to {max(wanted)}" if len(wanted) > 1 else str(wanted[0])
        raise errors.NoInterface(f"{words} is not on one segment this machine is connected to")
    return where


def _interface_of(address: str) -> str | None:
    route = netlink.route(address)
    if route is not None and route.is_local:
        return netlink.owner(address)
    # A network's own address and its broadcast are of the segment too.
    if route is not None and not route.is_unicast and not route.gateway and route.interface != "lo":
        return route.interface
    return neighbours.segment(address)


class _Scan:
    """One scan under way: who is silent still, and what was heard of whom."""

    def __init__(self, listener: packet.Listener, wanted: list[bytes], source: bytes) -> None:
        self._listener = listener
        self._own = listener.hardware
        self._head = arp_frames.question_head(self._own, source)
        self._silent = dict.fromkeys(wanted)
        self._asked = dict.fromkeys(wanted)
        self._heard: dict[bytes, collections.Counter[bytes]] = {}
        self._relays: dict[bytes, set[bytes]] = {}
        self._gratuitous: collections.Counter[tuple[bytes, bytes]] = collections.Counter()
        self._foreign: collections.Counter[tuple[bytes, bytes]] = collections.Counter()
        self._echoes = self._sent = 0

    def run(self, plan: _Plan) -> None:
        """Ask all, then again those who are silent; a probe is given an equal share of the time."""
        for _ in range(plan.probes):
            self._ask(list(self._silent), plan)
            self._listen(time.monotonic() + plan.timeout_s / plan.probes, plan)
            if not self._silent or plan.should_stop():
                break
        end = time.monotonic() + (0.0 if self._silent else min(_GRACE_S, plan.timeout_s))
        while (left_s := end - time.monotonic()) > 0:
            self._hear(left_s)

    def _ask(self, wanted: list[bytes], plan: _Plan) -> None:
        rate = plan.rate_per_s
        size = packet.BATCH if rate is None else max(1, min(packet.BATCH, int(rate * _TICK_S)))
        due = time.monotonic()
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            self._listener.send(b"".join([self._head + one for one in part]))
            self._sent += len(part)
            due = due + len(part) / rate if rate else 0.0
            self._hear(0.0)
            while (left_s := due - time.monotonic()) > 0:
                self._hear(left_s)
            if plan.should_stop():
                return

    def _listen(self, until: float, plan: _Plan) -> None:
        while self._silent and (left_s := until - time.monotonic()) > 0 and not plan.should_stop():
            self._hear(min(left_s, 0.1))

    def _hear(self, patience_s: float) -> None:
        for frame in self._listener.take(patience_s):
            seen = arp_frames.parse(frame)
            if seen is not None:
                self._note(seen)

    def _note(self, seen: arp_frames.Arp) -> None:
        sender = seen.sender
        if self._own in {seen.sender_mac, seen.frame_from}:
            self._echoes += 1
            return
        is_answer = seen.operation == arp_frames.REPLY and seen.target_mac == self._own
        if seen.is_gratuitous:
            _count(self._gratuitous, (sender, seen.sender_mac))
        if sender not in self._asked:
            # Whoever looks for a free address names none (RFC 5227).
            if sender != arp_frames.NOBODY:
                _count(self._foreign, (sender, seen.sender_mac))
            return
        heard = self._heard.get(sender)
        if heard is None:
            heard = self._heard[sender] = collections.Counter()
        if is_answer:
            self._silent.pop(sender, None)
        if seen.sender_mac in heard or len(heard) < _MOST_NAMED:
            heard[seen.sender_mac] += is_answer
        if seen.frame_from != seen.sender_mac:
            relays = self._relays.setdefault(sender, set())
            if len(relays) < _MOST_NAMED:
                relays.add(seen.frame_from)

    def add_own(self, found: Iterable[str]) -> None:
        """Add this machine's own addresses: nobody else should answer for them."""
        for address in found:
            own = socket.inet_aton(address)
            if own in self._asked:
                self._heard.setdefault(own, collections.Counter())[self._own] += 0

    def report(self, interface: str, seconds: float, proxy_answers: int) -> ArpScan:
        """Return all that was heard."""
        of_mac: dict[bytes, list[bytes]] = {}
        for address in sorted(self._heard):
            for one in self._heard[address]:
                of_mac.setdefault(one, []).append(address)
        proxies = {one for one, spoken in of_mac.items() if len(spoken) >= proxy_answers}
        makers = {one: mac.vendor(one.hex(":")) for one in of_mac}
        return ArpScan(
            interface=interface,
            asked=len(self._asked),
            sent=self._sent,
            seconds=round(seconds, 4),
            hosts=tuple(self._hosts(proxies, makers)),
            shares=tuple(_share(one, of_mac[one], proxies, makers) for one in of_mac if len(of_mac[one]) > 1),
            gratuitous=tuple(_speakers(self._gratuitous)),
            foreign=tuple(_speakers(self._foreign)),
            echoes=self._echoes,
        )

    def _hosts(self, proxies: set[bytes], makers: dict[bytes, str | None]) -> Iterator[ArpHost]:
        seen_as = {one: (one.hex(":"), makers[one], mac.is_random(one.hex(":"))) for one in makers}
        for address in sorted(self._heard):
            heard = self._heard[address]
            yield ArpHost(
                address=socket.inet_ntoa(address),
                macs=tuple(MacSeen(*seen_as[one], times) for one, times in heard.items()),
                is_duplicate=len(heard) > 1,
                is_proxied=not proxies.isdisjoint(heard),
                relays=tuple(sorted(one.hex(":") for one in self._relays.get(address, ()))),
            )


def _count(found: collections.Counter[tuple[bytes, bytes]], key: tuple[bytes, bytes]) -> None:
    """Count, but remember only so many: the segment may be hostile."""
    if key in found or len(found) < _MOST_SPEAKERS:
        found[key] += 1


def _share(one: bytes, spoken: list[bytes], proxies: set[bytes], makers: dict[bytes, str | None]) -> MacShare:
    named = tuple(socket.inet_ntoa(address) for address in spoken[:_MOST_NAMED])
    colon_mac = one.hex(":")
    return MacShare(colon_mac, makers[one], mac.is_random(colon_mac), len(spoken), named, one in proxies)


def _speakers(found: collections.Counter[tuple[bytes, bytes]]) -> Iterator[ArpSpeaker]:
    for (address, one), times in sorted(found.items()):
        colon_mac = one.hex(":")
        yield ArpSpeaker(
            socket.inet_ntoa(address), colon_mac, mac.vendor(colon_mac), mac.is_random(colon_mac), times
        )
