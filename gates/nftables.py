"""A Linux gateway as a gate: lines are members of nftables sets that say what becomes of their packets.

Manual: nft(8), libnftables-json(5). A flowtable set up by hand carries running flows past the forward
hook: a gateway with one must not be used with this gate.
"""

import contextlib
import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pydantic

from gates import nft_program, programs, ruleset
from gates.addresses import Network
from gates.chains import FAMILY, HOME, TABLE, Terms
from gates.contract import (
    ACCESSES,
    Access,
    Finding,
    GateError,
    GateMisconfigured,
    GateRefused,
    GateUnreachable,
    LineAccess,
    Outcome,
    PortRef,
    Seen,
)

# For forms; what only looks like an address is found by the validator.
_OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = rf"^({_OCTET}(\.{_OCTET}){{3}})?$"
_IPV6 = r"^([0-9A-Fa-f]{0,4}(:[0-9A-Fa-f.]{0,15}){2,7})?$"
_NO_RIGHT = ("Operation not permitted", "Permission denied", "you must be root", "password is required")
_BUSY = ("busy", "No buffer space", "Resource temporarily", "Interrupted")
_OTHER_HAND = ("File exists", "datatype mismatch", "Operation not supported")


class NftablesSettings(pydantic.BaseModel):
    """Where the packet filter is, what it must never close, and what becomes of those not quite closed."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    namespace: str = pydantic.Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]{0,64}$",
        title="Network namespace",
        description="Empty: the filter of this machine. Else the name known to `ip netns`.",
    )
    program: str = pydantic.Field(
        default="nft",
        min_length=1,
        title="Program",
        description="Name or path of nft; over SSH `sudo -n nft` where the user has no right there.",
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
    garden4: str = pydantic.Field(
        default="",
        pattern=_IPV4,
        title="Garden, IPv4 address",
        description="Web requests of walled and warned lines are led here. Empty: nobody is led anywhere.",
    )
    garden6: str = pydantic.Field(
        default="",
        pattern=_IPV6,
        title="Garden, IPv6 address",
        description="The same for IPv6.",
    )
    garden_port: int = pydantic.Field(
        default=8766, ge=1, le=65535, title="Garden, port", description="Where its page listens."
    )
    allowed: tuple[pydantic.IPvAnyNetwork, ...] = pydantic.Field(
        default=(),
        title="Always reachable",
        description="What walled lines reach besides: the payment page, the bank's gateway, your own site.",
    )
    dns: tuple[pydantic.IPvAnyNetwork, ...] = pydantic.Field(
        default=(), title="Name servers", description="That walled lines may ask. Empty: all of them."
    )
    slow_kbytes: int = pydantic.Field(
        default=64,
        ge=1,
        le=1_000_000,
        title="Slow lane, kilobytes a second",
        description="For each address and direction.",
    )
    timeout_s: float = pydantic.Field(default=10.0, gt=0, le=120, title="Patience, seconds")

    @pydantic.field_validator("garden4", "garden6")
    @classmethod
    def _is_address(cls, text: str, field: pydantic.ValidationInfo) -> str:
        kind = ipaddress.IPv4Address if field.field_name == "garden4" else ipaddress.IPv6Address
        return str(kind(text)) if text else ""

    @property
    def terms(self) -> Terms:
        """What the rules are made of."""
        return Terms(
            priority=self.priority,
            garden4=ipaddress.IPv4Address(self.garden4) if self.garden4 else None,
            garden6=ipaddress.IPv6Address(self.garden6) if self.garden6 else None,
            garden_port=self.garden_port,
            allowed=_networks(self.allowed),
            dns=_networks(self.dns),
            slow_kbytes=self.slow_kbytes,
        )


class NftablesGate:
    """Owns the table `inet linecard` and nothing else; one atomic transaction per batch of any size."""

    def __init__(self, settings: NftablesSettings | None = None) -> None:
        self.settings = settings or NftablesSettings()

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Install the table if need be and move the addresses to the sets of their access, all or nothing."""
        held: ruleset.Held = {}
        if _has_prefixes(wanted):
            listed = self._listing().held
            held = {name: members for name, members in listed.items() if ruleset.SETS[name][2]}
        batch = ruleset.sort(wanted, _networks(self.settings.protected), held)
        if batch.moves:
            try:
                self._nft(["-f", "-"], ruleset.transaction(batch, held, self.settings.terms))
            except _OtherTable:
                # A chain of another priority: it is hung up anew. What is not ours at all is refused again.
                self._nft(["-f", "-"], ruleset.transaction(batch, held, self.settings.terms, is_anew=True))
        return batch.outcomes

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Seen | None]:
        """List the table once and look each line up.

        Where the rules are gone, what the sets still hold is not in force, and the line is open.
        """
        listing = self._listing()
        return {line.line_id: listing.access(line) for line in lines}

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """List the table, name the version, and count what is restricted."""
        objects = self._objects()
        found = [Finding(f"nftables{self._version(objects)} answers {self._where()}")]
        found.append(self._table(objects))
        if not (self.settings.garden4 or self.settings.garden6):
            words, advice = (
                "No garden is set: nobody is led to a page",
                "set its address where lines are walled",
            )
            found.append(Finding(words, advice=advice))
        return found

    def _table(self, objects: Sequence[Mapping[str, Any]] | None) -> Finding:
        if objects is None:
            return Finding(f"The table {HOME} is not installed yet: the first line that is told does it")
        listing = ruleset.listing(objects, self.settings.terms)
        if not listing.marker:
            words = f"Rules of the table {HOME} are missing or old: what its sets hold is not in force"
            return Finding(words, is_good=False, advice="the next batch mends it")
        counted = Counter(listing.addresses().values())
        words = ", ".join(f"{counted[access]} {access}" for access in reversed(ACCESSES) if counted[access])
        return Finding(
            f"The table {HOME} and its rules are in force; addresses and prefixes: {words or 'none'}"
        )

    def _version(self, objects: Sequence[Mapping[str, Any]] | None) -> str:
        """Return a space and the version, as any listing tells it; empty where none does."""
        if objects is None:
            with contextlib.suppress(GateError, ValueError, KeyError, TypeError):
                objects = json.loads(self._nft(["-j", "list", "tables"]))["nftables"]
        told: dict[str, Any] = next((one["metainfo"] for one in objects or () if "metainfo" in one), {})
        return f" {told['version']}" if told.get("version") else ""

    def epoch(self) -> str | None:
        """Read the marker the table got when it was made; the empty text where rules are missing or old.

        A table made anew has another one: after a flush, a reboot, a reload of somebody's own rules.
        """
        objects = self._objects(is_terse=True) or ()
        return ruleset.listing(objects, self.settings.terms).marker

    def held(self) -> Mapping[str, Access] | None:
        """List every address and prefix of the sets."""
        return self._listing().addresses()

    def _listing(self) -> ruleset.Listing:
        return ruleset.listing(self._objects() or (), self.settings.terms)

    def _objects(self, *, is_terse: bool = False) -> Sequence[Mapping[str, Any]] | None:
        """Return the objects of our table, None where there is no such table."""
        try:
            text = self._nft(["-j", *(["-t"] if is_terse else []), "list", "table", FAMILY, TABLE])
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
        finished = self._run([*inside, *nft_program.words(self.settings.program), *arguments], text)
        if finished.code:
            raise _error(finished, self.settings.namespace, self._where())
        return finished.stdout

    def _run(self, command: Sequence[str], text: str) -> programs.Finished:
        """Run a command where the packet filter is."""
        return programs.run(command, text, self.settings.timeout_s)

    def _where(self) -> str:
        return f"in namespace {self.settings.namespace}" if self.settings.namespace else "on this machine"


class _NoSuchTable(GateRefused):
    """Our table is not there: nothing is closed."""


class _OtherTable(GateMisconfigured):
    """Something in our table is not as we make it."""


def _error(finished: programs.Finished, namespace: str, where: str) -> GateError:
    """Sort nft's own words by what the caller can do about them."""
    words = finished.stderr.strip()
    first = words.splitlines()[0] if words else "nft failed without a word"
    if "list table" in words and "No such file or directory" in words:
        return _NoSuchTable(first)
    if any(phrase in words for phrase in _OTHER_HAND):
        return _OtherTable(
            f"the table {HOME} is not as we make it; `nft delete table {HOME}` removes it: {first}"
        )
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
        (("exec of", "not found"), GateMisconfigured, f"nft is not installed {where}: {first}"),
        (_BUSY, GateUnreachable, first),
    ):
        if any(phrase in words for phrase in phrases):
            return kind(text)
    return GateRefused(first)


def _has_prefixes(wanted: Iterable[LineAccess]) -> bool:
    return any("/" in address for line in wanted for address in line.addresses)


def _networks(settings: Iterable[Any]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(str(item)) for item in settings)
