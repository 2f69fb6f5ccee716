"""What the numbers of a row's index are: VLAN, MAC, address, port; read, and written for one address."""

import dataclasses
import ipaddress
from collections.abc import Sequence

from netdiag.snmp import values

# How many numbers a word takes; those of `ip6`, `inet` and `rest` depend on the numbers themselves.
_WIDTHS = {"vlan": 1, "mac": 6, "ip": 4, "if_index": 1, "bridge_port": 1, "skip": 1}
WORDS = frozenset(_WIDTHS) | {"ip6", "inet", "rest"}
# InetAddressType (RFC 4001): ipv4, ipv6, ipv4z, ipv6z; the last two carry a zone of four bytes behind.
_ADDRESS_BYTES = {1: 4, 2: 16, 3: 4, 4: 16}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """What an index says; None for what it does not."""

    vlan: int | None = None
    mac: str | None = None
    ip: Address | None = None
    if_index: int | None = None
    bridge_port: int | None = None


NOTHING = Named()


def read(index: str, words: Sequence[str]) -> Named:
    """Return what the numbers of an index are by these words; nothing at all if they do not fit them."""
    parts = index.split(".")
    if not words or not all(part.isdecimal() for part in parts):
        return NOTHING
    numbers = [int(part) for part in parts]
    found: dict[str, object] = {}
    for word in words:
        width = _width(word, numbers)
        own, numbers = numbers[:width], numbers[width:]
        if len(own) < width:
            return NOTHING
        if word in {"skip", "rest"}:
            continue
        made = _value(word, own)
        if made is None:
            return NOTHING
        found["ip" if word in {"ip6", "inet"} else word] = made
    return NOTHING if numbers else Named(**found)  # type: ignore[arg-type]


def _width(word: str, numbers: list[int]) -> int:
    if word == "rest":
        return len(numbers)
    if word == "inet":
        return 2 + numbers[1] if len(numbers) > 1 else 2
    if word == "ip6":
        # Some agents put the count of the sixteen before them.
        return 17 if len(numbers) >= 17 and numbers[0] == 16 else 16
    return _WIDTHS[word]


def _value(word: str, own: list[int]) -> object | None:
    if word in {"vlan", "if_index", "bridge_port"}:
        return own[0]
    if word == "inet":
        wanted = _ADDRESS_BYTES.get(own[0])
        if wanted is None or own[1] not in {wanted, wanted + 4}:
            return None
        own = own[2 : 2 + wanted]
    elif word == "ip6":
        own = own[-16:]
    if max(own) > 255:
        return None
    return values.mac(bytes(own)) if word == "mac" else ipaddress.ip_address(bytes(own))


def versions(words: Sequence[str]) -> frozenset[int]:
    """Return which versions of IP rows of such indexes may have; those without an address, both."""
    return frozenset({4}) if "ip" in words else frozenset({6}) if "ip6" in words else frozenset({4, 6})


def write(words: Sequence[str], if_index: int, address: Address) -> str | None:
    """Return the row index of an address on an interface; None if these words do not tell all of it."""
    octets = [str(octet) for octet in address.packed]
    texts = {
        "if_index": [str(if_index)],
        "ip": octets,
        "ip6": octets,
        "inet": ["1" if address.version == 4 else "2", str(len(octets)), *octets],
    }
    if not words or not all(word in texts for word in words) or address.version not in versions(words):
        return None
    return ".".join(number for word in words for number in texts[word])
