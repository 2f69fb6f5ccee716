"""The tables of records, one module a subject; importing this package knows them all."""

from registry.models.audit import AuditEvent
from registry.models.baselines import Baseline, BaselineKind
from registry.models.cables import CableEnd, CableLine
from registry.models.customers import (
    Contact,
    Customer,
    CustomerKind,
    CustomerStatus,
    Group,
    Mark,
    Note,
    StoredFile,
    customer_groups,
    customer_marks,
)
from registry.models.diagnostics import DiagnosticKind, DiagnosticRun, DiagnosticStatus
from registry.models.equipment import Device, DeviceRole, DeviceState, DeviceType, Port
from registry.models.imports import (
    ColumnMapping,
    ExternalIdentity,
    ImportBatch,
    ImportFault,
    ImportState,
)
from registry.models.incidents import Incident, IncidentCustomer, IncidentScope
from registry.models.networks import Connection, GateStranger, GateTry, IpAddress, Line, LineGate, Network
from registry.models.outbox import OutboxChannel, OutboxMessage, OutboxStatus
from registry.models.places import Address, AddressKind, GeocodeAnswer, GeoSource, Pop
from registry.models.pop_boxes import PopBox
from registry.models.shared_runs import SharedRun
from registry.models.staff import StaffSession, StaffUser
from registry.models.upkeep import Heartbeat
from registry.models.warning_flags import WarningFlag
from registry.models.watching import (
    PortReading,
    RadiusSession,
    RadiusUsage,
    RoundKind,
    SeriesDay,
    SeriesKind,
    SeriesMinutes,
    SeriesRound,
    WatchRound,
    WatchSeries,
    WatchState,
    WatchStatus,
)

__all__ = [
    "Address",
    "AddressKind",
    "AuditEvent",
    "Baseline",
    "BaselineKind",
    "CableEnd",
    "CableLine",
    "ColumnMapping",
    "Connection",
    "Contact",
    "Customer",
    "CustomerKind",
    "CustomerStatus",
    "Device",
    "DeviceRole",
    "DeviceState",
    "DeviceType",
    "DiagnosticKind",
    "DiagnosticRun",
    "DiagnosticStatus",
    "ExternalIdentity",
    "GateStranger",
    "GateTry",
    "GeoSource",
    "GeocodeAnswer",
    "Group",
    "Heartbeat",
    "ImportBatch",
    "ImportFault",
    "ImportState",
    "Incident",
    "IncidentCustomer",
    "IncidentScope",
    "IpAddress",
    "Line",
    "LineGate",
    "Mark",
    "Network",
    "Note",
    "OutboxChannel",
    "OutboxMessage",
    "OutboxStatus",
    "Pop",
    "PopBox",
    "Port",
    "PortReading",
    "RadiusSession",
    "RadiusUsage",
    "RoundKind",
    "SeriesDay",
    "SeriesKind",
    "SeriesMinutes",
    "SeriesRound",
    "SharedRun",
    "StaffSession",
    "StaffUser",
    "StoredFile",
    "WarningFlag",
    "WatchRound",
    "WatchSeries",
    "WatchState",
    "WatchStatus",
    "customer_groups",
    "customer_marks",
]
