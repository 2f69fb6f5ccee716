"""SNMPv3 messages under the user-based security model (RFC 3412, 3414): sealed, opened, verified."""

import dataclasses
import functools
import hmac

from netdiag.snmp import ber, keys, message
from netdiag.snmp.ber import Garbage
from netdiag.snmp.keys import Undecipherable
from netdiag.snmp.message import Raw

__all__ = ["Garbage", "Header", "Letter", "Undecipherable", "User", "WrongDigest", "peek", "seal", "unseal"]

REPORTABLE, AUTH, PRIV = 4, 1, 2

# usmStats of SNMP-USER-BASED-SM-MIB: what an agent reports instead of an answer.
STATS = "1.3.6.1.6.3.15.1.1."
UNSUPPORTED_LEVEL, NOT_IN_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, CANNOT_DECRYPT = range(1, 7)

_VERSION_3 = b"\x02\x01\x03"
_USER_MODEL = b"\x02\x01\x03"
_LARGEST = ber.integer(message.OCTETS_LIMIT)


class WrongDigest(Exception):
    """The message was signed with another key."""


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """A user's protocols and passphrases."""

    name: str
    auth_protocol: str | None = None
    auth_key: str = dataclasses.field(default="", repr=False)
    priv_protocol: str | None = None
    priv_key: str = dataclasses.field(default="", repr=False)

    @property
    def flags(self) -> int:
        """Return the security level as message flags."""
        return (AUTH if self.auth_protocol else 0) | (PRIV if self.priv_protocol else 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a v3 message says beside its PDU."""

    message_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: str
    context_engine_id: bytes = b""
    context: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """A received v3 message, its seal not yet checked; digest and body are where in `wire` they stand."""

    header: Header
    wire: bytes
    digest: slice
    salt: bytes
    body: int


@functools.lru_cache(maxsize=4096)
def _octets(content: bytes) -> bytes:
    return ber.wrap(ber.OCTETS, content)


def seal(header: Header, pdu: bytes, user: User | None) -> bytes:
    """Return the v3 message of a PDU; encrypted and signed as `header.flags` say, with the user's keys."""
    engine_id = header.engine_id
    context = _octets(header.context_engine_id or engine_id) + _octets(header.context.encode())
    body = ber.wrap(ber.SEQUENCE, context + pdu)
    digest, salt = b"", b""
    if user and header.flags & PRIV:
        key = keys.priv_key(str(user.priv_protocol), str(user.auth_protocol), user.priv_key, engine_id)
        body, salt = keys.encrypt(str(user.priv_protocol), key, (header.boots, header.time), body)
        body = ber.wrap(ber.OCTETS, body)
    if user and header.flags & AUTH:
        digest = bytes(keys.AUTHS[str(user.auth_protocol)].digest_length)
    before = _octets(engine_id) + ber.integer(header.boots) + ber.integer(header.time)
    before += _octets(header.user.encode())
    behind = ber.wrap(ber.OCTETS, salt)
    security = ber.wrap(ber.SEQUENCE, before + ber.wrap(ber.OCTETS, digest) + behind)
    top = ber.wrap(
        ber.SEQUENCE,
        ber.integer(header.message_id)
        + _LARGEST
        + ber.wrap(ber.OCTETS, bytes((header.flags,)))
        + _USER_MODEL,
    )
    wire = ber.wrap(ber.SEQUENCE, _VERSION_3 + top + ber.wrap(ber.OCTETS, security) + body)
    if not digest or not user:
        return wire
    start = len(wire) - len(body) - len(behind) - len(digest)
    return wire[:start] + _sign(wire, engine_id, user) + wire[start + len(digest) :]


def _sign(wire: bytes, engine_id: bytes, user: User) -> bytes:
    protocol = str(user.auth_protocol)
    return keys.sign(protocol, keys.auth_key(protocol, user.auth_key, engine_id), wire)


def peek(wire: bytes) -> Letter:
    """Read the outside of a v3 message; raises Garbage."""
    try:
        _tag, at, _stop = ber.head(wire, 0, ber.SEQUENCE)
        version, at = ber.read_integer(wire, at)
        if version != 3:
            raise Garbage("not version 3")
        _tag, start, at = ber.head(wire, at, ber.SEQUENCE)
        message_id, start = ber.read_integer(wire, start)
        _largest, start = ber.read_integer(wire, start)
        flags, start = ber.read_octets(wire, start)
        _tag, inner, body = ber.head(wire, at, ber.OCTETS)
        _tag, at, _stop = ber.head(wire, inner, ber.SEQUENCE)
        engine_id, at = ber.read_octets(wire, at)
        boots, at = ber.read_integer(wire, at)
        clock, at = ber.read_integer(wire, at)
        name, at = ber.read_octets(wire, at)
        _tag, start, stop = ber.head(wire, at, ber.OCTETS)
        salt, at = ber.read_octets(wire, stop)
    except IndexError:
        raise Garbage("cut off") from None
    if len(flags) != 1 or at > body:
        raise Garbage("no security parameters")
    header = Header(message_id, flags[0], engine_id, boots, clock, name.decode(errors="replace"))
    return Letter(header, wire, slice(start, stop), salt, body)


def unseal(letter: Letter, user: User | None) -> Raw:
    """Check signature, decrypt, and return the PDU; raises WrongDigest, Undecipherable, Garbage."""
    plain = opened(letter, user)
    if not letter.header.flags & PRIV:
        return _scoped(plain)
    try:
        return _scoped(plain)
    except Garbage as fault:
        raise Undecipherable(str(fault)) from fault


def opened(letter: Letter, user: User | None) -> bytes:
    """Check signature, decrypt, and return the scoped PDU; raises WrongDigest, Undecipherable, Garbage."""
    header = letter.header
    if header.flags & AUTH:
        if user is None or not user.auth_protocol:
            raise WrongDigest("signed, but no key is known here")
        _verify(letter, user)
    if not header.flags & PRIV:
        return letter.wire[letter.body :]
    if user is None or not user.priv_protocol:
        raise Undecipherable("encrypted, but no key is known here")
    key = keys.priv_key(user.priv_protocol, str(user.auth_protocol), user.priv_key, header.engine_id)
    try:
        body, _at = ber.read_octets(letter.wire, letter.body)
    except IndexError:
        raise Garbage("cut off") from None
    return keys.decrypt(user.priv_protocol, key, (header.boots, header.time), letter.salt, body)


def _scoped(data: bytes) -> Raw:
    return message.decode(data, _context(data)[1])


def context_of(letter: Letter, user: User | None) -> str:
    """Return the context a message asks in; raises WrongDigest, Undecipherable, Garbage."""
    return _context(opened(letter, user))[0].decode(errors="replace")


def _context(data: bytes) -> tuple[bytes, int]:
    """Return the context of a scoped PDU, and where the PDU begins."""
    try:
        _tag, at, _stop = ber.head(data, 0, ber.SEQUENCE)
        _engine_id, at = ber.read_octets(data, at)
        return ber.read_octets(data, at)
    except IndexError:
        raise Garbage("cut off") from None


def _verify(letter: Letter, user: User) -> None:
    start, stop = letter.digest.start, letter.digest.stop
    if stop - start != keys.AUTHS[str(user.auth_protocol)].digest_length:
        raise WrongDigest("digest of another length")
    blank = letter.wire[:start] + bytes(stop - start) + letter.wire[stop:]
    if not hmac.compare_digest(_sign(blank, letter.header.engine_id, user), letter.wire[letter.digest]):
        raise WrongDigest("digest does not fit")
