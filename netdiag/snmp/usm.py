"""SNMPv3's user security (RFC 3414, 3826, 7860): seal and open messages with pysnmp's ciphers."""

import dataclasses
import functools
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pysnmp.proto.error import ProtocolError, StatusInformation
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414 import localkey, service

from netdiag.snmp import message
from netdiag.snmp.message import Garbage, Pdu

REPORTABLE, AUTH, PRIV = 4, 1, 2

# usmStats of SNMP-USER-BASED-SM-MIB: what an agent reports instead of an answer.
STATS = "1.3.6.1.6.3.15.1.1."
UNSUPPORTED_LEVEL, NOT_IN_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, CANNOT_DECRYPT = range(1, 7)


@dataclasses.dataclass(frozen=True, slots=True)
class _Auth:
    oid: tuple[int, ...]
    hash: Callable[..., Any]
    digest_length: int


_AUTH_BASE = (1, 3, 6, 1, 6, 3, 10, 1, 1)
_AUTHS = {
    "MD5": _Auth((*_AUTH_BASE, 2), hashlib.md5, 12),
    "SHA": _Auth((*_AUTH_BASE, 3), hashlib.sha1, 12),
    "SHA224": _Auth((*_AUTH_BASE, 4), hashlib.sha224, 16),
    "SHA256": _Auth((*_AUTH_BASE, 5), hashlib.sha256, 24),
    "SHA384": _Auth((*_AUTH_BASE, 6), hashlib.sha384, 32),
    "SHA512": _Auth((*_AUTH_BASE, 7), hashlib.sha512, 48),
}
# The ciphers are taken from `service`: imported by themselves first, they import each other in a circle.
_CIPHERS: dict[str, tuple[Any, int]] = {
    "DES": (service.des.Des, 32),
    "3DES": (service.des3.Des3, 32),
    "AES": (service.aes.Aes, 64),
    "AES192": (service.aes192.AesBlumenthal192, 64),
    "AES256": (service.aes256.AesBlumenthal256, 64),
    "AES192C": (service.aes192.Aes192, 64),
    "AES256C": (service.aes256.Aes256, 64),
}


class WrongDigest(Exception):
    """The message was signed with another key."""


class Undecipherable(Exception):
    """The message was encrypted with another key."""


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


@dataclasses.dataclass(frozen=True, slots=True)
class Letter:
    """A received v3 message, its seal not yet checked."""

    header: Header
    wire: bytes
    security: bytes
    digest: bytes
    salt: bytes
    body: Any


@functools.lru_cache(maxsize=1024)
def _auth_key(protocol: str, passphrase: str, engine_id: bytes) -> bytes:
    """Derive the key for one engine (RFC 3414 A.2): a megabyte of hashing, hence the cache."""
    chosen = _AUTHS[protocol]
    master = localkey.hash_passphrase(passphrase.encode(), chosen.hash)
    return bytes(localkey.localize_key(master, univ.OctetString(engine_id), chosen.hash).asOctets())


@functools.lru_cache(maxsize=1024)
def _priv_key(protocol: str, auth_protocol: str, passphrase: str, engine_id: bytes) -> Any:
    cipher = _CIPHERS[protocol][0]()
    oid = _AUTHS[auth_protocol].oid
    master = cipher.hash_passphrase(oid, passphrase.encode())
    return cipher.localize_key(oid, master, univ.OctetString(engine_id))


def seal(header: Header, made: Any, user: User | None) -> bytes:
    """Return the v3 message of a PDU; encrypted and signed as `header.flags` say, with the user's keys."""
    scoped = ScopedPDU()
    scoped[0] = header.context_engine_id or header.engine_id
    scoped[1] = b""
    scoped.setComponentByPosition(2)
    scoped[2].setComponentByType(
        made.tagSet, made, verifyConstraints=False, matchTags=False, matchConstraints=False
    )
    letter = SNMPv3Message()
    letter[0] = 3
    top = letter.setComponentByPosition(1)[1]
    top[0], top[1], top[3] = header.message_id, message.OCTETS_LIMIT, 3
    top[2] = bytes([header.flags])
    letter.setComponentByPosition(3)
    salt = b""
    if header.flags & PRIV and user:
        body, salt = _encrypt(bytes(encoder.encode(scoped)), header, user)
        letter[3].setComponentByName("encryptedPDU", body)
    else:
        letter[3].setComponentByName("plaintext", scoped)
    digest_length = _AUTHS[str(user.auth_protocol)].digest_length if header.flags & AUTH and user else 0
    security = _security(header, bytes(digest_length), salt)
    letter[2] = security
    wire = bytes(encoder.encode(letter))
    if not digest_length or not user:
        return wire
    # The digest stands before the salt at the end of the security parameters; both have short lengths.
    start = wire.index(security) + len(security) - (2 + len(salt)) - digest_length
    return wire[:start] + _sign(wire, header.engine_id, user) + wire[start + digest_length :]


def _security(header: Header, digest: bytes, salt: bytes) -> bytes:
    made = service.UsmSecurityParameters()
    parts = (header.engine_id, header.boots, header.time, header.user.encode(), digest, salt)
    for position, part in enumerate(parts):
        made[position] = part
    return bytes(encoder.encode(made))


def _sign(wire: bytes, engine_id: bytes, user: User) -> bytes:
    protocol = str(user.auth_protocol)
    key = _auth_key(protocol, user.auth_key, engine_id)
    return hmac.new(key, wire, _AUTHS[protocol].hash).digest()[: _AUTHS[protocol].digest_length]


def _encrypt(plain: bytes, header: Header, user: User) -> tuple[Any, bytes]:
    made, bits = _CIPHERS[str(user.priv_protocol)]
    cipher = made()
    # pysnmp counts salts from the start of the process: forked workers would use one salt twice.
    cipher.local_int = secrets.randbits(bits)
    key = _priv_key(str(user.priv_protocol), str(user.auth_protocol), user.priv_key, header.engine_id)
    body, salt = cipher.encrypt_data(key, (header.boots, header.time, None), plain)
    return body, bytes(salt.asOctets())


def peek(wire: bytes) -> Letter:
    """Read the outside of a v3 message; raises Garbage."""
    if message.version_number(wire) != 3:
        raise Garbage("not version 3")
    try:
        letter, _rest = decoder.decode(wire, asn1Spec=SNMPv3Message())
        security = bytes(letter[2].asOctets())
        inner, _rest = decoder.decode(security, asn1Spec=service.UsmSecurityParameters())
        header = Header(
            message_id=int(letter[1][0]),
            flags=letter[1][2].asNumbers()[0],
            engine_id=bytes(inner[0].asOctets()),
            boots=int(inner[1]),
            time=int(inner[2]),
            user=bytes(inner[3].asOctets()).decode(errors="replace"),
        )
        return Letter(
            header, wire, security, bytes(inner[4].asOctets()), bytes(inner[5].asOctets()), letter[3]
        )
    except (PyAsn1Error, ProtocolError, IndexError) as fault:
        raise Garbage(str(fault)) from fault


def unseal(letter: Letter, user: User | None) -> Pdu:
    """Check signature, decrypt, and return the PDU; raises WrongDigest, Undecipherable, Garbage."""
    flags = letter.header.flags
    if flags & AUTH:
        if user is None or not user.auth_protocol:
            raise WrongDigest("signed, but no key is known here")
        _verify(letter, user)
    try:
        if not flags & PRIV:
            return message.read(letter.body.getComponentByName("plaintext")[2].getComponent())
    except PyAsn1Error as fault:
        raise Garbage(str(fault)) from fault
    if user is None or not user.priv_protocol:
        raise Undecipherable("encrypted, but no key is known here")
    return _decrypt(letter, user)


def _verify(letter: Letter, user: User) -> None:
    length = _AUTHS[str(user.auth_protocol)].digest_length
    if len(letter.digest) != length:
        raise WrongDigest("digest of another length")
    start = letter.wire.index(letter.security) + letter.security.index(letter.digest)
    blank = letter.wire[:start] + bytes(length) + letter.wire[start + length :]
    if not hmac.compare_digest(_sign(blank, letter.header.engine_id, user), letter.digest):
        raise WrongDigest("digest does not fit")


def _decrypt(letter: Letter, user: User) -> Pdu:
    header = letter.header
    key = _priv_key(str(user.priv_protocol), str(user.auth_protocol), user.priv_key, header.engine_id)
    try:
        body = letter.body.getComponentByName("encryptedPDU")
        seed = (header.boots, header.time, univ.OctetString(letter.salt))
        plain = _CIPHERS[str(user.priv_protocol)][0]().decrypt_data(key, seed, body)
        scoped, _rest = decoder.decode(plain, asn1Spec=ScopedPDU())
        return message.read(scoped[2].getComponent())
    except (PyAsn1Error, ProtocolError, StatusInformation, Garbage, ValueError) as fault:
        raise Undecipherable(str(fault)) from fault
