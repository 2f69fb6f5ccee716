"""A Linux gateway as a gate: closed lines are members of nftables sets whose packets are rejected.

Manual: nft(8), libnftables-json(5). A flowtable set up by hand carries running flows past the forward
hook: a gateway with one must not be used with this gate.
"""

import ipaddress
import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pydantic

from gates import ruleset
from gates.contract import (
    Access,
    GateError,
    GateMisconfigured,
    GateRefused,
    GateUnreachable,
    LineAccess,
    Outcome,
)

# /usr/sbin is not on everybody's PATH, and nft lives there.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_NO_RIGHT = ("Operation not permitted", "Permission denied", "you must be root")
_BUSY = ("busy", "No buffer space", "Resource temporarily", "Interrupted")


class NftablesSettings(pydantic.BaseModel):
    """Where the packet filter is and what it must never close."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    namespace: str = pydantic.Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]{0,64}$",
        title="Network namespace",
        description="Empty: the filter of this machine. Else the name known to `ip netns`.",
    )
    program: str = pydantic.Field(
        default="nft", min_length=1, title="Program", description="Name or path of nft."
    )
    priority: int = pydantic.Field(
        default=-10,
        ge=-400,
        le=400,
        title="Priority",
        description="Of our chain on the forward hook; the usual filter chains run at 0.",
    )
    protected: tuple[pydantic.IPvAnyNetwork, ...] = pydantic.Field(
        default=(), title="Never close", description="Prefixes no line may be closed in."
    )
    timeout_s: float = pydantic.Field(default=10.0, gt=0, le=120, title="Patience, seconds")


class NftablesGate:
    """Owns the table `inet linecard` and nothing else; one atomic transaction per batch."""

    def __init__(self, settings: NftablesSettings | None = None) -> None:
        self.settings = settings or NftablesSettings()

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Install the table if need be, add closed and remove opened addresses, all or nothing."""
        protected: list[ruleset.Network] = [
            ipaddress.ip_network(str(item)) for item in self.settings.protected
        ]
        held: frozenset[ruleset.Network] = frozenset()
        if _has_prefixes(wanted):
            held = self._listing().closed
        batch = ruleset.sort(wanted, protected, held)
        if batch.close or batch.open:
            commands = ruleset.transaction(batch, held, self.settings.priority)
            self._nft(["-f", "-"], json.dumps({"nftables": commands}))
        return batch.outcomes

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Access | None]:
        """List the table once and look each line up.

        A line of several addresses is closed only when all of them are. Where the rules are gone, what
        the sets still hold is not closed, and the line is open.
        """
        listing = self._listing()
        return {line.line_id: listing.access(line) for line in lines}

    def check(self) -> str:
        """List the table and count what is closed."""
        objects = self._objects()
        where = f"in namespace {self.settings.namespace}" if self.settings.namespace else "on this machine"
        if objects is None:
            return f"nftables answers {where}; its table is not installed yet, the first batch will do it."
        listing = ruleset.listing(objects)
        if len(listing.enforced) < len(ruleset.SETS):
            return f"nftables answers {where}, but rules of the table are missing; the next batch mends it."
        return f"nftables answers {where}; {len(listing.closed)} addresses and prefixes are closed."

    def epoch(self) -> str | None:
        """Read the marker the table got when it was made; the empty text where rules or table are missing.

        The members of the sets are not listed: this costs the same with ten thousand as with none.
        """
        return ruleset.marker(self._objects(is_terse=True) or ())

    def held(self) -> Mapping[str, Access] | None:
        """List every address and prefix of the sets."""
        return {ruleset.written(network): "closed" for network in self._listing().closed}

    def _listing(self) -> ruleset.Listing:
        return ruleset.listing(self._objects() or ())

    def _objects(self, *, is_terse: bool = False) -> Sequence[Mapping[str, Any]] | None:
        """Return the objects of our table, None where there is no such table."""
        try:
            text = self._nft([*(["-t"] if is_terse else []), "list", "table", ruleset.FAMILY, ruleset.TABLE])
        except _NoSuchTable:
            return None
        try:
            objects: Sequence[Mapping[str, Any]] = json.loads(text)["nftables"]
        except (ValueError, KeyError, TypeError) as error:
            raise GateMisconfigured(
                f"{self.settings.program} does not answer in JSON: {text[:80]!r}"
            ) from error
        return objects

    def _nft(self, arguments: Sequence[str], text: str = "") -> str:
        inside = ["ip", "netns", "exec", self.settings.namespace] if self.settings.namespace else []
        command = [*inside, self.settings.program, "-j", *arguments]
        try:
            finished = subprocess.run(
                command,
                input=text,
                capture_output=True,
                text=True,
                timeout=self.settings.timeout_s,
                env={"PATH": SEARCH_PATH, "LC_ALL": "C"},
                check=False,
            )
        except FileNotFoundError as error:
            raise GateMisconfigured(f"{command[0]} is not installed on this machine") from error
        except OSError as error:
            raise GateMisconfigured(f"{command[0]} cannot be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise GateUnreachable(f"nft did not finish in {self.settings.timeout_s:g} s") from error
        if finished.returncode:
            raise _error(finished.stderr.strip(), self.settings.namespace)
        return finished.stdout


class _NoSuchTable(GateRefused):
    """Our table is not there: nothing is closed."""


def _error(words: str, namespace: str) -> GateError:
    """Sort nft's own words by what the caller can do about them."""
    first = words.splitlines()[0] if words else "nft failed without a word"
    table = f"{ruleset.FAMILY} {ruleset.TABLE}"
    if "list table" in words and "No such file or directory" in words:
        return _NoSuchTable(first)
    for phrases, kind, text in (
        (
            ("Cannot open network namespace",),
            GateUnreachable,
            f"the network namespace {namespace} is not there",
        ),
        (
            _NO_RIGHT,
            GateMisconfigured,
            f"this user may not change the packet filter (CAP_NET_ADMIN): {first}",
        ),
        (("exec of",), GateMisconfigured, f"nft is not installed on this machine: {first}"),
        (
            ("File exists", "datatype mismatch"),
            GateMisconfigured,
            f"the table {table} is not as we make it; `nft delete table {table}` removes it: {first}",
        ),
        (_BUSY, GateUnreachable, first),
    ):
        if any(phrase in words for phrase in phrases):
            return kind(text)
    return GateRefused(first)


def _has_prefixes(wanted: Iterable[LineAccess]) -> bool:
    return any("/" in address for line in wanted for address in line.addresses)
