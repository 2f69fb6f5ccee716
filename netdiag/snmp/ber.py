"""BER as SNMP uses it (X.690; the types of RFC 2578): lengths, integers, OIDs, values, there and back.

Written for speed and for hostile senders: whatever the bytes are, reading them ends at once, costs no more
memory than they have, and raises nothing but Garbage. Lengths and integers that are longer than they need be
are taken.
"""

import enum
import functools
import struct
from collections.abc import Callable

Value = int | float | bytes | str

SEQUENCE, INTEGER, OCTETS, NULL, OID = 0x30, 0x02, 0x04, 0x05, 0x06
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46

_LONGEST_OID = 1024
_LARGEST_PART = 2**64


class Garbage(Exception):
    """These bytes are no SNMP message, or not one meant for us."""


class Missing(enum.Enum):
    """Why there is no value (RFC 3416 section 3)."""

    OBJECT = 0x80
    INSTANCE = 0x81
    END = 0x82


class Encoded(bytes):
    """A value that is in BER already, tag and all."""

    __slots__ = ()


RawValue = Value | Missing | None
RawBinding = tuple[bytes, RawValue]


def wrap(tag: int, content: bytes) -> bytes:
    """Return tag, length and content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    if size < 0x100:
        return bytes((tag, 0x81, size)) + content
    return bytes((tag, 0x82, size >> 8, size & 0xFF)) + content


def integer(number: int, tag: int = INTEGER) -> bytes:
    """Return an integer of any size in the fewest octets."""
    if 0 <= number < 0x80:
        return bytes((tag, 1, number))
    content = number.to_bytes((number if number >= 0 else ~number).bit_length() // 8 + 1, "big", signed=True)
    return bytes((tag, len(content))) + content


@functools.lru_cache(maxsize=16_384)
def oid_octets(text: str) -> bytes:
    """Return the content octets of a dotted OID."""
    first, second, *rest = (int(part) for part in text.split("."))
    return _part(first * 40 + second) + b"".join(_part(number) for number in rest)


def _part(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))


@functools.lru_cache(maxsize=16_384)
def index_text(octets: bytes) -> str:
    """Return the octets of the end of an OID as dotted numbers; raises Garbage."""
    return ".".join(map(str, _parts(octets)))


@functools.lru_cache(maxsize=4096)
def oid_text(octets: bytes) -> str:
    """Return the content octets of an OID as dotted numbers; raises Garbage."""
    first, *rest = _parts(octets) or [0]
    top = min(first // 40, 2)
    return ".".join(map(str, (top, first - 40 * top, *rest)))


def _parts(octets: bytes) -> list[int]:
    if len(octets) > _LONGEST_OID:
        raise Garbage("an OID longer than any")
    found, number = [], 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if number >= _LARGEST_PART:
            raise Garbage("a number in an OID larger than any")
        if octet < 0x80:
            found.append(number)
            number = 0
    if octets and octets[-1] & 0x80:
        raise Garbage("an OID without an end")
    return found


def value_octets(value: RawValue) -> bytes:
    """Return a value with its tag: int as INTEGER, text and bytes as OCTET STRING, None as NULL."""
    if value is None:
        return b"\x05\x00"
    if isinstance(value, Encoded):
        return value
    if isinstance(value, bytes | str):
        return wrap(OCTETS, value if isinstance(value, bytes) else value.encode())
    if isinstance(value, Missing):
        return bytes((value.value, 0))
    if isinstance(value, float):
        return wrap(OPAQUE, b"\x9f\x79\x08" + struct.pack("!d", value))
    return integer(value)


def binding(oid: bytes, value: RawValue = None) -> bytes:
    """Return a variable binding."""
    return wrap(SEQUENCE, wrap(OID, oid) + value_octets(value))


def head(data: bytes, at: int, expected: int | None = None) -> tuple[int, int, int]:
    """Return tag, start and stop of the content that begins at `at`; raises Garbage, IndexError."""
    tag, size = data[at], data[at + 1]
    at += 2
    if size > 0x7F:
        size, at = long_length(data, at, size)
    if at + size > len(data):
        raise Garbage("cut off")
    if expected is not None and tag != expected:
        raise Garbage(f"tag {tag:#x} where {expected:#x} belongs")
    return tag, at, at + size


def long_length(data: bytes, at: int, first: int) -> tuple[int, int]:
    """Return a length of more than one octet and where the content starts; raises Garbage."""
    count = first & 0x7F
    if not 1 <= count <= 8:
        raise Garbage("a length without an end")
    return int.from_bytes(data[at : at + count], "big"), at + count


def read_integer(data: bytes, at: int) -> tuple[int, int]:
    """Return the INTEGER at `at` and where the next thing starts; raises Garbage, IndexError."""
    if data[at] == INTEGER and data[at + 1] == 1:
        number = data[at + 2]
        return (number if number < 0x80 else number - 0x100), at + 3
    _tag, start, stop = head(data, at, INTEGER)
    return _signed(data[start:stop]), stop


def read_octets(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the OCTET STRING at `at` and where the next thing starts; raises Garbage, IndexError."""
    _tag, start, stop = head(data, at, OCTETS)
    return data[start:stop], stop


def read_bindings(data: bytes, at: int, end: int) -> list[RawBinding]:
    """Return the variable bindings between `at` and `end`; raises Garbage, IndexError."""
    found: list[RawBinding] = []
    while at < end:
        size = data[at + 1]
        if data[at] != SEQUENCE or size > 0x7F:
            _tag, at, stop = head(data, at, SEQUENCE)
        else:
            at += 2
            stop = at + size
        size = data[at + 1]
        if data[at] != OID or size > 0x7F:
            _tag, start, at = head(data, at, OID)
        else:
            start = at + 2
            at = start + size
        tag, size = data[at], data[at + 1]
        value_at = at + 2
        if size > 0x7F:
            size, value_at = long_length(data, value_at, size)
        if stop > end or value_at + size > stop:
            raise Garbage("a binding longer than its list")
        content = data[value_at : value_at + size]
        if tag == OCTETS:
            found.append((data[start:at], content))
        elif tag in _UNSIGNED and size < 10:
            found.append((data[start:at], int.from_bytes(content, "big")))
        else:
            found.append((data[start:at], _READERS.get(tag, bytes)(content)))
        at = stop
    return found


def _signed(content: bytes) -> int:
    if len(content) > 9 and len(content.lstrip(b"\x00\xff")) > 8:
        raise Garbage("an integer larger than any")
    return int.from_bytes(content[-9:], "big", signed=True)


def _unsigned(content: bytes) -> int:
    if len(content) > 9 and len(content.lstrip(b"\x00")) > 8:
        raise Garbage("an integer larger than any")
    return int.from_bytes(content, "big")


def _address(content: bytes) -> Value:
    return ".".join(map(str, content)) if len(content) == 4 else content


def _opaque(content: bytes) -> Value:
    """Return the number in an Opaque as Net-SNMP wraps it (a float, a double, 64 bits), else its octets."""
    if content[:3] == b"\x9f\x78\x04" and len(content) == 7:
        return float(struct.unpack_from("!f", content, 3)[0])
    if content[:3] == b"\x9f\x79\x08" and len(content) == 11:
        return float(struct.unpack_from("!d", content, 3)[0])
    if content[:2] in {b"\x9f\x76", b"\x9f\x7b"} and len(content) - 3 == content[2] <= 9:
        return int.from_bytes(content[3:], "big")
    if content[:2] == b"\x9f\x7a" and len(content) - 3 == content[2] <= 9:
        return int.from_bytes(content[3:], "big", signed=True)
    return content


# Agents that forget the leading zero octet of a large counter are common, so these are never negative.
_UNSIGNED = frozenset({COUNTER32, GAUGE32, TIME_TICKS, COUNTER64, 0x47})
_READERS: dict[int, Callable[[bytes], RawValue]] = {
    INTEGER: _signed,
    NULL: lambda _content: None,
    OID: oid_text,
    IP_ADDRESS: _address,
    OPAQUE: _opaque,
    **dict.fromkeys(_UNSIGNED, _unsigned),
    **{one.value: lambda _content, one=one: one for one in Missing},  # type: ignore[misc]
}
