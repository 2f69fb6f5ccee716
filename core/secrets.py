"""Encryption at rest with key rotation: Fernet (AES-128-CBC, HMAC-SHA256), newest key first."""

from collections.abc import Sequence
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core import errors


class Cipher(Protocol):
    """Seals and opens short texts."""

    def seal(self, text: str) -> str:
        """Encrypt."""

    def open(self, sealed: str) -> str:
        """Decrypt."""


class Ring:
    """A ring of keys: the first seals, all of them open."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise errors.Invalid("No encryption key is set: secrets.keys in the settings file")
        self._fernet = MultiFernet([Fernet(key.encode()) for key in keys])

    def seal(self, text: str) -> str:
        """Encrypt; the same text gives another result each time."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt; raises Unavailable when no key of the ring fits."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise errors.Unavailable("A stored secret opens with none of the keys in secrets.keys") from error

    def rotate(self, sealed: str) -> str:
        """Seal again with the first key what any key of the ring opens."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken as error:
            raise errors.Unavailable("A stored secret opens with none of the keys in secrets.keys") from error


def new_key() -> str:
    """Return a fresh key for secrets.keys."""
    return Fernet.generate_key().decode()
