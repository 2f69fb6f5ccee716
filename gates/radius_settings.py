"""The settings of the RADIUS gate: its tables, its groups, and the NASes with their secrets."""

import ipaddress
from typing import Annotated, Literal

import pydantic

from gates.contract import Access
from gates.radius_client import Nas

_Group = Annotated[str, pydantic.Field(min_length=1, max_length=64, pattern=r"^\S+$")]


class RadiusSettings(pydantic.BaseModel):
    """Where the tables are, what the groups are called, and how NASes are asked."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    host: str = pydantic.Field(
        default="",
        title="Database host",
        description="Of the FreeRADIUS database in PostgreSQL. Empty: the socket of this machine.",
    )
    port: int = pydantic.Field(default=5432, ge=1, le=65535, title="Database port")
    database: str = pydantic.Field(default="radius", min_length=1, title="Database")
    user: str = pydantic.Field(
        default="linecard",
        min_length=1,
        title="Database user",
        description="The rights it needs are written in the operator's manual.",
    )
    password: pydantic.SecretStr = pydantic.Field(
        default=pydantic.SecretStr(""),
        title="Database password",
        description="Kept sealed; empty: as it is.",
    )
    tls: Literal["prefer", "require", "verify-full"] = pydantic.Field(
        default="prefer", title="TLS to the database"
    )
    nas_secrets: pydantic.SecretStr = pydantic.Field(
        default=pydantic.SecretStr(""),
        title="Secrets of the NASes",
        description="A line each: address or prefix, secret, port if another. Kept sealed; empty: kept.",
    )
    nas_port: int = pydantic.Field(
        default=3799,
        ge=1,
        le=65535,
        title="Port of the NASes",
        description="Where they listen for Disconnect and CoA (RFC 5176).",
    )
    live: Literal["disconnect", "coa", "leave"] = pydantic.Field(
        default="disconnect",
        title="A live session",
        description="In place, Filter-Id is the group's name; closed, or open without one, it is ended.",
    )
    ghosts: Literal["leave", "close"] = pydantic.Field(
        default="leave",
        title="A session its NAS does not know",
        description="Counts as gone. Ending it in the tables needs a right of its own.",
    )
    group_open: str = pydantic.Field(
        default="",
        max_length=64,
        pattern=r"^\S*$",
        title="Group: open",
        description="Empty: none, only those of the plan; then no session can be opened in place.",
    )
    group_notice: _Group = pydantic.Field(
        default="linecard-notice",
        title="Group: notice",
        description="No session is ended for it. A group without rows is not used.",
    )
    group_slow: _Group = pydantic.Field(default="linecard-slow", title="Group: slow")
    group_walled: _Group = pydantic.Field(default="linecard-walled", title="Group: walled garden")
    group_closed: _Group = pydantic.Field(default="linecard-closed", title="Group: closed")
    closed_by: Literal["group", "reject"] = pydantic.Field(
        default="group", title="Closed means", description="Rejected, it cannot log in at all."
    )
    priority: int = pydantic.Field(
        default=-1,
        ge=-1000,
        le=1000,
        title="Priority of the groups",
        description="Less than that of the plans' groups: the first group counts.",
    )
    silent_s: int = pydantic.Field(
        default=3600,
        ge=60,
        le=604800,
        title="A session is believed for, seconds",
        description="After its last accounting packet; more than twice the interim interval.",
    )
    timeout_s: float = pydantic.Field(default=2.0, gt=0, le=30, title="Patience, seconds")
    tries: int = pydantic.Field(default=3, ge=1, le=10, title="Tries")

    @pydantic.model_validator(mode="after")
    def _check(self) -> "RadiusSettings":
        names = [name for name in self.groups.values() if name]
        if len(set(names)) < len(names):
            raise ValueError("each access needs a group of its own")
        self.secrets()
        return self

    @property
    def groups(self) -> dict[Access, str]:
        """Return the group of each access; open may have none."""
        found: dict[Access, str] = {
            "notice": self.group_notice,
            "slow": self.group_slow,
            "walled": self.group_walled,
            "closed": self.group_closed,
        }
        return {**found, "open": self.group_open} if self.group_open else found

    def secrets(self) -> list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int, bytes]]:
        """Return prefix, port and secret of the NASes, the narrowest first; raises ValueError by the line."""
        found = []
        for number, line in enumerate(self.nas_secrets.get_secret_value().splitlines(), 1):
            prefix, secret, port = ([*line.split(), "", "", ""])[:3]
            if not prefix:
                continue
            try:
                network, where = ipaddress.ip_network(prefix), int(port or self.nas_port)
            except ValueError:
                network, where = ipaddress.ip_network("0.0.0.0/32"), 0
            if not secret or not 0 < where < 65536 or len(line.split()) > 3:
                raise ValueError(f"line {number} of the NASes is not: address secret [port]")
            found.append((network, where, secret.encode()))
        return sorted(found, key=lambda item: -item[0].prefixlen)

    def nas(self, address: str) -> Nas | None:
        """Return how this NAS is asked, None where no secret is known."""
        ip = ipaddress.ip_address(address)
        for network, port, secret in self.secrets():
            if ip.version == network.version and ip in network:
                return Nas(address, port, secret)
        return None
