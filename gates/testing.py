"""FakeGate: an in-memory gate whose failures are written in advance; shipped for the tests of its users."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gates.contract import Access, GateError, LineAccess, Outcome


@dataclass
class FakeGate:
    """Keeps the access of every line in `state`, and fails where it was told to.

    `failures` are raised one per call of apply, read or check, first come first; None lets a call through.
    `broken` gives the error of single lines. `blind` lines read as None. `calls` lists what apply was asked.
    """

    failures: list[GateError | None] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    blind: set[int] = field(default_factory=set)
    state: dict[int, Access] = field(default_factory=dict)
    calls: list[dict[int, Access]] = field(default_factory=list)

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Remember each access, save for broken lines."""
        self.calls.append({line.line_id: access for line, access in wanted.items()})
        self._fail_as_written()
        outcomes = {}
        for line, access in wanted.items():
            error = self.broken.get(line.line_id)
            if error is None:
                self.state[line.line_id] = access
            outcomes[line.line_id] = Outcome(line.line_id, None if error else access, error)
        return outcomes

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Access | None]:
        """Return what is remembered; a line never spoken of is open."""
        self._fail_as_written()
        return {
            line.line_id: None if line.line_id in self.blind else self.state.get(line.line_id, "open")
            for line in lines
        }

    def check(self) -> str:
        """Say that it is a fake."""
        self._fail_as_written()
        return f"A fake gate with {sum(access == 'closed' for access in self.state.values())} lines closed."

    def _fail_as_written(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
