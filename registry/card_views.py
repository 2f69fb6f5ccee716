"""What the customer card shows: frozen values, put together once and only read by templates."""

from dataclasses import dataclass
from datetime import date, datetime

from billing.models import AccessState, LockReason, PeriodKind
from core.money import Money
from registry.listing import MarkView
from registry.models import AddressKind, CustomerKind, CustomerStatus, DeviceRole, DeviceState, GeoSource
from registry.warned import WarningView
from registry.watched import Watched


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group the customer is in."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """An urgent note, shown before everything else."""

    id: int
    content: str
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ContactView:
    """A person to reach; `phone` is E.164, `phone_shown` as people write it."""

    id: int
    name: str
    title: str
    phone: str
    phone_shown: str
    email: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class AddressView:
    """A postal address with its point, or why it has none. Floor 0 is a floor, None is unknown."""

    id: int
    kind: AddressKind
    street: str
    building: str
    entrance: str
    floor: int | None
    unit: str
    city: str
    region: str
    postcode: str
    country: str
    latitude: float | None
    longitude: float | None
    geo_source: GeoSource | None
    geo_accuracy: str
    geo_at: datetime | None
    geo_failure: str

    @property
    def street_line(self) -> str:
        """Street and building."""
        return f"{self.street} {self.building}".strip()

    @property
    def town_line(self) -> str:
        """Postcode, city, region and country."""
        town = f"{self.postcode} {self.city}".strip()
        return ", ".join(part for part in (town, self.region, self.country) if part)


@dataclass(frozen=True, slots=True)
class LockView:
    """A standing suspension lock."""

    reason: LockReason
    owner: str
    note: str
    placed_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A subscription with its plan and its access: wanted, applied by the gate, observed in the network.

    `price` is what one costs for a period, before VAT where it `is_net`.
    `gate_source` says where its gate was chosen: "line", "device", "pop" or "default".
    """

    id: int
    plan: str
    price: Money
    quantity: int
    period: PeriodKind
    is_net: bool
    down_kbps: int | None
    up_kbps: int | None
    starts_on: date
    ends_on: date | None
    is_running: bool
    line_id: int | None
    login: str
    gate: str
    gate_source: str
    gate_error: str
    wanted: AccessState | None
    wanted_at: datetime | None
    applied: AccessState | None
    applied_at: datetime | None
    observed: AccessState | None
    observed_at: datetime | None
    is_bare: bool | None
    attempts: int
    next_attempt_at: datetime | None
    reconnect_ms: int | None
    reconnected_at: datetime | None
    error: str
    locks: tuple[LockView, ...]

    @property
    def is_by_hand(self) -> bool:
        """Whether a person suspended it."""
        return any(lock.reason is LockReason.MANUAL for lock in self.locks)

    @property
    def is_settled(self) -> bool:
        """Whether the gate confirmed what is wanted."""
        return self.applied is not None and self.applied is self.wanted

    @property
    def reconnect_s(self) -> float | None:
        """How long the last reconnect took, from the wish to the gate's answer; seconds."""
        if self.reconnect_ms is None:
            return None
        return round(self.reconnect_ms / 1000, 1 if self.reconnect_ms < 10_000 else None)

    @property
    def is_contradicted(self) -> bool:
        """Whether the network does otherwise than is wanted."""
        return self.observed is not None and self.observed is not self.wanted


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device at the customer; `state_at` is when it was last asked, `status_at` when it last told."""

    id: int
    name: str
    type: str
    role: DeviceRole
    mac: str | None
    address: str | None
    web_url: str | None
    serial: str
    software: str
    has_snmp: bool
    has_login: bool
    watched: Watched
    state: DeviceState | None
    state_at: datetime | None
    status_at: datetime | None


@dataclass(frozen=True, slots=True)
class IpView:
    """An address given to the customer; `colour` is its own or its network's."""

    id: int
    address: str
    mac: str | None
    network_id: int
    network: str
    cidr: str
    colour: str
    description: str
    last_seen_at: datetime | None
    watched: Watched
    device_id: int | None
    web_url: str | None


@dataclass(frozen=True, slots=True)
class PortView:
    """The switch port the customer hangs on; `shared_with` are the numbers of others on it."""

    id: int
    port_id: int
    device_id: int
    device: str
    device_address: str | None
    name: str
    if_index: int
    vlan: int | None
    watched: Watched
    state: DeviceState | None
    state_at: datetime | None
    shared_with: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BalanceView:
    """The money account: sums called overdue and past due are positive, overdue is what cuts.

    `promised` is the sum of the promise that stands, zero without one.
    """

    account_id: int
    balance: Money
    overdue: Money
    past_due: Money
    oldest_due_on: date | None
    days_overdue: int
    promise_until: date | None
    promised: Money
    instalments_until: date | None
    is_never_cut: bool
    never_cut_note: str

    @property
    def owed(self) -> Money:
        """The whole debt, zero for who is in credit."""
        return Money(max(0, -self.balance.minor), self.balance.currency)

    @property
    def is_debtor(self) -> bool:
        """Whether something was due before today."""
        return self.past_due.minor > 0


@dataclass(frozen=True, slots=True)
class Card:
    """The first screen of a customer."""

    id: int
    number: str
    name: str
    representative: str
    dba: str
    kind: CustomerKind
    status: CustomerStatus
    alert: str
    version: int
    created_at: datetime
    groups: tuple[GroupView, ...]
    marks: tuple[MarkView, ...]
    urgent_notes: tuple[NoteView, ...]
    contacts: tuple[ContactView, ...]
    addresses: tuple[AddressView, ...]
    services: tuple[ServiceView, ...]
    devices: tuple[DeviceView, ...]
    ips: tuple[IpView, ...]
    ports: tuple[PortView, ...]
    balance: BalanceView
    other_ids: tuple[str, ...] = ()  # what other systems know him by: "lms 17"
    warnings: tuple[WarningView, ...] = ()

    def is_warned(self, line_id: int | None) -> bool:
        """Whether a warning stands on all lines, or on this one."""
        return any(one.line_id is None or one.line_id == line_id for one in self.warnings)

    @property
    def visiting(self) -> AddressView | None:
        """The address of the service."""
        return next((found for found in self.addresses if found.kind is AddressKind.VISITING), None)
