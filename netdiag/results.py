"""What the wire answered, as frozen values that turn into JSON."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal, cast

from netdiag.text import Text

MacMethod = Literal["arp", "nd", "kernel", "router"]


class Result:
    """Base of every result: a frozen dataclass with a JSON-ready form."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists, dictionaries, strings and numbers."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
        }


def _plain(value: Any) -> Any:
    """Turn nested results and tuples into dictionaries and lists."""
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, Text):
        return value.stored()
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return [_plain(item) for item in value]


def _again(one: "dataclasses.Field[Any]") -> Any:
    """Return a field like this one, with its default if it has one."""
    return (
        dataclasses.field() if one.default is dataclasses.MISSING else dataclasses.field(default=one.default)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class PingReply(Result):
    """One echo: answered (`rtt_ms` is a number) or not (`reason` says why); `at` is when it was sent.

    `late_ms` marks an answer that came after its echo had been told lost: it follows that reply and
    changes nothing about it. `mtu` is what a router named that found the packet too large.
    """

    sequence: int
    rtt_ms: float | None
    ttl: int | None
    size: int | None
    sender: str | None
    reason: str | None
    is_duplicate: bool
    at: float
    late_ms: float | None = None
    mtu: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PingSummary(Result):
    """A finished ping in numbers; jitter is the mean difference of neighbouring round trips.

    `late` answers came after their time-out and count as lost. `errors` is how many echoes came to a known
    end (an ICMP error, or no way to send), `reason` the latest of them and `router` who said so.
    """

    address: str
    sent: int
    received: int
    loss_percent: float
    rtt_min_ms: float | None
    rtt_avg_ms: float | None
    rtt_max_ms: float | None
    jitter_ms: float | None
    duplicates: int
    late: int = 0
    errors: int = 0
    reason: str | None = None
    router: str | None = None


_Twin: Any = dataclasses.make_dataclass(
    "_Twin",
    [(one.name, one.type, _again(one)) for one in dataclasses.fields(PingSummary)],
    bases=(Result,),
    slots=True,
)


def ping_summary(*fields: Any) -> PingSummary:
    """Make a summary of its fields in order, five times as fast as its own constructor: a sweep feels that.

    A frozen dataclass sets each field past its own guard. Here a twin that is not frozen takes them, and then
    becomes the frozen one, whose layout is the same.
    """
    made = _Twin(*fields)
    made.__class__ = PingSummary
    return cast("PingSummary", made)


@dataclasses.dataclass(frozen=True, slots=True)
class MacSeen(Result):
    """One MAC that answered for an address, and how often."""

    mac: str
    vendor: str | None
    is_random: bool
    answers: int


@dataclasses.dataclass(frozen=True, slots=True)
class MacFinding(Result):
    """Which MAC stands behind an address and how that was learned, or why it cannot be known from here."""

    address: str
    method: MacMethod | None
    macs: tuple[MacSeen, ...]
    interface: str | None
    is_duplicate: bool
    why_not: str | None
    tried: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ArpHost(Result):
    """An address that was heard in a scan; a MAC with 0 answers spoke for it without being asked by us.

    `is_duplicate`: more than one MAC. `is_proxied`: one of them answers for many addresses. `relays`: MACs
    that sent the frames where they are not the ones named inside.
    """

    address: str
    macs: tuple[MacSeen, ...]
    is_duplicate: bool
    is_proxied: bool
    relays: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class MacShare(Result):
    """A MAC that speaks for several addresses: a host with several, two hosts with one MAC, or a proxy."""

    mac: str
    vendor: str | None
    is_random: bool
    count: int
    addresses: tuple[str, ...]
    is_proxy: bool


@dataclasses.dataclass(frozen=True, slots=True)
class ArpSpeaker(Result):
    """Who spoke during a scan without being asked, how often."""

    address: str
    mac: str
    vendor: str | None
    is_random: bool
    times: int


@dataclasses.dataclass(frozen=True, slots=True)
class ArpScan(Result):
    """A scan of a range: who answered, who announced itself, who is on the wire but not of the range.

    `echoes` are frames of our own that came back: a loop on the segment.
    """

    interface: str
    asked: int
    sent: int
    seconds: float
    hosts: tuple[ArpHost, ...]
    shares: tuple[MacShare, ...]
    gratuitous: tuple[ArpSpeaker, ...]
    foreign: tuple[ArpSpeaker, ...]
    echoes: int


@dataclasses.dataclass(frozen=True, slots=True)
class ArpRow(Result):
    """One line of a router's table of neighbours."""

    address: str
    mac: str
    if_index: int


@dataclasses.dataclass(frozen=True, slots=True)
class System(Result):
    """The system group of a device (SNMPv2-MIB, RFC 3418); None for what it does not say."""

    name: str | None
    description: str | None
    object_id: str | None
    uptime_s: float | None
    location: str | None
    contact: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class PortStatus(Result):
    """One port of a device (IF-MIB, EtherLike-MIB); rates are None unless two readings were taken."""

    if_index: int
    name: str
    description: str
    alias: str
    admin: str | None
    oper: str | None
    speed_bps: int | None
    duplex: str | None
    mtu: int | None
    mac: str | None
    last_change_s: float | None
    in_octets: int | None = None
    out_octets: int | None = None
    in_errors: int | None = None
    out_errors: int | None = None
    in_discards: int | None = None
    out_discards: int | None = None
    in_bps: float | None = None
    out_bps: float | None = None
    in_errors_per_s: float | None = None
    out_errors_per_s: float | None = None
    in_discards_per_s: float | None = None
    out_discards_per_s: float | None = None
    gap_s: float | None = None
    is_counter_reset: bool = False
    type: str | None = None
    poe: str | None = None
    poe_w: float | None = None
    vlan: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class FdbEntry(Result):
    """One line of a forwarding table: behind which port a MAC was learned, and at which ONU's `index`."""

    mac: str
    vlan: int | None
    bridge_port: int | None
    if_index: int | None
    port_name: str | None
    status: str | None = None
    onu: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Optics(Result):
    """A transceiver as it measures itself; `name` tells the lanes of one port apart.

    `state` is "no light" where the receiver is dark; without a module there is no row. `..._low_dbm` and
    `..._high_dbm` are the levels at which the device itself warns.
    """

    if_index: int | None = None
    port_name: str | None = None
    name: str | None = None
    rx_dbm: float | None = None
    tx_dbm: float | None = None
    temperature_c: float | None = None
    voltage_v: float | None = None
    bias_ma: float | None = None
    wavelength_nm: float | None = None
    reach_m: float | None = None
    vendor: str | None = None
    part: str | None = None
    serial: str | None = None
    type: str | None = None
    state: str | None = None
    rx_low_dbm: float | None = None
    rx_high_dbm: float | None = None
    tx_low_dbm: float | None = None
    tx_high_dbm: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Sensor(Result):
    """One measured value of a device: `kind` says of what, `unit` in what (empty for a word)."""

    kind: str
    name: str | None
    value: float | str
    unit: str
    if_index: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Onu(Result):
    """A subscriber's unit on a PON port; `rx_dbm` is at the unit, `olt_rx_dbm` at the head end."""

    index: str
    kind: str | None = None
    if_index: int | None = None
    port_name: str | None = None
    id: str | None = None
    name: str | None = None
    serial: str | None = None
    mac: str | None = None
    state: str | None = None
    admin: str | None = None
    rx_dbm: float | None = None
    tx_dbm: float | None = None
    olt_rx_dbm: float | None = None
    olt_tx_dbm: float | None = None
    distance_m: float | None = None
    last_down: str | None = None
    last_up: str | None = None
    uptime_s: float | None = None
    model: str | None = None
    vendor: str | None = None
    version: str | None = None
    temperature_c: float | None = None
    voltage_v: float | None = None
    bias_ma: float | None = None
    profile: str | None = None
    ip: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RadioLink(Result):
    """A radio of the device (`is_peer` False) or a station connected to it (True)."""

    index: str
    is_peer: bool = False
    if_index: int | None = None
    port_name: str | None = None
    name: str | None = None
    mac: str | None = None
    ip: str | None = None
    mode: str | None = None
    ssid: str | None = None
    link: str | None = None
    frequency_mhz: float | None = None
    channel: float | None = None
    width_mhz: float | None = None
    tx_power_dbm: float | None = None
    signal_dbm: float | None = None
    remote_signal_dbm: float | None = None
    noise_dbm: float | None = None
    snr_db: float | None = None
    ccq_percent: float | None = None
    tx_rate_bps: float | None = None
    rx_rate_bps: float | None = None
    capacity_bps: float | None = None
    distance_m: float | None = None
    clients: float | None = None
    peer_mac: str | None = None
    peer_name: str | None = None
    uptime_s: float | None = None
    model: str | None = None
    version: str | None = None
    interface: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceStatus(Result):
    """What a device says about itself and its port or ports; `at` is the moment of the reading.

    `pon` and `radio` are None for a device that is no head end and has no radio; `warnings` say in words
    what could not be read or makes no sense.
    """

    host: str
    system: System
    ports: tuple[PortStatus, ...]
    at: float
    vendor: str | None = None
    family: str | None = None
    model: str | None = None
    version: str | None = None
    serial: str | None = None
    hardware: str | None = None
    fdb: tuple[FdbEntry, ...] = ()
    optics: tuple[Optics, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    pon: tuple[Onu, ...] | None = None
    radio: tuple[RadioLink, ...] | None = None
    warnings: tuple[str, ...] = ()
