"""Networks, addresses, lines, switch-port connections, and the gates that open and close lines."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.columns import Cidr, Id, Inet, Instant, Mac
from core.db import Base
from registry.models.equipment import Device, Port


class Network(Base):
    """An address range of the plan. Ranges do not overlap (the database refuses it). `colour` is #rrggbb."""

    __tablename__ = "networks"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    cidr: Mapped[str] = mapped_column(Cidr)
    pop_id: Mapped[int | None] = mapped_column(ForeignKey("pops.id"), index=True)
    gateway_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"), index=True)
    colour: Mapped[str] = mapped_column(String(7), default="#3b82c4", server_default="#3b82c4")
    vlan: Mapped[int | None]

    gateway: Mapped[Device | None] = relationship(lazy="raise")

    __table_args__ = (
        ExcludeConstraint(("cidr", "&&"), using="gist", ops={"cidr": "inet_ops"}, name="ex_networks_cidr"),
        CheckConstraint("vlan BETWEEN 1 AND 4094", name="vlan"),
    )


class LineGate(Base):
    """A configured gate: its kind (see the package gates), settings, and sealed secrets.

    `epoch` is the mark by which its gear said what it holds; another mark means that it lost it. A gate that
    failed `failures` times in a row is left alone until `paused_until`, then tried once.
    """

    __tablename__ = "gates"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    secrets_sealed: Mapped[str] = mapped_column(Text, default="", server_default="")
    pop_id: Mapped[int | None] = mapped_column(ForeignKey("pops.id"), index=True)
    is_default: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    paused_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    epoch: Mapped[str | None] = mapped_column(Text)
    epoch_read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    restarted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    restarted_lines: Mapped[int] = mapped_column(default=0, server_default="0")
    resynced_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_gates_default", "is_default", unique=True, postgresql_where=text("is_default")),
    )


class GateTry(Base):
    """A try of a gate that a person asked for: nothing is changed by it.

    `pop` is whose worker or box was asked. `findings` are words, is_good and advice each; with an `error` it
    came to nothing.
    """

    __tablename__ = "gate_tries"

    id: Mapped[Id]
    gate_id: Mapped[int] = mapped_column(ForeignKey("gates.id", ondelete="CASCADE"), index=True)
    pop: Mapped[str] = mapped_column(String(32))
    asked_at: Mapped[Instant]
    asked_by: Mapped[str] = mapped_column(String(120))
    taken_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        Index("uq_gate_tries_open", "gate_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )


class GateStranger(Base):
    """An address, a login or a switch port a gate restricts although no line of its is to be.

    `repaired_at`: when it was seen gone; of a port, when it was opened.
    """

    __tablename__ = "gate_strangers"

    id: Mapped[Id]
    gate_id: Mapped[int] = mapped_column(ForeignKey("gates.id", ondelete="CASCADE"))
    address: Mapped[str | None] = mapped_column(Inet)
    login: Mapped[str] = mapped_column(String(253), default="", server_default="")
    port_id: Mapped[int | None] = mapped_column(ForeignKey("ports.id", ondelete="CASCADE"), index=True)
    access: Mapped[str] = mapped_column(String(24))
    since: Mapped[Instant]
    seen_at: Mapped[Instant]
    repair_asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    repair_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    repaired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    error: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        UniqueConstraint("gate_id", "address"),
        UniqueConstraint("gate_id", "port_id"),
        Index(
            "uq_gate_strangers_login", "gate_id", "login", unique=True, postgresql_where=text("login <> ''")
        ),
        CheckConstraint("num_nonnulls(address, nullif(login, ''), port_id) = 1", name="one_name"),
    )


class Line(Base):
    """Where a subscription meets the network: its customer, POP, gate and, where it dials in, its login."""

    __tablename__ = "lines"

    id: Mapped[Id]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    pop_id: Mapped[int | None] = mapped_column(ForeignKey("pops.id"), index=True)
    gate_id: Mapped[int | None] = mapped_column(ForeignKey("gates.id"), index=True)
    login: Mapped[str | None] = mapped_column(String(120), unique=True)

    gate: Mapped[LineGate | None] = relationship(lazy="raise")


class IpAddress(Base):
    """An address given to a customer, or a prefix routed to him; `colour` overrides the network's.

    No two overlap (the database refuses it). A prefix is opened and closed as an address is, but not asked:
    nobody answers for it.
    """

    __tablename__ = "ip_addresses"

    id: Mapped[Id]
    address: Mapped[str] = mapped_column(Inet, unique=True)
    is_prefix: Mapped[bool] = mapped_column(
        Computed("masklen(address) < CASE family(address) WHEN 4 THEN 32 ELSE 128 END", persisted=True)
    )
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    line_id: Mapped[int | None] = mapped_column(ForeignKey("lines.id", ondelete="SET NULL"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="SET NULL"), index=True)
    mac: Mapped[str | None] = mapped_column(Mac)
    colour: Mapped[str | None] = mapped_column(String(7))
    description: Mapped[str] = mapped_column(String(200), default="", server_default="")
    is_unwatched: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    unwatched_why: Mapped[str] = mapped_column(String(200), default="", server_default="")
    unwatched_by: Mapped[str] = mapped_column(String(120), default="", server_default="")
    unwatched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    network: Mapped[Network] = relationship(lazy="raise")

    __table_args__ = (
        Index("ix_ip_addresses_mac", "mac"),
        ExcludeConstraint(
            ("address", "&&"), using="gist", ops={"address": "inet_ops"}, name="ex_ip_addresses_address"
        ),
    )


class Connection(Base):
    """A customer (and one of his lines) on a switch port. A port may be shared by several customers."""

    __tablename__ = "connections"

    id: Mapped[Id]
    port_id: Mapped[int] = mapped_column(ForeignKey("ports.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    line_id: Mapped[int | None] = mapped_column(ForeignKey("lines.id", ondelete="SET NULL"), index=True)
    vlan: Mapped[int | None]

    port: Mapped[Port] = relationship(lazy="raise")

    __table_args__ = (
        Index("uq_connections_port_id", "port_id", "customer_id", unique=True),
        CheckConstraint("vlan BETWEEN 1 AND 4094", name="vlan"),
    )
