"""How one agent's messages are opened and closed: by community, or as an SNMPv3 user with time windows."""

import dataclasses
import time
from collections.abc import Container
from typing import Protocol

from netdiag import errors
from netdiag.snmp import ber, message, usm
from netdiag.snmp.message import Garbage, Pdu, Raw
from netdiag.snmp.target import SnmpTarget

_TIME_WINDOW_S = 150
_ENGINES_KEPT = 32_768
_DENIALS = {
    usm.UNSUPPORTED_LEVEL: "this user may not use this security level",
    usm.UNKNOWN_USER: "the agent knows no such user",
    usm.WRONG_DIGEST: "the authentication key or protocol is wrong",
    usm.CANNOT_DECRYPT: "the privacy key or protocol is wrong",
}


class Resync(Exception):
    """The agent told its engine id or clock: the request is to be sent again with them."""


class Security(Protocol):
    """Turns PDUs into an agent's messages and back."""

    @property
    def is_known(self) -> bool:
        """Return whether the agent has told who it is, where that matters."""
        ...

    def wrap(self, pdu: bytes, number: int) -> bytes:
        """Return the message of a request whose request id is `number`."""
        ...

    def unwrap(self, wire: bytes, open_numbers: Container[int]) -> Raw:
        """Return the PDU of a message; raises Garbage, Resync, SnmpDenied, SnmpBroken.

        A report counts only if it speaks of one of the open requests.
        """
        ...

    def hello(self, number: int) -> bytes | None:
        """Return a message that every living agent answers whatever the keys are; None if there is none."""
        ...


def choose(target: SnmpTarget) -> Security:
    """Return the security of a target's version."""
    return UserSecurity(target) if target.version == "3" else CommunitySecurity(target)


def number_of(wire: bytes) -> int:
    """Return the number by which a message names the request it answers; raises Garbage."""
    if message.version_number(wire) == 3:
        return usm.peek(wire).header.message_id
    return message.decode_community(wire)[2].request_id


class CommunitySecurity:
    """SNMP v1 and v2c: a community in clear text; an agent drops a wrong one without a word."""

    is_known = False

    def __init__(self, target: SnmpTarget) -> None:
        self._version = target.version
        self._community = target.community.encode()

    def wrap(self, pdu: bytes, number: int) -> bytes:
        """Return the message of a request."""
        return message.encode_community(self._version, self._community, pdu)

    def unwrap(self, wire: bytes, open_numbers: Container[int]) -> Raw:
        """Return the PDU of a message; raises Garbage."""
        version, _community, raw = message.decode_community(wire)
        if version != self._version:
            raise Garbage("another version")
        return raw

    def hello(self, number: int) -> bytes | None:
        """Return None: without the community nothing is answered."""
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class _Engine:
    """An agent's identity and clock, as learned at a moment of ours."""

    engine_id: bytes
    boots: int
    time: int
    learned_at: float

    def time_now(self) -> int:
        return self.time + int(time.monotonic() - self.learned_at)


# What is known of agents, shared by all threads; a stale entry costs one more round trip, never an answer.
# No lock: each step is one of the interpreter's own, and a lock held by a thread stays locked in a fork.
_ENGINES: dict[tuple[str, int], _Engine] = {}


def _remember(key: tuple[str, int], header: usm.Header) -> None:
    if len(_ENGINES) >= _ENGINES_KEPT and key not in _ENGINES:
        _ENGINES.clear()
    _ENGINES[key] = _Engine(header.engine_id, header.boots, header.time, time.monotonic())


def forget_engines() -> None:
    """Forget every agent's identity and clock (tests of restarted agents)."""
    _ENGINES.clear()


class UserSecurity:
    """SNMPv3 with the user-based security model (RFC 3414): discovery, time window, reports in words."""

    def __init__(self, target: SnmpTarget) -> None:
        self._key = (target.host, target.port)
        self._user = usm.User(
            target.user, target.auth_protocol, target.auth_key, target.priv_protocol, target.priv_key
        )
        self._flags = self._user.flags
        self._context = target.context

    @property
    def is_known(self) -> bool:
        """Return whether the agent's engine has been discovered."""
        return self._key in _ENGINES

    def wrap(self, pdu: bytes, number: int) -> bytes:
        """Return the message of a request, or the discovery of an agent not known yet."""
        engine = _ENGINES.get(self._key)
        if engine is None:
            return self.hello(number)
        is_timed = bool(self._flags & usm.AUTH)
        header = usm.Header(
            message_id=number,
            flags=self._flags | usm.REPORTABLE,
            engine_id=engine.engine_id,
            boots=engine.boots if is_timed else 0,
            time=engine.time_now() if is_timed else 0,
            user=self._user.name,
            context=self._context,
        )
        return usm.seal(header, pdu, self._user)

    def hello(self, number: int) -> bytes:
        """Return the discovery of RFC 3414 section 4: who are you, and how late is it with you."""
        blank = usm.Header(number, usm.REPORTABLE, b"", 0, 0, "")
        return usm.seal(blank, message.build(Pdu("get", number)), None)

    def unwrap(self, wire: bytes, open_numbers: Container[int]) -> Raw:
        """Return the PDU of a message; raises Garbage, Resync, SnmpDenied, SnmpBroken."""
        letter = usm.peek(wire)
        if letter.header.message_id not in open_numbers:
            raise Garbage("an answer to no question of ours")
        try:
            raw = usm.unseal(letter, self._user)
        except (usm.WrongDigest, usm.Undecipherable) as fault:
            raise Garbage(str(fault)) from fault
        if raw.kind == "report":
            self._heed(raw, letter.header)
        if letter.header.flags & self._flags != self._flags:
            raise Garbage("answered below the security level of the request")
        self._check_time(letter.header)
        return raw

    def _heed(self, raw: Raw, header: usm.Header) -> None:
        """Act on a report; always raises."""
        oid = ber.oid_text(raw.bindings[0][0]) if raw.bindings else ""
        number = int(oid[len(usm.STATS) :].split(".")[0]) if oid.startswith(usm.STATS) else 0
        if number in {usm.UNKNOWN_ENGINE, usm.NOT_IN_WINDOW} and header.engine_id:
            _remember(self._key, header)
            raise Resync
        if number in _DENIALS:
            raise errors.SnmpDenied(f"SNMPv3 access denied: {_DENIALS[number]}")
        raise errors.SnmpBroken(f"SNMPv3 report {oid or 'without content'}")

    def _check_time(self, header: usm.Header) -> None:
        engine = _ENGINES.get(self._key)
        if engine is None or not header.flags & usm.AUTH:
            return
        if header.engine_id != engine.engine_id:
            raise Garbage("another engine")
        if header.boots == engine.boots and abs(header.time - engine.time_now()) <= _TIME_WINDOW_S:
            return
        if header.boots < engine.boots or (header.boots == engine.boots and header.time < engine.time_now()):
            raise Garbage("outside the time window")
        _remember(self._key, header)
