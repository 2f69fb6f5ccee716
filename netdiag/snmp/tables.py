"""Columns of a table read side by side: by GETBULK as large as the agent bears it, else by GETNEXT.

An agent that tells an OID a second time walks in circles; OIDs merely out of order are taken as they come.
"""

from collections.abc import Sequence

from netdiag import errors
from netdiag.snmp import ber, message
from netdiag.snmp.asking import Answer, Ask, Peer, Talk, Unheard
from netdiag.snmp.ber import Missing, RawBinding, RawValue
from netdiag.snmp.message import Raw, Value

Rows = dict[str, dict[str, Value]]

_MOST_COLUMNS = 16
_MOST_REPETITIONS = 200


class _Column:
    """One column: what was read of it and where it goes on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.base = self.cursor = ber.oid_octets(name)
        # The base itself is no row: an agent that tells it as "next" has not moved.
        self.cells: dict[bytes, RawValue] = {b"": None}
        self.is_over = False
        self.fault = ""
        self.is_circle = False

    def take(self, lines: Sequence[RawBinding]) -> None:
        """Take the agent's next rows of this column."""
        base, cells = self.base, self.cells
        size = len(base)
        for oid, value in lines:
            index = oid[size:]
            if not oid.startswith(base):
                self.is_over = True
                return
            if index in cells:
                self.is_over = True
                if not isinstance(value, Missing):
                    self.is_circle = True
                    self.fault = f"walks in circles at {ber.oid_text(oid)}"
                return
            cells[index] = value
            self.cursor = oid

    @property
    def count(self) -> int:
        """Return how many rows were read."""
        return len(self.cells) - 1


class Walk:
    """The reading of some columns; `rows()` tells what there is, also after an end before the end."""

    def __init__(self, peer: Peer, names: Sequence[str], max_rows: int) -> None:
        self._peer = peer
        self._habits = peer.habits
        self._max_rows = max_rows
        self._columns = [_Column(name) for name in dict.fromkeys(names)]
        self._width = _MOST_COLUMNS
        self._is_next_due = False
        self._fault: errors.SnmpFailed | None = None

    @property
    def faults(self) -> list[str]:
        """Return why columns ended before their end, or could not be read at all."""
        return [f"{column.name} {column.fault}" for column in self._columns if column.fault]

    @property
    def cuts(self) -> list[str]:
        """Return the faults that cut off a column of which rows were read, or that never moved on."""
        return [
            f"{one.name} {one.fault}" for one in self._columns if one.fault and (one.count or one.is_circle)
        ]

    def rows(self) -> Rows:
        """Return row index -> column -> value, in the agent's order of the first column."""
        found: Rows = {}
        for column in self._columns:
            name = column.name
            for index, value in column.cells.items():
                if value is None or isinstance(value, Missing):
                    continue
                text = ber.index_text(index)
                row = found.get(text)
                if row is not None:
                    row[name] = value
                elif len(found) < self._max_rows:
                    found[text] = {name: value}
        return found

    def run(self) -> Talk[None]:
        """Read until every column has ended or has `max_rows` rows.

        Raises Unheard and SnmpDenied; SnmpBroken if the agent failed and told nothing at all.
        """
        while active := self._active():
            asked, raw = yield from self._question(active)
            if raw.second:
                self._refused(asked, raw, active)
            elif len(raw.bindings) < (len(active) if asked.kind == "next" else 1):
                self._cut(asked, raw, active)
            else:
                self._fill(asked, raw, active)
        if self._fault is not None and not any(column.count for column in self._columns):
            raise self._fault

    def _active(self) -> list[_Column]:
        left = [column for column in self._columns if not column.is_over and column.count < self._max_rows]
        return left[: self._width]

    @property
    def _is_bulk_possible(self) -> bool:
        return self._peer.target.version != "1" and self._habits.has_bulk

    def _ask(self, active: list[_Column]) -> Ask:
        cursors = [column.cursor for column in active]
        if not self._is_bulk_possible or self._is_next_due:
            return Ask("next", cursors)
        left = self._max_rows - min(column.count for column in active)
        return Ask("bulk", cursors, max(1, min(self._habits.values // len(active), left, _MOST_REPETITIONS)))

    def _question(self, active: list[_Column]) -> Talk[Answer]:
        """Ask for what follows until answered: for half each time, at last without GETBULK."""
        ask = first = self._ask(active)
        tries = self._peer.target.retries + (ask.kind == "bulk" and self._peer.has_answered)
        for left in range(tries, -1, -1):
            answer = yield ask
            if answer is not None:
                if answer[0] is not first:
                    self._learn_from_silence(answer[0])
                return self._peer.heed(answer)
            if ask.kind == "bulk":
                half = max(1, ask.repetitions // 2)
                ask = Ask("next", ask.oids) if left == 1 else Ask("bulk", ask.oids, half)
        raise Unheard

    def _learn_from_silence(self, answered: Ask) -> None:
        self._habits.fell_silent()
        if answered.kind == "next":
            self._habits.doubt()

    def _fill(self, asked: Ask, raw: Raw, active: list[_Column]) -> None:
        lines, width = raw.bindings, len(active)
        for position, column in enumerate(active):
            column.take(lines[position::width])
        if self._is_next_due:
            self._is_next_due = False
            self._habits.doubt()
        elif asked.kind == "bulk" and not all(column.is_over for column in active):
            self._habits.answered(asked.repetitions * width, len(lines), raw.octets)
            if len(lines) < width:
                self._width = len(lines)

    def _cut(self, asked: Ask, raw: Raw, active: list[_Column]) -> None:
        """Take an answer that has not even one value of each column: ask for less, at last for one column."""
        if asked.kind == "bulk":
            self._is_next_due = True
        elif len(active) > 1:
            self._width = len(active) // 2
        else:
            raise errors.SnmpBroken(f"{self._peer.target.host} answers with nothing in it")

    def _refused(self, asked: Ask, raw: Raw, active: list[_Column]) -> None:
        """Act on an error status: ask for less, or leave out the column the agent fails at."""
        status, width = raw.second, len(active)
        if status in message.DENIALS:
            raise self._peer.fault(status)
        if asked.kind == "bulk":
            if status == message.TOO_BIG and asked.repetitions > 1:
                self._habits.was_too_big(asked.repetitions * width)
            elif status == message.TOO_BIG and width > 1:
                self._width = width // 2
            else:
                self._is_next_due = True
            return
        self._is_next_due = False
        is_named = 1 <= raw.third <= width and status != message.TOO_BIG
        if width > 1 and not is_named:
            self._width = width // 2
            return
        guilty = active[raw.third - 1 if is_named else 0]
        guilty.is_over = True
        if status != message.NO_SUCH_NAME:
            guilty.fault = f"cannot be read on: {message.status_name(status)}"
            self._fault = self._peer.fault(status)


def columns(peer: Peer, names: Sequence[str], max_rows: int) -> Talk[Rows]:
    """Read columns whole or not at all; raises Unheard, SnmpDenied, SnmpBroken."""
    walk = Walk(peer, names, max_rows)
    yield from walk.run()
    if walk.cuts:
        raise errors.SnmpBroken(f"{peer.target.host}: {'; '.join(walk.cuts)}")
    return walk.rows()
