"""Ask the own segment who has an IPv6 address: neighbour discovery (RFC 4861) over the kept socket."""

import time

from netdiag import errors, icmp, mac, nd_frames, neighbours, netlink, packet
from netdiag.nd_results import NdAnswer, NdFinding

# After the first answer the segment is listened to a little longer: a second owner answers late.
_GRACE_S = 0.12
_MOST_MACS = 64

_Heard = dict[bytes, tuple[int, nd_frames.Advertisement]]


def lookup(
    address: str,
    *,
    interface: str | None = None,
    timeout_s: float = 1.0,
    count: int = 3,
    is_first: bool = False,
) -> NdFinding:
    """Ask who has an IPv6 address; two MACs that override each other are a duplicate.

    `count` solicitations within `timeout_s` seconds, the next ones only while nobody answers; with
    `is_first` the first answer is enough. A link-local address names its interface (fe80::1%eth0). Raises
    BadAddress, NoInterface, NotPermitted, WireError. No answer is a finding without answers.
    """
    plain, _, scope = address.partition("%")
    target = icmp.parse_address(plain)
    if target.version != 6 or target.is_multicast:
        raise errors.BadAddress(f"{address} is not an IPv6 address of a host")
    if count < 1 or timeout_s <= 0:
        raise ValueError("count or timeout_s is out of range")
    where = interface or scope or neighbours.segment(address)
    if where is None:
        raise errors.NoInterface(f"{address} is not on a segment this machine is connected to")
    heard: _Heard = {}
    with packet.listening(where, packet.ADVERTISEMENTS) as listener:
        question = nd_frames.question(listener.hardware, _source(f"{target}%{where}"), target.packed)
        _converse(listener, question, target.packed, heard, (count, timeout_s, is_first))
    return NdFinding(
        address=address,
        interface=where,
        answers=tuple(_answer(times, seen) for times, seen in heard.values()),
        # Proxies and anycast hosts do not override (RFC 4861 7.2.4, 7.2.7): those may be many.
        is_duplicate=sum(seen.is_override for _, seen in heard.values()) > 1,
        why_not=None if heard else f"nobody answers for {address} on {where}",
    )


def _source(scoped: str) -> bytes:
    """Return the address the kernel would ask from; NOBODY if the interface has none that fits."""
    route = netlink.route(scoped)
    if route is None or route.source is None or route.is_local or route.interface != scoped.partition("%")[2]:
        return nd_frames.NOBODY
    return icmp.parse_address(route.source).packed


def _converse(
    listener: packet.Listener, question: bytes, target: bytes, heard: _Heard, terms: tuple[int, float, bool]
) -> None:
    """Ask until somebody answers, then listen a little longer."""
    count, timeout_s, is_first = terms
    for _ in range(count):
        listener.send(question)
        until = time.monotonic() + timeout_s / count
        while (left_s := until - time.monotonic()) > 0:
            for frame in listener.take(left_s):
                seen = nd_frames.parse(frame)
                if seen is None or seen.target != target or seen.mac == listener.hardware:
                    continue
                if not heard:
                    until = time.monotonic() + (0.0 if is_first else min(_GRACE_S, timeout_s))
                times, first = heard.get(seen.mac, (0, seen))
                if times or len(heard) < _MOST_MACS:
                    heard[seen.mac] = (times + 1, _merged(first, seen))
        if heard:
            return


def _merged(first: nd_frames.Advertisement, then: nd_frames.Advertisement) -> nd_frames.Advertisement:
    return first._replace(
        is_override=first.is_override or then.is_override,
        is_solicited=first.is_solicited or then.is_solicited,
        is_router=then.is_router,
    )


def _answer(times: int, seen: nd_frames.Advertisement) -> NdAnswer:
    colon_mac = seen.mac.hex(":")
    return NdAnswer(
        mac=colon_mac,
        vendor=mac.vendor(colon_mac),
        is_random=mac.is_random(colon_mac),
        answers=times,
        is_router=seen.is_router,
        is_override=seen.is_override,
        is_solicited=seen.is_solicited,
    )
