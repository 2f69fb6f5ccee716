"""RADIUS packets (RFC 2865) as dynamic authorization (RFC 5176) needs them.

Message-Authenticator (RFC 2869 5.14, RFC 3579 3.2) stands in every request and must stand in every answer:
without it whoever can put packets on the wire could forge an answer through MD5 alone.
"""

import hashlib
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_HEAD = struct.Struct("!BBH16s")
_ZEROES = bytes(16)
_LONGEST = 4096

Attributes = Sequence[tuple[int, bytes]]


class Code(IntEnum):
    """The packet codes of RFC 5176 2.3."""

    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


class Kind(IntEnum):
    """The attribute types that are used here."""

    USER_NAME = 1
    NAS_IP_ADDRESS = 4
    FRAMED_IP_ADDRESS = 8
    FILTER_ID = 11
    ACCT_SESSION_ID = 44
    EVENT_TIMESTAMP = 55
    MESSAGE_AUTHENTICATOR = 80
    NAS_IPV6_ADDRESS = 95
    ERROR_CAUSE = 101


# RFC 5176 3.6: what a NAS says with a NAK, in words for staff.
SESSION_NOT_FOUND = 503
CAUSES = {
    201: "the residual session context was removed",
    202: "an invalid EAP packet was ignored",
    401: "it does not support an attribute of the request",
    402: "it misses an attribute in the request",
    403: "it is not the NAS the request names",
    404: "it finds the request invalid",
    405: "it does not support this service",
    406: "it does not support dynamic authorization of this kind",
    407: "an attribute of the request has a value it does not take",
    501: "its administrator has forbidden it",
    502: "a proxy between could not route the request",
    SESSION_NOT_FOUND: "it knows no such session",
    504: "the session cannot be removed",
    505: "a proxy between failed",
    506: "it lacks the resources",
    507: "it asks to be asked in another way",
    508: "it cannot choose several sessions at once",
}
# What passes by itself; the others need somebody to mend the settings here or there.
PASSING_CAUSES = frozenset({502, 505, 506})


class BadPacket(ValueError):
    """These octets are no packet we may believe; the message says why."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet whose form was checked."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: tuple[tuple[int, bytes], ...]

    def first(self, kind: int) -> bytes | None:
        """Return the value of the first attribute of this type, None where there is none."""
        return next((value for found, value in self.attributes if found == kind), None)

    def whole(self, kind: int) -> int | None:
        """Return the first attribute of this type as an integer of 32 bits."""
        value = self.first(kind)
        return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None


def read(octets: bytes) -> Packet:
    """Take octets apart; raises BadPacket where they are not a packet (RFC 2865 3)."""
    if len(octets) < _HEAD.size:
        raise BadPacket("it is too short")
    code, identifier, length, authenticator = _HEAD.unpack_from(octets)
    if not _HEAD.size <= length <= min(len(octets), _LONGEST):
        raise BadPacket("its length is wrong")
    attributes = []
    at = _HEAD.size
    while at < length:
        size = octets[at + 1] if at + 1 < length else 0
        if size < 2 or at + size > length:
            raise BadPacket("an attribute is cut off")
        attributes.append((octets[at], octets[at + 2 : at + size]))
        at += size
    return Packet(code, identifier, authenticator, tuple(attributes))


def request(code: Code, identifier: int, attributes: Attributes, secret: bytes) -> bytes:
    """Build a request with Message-Authenticator and Request Authenticator, in this order (RFC 5176 2.3)."""
    body = _signed(code, identifier, _ZEROES, attributes, secret)
    return _joined(code, identifier, _digest(code, identifier, _ZEROES, body, secret), body)


def answer(
    code: Code, asked: bytes, attributes: Attributes, secret: bytes, *, is_signed: bool = True
) -> bytes:
    """Build the answer to a request, as a NAS does; `is_signed` false leaves Message-Authenticator out."""
    _, identifier, _, authenticator = _HEAD.unpack_from(asked)
    body = _packed(attributes)
    if is_signed:
        body = _signed(code, identifier, authenticator, attributes, secret)
    return _joined(code, identifier, _digest(code, identifier, authenticator, body, secret), body)


def check_request(octets: bytes, secret: bytes) -> Packet:
    """Return a Disconnect- or CoA-Request that carries both proofs of the secret; raises BadPacket."""
    packet = read(octets)
    body = octets[_HEAD.size : _length(octets)]
    if not _same(_digest(packet.code, packet.identifier, _ZEROES, body, secret), packet.authenticator):
        raise BadPacket("its Request Authenticator is wrong: another secret, or forged")
    prove(octets, _ZEROES, secret)
    return packet


def check_answer(octets: bytes, asked: bytes, secret: bytes) -> Packet:
    """Return the answer to this very request that carries both proofs of the secret; raises BadPacket.

    Message-Authenticator is over the request's authenticator (RFC 5176 3.4), or over zeroes as in requests.
    """
    packet = read(octets)
    _, identifier, _, authenticator = _HEAD.unpack_from(asked)
    body = octets[_HEAD.size : _length(octets)]
    if packet.identifier != identifier:
        raise BadPacket("it answers another request")
    if not _same(_digest(packet.code, identifier, authenticator, body, secret), packet.authenticator):
        raise BadPacket("its Response Authenticator is wrong: another secret, or forged")
    try:
        prove(octets, authenticator, secret)
    except BadPacket:
        # FreeRADIUS 3 puts zeroes in the place of the request's authenticator, which the other proof holds.
        prove(octets, _ZEROES, secret)
    return packet


def prove(octets: bytes, authenticator: bytes, secret: bytes) -> None:
    """Raise BadPacket unless the Message-Authenticator is there and right.

    `authenticator` is what stood in the head when it was computed: the request's own for an answer
    (RFC 3579 3.2), zeroes for a Disconnect- or CoA-Request (RFC 5176 2.3).
    """
    packet = read(octets)
    found = packet.first(Kind.MESSAGE_AUTHENTICATOR)
    if found is None:
        raise BadPacket("it carries no Message-Authenticator")
    body = octets[_HEAD.size : _length(octets)]
    at = 0
    while body[at] != Kind.MESSAGE_AUTHENTICATOR:
        at += body[at + 1]
    blank = body[: at + 2] + _ZEROES + body[at + 2 + len(found) :]
    right = _signature(packet.code, packet.identifier, authenticator, blank, secret)
    if not _same(right, found):
        raise BadPacket("its Message-Authenticator is wrong")


def _signed(code: int, identifier: int, authenticator: bytes, attributes: Attributes, secret: bytes) -> bytes:
    """Pack the attributes behind a Message-Authenticator over the whole packet."""
    rest = _packed(attributes)
    blank = _packed([(Kind.MESSAGE_AUTHENTICATOR, _ZEROES)]) + rest
    signature = _signature(code, identifier, authenticator, blank, secret)
    return _packed([(Kind.MESSAGE_AUTHENTICATOR, signature)]) + rest


def _signature(code: int, identifier: int, authenticator: bytes, body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, _joined(code, identifier, authenticator, body), hashlib.md5).digest()


def _digest(code: int, identifier: int, authenticator: bytes, body: bytes, secret: bytes) -> bytes:
    whole = _joined(code, identifier, authenticator, body) + secret
    return hashlib.md5(whole, usedforsecurity=False).digest()


def _joined(code: int, identifier: int, authenticator: bytes, body: bytes) -> bytes:
    return _HEAD.pack(code, identifier, _HEAD.size + len(body), authenticator) + body


def _packed(attributes: Attributes) -> bytes:
    """Pack attributes; raises BadPacket for a value longer than one attribute holds."""
    parts = []
    for kind, value in attributes:
        if not 0 < len(value) <= 253:
            raise BadPacket(f"attribute {kind} cannot hold {len(value)} octets")
        parts.append(bytes((kind, len(value) + 2)) + value)
    return b"".join(parts)


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _length(octets: bytes) -> int:
    return int.from_bytes(octets[2:4], "big")
