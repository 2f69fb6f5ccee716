"""One reading of one device: questions under a common deadline, columns kept, faults told as warnings."""

import contextlib
import time
from collections.abc import Iterator, Sequence

from netdiag import errors
from netdiag.snmp import client
from netdiag.snmp.message import Value
from netdiag.snmp.reading import Reading
from netdiag.snmp.target import SnmpTarget

MOST_ROWS = 20_000
# Side by side as many columns as fit a request that every agent takes.
_COLUMNS_AT_ONCE = 14
_LEAST_DEADLINE_S = 0.05

Column = dict[str, Value]


class Device:
    """Ask `target`, all in all for `deadline_s`; what fails is a warning and leaves the rest standing."""

    def __init__(self, target: SnmpTarget, deadline_s: float) -> None:
        self.target = target
        self.warnings: list[str] = []
        self._deadline = time.monotonic() + deadline_s
        self._scalars: dict[str, Value | None] = {}
        self._columns: dict[str, Column] = {}
        self._is_asked = True

    @classmethod
    def holding(cls, target: SnmpTarget, reading: Reading) -> "Device":
        """Return a device that was read already: it tells what was found then, and asks nothing."""
        device = cls(target, 0.0)
        device._scalars.update(reading.values)
        device.warnings += reading.warnings
        device._is_asked = False
        for table in reading.tables:
            for index, row in table.items():
                for base, value in row.items():
                    device._columns.setdefault(base, {})[index] = value
        return device

    def held(self, base: str) -> Column:
        """Return a column as far as it was read already."""
        return self._columns.get(base, {})

    @property
    def left_s(self) -> float:
        """Return how many seconds are left."""
        return self._deadline - time.monotonic()

    def warn(self, words: str) -> None:
        """Note what could not be read, once."""
        if words not in self.warnings:
            self.warnings.append(words)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Run a part whose failure must not cost the rest."""
        try:
            yield
        except errors.SnmpFailed as fault:
            self.warn(f"{name}: {fault}")

    def get(self, *oids: str) -> dict[str, Value | None]:
        """Read single values, each asked for once; one that the agent fails on is None and a warning.

        Raises SnmpSilent, SnmpRefused, SnmpDenied.
        """
        missing = [oid for oid in dict.fromkeys(oids) if oid not in self._scalars]
        if missing and self._is_asked:
            self._scalars.update(self._get(missing))
        return {oid: self._scalars.get(oid) for oid in oids}

    def _get(self, oids: Sequence[str]) -> dict[str, Value | None]:
        try:
            return client.get(self.target, *oids, deadline_s=self._patience())
        except errors.SnmpBroken as fault:
            if len(oids) == 1:
                self.warn(f"{oids[0]}: {fault}")
                return {oids[0]: None}
            half = len(oids) // 2
            return self._get(oids[:half]) | self._get(oids[half:])

    def columns(self, bases: Sequence[str], max_rows: int = MOST_ROWS) -> dict[str, Column]:
        """Read columns of any tables side by side: base -> row index -> value, each column asked for once.

        A column that breaks (loops, errors) is empty and a warning. Raises SnmpSilent, SnmpRefused,
        SnmpDenied.
        """
        missing = [base for base in dict.fromkeys(bases) if base not in self._columns and self._is_asked]
        for start in range(0, len(missing), _COLUMNS_AT_ONCE):
            self._read_columns(missing[start : start + _COLUMNS_AT_ONCE], max_rows)
        return {base: self._columns.get(base, {}) for base in bases}

    def column(self, base: str, max_rows: int = MOST_ROWS) -> Column:
        """Read one column: row index -> value."""
        return self.columns([base], max_rows)[base]

    def head(self, base: str, rows: int) -> Column:
        """Read the first rows of a column, or what is there already."""
        if base in self._columns:
            return self._columns[base]
        found = client.columns(self.target, [base], max_rows=rows, deadline_s=self._patience())
        column = {index: row[base] for index, row in found.items()}
        if len(column) < rows:
            self._columns[base] = column
        return column

    def _read_columns(self, bases: Sequence[str], max_rows: int) -> None:
        try:
            rows = client.columns(self.target, bases, max_rows=max_rows, deadline_s=self._patience())
        except errors.SnmpBroken as fault:
            if len(bases) == 1:
                self.warn(f"{bases[0]}: {fault}")
                self._columns[bases[0]] = {}
                return
            for base in bases:
                self._read_columns([base], max_rows)
            return
        if len(rows) >= max_rows > 1:
            self.warn(f"{bases[0]}: read to the limit of {max_rows} rows")
        for base in bases:
            self._columns[base] = {index: row[base] for index, row in rows.items() if base in row}

    def has(self, base: str) -> bool:
        """Tell whether anything stands at or under an OID: one GETNEXT, and a GET for a scalar."""
        if base in self._columns:
            return bool(self._columns[base])
        if base.endswith(".0") and self.get(base)[base] is not None:
            return True
        return bool(client.columns(self.target, [base], max_rows=1, deadline_s=self._patience()))

    def _patience(self) -> float:
        left = self.left_s
        if left < _LEAST_DEADLINE_S:
            raise errors.SnmpSilent("the time for this device was over")
        return left
