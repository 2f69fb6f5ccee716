"""`linecard worker --pop NAME`: the worker on the box of a POP, and joining with a ticket before that."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, cast

import redis
from pydantic import SecretStr

from core import box as box_files
from core import errors, logs, sealing
from core.box import BoxFile, Ticket
from linecard.errors import StartError
from tasks import box, calls
from tasks.calls import Names

_JOIN_WAIT_S = 60.0
_KNOWN_S = 8.0
_ASK_S = 0.5


def run(pop: str, path: Path, ticket: str | None, *, is_once: bool = False) -> int:
    """Join when there is a ticket, then work until SIGTERM. Raises StartError, SettingsError.

    `is_once`: join and end, for an installation.
    """
    if ticket is not None:
        join(box_files.read_ticket(sys.stdin.readline() if ticket == "-" else ticket), pop, path)
        if is_once:
            return 0
    known = box_files.load(path)
    if known.pop != pop:
        raise StartError(f"{path} is of the POP {known.pop}, not of {pop}.")
    logs.set_up("info", is_json=False)
    made = box.Box(known, _client(known.address, known.number, pop, known.password, known.authority))
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: made.stop())
    made.run()
    return 0


def join(ticket: Ticket, pop: str, path: Path) -> None:
    """Make a key pair, prove the ticket, and write the box's file; raises StartError."""
    if ticket.pop != pop:
        raise StartError(f"This ticket is of the POP {ticket.pop}, not of {pop}.")
    own = sealing.new_key()
    secret, names = ticket.secret.get_secret_value(), Names(pop)
    letter = sealing.seal(
        json.dumps({"secret": secret}).encode(),
        to=ticket.core_key,
        by=own,
        about=box_files.about_join(pop),
    )
    asked = json.dumps({"public": sealing.public_of(own), "letter": letter})
    first = SecretStr(box_files.password_of(secret))
    client = _client(ticket.address, ticket.number, pop, first, ticket.authority)
    _knock(client, names, asked, ticket)
    try:
        password = _welcomed(client, names, own, ticket)
    except (redis.RedisError, OSError) as error:
        raise StartError(f"{ticket.address} is not to be reached: {error}") from error
    made = BoxFile(
        pop=pop,
        address=ticket.address,
        number=ticket.number,
        password=SecretStr(password),
        private_key=SecretStr(own),
        core_key=ticket.core_key,
        authority=ticket.authority,
    )
    box_files.write(path, made)
    print(f"{path} is written. The key of this box is {sealing.fingerprint(sealing.public_of(own))}.")


def _knock(client: "redis.Redis", names: Names, asked: str, ticket: Ticket) -> None:
    """Ask to be let in; a fresh ticket may be known a moment later, and the line up a minute later."""
    began = time.monotonic()
    while True:
        try:
            client.set(names.of("join"), asked, ex=calls.JOIN_S)
        except (redis.RedisError, OSError) as error:
            is_refused = isinstance(error, redis.AuthenticationError)
            if time.monotonic() - began < (_KNOWN_S if is_refused else _JOIN_WAIT_S):
                time.sleep(_ASK_S)
                continue
            if is_refused:
                words = "The core does not know this ticket: it was used, or its time is over."
                raise StartError(words) from error
            raise StartError(f"{ticket.address} is not to be reached: {error}") from error
        return


def _welcomed(client: "redis.Redis", names: Names, own: str, ticket: Ticket) -> str:
    """Return the password of the welcome; raises StartError when none comes."""
    until = time.monotonic() + _JOIN_WAIT_S
    while time.monotonic() < until:
        time.sleep(_ASK_S)
        letter = cast("Any", client.get(names.of("welcome")))
        if letter is None:
            continue
        try:
            told = json.loads(
                sealing.unseal(letter, of=ticket.core_key, by=own, about=box_files.about_welcome(ticket.pop))
            )
        except errors.Invalid:
            continue  # an earlier box's
        return str(told["password"])
    raise StartError("The core did not answer: its work worker lets boxes in, and logs why it does not.")


def _client(address: str, number: int, pop: str, password: SecretStr, authority: str) -> "redis.Redis":
    return box.connect(address, number, Names(pop).user, password.get_secret_value(), authority)
