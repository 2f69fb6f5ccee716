"""The contract of an ICMP channel: what a ping, a sweep and a trace need of the network."""

import array
import dataclasses
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from netdiag import errors
from netdiag.icmp_batch import Echo
from netdiag.icmp_options import Shape
from netdiag.icmp_words import Cause

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> IPAddress:
    """Read an IPv4 or IPv6 literal; raises BadAddress (names are resolved by whoever knows the zone)."""
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise errors.BadAddress(f"{text!r} is not an IP address") from None


def keys_of(addresses: Iterable[str]) -> dict[str, bytes]:
    """Return each literal in its shortest spelling with its key, in order, once.

    A key is the packed address, of version 6 with the index of its scope: 4 or 20 bytes. Raises BadAddress,
    NoInterface.
    """
    found: dict[str, bytes] = {}
    for text in addresses:
        try:
            found[text] = socket.inet_pton(socket.AF_INET, text)
        except (OSError, ValueError):
            address = parse_address(text)
            found[str(address)] = key_of(address)
    return found


def key_of(address: IPAddress) -> bytes:
    """Return the key of one address; raises NoInterface for an unknown scope."""
    if address.version == 4:
        return address.packed
    scope = address.scope_id or ""
    try:
        index = int(scope) if scope.isdigit() else socket.if_nametoindex(scope) if scope else 0
    except OSError:
        raise errors.NoInterface(f"this machine has no interface {scope}") from None
    return address.packed + struct.pack("=I", index)


def host_of(name: bytes) -> str | None:
    """Return the address in a sockaddr, without its scope; None if it is none."""
    family = int.from_bytes(name[:2], sys.byteorder)
    if family == socket.AF_INET and len(name) >= 8:
        return socket.inet_ntop(socket.AF_INET, name[4:8])
    if family == socket.AF_INET6 and len(name) >= 24:
        return socket.inet_ntop(socket.AF_INET6, name[8:24])
    return None


class Wait(NamedTuple):
    """What a ping or sweep waits for: a message or the end of a time, or only that."""

    timeout_s: float
    for_message: bool = True


class Targets:
    """Addresses made ready for bursts, with the keys by which the senders of their replies are known.

    `marks` go into the payloads: each holds the place of its address, so that a host that answers from the
    address of another is not taken for that one.
    """

    def __init__(self, version: int, keys: Mapping[str, bytes], places: Sequence[int] | None = None) -> None:
        self.version, self.width = version, 16 if version == 4 else 28
        self.addresses, self.keys = tuple(keys), tuple(keys.values())
        # All socket addresses in one run of bytes: family (and port, flow), key, and zeros in version 4.
        if version == 4:
            head, tail = struct.pack("=HH", socket.AF_INET, 0), bytes(8)
        else:
            head, tail = struct.pack("=HHI", socket.AF_INET6, 0, 0), b""
        self.names = memoryview(head + (tail + head).join(self.keys) + tail)

        count = len(self.keys)
        marks = map(_mark, places) if places is not None else range(_MARK_0, _MARK_0 + count * _STEP, _STEP)
        self.marks = memoryview(array.array("Q", marks)).cast("B")

    def some(self, places: Sequence[int]) -> "Targets":
        """Return these of them, with the marks they have here."""
        return Targets(self.version, {self.addresses[one]: self.keys[one] for one in places}, places)

    @staticmethod
    def mark(place: int) -> bytes:
        """Return the mark of a place."""
        return array.array("Q", [_mark(place)]).tobytes()


# The place and its complement, whose checksum is always the same; as numbers they lie evenly apart.
_MARK_0 = 0xFFFFFFFF << 32 if sys.byteorder == "little" else 0xFFFFFFFF
_STEP = 1 - (1 << 32) if sys.byteorder == "little" else (1 << 32) - 1


def _mark(place: int) -> int:
    return _MARK_0 + place * _STEP


class Unsendable(Exception):
    """This one packet could not leave the machine; the text says why."""

    def __init__(self, text: str, *, is_too_large: bool = False) -> None:
        super().__init__(text)
        self.is_too_large = is_too_large


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One ICMP message that came back: an echo reply, or an error (`error` says which) about our echo.

    `payload` is the head of it, as far as it came back; `sent_at` is the kernel's stamp of the echo, if it
    made one; `cause` is the error without its words.
    """

    sender: str
    target: str
    identifier: int
    sequence: int
    payload: bytes
    received_at: float
    size: int | None
    ttl: int | None
    error: str | None
    sent_at: float | None = None
    cause: Cause | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Burst:
    """How many packets a burst sent, when it began and ended (epoch ns), and why it stopped short."""

    sent: int
    began_ns: int
    ended_ns: int
    failure: str | None = None
    is_full: bool = False


class Channel(Protocol):
    """What a ping needs of the network; `netdiag.testing.FakeIcmp` is the other one."""

    identifier: int

    def configure(self, shape: Shape) -> None:
        """Set what the packets to come look like."""
        ...

    def send(self, address: str, sequence: int, payload: bytes, ttl: int | None = None) -> float:
        """Send one echo request and return the epoch second it left; Unsendable if it cannot."""
        ...

    def receive(self) -> list[Answer]:
        """Return the messages that have come, without waiting."""
        ...

    def wait(self, timeout_s: float, for_message: bool = True) -> None:
        """Wait until a message has come, `timeout_s` at most; or just that long."""
        ...

    async def wait_async(self, timeout_s: float, for_message: bool = True) -> None:
        """Do the same in an event loop."""
        ...

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        ...

    def close(self) -> None:
        """Give the socket back."""
        ...


class WideChannel(Channel, Protocol):
    """What a sweep needs beside: bursts, and replies read in bulk."""

    capacity: int

    def load(self, sequence: int, payload: bytes) -> bytes:
        """Make the echo of the next bursts; return its id, sequence and token, which a reply repeats."""
        ...

    def burst(self, targets: "Targets", first: int, last: int) -> Burst:
        """Send the loaded echo to targets `first` to `last - 1`."""
        ...

    def collect(self) -> tuple[list[Echo], list[Answer]]:
        """Return what has come: replies and errors."""
        ...

    def overflowed(self) -> int:
        """Return how many messages this machine has dropped for want of room."""
        ...
