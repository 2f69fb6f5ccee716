"""What is read of a device in one go: single values, then tables; what is missing is said, not raised."""

import dataclasses

from netdiag import errors
from netdiag.snmp import asking, message
from netdiag.snmp.asking import OutOfTime, Peer, Talk, Unheard
from netdiag.snmp.message import Value
from netdiag.snmp.tables import Rows, Walk

MOST_ROWS = 10_000
_UPTIME = "1.3.6.1.2.1.1.3.0"


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What to read: single values by OID; tables, each as the columns to be read side by side.

    With `is_restart_told` the agent's uptime is read before and after. Raises BadAddress for what is no OID.
    """

    scalars: tuple[str, ...] = ()
    tables: tuple[tuple[str, ...], ...] = ()
    max_rows: int = MOST_ROWS
    is_restart_told: bool = False

    def __post_init__(self) -> None:
        """Take OIDs with a leading dot too."""
        object.__setattr__(self, "scalars", tuple(map(message.check_oid, self.scalars)))
        tables = tuple(tuple(map(message.check_oid, columns)) for columns in self.tables)
        object.__setattr__(self, "tables", tables)


@dataclasses.dataclass(slots=True)
class Reading:
    """What was read: `values` by OID (None where the agent has nothing), `tables` in the order wanted.

    A table is row index -> column -> value. `warnings` say what is missing and why; `is_complete` is False
    if a table was cut off before its end.
    """

    values: dict[str, Value | None] = dataclasses.field(default_factory=dict)
    tables: list[Rows] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    is_complete: bool = True

    def warn(self, text: str) -> None:
        """Note that something is missing."""
        self.warnings.append(text)
        self.is_complete = False


def read(peer: Peer, wanted: Wanted, reading: Reading) -> Talk[None]:
    """Fill `reading`. Raises Unheard if the agent never answered or has fallen silent, SnmpFailed."""
    scalars = wanted.scalars
    if wanted.is_restart_told and _UPTIME not in scalars:
        scalars = (*scalars, _UPTIME)
    if scalars:
        reading.values.update((yield from asking.get(peer, scalars)))
    silences = 0
    for columns in wanted.tables:
        try:
            is_heard = yield from _table(peer, columns, wanted.max_rows, reading)
        except OutOfTime:
            if not peer.has_answered:
                raise
            reading.warn("The time for the device is over")
            return
        silences = 0 if is_heard else silences + 1
        if silences > 1:
            raise Unheard
    if wanted.is_restart_told:
        again = (yield from asking.get(peer, [_UPTIME]))[_UPTIME]
        before = reading.values[_UPTIME]
        if isinstance(again, int) and isinstance(before, int) and again < before:
            reading.warn("The device restarted while it was read")


def _table(peer: Peer, columns: tuple[str, ...], max_rows: int, reading: Reading) -> Talk[bool]:
    """Read one table; returns whether the agent went on answering."""
    walk = Walk(peer, columns, max_rows)
    try:
        yield from walk.run()
    except OutOfTime:
        raise
    except Unheard:
        if not peer.has_answered:
            raise
        reading.warn(f"Silent at {columns[0]} after {len(walk.rows())} rows")
        return False
    except errors.SnmpBroken as fault:
        reading.warn(str(fault))
    finally:
        reading.tables.append(walk.rows())
    for fault_text in walk.faults:
        reading.warn(f"{peer.target.host}: {fault_text}")
    return True
