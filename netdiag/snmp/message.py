"""SNMP messages as bytes and back (RFC 1157, RFC 3416); numeric OIDs only, no MIB is loaded."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

from netdiag import errors
from netdiag.snmp import ber
from netdiag.snmp.ber import Garbage, Missing, RawBinding, Value

__all__ = ["Garbage", "Kind", "Pdu", "Raw", "Value"]

Kind = Literal["get", "next", "bulk", "set", "response", "report", "other"]

OCTETS_LIMIT = 65507

# RFC 3416 section 3; v1 knows the first six (RFC 1157).
STATUS_NAMES = (
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
    "inconsistentName",
)
TOO_BIG, NO_SUCH_NAME, GENERAL = 1, 2, 5
DENIALS = frozenset({4, 6, 16, 17})

_TAGS: dict[Kind, int] = {
    "get": 0xA0,
    "next": 0xA1,
    "response": 0xA2,
    "set": 0xA3,
    "bulk": 0xA5,
    "report": 0xA8,
}
_KINDS: dict[int, Kind] = {tag: kind for kind, tag in _TAGS.items()}
_VERSIONS = {"1": b"\x02\x01\x00", "2c": b"\x02\x01\x01"}
_VERSION_WORDS = {0: "1", 1: "2c"}


@dataclasses.dataclass(frozen=True, slots=True)
class Pdu:
    """One protocol unit; a binding's value is None where the agent has nothing (and in requests)."""

    kind: Kind
    request_id: int
    bindings: tuple[tuple[str, Value | None], ...] = ()
    error_status: int = 0
    error_index: int = 0
    max_repetitions: int = 0


@dataclasses.dataclass(slots=True)
class Raw:
    """One protocol unit as it stands on the wire: OIDs are octets, `second` and `third` the kind's own."""

    kind: Kind
    request_id: int
    second: int
    third: int
    bindings: list[RawBinding]
    octets: int = 0


def check_oid(oid: str) -> str:
    """Return the OID without a leading dot; raises BadAddress if it is not numeric."""
    plain = oid.strip().lstrip(".")
    parts = plain.split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and len(part) < 11 for part in parts):
        raise errors.BadAddress(f"{oid!r} is not a numeric OID")
    numbers = [int(part) for part in parts]
    if numbers[0] > 2 or (numbers[0] < 2 and numbers[1] > 39) or max(numbers) >= 2**32 or len(parts) > 128:
        raise errors.BadAddress(f"{oid!r} is no OID")
    return plain


def oid_tuple(oid: str) -> tuple[int, ...]:
    """Return the numbers of a dotted OID."""
    return tuple(int(part) for part in oid.split("."))


def encode(kind: Kind, request_id: int, second: int, third: int, bindings: Iterable[bytes]) -> bytes:
    """Return a PDU of encoded bindings; `second` and `third` are error status and index, or GETBULK's two."""
    content = (
        ber.integer(request_id)
        + ber.integer(second)
        + ber.integer(third)
        + ber.wrap(ber.SEQUENCE, b"".join(bindings))
    )
    return ber.wrap(_TAGS[kind], content)


def build(pdu: Pdu) -> bytes:
    """Return the bytes of a PDU."""
    bindings = [ber.binding(ber.oid_octets(oid), value) for oid, value in pdu.bindings]
    if pdu.kind == "bulk":
        return encode(pdu.kind, pdu.request_id, 0, pdu.max_repetitions, bindings)
    return encode(pdu.kind, pdu.request_id, pdu.error_status, pdu.error_index, bindings)


def decode(wire: bytes, at: int) -> Raw:
    """Return the PDU that begins at `at`; raises Garbage."""
    try:
        tag, at, _stop = ber.head(wire, at)
        request_id, at = ber.read_integer(wire, at)
        second, at = ber.read_integer(wire, at)
        third, at = ber.read_integer(wire, at)
        _tag, start, stop = ber.head(wire, at, ber.SEQUENCE)
        bindings = ber.read_bindings(wire, start, stop)
        return Raw(_KINDS.get(tag, "other"), request_id, second, third, bindings, len(wire))
    except IndexError:
        raise Garbage("cut off") from None


def read(raw: Raw) -> Pdu:
    """Return a PDU with its OIDs as text; raises Garbage."""
    bindings = tuple((ber.oid_text(oid), plain(value)) for oid, value in raw.bindings)
    if raw.kind == "bulk":
        return Pdu(raw.kind, raw.request_id, bindings, max_repetitions=raw.third)
    return Pdu(raw.kind, raw.request_id, bindings, error_status=raw.second, error_index=raw.third)


def plain(value: ber.RawValue) -> Value | None:
    """Return a value, None for all the ways of having none."""
    return None if isinstance(value, Missing) else value


def encode_community(version: str, community: str | bytes, pdu: bytes) -> bytes:
    """Return a v1 or v2c message (RFC 1157, RFC 3416)."""
    name = community if isinstance(community, bytes) else community.encode()
    return ber.wrap(ber.SEQUENCE, _VERSIONS[version] + ber.wrap(ber.OCTETS, name) + pdu)


def decode_community(wire: bytes) -> tuple[str, bytes, Raw]:
    """Return version, community and PDU of a v1 or v2c message; raises Garbage."""
    try:
        _tag, at, _stop = ber.head(wire, 0, ber.SEQUENCE)
        number, at = ber.read_integer(wire, at)
        if number not in _VERSION_WORDS:
            raise Garbage(f"version {number}")
        community, at = ber.read_octets(wire, at)
    except IndexError:
        raise Garbage("cut off") from None
    return _VERSION_WORDS[number], community, decode(wire, at)


def version_number(wire: bytes) -> int:
    """Return the version field of a message (0, 1 or 3) without decoding the rest; raises Garbage."""
    try:
        _tag, at, _stop = ber.head(wire, 0, ber.SEQUENCE)
        return ber.read_integer(wire, at)[0]
    except IndexError:
        raise Garbage("cut off") from None


def status_name(number: int) -> str:
    """Return the RFC's name of an error status."""
    return STATUS_NAMES[number] if 0 <= number < len(STATUS_NAMES) else f"error {number}"
