"""Passwords: argon2id hashes (RFC 9106), checked with the same work for names nobody has."""

import functools

import argon2

from core import errors
from core.words import N_

MINIMUM_LENGTH = 8
LIMIT_LENGTH = 200

# The second recommended option of RFC 9106 section 4: 64 MiB, three passes, four lanes.
_hasher = argon2.PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)


def seal(password: str) -> str:
    """Return the argon2id hash of a password; raises Invalid at `password` when it is too short or long."""
    if len(password) < MINIMUM_LENGTH:
        raise errors.Invalid(
            "The password is too short",
            {"password": N_("Use at least %(count)s characters", count=MINIMUM_LENGTH)},
        )
    if len(password) > LIMIT_LENGTH:
        raise errors.Invalid(
            "The password is too long",
            {"password": N_("Use at most %(count)s characters", count=LIMIT_LENGTH)},
        )
    return _hasher.hash(password)


@functools.cache
def dummy() -> str:
    """Return a hash that fits no password, so that an unknown name costs what a known one does."""
    return _hasher.hash("\0nobody\0")


def fits(sealed: str, password: str) -> bool:
    """Say whether the password belongs to the hash; always does the hash's whole work."""
    try:
        return _hasher.verify(sealed, password[:LIMIT_LENGTH])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def is_outdated(sealed: str) -> bool:
    """Say whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(sealed)
