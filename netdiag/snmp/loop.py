"""Many conversations over a few sockets in one thread: whoever has something to say is heard.

Answers that have arrived are read before anybody is called silent, however late the thread comes to look.
"""

import errno
import heapq
import itertools
import os
import select
import socket
import time
from typing import Any, cast

from netdiag import errors
from netdiag.snmp import security
from netdiag.snmp.channel import Address, Channel
from netdiag.snmp.conversation import Conversation
from netdiag.snmp.message import Garbage
from netdiag.snmp.target import SnmpTarget

_OCTETS_PER_TALK = 8192
_MOST_CHANNELS = 8
_BATCH = 512
_MOST_STRANGERS = 64


def resolve(target: SnmpTarget, *, is_name_allowed: bool = True) -> tuple[int, Address]:
    """Return address family and socket address of a target; raises BadAddress."""
    flags = 0 if is_name_allowed else socket.AI_NUMERICHOST
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM, flags=flags)[0]
    except (OSError, UnicodeError, OverflowError):
        raise errors.BadAddress(f"{target.host!r} is not an address") from None
    return found[0], cast("Address", found[4])


class Loop:
    """The sockets, the clock and everybody who is talking; `step` returns those who have finished."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._channels: dict[int, list[Channel]] = {}
        self._by_fileno: dict[int, Channel] = {}
        self._poll = select.poll()
        self._talking: dict[Address, list[tuple[Conversation[Any], Channel]]] = {}
        self._timers: list[tuple[float, int, Conversation[Any], Channel, Address]] = []
        self._order = itertools.count()
        self._over: list[Conversation[Any]] = []
        self._strangers = 0

    def __enter__(self) -> "Loop":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sockets."""
        for channel in self._by_fileno.values():
            channel.close()

    def add(self, conversation: Conversation[Any], family: int, address: Address) -> None:
        """Let a conversation begin."""
        now = time.monotonic()
        wire = conversation.start(now)
        if wire is None:
            self._over.append(conversation)
            return
        channel = self._channel(family)
        self._talking.setdefault(address, []).append((conversation, channel))
        heapq.heappush(
            self._timers, (conversation.wake_at, next(self._order), conversation, channel, address)
        )
        self._send(wire, conversation, channel, address)

    def step(self) -> list[Conversation[Any]]:
        """Wait until something happens, act on it, and return the conversations that are over."""
        if not self._over and self._timers:
            wait_s = max(0.0, self._timers[0][0] - time.monotonic())
            self._poll.poll(min(wait_s, 60.0) * 1000 + 1 if wait_s else 0)
        now = time.monotonic()
        heard = [self._listen(channel) for channel in self._by_fileno.values()]
        if all(heard):
            self._look_at_clock(now)
        over, self._over = self._over, []
        return over

    def _channel(self, family: int) -> Channel:
        """Return a socket of the family: as many as it takes that the answers of all find room."""
        channels = self._channels.setdefault(family, [])
        if not channels:
            wanted = self._at_once * _OCTETS_PER_TALK if self._at_once > 1 else 0
            channels.append(self._open(family, wanted))
            while wanted > sum(one.buffer_octets for one in channels) and len(channels) < _MOST_CHANNELS:
                channels.append(self._open(family, wanted))
        return channels[next(self._order) % len(channels)]

    def _open(self, family: int, buffer_octets: int) -> Channel:
        channel = Channel(family, buffer_octets)
        self._by_fileno[channel.fileno()] = channel
        self._poll.register(channel.fileno(), select.POLLIN)
        return channel

    def _listen(self, channel: Channel) -> bool:
        """Hear what has come; returns whether all of it was heard."""
        for _ in range(_BATCH):
            found = channel.receive()
            if found is None:
                break
            self._hear(found[0], found[1], channel)
        else:
            return False
        for address, fault in channel.faults():
            for conversation, own in list(self._talking.get(address, ())):
                if own is channel:
                    self._end(conversation, own, address, _unreachable(conversation.target, fault))
        return True

    def _hear(self, wire: bytes, sender: Address, channel: Channel) -> None:
        known = self._talking.get(sender)
        if known is None:
            self._note(wire, sender)
            return
        now = time.monotonic()
        for conversation, own in known if len(known) == 1 else list(known):
            if own is not channel:
                continue
            answer = conversation.hear(wire, now)
            if answer is not None:
                self._send(answer, conversation, channel, sender)
            elif conversation.is_over:
                self._end(conversation, channel, sender)

    def _note(self, wire: bytes, sender: Address) -> None:
        """Note an answer from an address that was not asked, for whoever waits for it."""
        self._strangers += 1
        if self._strangers > _MOST_STRANGERS:
            return
        try:
            number = security.number_of(wire)
        except Garbage:
            return
        for conversation, _channel in itertools.chain.from_iterable(self._talking.values()):
            if conversation.knows(number):
                conversation.note_stranger(f"{sender[0]}:{sender[1]}")

    def _look_at_clock(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _at, _order, conversation, channel, address = heapq.heappop(self._timers)
            wire = conversation.tick(now)
            if wire is not None:
                self._send(wire, conversation, channel, address)
            if conversation.is_over:
                self._end(conversation, channel, address)
            else:
                timer = (conversation.wake_at, next(self._order), conversation, channel, address)
                heapq.heappush(self._timers, timer)

    def _send(self, wire: bytes, conversation: Conversation[Any], channel: Channel, address: Address) -> None:
        fault = channel.send(wire, address)
        if fault:
            self._end(conversation, channel, address, _unreachable(conversation.target, fault))

    def _end(
        self,
        conversation: Conversation[Any],
        channel: Channel,
        address: Address,
        error: errors.SnmpFailed | None = None,
    ) -> None:
        talking = self._talking.get(address, [])
        left = [pair for pair in talking if pair[0] is not conversation]
        if len(left) == len(talking):
            return
        if error is not None:
            conversation.fail(error)
        if left:
            self._talking[address] = left
        else:
            del self._talking[address]
        self._over.append(conversation)


def _unreachable(target: SnmpTarget, fault: int) -> errors.SnmpFailed:
    """Turn the kernel's word about the other end into ours."""
    where = f"{target.host}:{target.port}"
    if fault == errno.ECONNREFUSED:
        return errors.SnmpRefused(f"{where} refuses: nobody listens there")
    if fault in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}:
        return errors.SnmpSilent(f"No answer from {where}: {os.strerror(fault)}")
    return errors.SnmpFailed(f"{where}: {os.strerror(fault)}")
