"""A gate that stands in a POP with a box: every call is done there, its secrets sealed to that box alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gates import Access, Finding, LineAccess, Outcome, PortRef, Seen
from tasks import hands
from tasks.sites import Site


class BoxGate:
    """A gate of a kind and settings, called through the box of its POP."""

    def __init__(self, site: Site, kind: str, settings: Mapping[str, Any]) -> None:
        self._site, self._kind, self._settings = site, kind, dict(settings)

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Make it so; raises GateError, Unavailable."""
        found = self._site.ask(hands.gate_apply, self._kind, self._settings, list(wanted.items()))
        return {outcome.line_id: outcome for outcome in found}

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Seen | None]:
        """Say what is so; raises GateError, Unavailable."""
        return self._site.ask(hands.gate_read, self._kind, self._settings, list(lines))

    def epoch(self) -> str | None:
        """Say by which life of the gear our state lives; raises GateError, Unavailable."""
        return self._site.ask(hands.gate_epoch, self._kind, self._settings)

    def held(self) -> Mapping[str, Access] | None:
        """List what the gear keeps restricted; raises GateError, Unavailable."""
        return self._site.ask(hands.gate_held, self._kind, self._settings)

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Try the gate without changing anything; raises GateError, Unavailable."""
        return self._site.ask(hands.gate_check, self._kind, self._settings, list(ports))
