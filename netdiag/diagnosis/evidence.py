"""What a diagnosis may rest on: every part is optional, and what is missing says why.

`age_s` is how old a part is: 0 was measured for this diagnosis, None is not known. Nothing here is secret.
"""

import dataclasses
from datetime import datetime
from typing import Literal

from netdiag.diagnosis.outcome import StageKey
from netdiag.results import Result
from netdiag.text import N_, Text

Access = Literal["open", "closed"]
SnmpState = Literal["answered", "silent", "refused", "denied"]
Scope = Literal["port", "splitter", "device", "building"]
# Why an ONU went: its dying gasp (no power at the customer), no light (fibre), shut by us, something else.
DownCause = Literal["power", "fibre", "shut", "other"]

FRESH_S = 120.0
_NOT_ASKED = N_("it was not asked")


@dataclasses.dataclass(frozen=True, slots=True)
class NotChecked:
    """Stands for evidence that there is not, and says why."""

    why: Text | str = _NOT_ASKED


@dataclasses.dataclass(frozen=True, slots=True)
class Lock(Result):
    """A reason why the service is off: debt, manual, freeze, abuse, technical, contract or status."""

    reason: str
    since: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class AccountEvidence(Result):
    """Whether the service should run, what the gate was told, what it confirmed and what was seen there.

    Of several services the one that is worst off; `open_beside` counts the others without a lock.
    """

    has_service: bool = True
    locks: tuple[Lock, ...] = ()
    open_beside: int = 0
    wanted: Access | None = None
    applied: Access | None = None
    observed: Access | None = None
    gate_error: str = ""
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Incident(Result):
    """An open incident that covers the customer."""

    title: str
    since: str = ""
    scope: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class IncidentEvidence(Result):
    """The open incidents that cover the customer; none is an answer too."""

    incidents: tuple[Incident, ...] = ()
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class PingEvidence(Result):
    """Some echoes in numbers; `reasons` are the ICMP errors that came back instead of replies."""

    sent: int
    received: int
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    duplicates: int = 0
    reasons: tuple[str, ...] = ()
    age_s: float | None = 0.0

    @property
    def is_answered(self) -> bool:
        """Whether one reply came at least."""
        return self.received > 0

    @property
    def is_silent(self) -> bool:
        """Whether echoes were sent and none was answered."""
        return self.sent > 0 and self.received <= 0

    @property
    def loss_percent(self) -> float:
        """The share that was lost, 0 when nothing was sent."""
        if self.sent <= 0:
            return 0.0
        return min(100.0, max(0.0, 100.0 * (self.sent - self.received) / self.sent))


@dataclasses.dataclass(frozen=True, slots=True)
class PopEvidence(Result):
    """The customer's POP: whether its worker lives, and from which POP was measured (none: nothing was)."""

    name: str = ""
    is_worker_alive: bool = True
    measured_from: str | None = None
    gateway: str = ""
    gateway_ping: PingEvidence | NotChecked = NotChecked(N_("no gateway is on file"))
    gateway_snmp: SnmpState | NotChecked = NotChecked(N_("the gateway has no SNMP access on file"))
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Parent(Result):
    """A device between the access device and the POP, nearest first; `is_dead` None is not known."""

    name: str
    is_dead: bool | None = None
    dead_for_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceEvidence(Result):
    """The access device: the switch, OLT or base station the customer hangs on."""

    name: str
    ping: PingEvidence | NotChecked = NotChecked()
    snmp: SnmpState | NotChecked = NotChecked(N_("the device has no SNMP access on file"))
    uptime_s: float | None = None
    dead_for_s: float | None = None
    parents: tuple[Parent, ...] = ()
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class PortEvidence(Result):
    """The customer's port as the access device shows it; rates are None unless it was read twice."""

    device: str
    name: str
    admin: str = "unknown"
    oper: str = "unknown"
    speed_bps: int | None = None
    duplex: str | None = None
    expected_speed_bps: int | None = None
    last_change_s: float | None = None
    changes_an_hour: int | None = None
    in_errors_per_s: float | None = None
    out_errors_per_s: float | None = None
    in_discards_per_s: float | None = None
    out_discards_per_s: float | None = None
    in_bps: float | None = None
    out_bps: float | None = None
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class OnuEvidence(Result):
    """The customer's ONU as its OLT shows it; levels are received powers in dBm."""

    name: str
    device: str = ""
    state: str = "unknown"
    down_cause: DownCause | None = None
    down_cause_words: str = ""
    down_for_s: float | None = None
    rx_dbm: float | None = None
    olt_rx_dbm: float | None = None
    distance_m: float | None = None
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class MacPlace(Result):
    """Where a switch has learned the MAC on file."""

    device: str
    port: str
    is_uplink: bool = False
    is_on_file: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class MacEvidence(Result):
    """The MACs on file, those the port on file has learned, and where else those on file are.

    `owners` names whose a foreign MAC is: pairs of MAC and words.
    """

    on_file: tuple[str, ...] = ()
    on_port: tuple[str, ...] | NotChecked = NotChecked(N_("no switch port is on file"))
    places: tuple[MacPlace, ...] | NotChecked = NotChecked(N_("no MAC is on file to look for"))
    owners: tuple[tuple[str, Text | str], ...] = ()
    port_is_shared: bool = False
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class MacAnswer(Result):
    """Which MACs stand behind an address; live when they answered on the wire now, else from a table."""

    macs: tuple[str, ...] = ()
    is_live: bool = False
    method: Text | str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class AddressEvidence(Result):
    """One IP address of the customer; `is_own_segment` when the probe reaches it without the gateway."""

    address: str
    ping: PingEvidence | NotChecked = NotChecked()
    large: PingEvidence | NotChecked = NotChecked()
    large_size: int = 1472
    mac_on_file: str | None = None
    answer: MacAnswer | NotChecked = NotChecked()
    owners: tuple[tuple[str, Text | str], ...] = ()
    is_own_segment: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SessionEvidence(Result):
    """The DHCP lease or PPP session: `active`, `none` or `refused`, and since when."""

    kind: Text | str
    state: Literal["active", "none", "refused"]
    words: Text | str = ""
    since_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AddressesEvidence(Result):
    """The customer's IP addresses, and how he got them where that is known."""

    addresses: tuple[AddressEvidence, ...] = ()
    session: SessionEvidence | NotChecked = NotChecked(N_("no DHCP or RADIUS source is connected"))
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class BaselineEvidence(Result):
    """How the line was on a good day."""

    taken_on: str = ""
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    loss_percent: float | None = None
    rx_dbm: float | None = None
    speed_bps: int | None = None
    duplex: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class NeighbourGroup(Result):
    """Customers who share something with this one: how many were looked at, how many are down too."""

    scope: Scope
    name: str
    checked: int
    broken: int

    @property
    def fine(self) -> int:
        """How many are well."""
        return max(0, self.checked - max(0, self.broken))

    @property
    def is_broken(self) -> bool:
        """Whether half of at least two are down."""
        return self.checked >= 2 and self.broken * 2 >= self.checked and self.broken >= 2

    @property
    def is_fine(self) -> bool:
        """Whether some were looked at and all are well."""
        return self.checked > 0 and self.broken <= 0


@dataclasses.dataclass(frozen=True, slots=True)
class NeighbourEvidence(Result):
    """The neighbours, narrowest group first (port, splitter, device, building)."""

    groups: tuple[NeighbourGroup, ...] = ()
    age_s: float | None = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known; `taken_at` (with a time zone) turns ages into times of day."""

    account: AccountEvidence | NotChecked = NotChecked()
    incident: IncidentEvidence | NotChecked = NotChecked(N_("incidents were not looked up"))
    pop: PopEvidence | NotChecked = NotChecked()
    device: DeviceEvidence | NotChecked = NotChecked(N_("no access device is on file"))
    port: PortEvidence | NotChecked = NotChecked(N_("no port is on file"))
    onu: OnuEvidence | NotChecked = NotChecked(N_("no ONU is on file"))
    mac: MacEvidence | NotChecked = NotChecked()
    addresses: AddressesEvidence | NotChecked = NotChecked()
    baseline: BaselineEvidence | NotChecked = NotChecked(N_("no baseline was taken of this line"))
    neighbours: NeighbourEvidence | NotChecked = NotChecked(N_("the neighbours were not looked at"))
    taken_at: datetime | None = None
    # Stages that are left out on purpose: a bare device or port has no account, no customer and no address.
    left_out: frozenset[StageKey] = frozenset()
