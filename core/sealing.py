"""Letters between two holders of X25519 keys: only the addressee opens one, and knows who wrote it.

As the authenticated mode of RFC 9180 does it: an ephemeral key and the writer's own one are both agreed with
the reader's (X25519, RFC 7748), HKDF-SHA256 (RFC 5869) makes one key of it for this one letter, and
ChaCha20-Poly1305 (RFC 8439) seals. What a letter is about is bound into it: it opens as nothing else.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core import errors

_LENGTH = 32
# A key seals one letter only, so its nonce may be a constant.
_NONCE = bytes(12)
_DOMAIN = b"linecard letter 1\0"
_TOKEN = b"linecard token 1\0"


def new_key() -> str:
    """Return a fresh private key."""
    return _text(X25519PrivateKey.generate().private_bytes_raw())


def public_of(private: str) -> str:
    """Return the public key of a private one; raises Invalid for what is none."""
    return _text(_private(private).public_key().public_bytes_raw())


def is_public(text: str) -> bool:
    """Whether this is a public key somebody could seal to."""
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(_bytes(text)))
    except (errors.Invalid, ValueError):
        return False
    return True


def fingerprint(public: str) -> str:
    """Return a short name of a public key for people to compare: 16 hex digits of its SHA-256."""
    digits = hashlib.sha256(_bytes(public)).hexdigest()[:16]
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def seal(content: bytes, *, to: str, by: str, about: str) -> str:
    """Seal for the holder of the public key `to`, in the name of the private key `by`."""
    once, reader, writer = X25519PrivateKey.generate(), _public(to), _private(by)
    head = once.public_key().public_bytes_raw()
    agreed = once.exchange(reader) + writer.exchange(reader)
    key = _key(agreed, head, reader, writer.public_key(), about)
    return _text(head + ChaCha20Poly1305(key).encrypt(_NONCE, content, about.encode()))


def unseal(letter: str, *, of: str, by: str, about: str) -> bytes:
    """Open what the holder of the public key `of` sealed for the private key `by`.

    Raises Invalid when it is for somebody else, of somebody else, about something else, or was changed.
    """
    sealed = _bytes(letter)
    head, body = sealed[:_LENGTH], sealed[_LENGTH:]
    reader, writer = _private(by), _public(of)
    try:
        agreed = reader.exchange(X25519PublicKey.from_public_bytes(head)) + reader.exchange(writer)
        key = _key(agreed, head, reader.public_key(), writer, about)
        return ChaCha20Poly1305(key).decrypt(_NONCE, body, about.encode())
    except (InvalidTag, ValueError) as error:
        raise errors.Invalid("This letter is not for this key, or not of whom it should be") from error


def token(private: str, about: str) -> str:
    """Return what nobody but the holder of a private key can make of these words, always the same."""
    told = HKDF(SHA256(), _LENGTH, salt=None, info=_TOKEN + about.encode()).derive(_key_bytes(private))
    return _text(told)


def _key(agreed: bytes, head: bytes, reader: X25519PublicKey, writer: X25519PublicKey, about: str) -> bytes:
    who = head + reader.public_bytes_raw() + writer.public_bytes_raw()
    return HKDF(SHA256(), _LENGTH, salt=None, info=_DOMAIN + who + about.encode()).derive(agreed)


def _private(text: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(_key_bytes(text))


def _public(text: str) -> X25519PublicKey:
    return X25519PublicKey.from_public_bytes(_key_bytes(text))


def _key_bytes(text: str) -> bytes:
    found = _bytes(text)
    if len(found) != _LENGTH:
        raise errors.Invalid("This is not an X25519 key")
    return found


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode())
    except (binascii.Error, ValueError) as error:
        raise errors.Invalid("This is no sealed letter and no key") from error
