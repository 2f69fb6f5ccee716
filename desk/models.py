"""The tables of work."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import CreatedAt, Id, Instant, choice
from core.db import Base


class TicketKind(StrEnum):
    """What a ticket is: something broken, something asked for, a piece of work, a job at the customer."""

    FAULT = "fault"
    REQUEST = "request"
    TASK = "task"
    ORDER = "order"


class TicketStatus(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


class VisitResult(StrEnum):
    """How a visit ended; one that has no result is still to be made."""

    DONE = "done"
    NOT_DONE = "not_done"
    CANCELLED = "cancelled"


class DisconnectWhy(StrEnum):
    """Why somebody is to be disconnected on the spot; who owes leaves the queue when he has paid."""

    DEBT = "debt"
    ENDED = "ended"
    ASKED = "asked"
    ABUSE = "abuse"
    OTHER = "other"


class DisconnectResult(StrEnum):
    """How an entry of the disconnect queue ended; one that has no result is still to be done."""

    DISCONNECTED = "disconnected"
    PAID = "paid"
    WITHDRAWN = "withdrawn"


class Ticket(Base):
    """A fault, a request or a task of a customer; `priority` 1 is the most urgent of 4."""

    __tablename__ = "tickets"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[TicketKind] = mapped_column(choice(TicketKind), default=TicketKind.FAULT)
    subject: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text, default="", server_default="")
    priority: Mapped[int] = mapped_column(default=3, server_default="3")
    status: Mapped[TicketStatus] = mapped_column(choice(TicketStatus), default=TicketStatus.OPEN)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"))
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(String(120))

    __table_args__ = (
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        Index("ix_tickets_customer_id", "customer_id", "id"),
        Index("ix_tickets_open", "priority", "created_at", postgresql_where=text("status <> 'closed'")),
    )


class TicketComment(Base):
    """What somebody wrote on a ticket."""

    __tablename__ = "ticket_comments"

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    content: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"))
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]


class Visit(Base):
    """An appointment for a ticket: who goes there, when, and how it ended. A ticket has one open visit."""

    __tablename__ = "visits"

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"))
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    planned_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    result: Mapped[VisitResult | None] = mapped_column(choice(VisitResult))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(String(120))

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="period"),
        CheckConstraint("(result IS NULL) = (ended_at IS NULL)", name="ended"),
        Index("uq_visits_open", "ticket_id", unique=True, postgresql_where=text("result IS NULL")),
        Index("ix_visits_staff_id", "staff_id", "starts_at"),
    )


class OrderLine(Base):
    """What a ticket is billed by: so much of an article, and on which day the work was done.

    `worked_on` is none until the hours are first entered; `entry_id` is the charge, once there is one.
    """

    __tablename__ = "order_lines"

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), index=True)
    quantity_hundredths: Mapped[int]
    worked_on: Mapped[date | None]
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)

    __table_args__ = (
        CheckConstraint("quantity_hundredths BETWEEN 0 AND 10000000", name="quantity"),
        CheckConstraint("entry_id IS NULL OR worked_on IS NOT NULL", name="billed"),
        Index(
            "ix_order_lines_to_bill",
            "ticket_id",
            postgresql_where=text("entry_id IS NULL AND quantity_hundredths > 0"),
        ),
    )


class Disconnect(Base):
    """A customer whose line is to be taken off by hand; of a customer one entry is open.

    `tried_*` are of the last visit at which nobody was at home, `tries` counts them.
    """

    __tablename__ = "disconnects"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    why: Mapped[DisconnectWhy] = mapped_column(choice(DisconnectWhy, "why"))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("cutoff_runs.id", ondelete="SET NULL"), index=True)
    added_by: Mapped[str] = mapped_column(String(120))
    added_at: Mapped[CreatedAt]
    planned_on: Mapped[date | None]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"), index=True)
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    tried_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tried_by: Mapped[str | None] = mapped_column(String(120))
    result: Mapped[DisconnectResult | None] = mapped_column(choice(DisconnectResult, "result"))
    result_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(String(120))

    __table_args__ = (
        CheckConstraint("(result IS NULL) = (ended_at IS NULL)", name="ended"),
        Index("uq_disconnects_open", "customer_id", unique=True, postgresql_where=text("result IS NULL")),
        Index("ix_disconnects_added_at", "added_at", "id"),
    )


class Notice(Base):
    """What the office has to say on the page customers are led to; nobody is led there while it is off.

    `title` and `content` are in the ISP's language; `texts` has both by the code of any other.
    """

    __tablename__ = "notices"

    id: Mapped[Id]
    title: Mapped[str] = mapped_column(String(120))
    content: Mapped[str] = mapped_column(Text)
    texts: Mapped[dict[str, dict[str, str]]] = mapped_column(JSONB, default=dict, server_default="{}")
    is_on: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Gone when the customer confirms it; else it stays until it is withdrawn.
    is_confirmable: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]


class NoticeAssignment(Base):
    """A notice to one customer, at one of his lines or at all of them; who saw and confirmed it, and when."""

    __tablename__ = "notice_assignments"

    id: Mapped[Id]
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id", ondelete="CASCADE"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    line_id: Mapped[int | None] = mapped_column(ForeignKey("lines.id", ondelete="CASCADE"), index=True)
    assigned_by: Mapped[str] = mapped_column(String(120))
    assigned_at: Mapped[CreatedAt]
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    seen_from: Mapped[str] = mapped_column(String(45), default="", server_default="")
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    confirmed_from: Mapped[str] = mapped_column(String(45), default="", server_default="")
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str] = mapped_column(String(120), default="", server_default="")

    __table_args__ = (
        Index(
            "uq_notice_assignments_open",
            "notice_id",
            "customer_id",
            "line_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("confirmed_at IS NULL AND withdrawn_at IS NULL"),
        ),
        Index("ix_notice_assignments_notice_id", "notice_id", "id"),
    )


class Contract(Base):
    """A contract as it is signed: its text never changes. Open while neither signed nor withdrawn."""

    __tablename__ = "contracts"

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(160))
    content: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]
    signed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    signed_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    # The address it was signed from on the page; empty: on paper, at the office.
    signed_from: Mapped[str] = mapped_column(String(45), default="", server_default="")
    signed_with: Mapped[str] = mapped_column(String(120), default="", server_default="")
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_by: Mapped[str] = mapped_column(String(120), default="", server_default="")

    __table_args__ = (
        CheckConstraint("(signed_at IS NULL) = (signed_name = '')", name="signed"),
        CheckConstraint("signed_at IS NULL OR withdrawn_at IS NULL", name="ended"),
        Index(
            "ix_contracts_open",
            "customer_id",
            postgresql_where=text("signed_at IS NULL AND withdrawn_at IS NULL"),
        ),
    )


class ContractTemplate(Base):
    """The text contracts are made of: fields in braces are filled from the customer's card."""

    __tablename__ = "contract_templates"

    id: Mapped[Id]
    title: Mapped[str] = mapped_column(String(160), unique=True)
    content: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[CreatedAt]


class ContractLeading(Base):
    """Whether customers with open contracts are led to the page; rows never change, the newest counts."""

    __tablename__ = "contract_leadings"

    id: Mapped[Id]
    is_on: Mapped[bool]
    author: Mapped[str] = mapped_column(String(120))
    at: Mapped[CreatedAt]


class WarningLeading(Base):
    """Whether customers with a warning are led to the page; rows never change, the newest counts."""

    __tablename__ = "warning_leadings"

    id: Mapped[Id]
    is_on: Mapped[bool]
    author: Mapped[str] = mapped_column(String(120))
    at: Mapped[CreatedAt]
