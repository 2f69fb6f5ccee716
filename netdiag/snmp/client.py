"""Ask an agent: get, walk, columns of a table, set; bounded, safe from many threads and after a fork.

A job is one thread, one UDP socket and a conversation; nothing is shared between threads or with a parent
process but what is remembered of agents: SNMPv3 engines and habits. Answers are taken from the agent's own
address and port only. An answer that has arrived is read even if the machine was too busy to look for longer
than the time-out, so a living agent is never called silent.
"""

import time
from collections.abc import Sequence

from netdiag.snmp import asking, habits, message, reading, tables
from netdiag.snmp.asking import Peer, Result, Talk
from netdiag.snmp.conversation import Conversation
from netdiag.snmp.loop import Loop, resolve
from netdiag.snmp.message import Value
from netdiag.snmp.reading import MOST_ROWS, Reading, Wanted
from netdiag.snmp.target import SnmpTarget

GET_DEADLINE_S = 10.0
WALK_DEADLINE_S = 20.0


def get(target: SnmpTarget, *oids: str, deadline_s: float = GET_DEADLINE_S) -> dict[str, Value | None]:
    """Read single values; None where the agent has no such object. Raises SnmpFailed, BadAddress."""
    wanted = [message.check_oid(oid) for oid in oids]
    peer = _peer(target)
    return _run(peer, asking.get(peer, wanted), deadline_s)


def walk(
    target: SnmpTarget, base: str, *, max_rows: int = MOST_ROWS, deadline_s: float = WALK_DEADLINE_S
) -> list[tuple[str, Value]]:
    """Read everything under `base`, at most `max_rows` values, in the agent's order of OIDs.

    Raises SnmpSilent when the agent falls silent or `deadline_s` is over: half a table is no table.
    """
    plain = message.check_oid(base)
    rows = columns(target, [plain], max_rows=max_rows, deadline_s=deadline_s)
    return [(f"{plain}.{index}", values[plain]) for index, values in rows.items()]


def columns(
    target: SnmpTarget,
    bases: Sequence[str],
    *,
    max_rows: int = MOST_ROWS,
    deadline_s: float = WALK_DEADLINE_S,
) -> dict[str, dict[str, Value]]:
    """Read columns of a table side by side: row index -> column -> value, whole or not at all.

    A column the agent does not have, or fails at from its start, is left out. Raises SnmpFailed, BadAddress.
    """
    plain = [message.check_oid(base) for base in bases]
    peer = _peer(target)
    return _run(peer, tables.columns(peer, plain, max_rows), deadline_s)


def read(target: SnmpTarget, wanted: Wanted, *, deadline_s: float = WALK_DEADLINE_S) -> Reading:
    """Read values and tables in one go; what is missing of them is in the reading's warnings.

    Raises SnmpFailed if the agent did not answer at all or fell silent for good, BadAddress.
    """
    peer, found = _peer(target), Reading()
    _run(peer, reading.read(peer, wanted, found), deadline_s)
    return found


def set_integer(
    target: SnmpTarget, oid: str, value: int, *, deadline_s: float = GET_DEADLINE_S
) -> int | None:
    """Set an INTEGER object and return what the agent acknowledged; raises SnmpFailed, BadAddress."""
    plain = message.check_oid(oid)
    peer = _peer(target)
    return _run(peer, asking.set_integer(peer, plain, value), deadline_s)


def _peer(target: SnmpTarget) -> Peer:
    return Peer(target, habits.of(target.host, target.port))


def _run(peer: Peer, talk: Talk[Result], deadline_s: float) -> Result:
    """Hold a conversation to its end; raises its error."""
    family, address = resolve(peer.target)
    conversation = Conversation(peer.target, talk, time.monotonic() + deadline_s)
    with Loop() as loop:
        loop.add(conversation, family, address)
        while not conversation.is_over:
            loop.step()
    if conversation.error is not None:
        raise conversation.error
    return conversation.result  # type: ignore[return-value]
