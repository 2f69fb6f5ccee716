"""The gate that touches nothing: the default until a real one is configured."""

import logging
from collections.abc import Iterable, Mapping, Sequence

import pydantic

from gates.contract import Access, Finding, LineAccess, Outcome, PortRef

logger = logging.getLogger(__name__)


class DryRunSettings(pydantic.BaseModel):
    """A dry run has nothing to set."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class DryRunGate:
    """Logs what it would do, reports it as applied, and never claims to have seen the network."""

    def __init__(self, settings: DryRunSettings | None = None) -> None:
        self.settings = settings or DryRunSettings()

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Log each line and report the access that was asked for."""
        for line, access in wanted.items():
            logger.info(
                "dry run: line %d (%s) would be made %s",
                line.line_id,
                ", ".join(line.addresses) or "no address",
                access,
            )
        return {line.line_id: Outcome(line.line_id, access) for line, access in wanted.items()}

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Access | None]:
        """Return None for every line: nothing was looked at."""
        return {line.line_id: None for line in lines}

    def epoch(self) -> str | None:
        """Return None: there is no gear that could lose anything."""
        return None

    def held(self) -> Mapping[str, Access] | None:
        """Return None: there is no gear."""
        return None

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Say that nothing on the network is touched."""
        return [Finding("Dry run: decisions are written down, nothing on the network is touched")]
