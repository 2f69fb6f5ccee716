"""What a box of a POP knows: one file it writes when it joins, and the ticket it joins with.

The file holds the only secrets there are on the box: its private key and its password at the broker. No
database, no key of ours, no other POP.
"""

import base64
import binascii
import hashlib
import json
import os
import tomllib
import zlib
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pydantic
from pydantic import Field, SecretStr

from core import errors
from core.settings import Section, SettingsError

DEFAULT_PATH = Path("/etc/linecard/pop.toml")
_HEAD = """\
# The box of a POP (`linecard worker --pop`): made when it joined. It holds the box's private key: keep it
# to its user, never copy it to another machine. A lost or copied one is revoked under Setup, POPs.

"""


Place = str | tuple[str, int]


def password_of(secret: str) -> str:
    """Return the broker's password of an invitation: the secret cannot be had back from it."""
    return hashlib.sha256(f"broker {secret}".encode()).hexdigest()


def about_join(pop: str) -> str:
    """Return what the letter is about with which a box joins."""
    return f"join {pop}"


def about_welcome(pop: str) -> str:
    """Return what the answer to it is about."""
    return f"welcome {pop}"


def place_of(queue_url: str) -> tuple[Place, int]:
    """Return where the broker of a URL is, a socket's path or host and port, and its database's number.

    Raises Invalid for another kind of broker.
    """
    parts = urlsplit(queue_url)
    words = parse_qs(parts.query)
    if parts.scheme == "unix":
        return unquote(parts.path), int((words.get("db") or ["0"])[0])
    if parts.scheme in ("redis", "rediss") and parts.hostname:
        number = parts.path.strip("/") or (words.get("db") or ["0"])[0]
        return (parts.hostname, parts.port or 6379), int(number)
    raise errors.Invalid("Boxes of POPs need a broker at unix://, redis:// or rediss:// (data.queue_url)")


class BoxFile(Section):
    """All a box knows. `address` is host:port of the broker's TLS door, `number` its database there."""

    pop: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    address: str = Field(pattern=r"^.+:\d{1,5}$")
    number: int = Field(default=0, ge=0, le=1023)
    password: SecretStr
    private_key: SecretStr
    core_key: str
    authority: str = Field(min_length=1)
    threads: int = Field(default=32, ge=2, le=256)


class Ticket(Section):
    """What a new box is given to join with, once and within the hour; as one line of text."""

    pop: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    address: str = Field(pattern=r"^.+:\d{1,5}$")
    number: int = Field(default=0, ge=0, le=1023)
    secret: SecretStr
    core_key: str
    authority: str = Field(min_length=1)

    def text(self) -> str:
        """Write it down in one line."""
        told = {**self.model_dump(), "secret": self.secret.get_secret_value()}
        return base64.urlsafe_b64encode(zlib.compress(json.dumps(told).encode(), 9)).decode()


def read_ticket(text: str) -> Ticket:
    """Read a ticket; raises SettingsError when it is none."""
    try:
        return Ticket.model_validate_json(zlib.decompress(base64.urlsafe_b64decode(text.strip().encode())))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise SettingsError(
            "This is no ticket: copy the whole line that `linecard pop invite` gave"
        ) from error


def load(path: Path) -> BoxFile:
    """Read the box's file; raises SettingsError."""
    try:
        return BoxFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror}; a box that has not joined yet is started with --join TICKET"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    except pydantic.ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        words = "\n".join(f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)
        raise SettingsError(f"{path}: {len(faults)} fault(s)\n{words}") from error


def write(path: Path, box: BoxFile) -> None:
    """Write the box's file, to be read by its owner only; replaces it whole. Raises SettingsError."""
    values = {
        **box.model_dump(),
        "password": box.password.get_secret_value(),
        "private_key": box.private_key.get_secret_value(),
    }
    # A JSON string of ASCII is a TOML string.
    text = _HEAD + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
