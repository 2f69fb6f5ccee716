"""The MTU of a path, by echoes that nobody may fragment: are large ones taken, refused, or silently lost?"""

import dataclasses
import secrets
from collections.abc import Callable, Iterable, Iterator

from netdiag import icmp, icmp_run
from netdiag.icmp_packets import TOKEN
from netdiag.path_results import MtuVerdict, PathMtu

_SMALL = 56
# IP header and ICMP header: what a packet is larger than its payload.
_HEADERS = {4: 28, 6: 48}
_LEAST_MTU = {4: 68, 6: 1280}
# MTUs met in the field: Ethernet, PPPoE, L2TP and GRE tunnels, WireGuard, the least of version 6, dial-up.
_USUAL = (1500, 1492, 1480, 1476, 1472, 1460, 1452, 1440, 1420, 1400, 1380, 1350, 1320, 1280, 1000, 576)
_PARTS = 8
_PACE_S = 0.005
# A size is lost when so many of it are lost and not one came; the two that decide are tried so often more.
_TRIES, _SURE_TRIES = 3, 6


@dataclasses.dataclass(slots=True)
class _Size:
    """What is known of one payload size."""

    sent: int = 0
    answered: int = 0
    refusal: icmp.Answer | None = None
    is_local: bool = False


class _Stopped(Exception):
    """Somebody pressed stop."""


def measure(
    address: str,
    *,
    largest_mtu: int = 1500,
    timeout_s: float = 1.0,
    should_stop: Callable[[], bool] = lambda: False,
    open_channel: icmp_run.ChannelOpener = icmp.open_channel,
) -> PathMtu:
    """Find the largest packet that passes whole to an IPv4 or IPv6 literal, up to `largest_mtu` bytes.

    The usual sizes are tried side by side, then the gap between the largest that passed and the smallest
    that did not is narrowed to a byte: some four time-outs where packets are lost, two round trips where
    none is. Whoever stops it gets "unclear". Raises BadAddress, ValueError, NotPermitted (RFC 1191, RFC 8201,
    RFC 4821 for the black hole).
    """
    target = icmp.parse_address(address)
    if not _LEAST_MTU[target.version] <= largest_mtu <= 65535 or timeout_s <= 0:
        raise ValueError("largest_mtu or timeout_s is out of range")
    run = _Run(target, largest_mtu, timeout_s, should_stop)
    (found,) = icmp_run.Run(target, open_channel, run.steps)
    return found


class _Run:
    """The state of one test."""

    def __init__(
        self, target: icmp.IPAddress, largest_mtu: int, timeout_s: float, should_stop: Callable[[], bool]
    ) -> None:
        self._target, self._timeout_s, self._should_stop = target, timeout_s, should_stop
        self._plain = icmp_run.plain(str(target))
        self._headers = _HEADERS[target.version]
        self._largest = largest_mtu - self._headers
        self._least = min(_SMALL, self._largest)
        self._payload = secrets.token_bytes(max(self._largest, TOKEN))
        self._sizes: dict[int, _Size] = {}
        self._open: dict[int, int] = {}
        self._sequence = 0

    def steps(self, channel: icmp.Channel) -> Iterator[PathMtu | icmp.Wait]:
        """Try sizes until the answer is known and yield it; before that, whenever there is time to wait."""
        channel.configure(icmp.Shape(dont_fragment=True))
        try:
            yield from self._search(channel)
        except _Stopped:
            yield self.result(is_stopped=True)
        else:
            yield self.result()

    def _search(self, channel: icmp.Channel) -> Iterator[icmp.Wait]:
        usual = {one - self._headers for one in _USUAL}
        first = {self._least, self._largest} | {one for one in usual if self._least < one < self._largest}
        yield from self._try(channel, first, _TRIES)
        is_sure_of = None
        while gap := self._gap():
            fine, lost = gap
            named = self._named_mtu(lost)
            if lost - fine == 1:
                if gap == is_sure_of:
                    return
                is_sure_of = gap
                yield from self._try(channel, gap, _SURE_TRIES)
            elif named is not None and fine < named < lost:
                yield from self._try(channel, {named, named + 1} - {lost}, _TRIES)
            else:
                step = max(1, (lost - fine) // _PARTS)
                yield from self._try(channel, range(fine + step, lost, step), _TRIES)

    def _gap(self) -> tuple[int, int] | None:
        """Return the largest size that passed and the smallest above it that did not, if there is one."""
        fine = max((size for size, one in self._sizes.items() if one.answered), default=None)
        if fine is None or fine == self._largest:
            return None
        lost = min(
            (size for size, one in self._sizes.items() if size > fine and not one.answered), default=None
        )
        return None if lost is None else (fine, lost)

    def _named_mtu(self, size: int) -> int | None:
        """Return the payload that fits the MTU a router named when it refused this size."""
        refusal = self._sizes[size].refusal
        mtu = refusal.cause.mtu if refusal and refusal.cause else None
        return mtu - self._headers if mtu else None

    def _try(self, channel: icmp.Channel, sizes: Iterable[int], tries: int) -> Iterator[icmp.Wait]:
        """Send each size so many times, by turns, and wait for the answers; small ones go first."""
        deadline = channel.now() + self._timeout_s
        for size in sorted(sizes) * tries:
            one = self._sizes.setdefault(size, _Size())
            if one.refusal or one.is_local:
                continue
            self._send(channel, size, one)
            deadline = channel.now() + self._timeout_s
            yield icmp.Wait(_PACE_S, False)
            self._receive(channel)
        while self._open:
            now = channel.now()
            self._receive(channel)
            if now >= deadline:
                break
            if self._should_stop():
                raise _Stopped
            if self._open:
                yield icmp.Wait(min(deadline - now, icmp_run.STOP_LOOK_S))
        self._open.clear()

    def _send(self, channel: icmp.Channel, size: int, one: _Size) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        one.sent += 1
        try:
            channel.send(str(self._target), self._sequence, self._payload[:size])
        except icmp.Unsendable as fault:
            one.is_local = fault.is_too_large
            return
        self._open[self._sequence] = size

    def _receive(self, channel: icmp.Channel) -> None:
        for answer in channel.receive():
            size = self._open.get(answer.sequence)
            if size is None or not self._is_ours(answer, channel.identifier, size):
                continue
            one = self._sizes[size]
            if answer.error is None:
                one.answered += 1
                del self._open[answer.sequence]
            elif answer.cause and answer.cause.is_too_large:
                one.refusal = answer
                # One refusal is enough for all of this size.
                self._open = {number: other for number, other in self._open.items() if other != size}

    def _is_ours(self, answer: icmp.Answer, identifier: int, size: int) -> bool:
        is_whole = answer.error is not None or answer.size == size + 8
        return is_whole and icmp_run.is_ours(answer, identifier, self._plain, self._payload[:size])

    def result(self, *, is_stopped: bool = False) -> PathMtu:
        """Say what was found."""
        gap = self._gap()
        fine = max((size for size, one in self._sizes.items() if one.answered), default=None)
        if is_stopped:
            return self._result("unclear", fine, None, "stopped before the end")
        if fine is None:
            return self._result("silent", None, None, "nothing of any size was answered")
        if gap is None:
            return self._result("clear", fine, None, f"{fine} bytes fine: the path takes whole packets")
        return self._limit(*gap)

    def _limit(self, fine: int, lost: int) -> PathMtu:
        """Judge a path that takes no more than `fine`."""
        small, large = self._sizes[fine], self._sizes[lost]
        refusals = [one.refusal for size, one in self._sizes.items() if size > fine and one.refusal]
        if large.refusal or (refusals and not large.is_local):
            refusal = large.refusal or refusals[0]
            said = f"{refusal.sender} says that larger packets must be fragmented"
            return self._result("limited", fine, lost, f"{lost} bytes refused, {fine} fine: {said}", refusal)
        if large.is_local:
            said = "the interface of this machine takes no larger packets"
            return self._result("limited", fine, lost, f"{lost} bytes refused, {fine} fine: {said}")
        # What loses half of the small ones may have lost the large ones by chance.
        if small.answered * 2 < small.sent:
            return self._result("unclear", fine, lost, f"{lost} bytes lost, but of {fine} bytes most are too")
        said = "a black hole: nobody on the path says that they are too large"
        return self._result("black hole", fine, lost, f"{lost} bytes lost, {fine} fine: {said}")

    def _result(
        self,
        verdict: MtuVerdict,
        fine: int | None,
        lost: int | None,
        words: str,
        refusal: icmp.Answer | None = None,
    ) -> PathMtu:
        return PathMtu(
            address=str(self._target),
            verdict=verdict,
            mtu=None if fine is None else fine + self._headers,
            largest_fine=fine,
            smallest_lost=lost,
            router=refusal.sender if refusal else None,
            router_mtu=refusal.cause.mtu if refusal and refusal.cause else None,
            words=words,
        )
