"""A MikroTik router as a gate: restricted lines stand on its address lists, and its own rules do the rest.

The operator's firewall says what a list means (docs/operating.md has the rules); the gate only keeps the
lists, by the binary API or by the REST of RouterOS 7. FastTrack carries running connections past all rules:
`check` says so.
"""

import ipaddress
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Literal

import pydantic

from gates import routeros_check, routeros_lists, routeros_plan, routeros_tls
from gates.addresses import written
from gates.contract import (
    Access,
    Finding,
    GateMisconfigured,
    GateRefused,
    GateUnreachable,
    LineAccess,
    Outcome,
    PortRef,
    Seen,
)
from gates.routeros_api import ApiDoor
from gates.routeros_door import Door
from gates.routeros_lists import Found, Names
from gates.routeros_plan import Plan
from gates.routeros_rest import RestDoor

_PORTS = {"api-ssl": 8729, "api": 8728, "rest": 443}
_NAME = r"^[A-Za-z0-9_.-]{1,60}$"


class RouterosSettings(pydantic.BaseModel):
    """Which router, how to get in, and how its lists are called."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    host: str = pydantic.Field(
        default="",
        pattern=r"^[A-Za-z0-9_.:-]{0,253}$",
        title="Router",
        description="Its name or address, as this POP's worker reaches it.",
    )
    door: Literal["api-ssl", "api", "rest"] = pydantic.Field(
        default="api-ssl",
        title="Way in",
        description="REST needs RouterOS 7. Without TLS only inside a network of your own.",
    )
    port: int = pydantic.Field(
        default=0, ge=0, le=65535, title="Port", description="0: the usual one, 8729, 8728 or 443."
    )
    user: str = pydantic.Field(
        default="linecard",
        pattern=r"^[^\s:]{1,64}$",
        title="User",
        description="Of a group with the policies read, write and api or rest-api.",
    )
    password: pydantic.SecretStr = pydantic.Field(
        default=pydantic.SecretStr(""), title="Password", description="Kept sealed; empty: as it is."
    )
    certificate: str = pydantic.Field(
        default="",
        pattern=r"^(([0-9A-Fa-f]{2}:?){32})?$",
        title="SHA-256 of its certificate",
        description="As /certificate print detail says. Empty: this machine has to trust its issuer.",
    )
    closed_list: str = pydantic.Field(default="linecard-closed", pattern=_NAME, title="List of closed lines")
    walled_list: str = pydantic.Field(default="linecard-walled", pattern=_NAME, title="List of walled lines")
    slow_list: str = pydantic.Field(default="linecard-slow", pattern=_NAME, title="List of slow lines")
    notice_list: str = pydantic.Field(
        default="linecard-notice", pattern=_NAME, title="List of lines with a notice"
    )
    mark: str = pydantic.Field(
        default="linecard",
        pattern=_NAME,
        title="Mark",
        description="Begins the comment of every entry of ours; no other entry is ever changed.",
    )
    protected: tuple[pydantic.IPvAnyNetwork, ...] = pydantic.Field(
        default=(), title="Never restrict", description="Prefixes no line may be restricted in."
    )
    timeout_s: float = pydantic.Field(default=10.0, gt=0, le=120, title="Patience, seconds")
    limit_s: float = pydantic.Field(
        default=25.0, gt=0, le=600, title="Limit, seconds", description="For one batch as a whole."
    )

    @pydantic.model_validator(mode="after")
    def _keep_lists_apart(self) -> "RouterosSettings":
        names = [self.closed_list, self.walled_list, self.slow_list, self.notice_list, f"{self.mark}-marker"]
        if len(set(names)) < len(names):
            raise ValueError("each list needs a name of its own")
        return self


class RouterosGate:
    """Owns the entries with its mark on four address lists; reads back what it wrote."""

    def __init__(self, settings: RouterosSettings | None = None) -> None:
        self.settings = settings or RouterosSettings()
        self._names = Names(
            {
                "closed": self.settings.closed_list,
                "walled": self.settings.walled_list,
                "slow": self.settings.slow_list,
                "notice": self.settings.notice_list,
            },
            self.settings.mark,
        )

    def apply(self, wanted: Mapping[LineAccess, Access]) -> dict[int, Outcome]:
        """Put each line on the list of its access and off the others; the outcome is what is read back.

        Should the way break off in the middle, a second visit finds out how far it went.
        """
        if not wanted:
            return {}
        with self._door() as door:
            found = self._find(door, wanted)
            made = self._plan(wanted, found)
            if not made.first and not made.second:
                return routeros_plan.outcomes(made, found, self._names)
            try:
                mishaps = routeros_plan.carry_out(door, made)
                # What the router held without our knowing is found only by asking for everything.
                seen = self._find(door, None if mishaps.was_held else wanted)
                return routeros_plan.outcomes(made, seen, self._names, mishaps.complaints)
            except GateUnreachable as error:
                broken = error
        try:
            with self._door() as door:
                seen = self._find(door, wanted)
        except GateUnreachable:
            raise broken from None
        return routeros_plan.outcomes(made, seen, self._names, broken=str(broken))

    def read(self, lines: Iterable[LineAccess]) -> dict[int, Seen | None]:
        """Read the lists and the rules that refer to them, and look each line up.

        What a list holds that no rule puts in force does nothing, and the line is open.
        """
        lines = list(lines)
        if not lines:
            return {}
        with self._door() as door:
            found = self._find(door, lines)
        return {line.line_id: found.access(line) for line in lines}

    def epoch(self) -> str | None:
        """Return the token of our marker, which the router keeps in memory only and loses when it restarts.

        Its lists outlive a restart, but not a reset, a restored backup or another router in its place.
        """
        with self._door() as door:
            rows = door.run([routeros_lists.marker_question(self._names)])[0].rows
        comments = [row["comment"] for row in rows if routeros_lists.is_ours(self._names, row)]
        return comments[0].removeprefix(f"{self.settings.mark} ") if comments else ""

    def held(self) -> Mapping[str, Access] | None:
        """Return every address and prefix our entries restrict, with the strictest access."""
        with self._door() as door:
            found = self._find(door, None, with_rules=False)
        ours = (entry for entry in found.entries if entry.is_ours and not entry.is_disabled)
        return {written(network): found.listed(network) for entry in ours for network in entry.networks}

    def check(self, ports: Sequence[PortRef] = ()) -> list[Finding]:
        """Log in, and look at the rights, the lists and the rules that have to refer to them."""
        with self._door() as door:
            found = self._find(door, None)
            return routeros_check.describe(door, found, self._names, self.settings.user)

    @contextmanager
    def _door(self) -> Iterator[Door]:
        """Open the way in; raises GateUnreachable, GateMisconfigured."""
        settings = self.settings
        port = settings.port or _PORTS[settings.door]
        where = f"[{settings.host}]:{port}" if ":" in settings.host else f"{settings.host}:{port}"
        password = settings.password.get_secret_value()
        limits = {"timeout_s": settings.timeout_s, "limit_s": settings.limit_s}

        def connect(timeout_s: float) -> socket.socket:
            is_plain = settings.door == "api"
            return routeros_tls.connect(
                settings.host, port, timeout_s, pin=settings.certificate, plain=is_plain
            )

        door: Door
        if settings.door == "rest":
            door = RestDoor(connect, where, settings.user, password, **limits)
        else:
            door = ApiDoor(connect(settings.timeout_s), where, **limits)
        with closing(door):
            if isinstance(door, ApiDoor):
                door.login(settings.user, password)
            yield door

    def _find(self, door: Door, lines: Iterable[LineAccess] | None, *, with_rules: bool = True) -> Found:
        answers = door.run(routeros_lists.questions(self._names, lines, with_rules=with_rules))
        if answers[0].is_absent:
            raise GateMisconfigured(
                f"{door.name} has no {routeros_lists.MENUS[4]}: it is no RouterOS firewall"
            )
        for answer in answers:
            if answer.fault and not answer.is_absent:  # a list that cannot be read is not an empty one
                raise GateRefused(f"{door.name} does not list what it holds: {answer.fault}")
        return routeros_lists.understand(self._names, answers, with_rules=with_rules)

    def _plan(self, wanted: Mapping[LineAccess, Access], found: Found) -> Plan:
        protected = [ipaddress.ip_network(str(item)) for item in self.settings.protected]
        return routeros_plan.plan(wanted, found, self._names, protected, f"epoch {secrets.token_hex(8)}")
