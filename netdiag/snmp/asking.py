"""What is asked of an agent, as generators that know no socket: they yield an Ask and get what was heard.

Who drives them (conversation.py) sends each Ask with an id of its own and comes back with the answer and the
Ask it belongs to, or with None when nobody answered in time. How often an agent is asked again, and whether
for less, is decided here.
"""

import dataclasses
from collections.abc import Generator, Iterable
from typing import TypeVar

from netdiag import errors
from netdiag.snmp import ber, message
from netdiag.snmp.habits import Habits
from netdiag.snmp.message import Kind, Raw, Value
from netdiag.snmp.target import SnmpTarget

OCTETS_MOST = 16 * 1024 * 1024


@dataclasses.dataclass(slots=True, eq=False)
class Ask:
    """One request: its kind, the OIDs, values for a SET, repetitions for a GETBULK."""

    kind: Kind
    oids: list[bytes]
    repetitions: int = 0
    value: Value | None = None

    def pdu(self, request_id: int) -> bytes:
        """Return the request as bytes under an id."""
        lines = [ber.binding(oid, self.value) for oid in self.oids]
        return message.encode(self.kind, request_id, 0, self.repetitions, lines)


Answer = tuple[Ask, Raw]
Result = TypeVar("Result")
Talk = Generator[Ask, Answer | None, Result]


class Unheard(Exception):
    """Nobody answered, as often as was asked."""


class OutOfTime(Unheard):
    """The time for the whole job is over."""


class Peer:
    """The other side of one job: whom we ask, how it takes it, and how much it has said."""

    def __init__(self, target: SnmpTarget, habits: Habits) -> None:
        self.target = target
        self.habits = habits
        self.has_answered = False
        self.octets = 0

    def heed(self, answer: Answer) -> Answer:
        """Count an answer; raises SnmpBroken if the agent says more than anybody can want."""
        self.has_answered = True
        self.octets += answer[1].octets
        if self.octets > OCTETS_MOST:
            raise errors.SnmpBroken(f"{self.target.host} does not stop talking: {self.octets} octets")
        return answer

    def fault(self, status: int) -> errors.SnmpFailed:
        """Return the error that an error status means."""
        name = message.status_name(status)
        if status in message.DENIALS:
            return errors.SnmpDenied(f"{self.target.host} denies access: {name}")
        return errors.SnmpBroken(f"{self.target.host} reports {name}")


def get(peer: Peer, oids: Iterable[str]) -> Talk[dict[str, Value | None]]:
    """Read single values, in parts if they are too many at once; None where the agent has nothing.

    What the agent fails at is left out as long as it answers anything at all. Raises Unheard, SnmpDenied,
    SnmpBroken.
    """
    names = {ber.oid_octets(oid): oid for oid in oids}
    found: dict[bytes, Value | None] = {}
    fault: errors.SnmpFailed | None = None
    while pending := [oid for oid in names if oid not in found]:
        asked, raw = yield from _question(peer, pending[: peer.habits.batch])
        if raw.second == 0:
            got = [(oid, message.plain(value)) for oid, value in raw.bindings if oid in names]
            if not got:
                raise errors.SnmpBroken(f"{peer.target.host} answered other objects than asked for")
            found.update(got)
            continue
        if raw.second in message.DENIALS:
            raise peer.fault(raw.second)
        guilty = asked.oids[raw.third - 1] if 1 <= raw.third <= len(asked.oids) else None
        if raw.second == message.TOO_BIG or guilty is None:
            guilty = asked.oids[0] if len(asked.oids) == 1 else None
        if guilty is None:
            peer.habits.batch = len(asked.oids) // 2
            continue
        found[guilty] = None
        if raw.second != message.NO_SUCH_NAME:
            fault = peer.fault(raw.second)
    if fault is not None and not any(value is not None for value in found.values()):
        raise fault
    return {name: found[oid] for oid, name in names.items()}


def _question(peer: Peer, oids: list[bytes]) -> Talk[Answer]:
    """Ask for these until answered; the last time for half of them only, if they are many."""
    for left in range(peer.target.retries, -1, -1):
        part = oids if left or len(oids) <= 8 or not peer.target.retries else oids[: len(oids) // 2]
        answer = yield Ask("get", part)
        if answer is not None:
            return peer.heed(answer)
    raise Unheard


def set_integer(peer: Peer, oid: str, value: int) -> Talk[int | None]:
    """Set an INTEGER and return what the agent acknowledged; raises Unheard, SnmpDenied, SnmpBroken."""
    for _ in range(peer.target.retries + 1):
        answer = yield Ask("set", [ber.oid_octets(oid)], value=value)
        if answer is None:
            continue
        _asked, raw = peer.heed(answer)
        host, name = peer.target.host, message.status_name(raw.second)
        # v1 has no other word for an object that may not be written.
        if raw.second in message.DENIALS or raw.second == message.NO_SUCH_NAME:
            raise errors.SnmpDenied(f"{host} does not allow setting {oid}: {name}")
        if raw.second:
            raise errors.SnmpBroken(f"{host} refused {value} for {oid}: {name}")
        acknowledged = raw.bindings[0][1] if raw.bindings else None
        return acknowledged if isinstance(acknowledged, int) else None
    raise Unheard
