"""Looking after the boxes of POPs: whom the broker lets in, who joins, who was heard, what waits for whom.

Run every few seconds and after each change; run twice it changes nothing. The rows say what is wanted: a
broker that lost its users gets them again.
"""

import json
from typing import Annotated, Any, cast

import redis
import structlog
from pydantic import BaseModel, Field

from core import clock, errors, sealing
from core.errors import LinecardError
from registry import diagnostics, gate_turns, pop_boxes, upkeep
from registry.pop_boxes import Entry, Keys
from tasks import calls
from tasks.calls import Names
from tasks.runtime import Runtime

log = structlog.get_logger()

# What a box needs of the broker and not a word more; its keys alone (the pattern), no channel, no script.
COMMANDS = ("-@all", "+ping", "+select", "+blpop", "+get", "+getdel", "+set", "+exists", "+xadd", "+expire")
_MOST_LETTER = 64 * 1024


_CLEAN = r"^[^\x00]*$"
_Word = Annotated[str, Field(max_length=255, pattern=_CLEAN)]
_Words = Annotated[list[_Word], Field(max_length=24)]


class _Segment(BaseModel):
    name: _Word
    addresses: _Words


class _Ping(BaseModel):
    is_allowed: bool = False
    method: _Word = ""
    advice: Annotated[str, Field(max_length=1000, pattern=_CLEAN)] = ""


class _Told(BaseModel):
    """What a box may say of itself (tasks.box_facts makes it)."""

    is_leaving: bool = False
    mark: _Word = ""
    round: _Word | None = None
    host: _Word = ""
    pid: int = Field(default=0, ge=0, lt=1 << 32)
    user: int = Field(default=0, ge=0, lt=1 << 32)
    version: _Word = ""
    ping: _Ping = _Ping()
    capabilities: _Words = []
    tools: _Words = []
    segments: Annotated[list[_Segment], Field(max_length=24)] = []
    round_trip_ms: float = Field(default=0, ge=0, allow_inf_nan=False)


def tend(runtime: Runtime) -> None:
    """Do all of it once; raises Unavailable when database or broker do not answer.

    What is wrong with one box holds up no other.
    """
    now = clock.now()
    with runtime.database.reading() as session:
        wanted = pop_boxes.entries(session, now)
        working = pop_boxes.working(session)
    try:
        if not wanted and not runtime.redis.exists(_SEEN):
            return
        allow(runtime.redis, wanted)
        for entry in wanted:
            if entry.hashes:
                _let_in(runtime, entry.pop)
        for pop in sorted(working | {entry.pop for entry in wanted if entry.hashes}):
            _try_to_hear(runtime, pop)
    except redis.RedisError as error:
        raise errors.Unavailable(f"The broker does not do as told: {error}") from error


# Set while the broker has users of ours: most installations have no box, and need not be looked at.
_SEEN = "pops:seen"


def _command(client: Any, *words: str) -> None:
    client.execute_command(*words)


def allow(client: "redis.Redis", wanted: list[Entry]) -> None:
    """Have the broker let in exactly the boxes named, each to the keys of its own POP."""
    there = {name for name in map(_text, cast("Any", client.acl_users())) if name.startswith("pop.")}
    for entry in wanted:
        names = Names(entry.pop)
        if not entry.hashes:
            continue
        known = _passwords(client, names.user) if names.user in there else set()
        if known == entry.hashes:
            continue
        words = [f"#{one}" for one in sorted(entry.hashes)]
        _command(
            client,
            "ACL",
            "SETUSER",
            names.user,
            "reset",
            "on",
            *words,
            f"~{names.prefix}*",
            "resetchannels",
            *COMMANDS,
        )
        client.set(_SEEN, "1")
        if known - entry.hashes:
            # Who came in by a password that is no longer good has to show the new one.
            _command(client, "CLIENT", "KILL", "USER", names.user)
    for name in sorted(there - {Names(entry.pop).user for entry in wanted if entry.hashes}):
        _command(client, "ACL", "DELUSER", name)
        log.info("box_shut_out", user=name)


def _passwords(client: "redis.Redis", user: str) -> set[str]:
    found = cast("Any", client.acl_getuser(user)) or {}
    return {_text(one).lstrip("#") for one in found.get("passwords", ())}


def _let_in(runtime: Runtime, pop: str) -> None:
    client, names = runtime.redis, Names(pop)
    asked = cast("Any", client.getdel(names.of("join")))
    if asked is None:
        return
    try:
        told = json.loads(_text(asked)[:_MOST_LETTER])
        public, letter = str(told["public"]), str(told["letter"])
        with runtime.database.transaction() as session:
            welcome = pop_boxes.let_in(session, runtime.ring, pop, public, letter, now=clock.now())
            wanted = pop_boxes.entries(session, clock.now())
    except (LinecardError, ValueError, KeyError, TypeError) as error:
        log.warning("box_not_let_in", pop=pop, error=str(error))
        return
    allow(client, wanted)
    client.set(names.of("welcome"), welcome, ex=calls.JOIN_S)
    log.info("box_let_in", pop=pop, key=sealing.fingerprint(public))


def _try_to_hear(runtime: Runtime, pop: str) -> None:
    """Hear one box; what is wrong with it, such as a key nobody can open, makes no other one look dead."""
    try:
        _hear(runtime, pop)
    except (LinecardError, ValueError, KeyError, TypeError):
        log.warning("box_not_heard", pop=pop, exc_info=True)


def _hear(runtime: Runtime, pop: str) -> None:
    with runtime.database.reading() as session:
        keys = pop_boxes.keys_of(session, runtime.ring, pop)
    if keys is None:
        return
    rounds = calls.rounds(keys.own, pop, clock.now().timestamp())
    runtime.redis.set(Names(pop).of("round"), rounds[0], ex=calls.JOIN_S)
    facts = _facts(runtime.redis, keys, rounds)
    if facts is None:
        return
    name = f"probe.{pop}"
    with runtime.database.transaction() as session:
        if facts.get("is_leaving"):
            upkeep.stop_beating(session, name)
            return
        is_new = pop_boxes.note_heard(session, pop, clock.now())
        last = upkeep.find_beat(session, name)
        if last is None or clock.now() - last.at > diagnostics.WORKER_ALIVE:
            gate_turns.expect(session, pop, clock.now())
        upkeep.beat(session, name, {**facts, "is_box": True})
        wanted = pop_boxes.entries(session, clock.now())
    if is_new:
        allow(runtime.redis, wanted)  # the password of the invitation is no longer good


def understand(told: bytes) -> dict[str, Any]:
    """Return what a box says of itself, without what is not known; raises ValueError for anything else.

    All of it is kept and shown: no page must fall over it, nor those who look after the next box.
    """
    return _Told.model_validate_json(told).model_dump(exclude_unset=True)


def _facts(client: "redis.Redis", keys: Keys, rounds: list[str]) -> dict[str, Any] | None:
    """Return the last sign of life of a box with what waits for it; None without one to be believed."""
    names = Names(keys.pop)
    letter = cast("Any", client.get(names.of("beat")))
    if letter is None or len(letter) > _MOST_LETTER:
        return None
    try:
        told = sealing.unseal(_text(letter), of=keys.public, by=keys.own, about=calls.about_beat(keys.pop))
        facts = understand(told)
    except (errors.Invalid, ValueError) as error:
        log.warning("beat_not_believed", pop=keys.pop, error=str(error))
        return None
    # One that answers an older round was kept by somebody; the first one of a box may answer none yet.
    if facts.pop("round", None) not in rounds or not facts.pop("mark", ""):
        log.info("beat_not_fresh", pop=keys.pop)
        return None
    waiting = {kind: int(cast("Any", client.llen(names.queue(kind)))) for kind in ("probe", "gate")}
    return {**facts, "waiting": waiting}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
