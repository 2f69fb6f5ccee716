"""FakeGate: an in-memory gate whose failures are written in advance; shipped for the tests of its users."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gates.contract import Access, Finding, GateError, LineAccess, Outcome, PortRef


@dataclass
class FakeGate:
    """Keeps the access of every line in `state`, and fails where it was told to.

    `failures` are raised one per call (apply, read, epoch, held, check), first come first; None lets a call
    through. `broken` gives the error of single lines. `blind` lines read as None. `calls` lists what apply
    was asked. `life` is the epoch; `reboot` forgets everything and begins another. `list_of_addresses` is
    what `held` returns.
    """

    failures: list[GateError | None] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    blind: set[int] = field(default_factory=set)
    state: dict[int, Access] = field(default_factory=dict)
    calls: list[dict[int, Access]] = field(default_factory=list)
    life: str | None = "1"
    list_of_addresses: dict[str, Access] = field(default_factory=dict)

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Remember each access, save for broken lines."""
        self.calls.append({line.line_id: access for line, access in wanted.items()})
        self._fail_as_written()
        outcomes = {}
        for line, access in wanted.items():
            error = self.broken.get(line.line_id)
            if error is None:
                self.state[line.line_id] = access
                self._list(line, access)
            outcomes[line.line_id] = Outcome(line.line_id, None if error else access, error)
        return outcomes

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Access | None]:
        """Return what is remembered; a line never spoken of is open."""
        self._fail_as_written()
        return {
            line.line_id: None if line.line_id in self.blind else self.state.get(line.line_id, "open")
            for line in lines
        }

    def epoch(self) -> str | None:
        """Return the life of the gear, as it stands."""
        self._fail_as_written()
        return self.life

    def held(self) -> Mapping[str, Access] | None:
        """Return the addresses that are not open."""
        self._fail_as_written()
        return dict(self.list_of_addresses)

    def reboot(self) -> None:
        """Lose everything, as gear does that starts anew."""
        self.state.clear()
        self.list_of_addresses.clear()
        self.life = str(int(self.life or 0) + 1)

    def _list(self, line: LineAccess, access: Access) -> None:
        for address in line.addresses:
            if access == "open":
                self.list_of_addresses.pop(address, None)
            else:
                self.list_of_addresses[address] = access

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Say that it is a fake."""
        self._fail_as_written()
        closed = sum(access == "closed" for access in self.state.values())
        beside = f", and {len(ports)} ports to look at" if ports else ""
        return [Finding(f"A fake gate with {closed} lines closed{beside}")]

    def _fail_as_written(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
