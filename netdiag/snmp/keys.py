"""SNMPv3's keys and ciphers: RFC 3414 (MD5, SHA, DES), 7860 (SHA-2), 3826 (AES), both key extensions.

Turning a passphrase into a key hashes a megabyte (RFC 3414 A.2), which costs more than reading a device:
that is done once for each passphrase; localizing the key for an engine is one hash more and is kept as well.
"""

import dataclasses
import functools
import hashlib
import hmac
import secrets

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_EXPANDED = 1_048_576
_KEPT = 32_768


class Undecipherable(Exception):
    """The message was encrypted with another key."""


@dataclasses.dataclass(frozen=True, slots=True)
class Auth:
    """An authentication protocol: its hash and how much of the digest is sent."""

    hash: str
    digest_length: int


@dataclasses.dataclass(frozen=True, slots=True)
class Priv:
    """A privacy protocol: key length with what seeds the IV, and how a short key is made longer."""

    is_aes: bool
    key_length: int
    is_rehashed: bool = False


AUTHS = {
    "MD5": Auth("md5", 12),
    "SHA": Auth("sha1", 12),
    "SHA224": Auth("sha224", 16),
    "SHA256": Auth("sha256", 24),
    "SHA384": Auth("sha384", 32),
    "SHA512": Auth("sha512", 48),
}
# AES192 and AES256 lengthen a key by hashing it (draft-blumenthal-aes-usm-04); AES192C, AES256C and 3DES by
# the whole way from passphrase to key once more (draft-reeder-snmpv3-usm-3desede-00), as Cisco does.
PRIVS = {
    "DES": Priv(False, 16),
    "3DES": Priv(False, 32, is_rehashed=True),
    "AES": Priv(True, 16),
    "AES192": Priv(True, 24),
    "AES256": Priv(True, 32),
    "AES192C": Priv(True, 24, is_rehashed=True),
    "AES256C": Priv(True, 32, is_rehashed=True),
}


def _expanded(hash_name: str, passphrase: bytes) -> bytes:
    """Return the key of a passphrase for no engine yet (RFC 3414 A.2)."""
    if not passphrase:
        raise Undecipherable("no passphrase")
    # Fed in large pieces: hashlib gives way to other threads meanwhile.
    piece = passphrase * (8192 // len(passphrase) + 1)
    whole, rest = divmod(_EXPANDED, len(piece))
    hashed = hashlib.new(hash_name, usedforsecurity=False)
    for _ in range(whole):
        hashed.update(piece)
    hashed.update(piece[:rest])
    return hashed.digest()


_master = functools.lru_cache(maxsize=1024)(_expanded)


def _localized(hash_name: str, master: bytes, engine_id: bytes) -> bytes:
    return hashlib.new(hash_name, master + engine_id + master, usedforsecurity=False).digest()


@functools.lru_cache(maxsize=_KEPT)
def auth_key(protocol: str, passphrase: str, engine_id: bytes) -> bytes:
    """Return the key that signs for one engine."""
    return _localized(AUTHS[protocol].hash, _master(AUTHS[protocol].hash, passphrase.encode()), engine_id)


@functools.lru_cache(maxsize=_KEPT)
def priv_key(protocol: str, auth_protocol: str, passphrase: str, engine_id: bytes) -> bytes:
    """Return the key that encrypts for one engine, as long as the protocol needs it."""
    chosen, hash_name = PRIVS[protocol], AUTHS[auth_protocol].hash
    key = _localized(hash_name, _master(hash_name, passphrase.encode()), engine_id)
    while len(key) < chosen.key_length:
        if chosen.is_rehashed:
            key += _localized(hash_name, _expanded(hash_name, key), engine_id)
        else:
            key += hashlib.new(hash_name, key, usedforsecurity=False).digest()
    return key[: chosen.key_length]


def sign(protocol: str, key: bytes, wire: bytes) -> bytes:
    """Return the digest of a message, cut to the protocol's length."""
    chosen = AUTHS[protocol]
    return hmac.digest(key, wire, chosen.hash)[: chosen.digest_length]


def encrypt(protocol: str, key: bytes, when: tuple[int, int], plain: bytes) -> tuple[bytes, bytes]:
    """Return cipher text and salt for the engine's (boots, time); salts are random: forks share none."""
    if PRIVS[protocol].is_aes:
        salt = secrets.token_bytes(8)
    else:
        salt = (when[0] & 0xFFFFFFFF).to_bytes(4, "big") + secrets.token_bytes(4)
        plain += bytes(-len(plain) % 8)
    encryptor = _cipher(protocol, key, when, salt).encryptor()
    return encryptor.update(plain) + encryptor.finalize(), salt


def decrypt(protocol: str, key: bytes, when: tuple[int, int], salt: bytes, body: bytes) -> bytes:
    """Return the plain text, with padding if there is any; raises Undecipherable."""
    if len(salt) != 8:
        raise Undecipherable("a salt of another length")
    if not PRIVS[protocol].is_aes and len(body) % 8:
        raise Undecipherable("not whole blocks")
    decryptor = _cipher(protocol, key, when, salt).decryptor()
    return decryptor.update(body) + decryptor.finalize()


def _cipher(protocol: str, key: bytes, when: tuple[int, int], salt: bytes) -> "Cipher[CFB] | Cipher[CBC]":
    if PRIVS[protocol].is_aes:
        seed = b"".join((number & 0xFFFFFFFF).to_bytes(4, "big") for number in when) + salt
        return Cipher(AES(key), CFB(seed))
    # DES is triple DES with one key three times.
    plain_key, mask = (key[:8] * 3, key[8:16]) if protocol == "DES" else (key[:24], key[24:32])
    return Cipher(TripleDES(plain_key), CBC(bytes(a ^ b for a, b in zip(mask, salt, strict=True))))
