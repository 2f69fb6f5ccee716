"""Customers and what hangs on them alone: groups, marks, contacts, notes, files."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.models import Account
from core.columns import CreatedAt, Id, choice
from core.db import Base
from registry import names


class CustomerKind(StrEnum):
    """A private person or a company."""

    PERSON = "person"
    COMPANY = "company"


class CustomerStatus(StrEnum):
    """Where the customer stands in his life with us; only a connected one may have open lines."""

    PROSPECT = "prospect"
    WAITING = "waiting"
    CONNECTED = "connected"
    FORMER = "former"


customer_groups = Table(
    "customer_groups",
    Base.metadata,
    Column("customer_id", BigInteger, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", BigInteger, ForeignKey("groups.id"), primary_key=True, index=True),
)

customer_marks = Table(
    "customer_marks",
    Base.metadata,
    Column("customer_id", BigInteger, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("mark_id", BigInteger, ForeignKey("marks.id"), primary_key=True, index=True),
)


class Group(Base):
    """A named set of customers; jobs refer to it by name, so the name has no spaces."""

    __tablename__ = "groups"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    description: Mapped[str] = mapped_column(default="", server_default="")


class Mark(Base):
    """A visual label on a customer, such as VIP; `colour` is #rrggbb."""

    __tablename__ = "marks"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    colour: Mapped[str] = mapped_column(String(7), default="#5b6b7b")


def _sort_name(context: Any) -> str:
    """Return what a new customer is sorted by, from the names of the row that is being written."""
    row = context.get_current_parameters()
    company, last, first = (row.get(name) or "" for name in ("company_name", "last_name", "first_name"))
    return names.sort_key(company or last, "" if company else first)[:400]


class Customer(Base):
    """A person or company in contract with the ISP: the card."""

    __tablename__ = "customers"

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[CustomerKind] = mapped_column(choice(CustomerKind), default=CustomerKind.PERSON)
    first_name: Mapped[str] = mapped_column(String(120), default="", server_default="")
    last_name: Mapped[str] = mapped_column(String(120), default="", server_default="")
    company_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    dba: Mapped[str] = mapped_column(String(200), default="", server_default="")
    # names.sort_key() of the name; "C" compares code points whatever the database's locale.
    sort_name: Mapped[str] = mapped_column(String(400, collation="C"), default=_sort_name)
    status: Mapped[CustomerStatus] = mapped_column(choice(CustomerStatus), default=CustomerStatus.WAITING)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), unique=True)
    alert: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_at: Mapped[CreatedAt]
    version: Mapped[int] = mapped_column(default=1)
    search_text: Mapped[str] = mapped_column(
        Text,
        Computed(
            "lower(number || ' ' || last_name || ' ' || first_name || ' ' || last_name || ' ' || company_name"
            " || ' ' || dba)",
            persisted=True,
        ),
    )

    account: Mapped[Account] = relationship(lazy="raise")
    groups: Mapped[list[Group]] = relationship(secondary=customer_groups, lazy="raise", order_by=Group.name)
    marks: Mapped[list[Mark]] = relationship(secondary=customer_marks, lazy="raise", order_by=Mark.name)

    # Two people who edit the same customer: the second to save is told, not overwritten.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (
        Index("ix_customers_sort_name", "sort_name", "id"),
        Index("ix_customers_number_order", text("length(number)"), "number"),
        Index("ix_customers_status", "status", "id"),
        Index(
            "ix_customers_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    @property
    def name(self) -> str:
        """The name people read: the company, else last and first name."""
        return self.company_name or f"{self.last_name} {self.first_name}".strip()

    @property
    def representative(self) -> str:
        """Who speaks for a company; empty for a person."""
        return f"{self.first_name} {self.last_name}".strip() if self.company_name else ""


class Contact(Base):
    """A person reachable for the customer. Phones are kept in E.164."""

    __tablename__ = "contacts"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(160))
    title: Mapped[str] = mapped_column(String(120), default="", server_default="")
    phone: Mapped[str] = mapped_column(String(32), default="", server_default="")
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    is_primary: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    takes_reminders: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    takes_sms: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (
        Index("ix_contacts_phone", "phone", postgresql_using="gin", postgresql_ops={"phone": "gin_trgm_ops"}),
    )


class Note(Base):
    """Staff's own text on a customer, or on one of his devices; urgent ones come first."""

    __tablename__ = "notes"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id", ondelete="SET NULL"), index=True)
    content: Mapped[str] = mapped_column(Text)
    is_urgent: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"))
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    changed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StoredFile(Base):
    """A file kept with the customer: backups, plans, photos. The content, bounded, stands in the row."""

    __tablename__ = "files"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
