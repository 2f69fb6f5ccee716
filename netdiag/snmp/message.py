"""SNMP messages as bytes and back, with pysnmp's ASN.1 classes; numeric OIDs only, no MIB is loaded."""

import dataclasses
from typing import Any, Literal

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pysnmp.proto import rfc1902
from pysnmp.proto.api import v1, v2c
from pysnmp.proto.error import ProtocolError

from netdiag import errors

Value = int | bytes | str
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
TOO_BIG, NO_SUCH_NAME = 1, 2
DENIALS = frozenset({4, 6, 16, 17})

_CLASSES_V2: dict[Kind, Any] = {
    "get": v2c.GetRequestPDU,
    "next": v2c.GetNextRequestPDU,
    "bulk": v2c.GetBulkRequestPDU,
    "set": v2c.SetRequestPDU,
    "response": v2c.ResponsePDU,
    "report": v2c.ReportPDU,
}
_CLASSES_V1: dict[Kind, Any] = {
    "get": v1.GetRequestPDU,
    "next": v1.GetNextRequestPDU,
    "set": v1.SetRequestPDU,
    "response": v1.GetResponsePDU,
}
_KINDS: dict[Any, Kind] = {made.tagSet: kind for kind, made in _CLASSES_V2.items()}
_MISSING = {v2c.NoSuchObject.tagSet, v2c.NoSuchInstance.tagSet, v2c.EndOfMibView.tagSet, univ.Null.tagSet}
_IP_TAG = rfc1902.IpAddress.tagSet
_OID_TAG = univ.ObjectIdentifier.tagSet
_BYTES_TAGS = {univ.OctetString.tagSet, rfc1902.Opaque.tagSet, rfc1902.Bits.tagSet}


class Garbage(Exception):
    """These bytes are no SNMP message, or not one meant for us."""


@dataclasses.dataclass(frozen=True, slots=True)
class Pdu:
    """One protocol unit; a binding's value is None where the agent has nothing (and in requests)."""

    kind: Kind
    request_id: int
    bindings: tuple[tuple[str, Value | None], ...] = ()
    error_status: int = 0
    error_index: int = 0
    max_repetitions: int = 0


def check_oid(oid: str) -> str:
    """Return the OID without a leading dot; raises BadAddress if it is not numeric."""
    plain = oid.strip().lstrip(".")
    parts = plain.split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise errors.BadAddress(f"{oid!r} is not a numeric OID")
    return plain


def oid_tuple(oid: str) -> tuple[int, ...]:
    """Return the numbers of a dotted OID."""
    return tuple(int(part) for part in oid.split("."))


def oid_text(oid: Any) -> str:
    """Return pyasn1's OID as dotted numbers."""
    return ".".join(str(part) for part in oid.asTuple())


def plain(value: Any) -> Value | None:
    """Turn pysnmp's value into int, bytes, or text for OIDs and IP addresses; None for nothing."""
    tag = value.tagSet
    if tag in _MISSING:
        return None
    if tag == _IP_TAG:
        return ".".join(str(part) for part in value.asNumbers())
    if tag == _OID_TAG:
        return oid_text(value)
    if tag in _BYTES_TAGS:
        return bytes(value.asOctets())
    return int(value)


def typed(value: Any) -> Any:
    """Turn int into Integer32, text and bytes into OctetString, None into Null; leave pysnmp's values."""
    if value is None:
        return univ.Null("")
    if isinstance(value, int):
        return rfc1902.Integer32(value)
    if isinstance(value, str):
        return rfc1902.OctetString(value.encode())
    if isinstance(value, bytes):
        return rfc1902.OctetString(value)
    return value


def build(pdu: Pdu, version: str) -> Any:
    """Return pysnmp's PDU object for a request."""
    return build_raw(pdu, version, [(oid_tuple(oid), typed(value)) for oid, value in pdu.bindings])


def build_raw(pdu: Pdu, version: str, bindings: list[tuple[Any, Any]]) -> Any:
    """Return pysnmp's PDU object with these typed bindings; an agent needs the types."""
    api: Any = v2c.apiBulkPDU if pdu.kind == "bulk" else v1.apiPDU if version == "1" else v2c.apiPDU
    made = (_CLASSES_V1 if version == "1" else _CLASSES_V2)[pdu.kind]()
    api.set_defaults(made)
    api.set_request_id(made, pdu.request_id)
    if pdu.kind == "bulk":
        api.set_non_repeaters(made, 0)
        api.set_max_repetitions(made, pdu.max_repetitions)
    else:
        made.setComponentByPosition(1, pdu.error_status)
        made.setComponentByPosition(2, pdu.error_index)
    api.set_varbinds(made, bindings)
    return made


def read(made: Any) -> Pdu:
    """Return our view of pysnmp's PDU object; raises Garbage."""
    kind = _KINDS.get(made.tagSet, "other")
    try:
        request_id, second, third = int(made[0]), int(made[1]), int(made[2])
        bindings = tuple((oid_text(oid), plain(value)) for oid, value in v2c.apiPDU.get_varbinds(made))
    except (PyAsn1Error, ProtocolError, TypeError, IndexError) as fault:
        raise Garbage(str(fault)) from fault
    if kind == "bulk":
        return Pdu(kind, request_id, bindings, max_repetitions=third)
    return Pdu(kind, request_id, bindings, error_status=second, error_index=third)


def encode_community(version: str, community: str, made: Any) -> bytes:
    """Return a v1 or v2c message (RFC 1157, RFC 3416)."""
    module = v1 if version == "1" else v2c
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community.encode())
    module.apiMessage.set_pdu(message, made)
    return bytes(encoder.encode(message))


def decode_community(wire: bytes) -> tuple[str, bytes, Pdu]:
    """Return version, community and PDU of a v1 or v2c message; raises Garbage."""
    number = version_number(wire)
    if number not in {0, 1}:
        raise Garbage(f"version {number}")
    module = v1 if number == 0 else v2c
    try:
        message, _rest = decoder.decode(wire, asn1Spec=module.Message())
        community = bytes(module.apiMessage.get_community(message).asOctets())
        made = module.apiMessage.get_pdu(message)
    except (PyAsn1Error, ProtocolError) as fault:
        raise Garbage(str(fault)) from fault
    return ("1" if number == 0 else "2c"), community, read(made)


def version_number(wire: bytes) -> int:
    """Return the version field of a message (0, 1 or 3) without decoding the rest; raises Garbage."""
    if len(wire) < 8 or wire[0] != 0x30:
        raise Garbage("not a message")
    skip = 2 + (wire[1] & 0x7F if wire[1] & 0x80 else 0)
    if wire[skip : skip + 2] != b"\x02\x01" or len(wire) < skip + 3:
        raise Garbage("no version")
    return wire[skip + 2]


def status_name(number: int) -> str:
    """Return the RFC's name of an error status."""
    return STATUS_NAMES[number] if 0 <= number < len(STATUS_NAMES) else f"error {number}"
