"""Equipment: device types, devices with their sealed credentials and last status, ports."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.columns import Id, Inet, Mac, choice
from core.db import Base


class DeviceRole(StrEnum):
    """What a device does in the network."""

    CPE = "cpe"
    ONU = "onu"
    SWITCH = "switch"
    OLT = "olt"
    ROUTER = "router"
    RADIO = "radio"
    OTHER = "other"


class DeviceState(StrEnum):
    """What the last status reading found."""

    ANSWERED = "answered"
    SILENT = "silent"
    REFUSED = "refused"
    DENIED = "denied"


class DeviceType(Base):
    """A kind of device that governs how it is reached: role, web scheme and port."""

    __tablename__ = "device_types"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    vendor: Mapped[str] = mapped_column(String(80), default="", server_default="")
    role: Mapped[DeviceRole] = mapped_column(choice(DeviceRole))
    web_scheme: Mapped[str] = mapped_column(String(5), default="https", server_default="https")
    web_port: Mapped[int | None]

    __table_args__ = (CheckConstraint("web_scheme IN ('http', 'https', '')", name="web_scheme"),)


class Device(Base):
    """A network element, ours or a customer's. Credentials are sealed JSON that names the row's id."""

    __tablename__ = "devices"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    type_id: Mapped[int] = mapped_column(ForeignKey("device_types.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(
        ForeignKey("customers.id", ondelete="SET NULL"), index=True
    )
    pop_id: Mapped[int | None] = mapped_column(ForeignKey("pops.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="SET NULL"), index=True)
    gate_id: Mapped[int | None] = mapped_column(
        ForeignKey("gates.id", use_alter=True, name="fk_devices_gate_id_gates"), index=True
    )
    address: Mapped[str | None] = mapped_column(Inet)
    mac: Mapped[str | None] = mapped_column(Mac)
    serial: Mapped[str] = mapped_column(String(80), default="", server_default="")
    software: Mapped[str] = mapped_column(String(120), default="", server_default="")
    snmp_version: Mapped[str] = mapped_column(String(2), default="", server_default="")
    snmp_port: Mapped[int] = mapped_column(default=161, server_default="161")
    snmp_sealed: Mapped[str] = mapped_column(Text, default="", server_default="")
    login_sealed: Mapped[str] = mapped_column(Text, default="", server_default="")
    is_gateway: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_unwatched: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    unwatched_why: Mapped[str] = mapped_column(String(200), default="", server_default="")
    unwatched_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    unwatched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[DeviceState | None] = mapped_column(choice(DeviceState))
    state_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_status: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    last_status_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    type: Mapped[DeviceType] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint("snmp_version IN ('', '1', '2c', '3')", name="snmp_version"),
        CheckConstraint("snmp_port BETWEEN 1 AND 65535", name="snmp_port"),
        CheckConstraint("parent_id <> id", name="parent"),
        Index("ix_devices_mac", "mac"),
        Index("ix_devices_address", "address"),
    )


class Port(Base):
    """A port of a device by its interface index (IF-MIB ifIndex); uplinks are not customer ports."""

    __tablename__ = "ports"

    id: Mapped[Id]
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id", ondelete="CASCADE"))
    if_index: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    is_uplink: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    device: Mapped[Device] = relationship(lazy="raise")

    __table_args__ = (
        Index("uq_ports_if_index", "device_id", "if_index", unique=True),
        CheckConstraint("if_index > 0", name="if_index"),
    )
