"""The tables of what is offered and what is billed."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.models.ledger import Account
from billing.models.words import PeriodKind
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class VatRate(Base):
    """A kind of VAT ("standard", "reduced"); what it amounts to is said by date."""

    __tablename__ = "vat_rates"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(60), unique=True)

    percents: Mapped[list["VatPercent"]] = relationship(lazy="raise", order_by="VatPercent.valid_from")


class VatPercent(Base):
    """What a VAT rate amounts to from a day on, in hundredths of a percent (2300 is 23 %)."""

    __tablename__ = "vat_percents"

    vat_rate_id: Mapped[int] = mapped_column(ForeignKey("vat_rates.id", ondelete="CASCADE"), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    percent_hundredths: Mapped[int]

    __table_args__ = (CheckConstraint("percent_hundredths BETWEEN 0 AND 10000", name="percent"),)


class Plan(Base):
    """A priced offer with speeds. The price is for a whole period; `is_net` says that VAT comes on top.

    Debt cuts no service of a plan that `is_never_cut`: a telephone from which help is called.
    """

    __tablename__ = "plans"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    price_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    period: Mapped[PeriodKind] = mapped_column(
        choice(PeriodKind), default=PeriodKind.MONTH, server_default="month"
    )
    is_net: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    vat_rate_id: Mapped[int | None] = mapped_column(ForeignKey("vat_rates.id"), index=True)
    is_postpaid: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    down_kbps: Mapped[int | None]
    up_kbps: Mapped[int | None]
    is_offered: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    is_never_cut: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    vat_rate: Mapped[VatRate | None] = relationship(lazy="raise")
    prices: Mapped[list["PlanPrice"]] = relationship(lazy="raise", order_by="PlanPrice.from_quantity")

    __table_args__ = (CheckConstraint("price_minor >= 0", name="price"),)


class PlanPrice(Base):
    """What one of many costs: the plan's price for each when at least so many are taken."""

    __tablename__ = "plan_prices"

    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True)
    from_quantity: Mapped[int] = mapped_column(primary_key=True)
    price_minor: Mapped[Minor]

    __table_args__ = (
        CheckConstraint("from_quantity >= 2", name="from_quantity"),
        CheckConstraint("price_minor >= 0", name="price"),
    )


class Subscription(Base):
    """A plan given to an account from a date: what is billed and what is cut.

    The terms (plan, own price, quantity, bill day) hold from `terms_from` on and are numbered: each change of
    them makes the next number, and a period is charged once under each. `bill_day` is 1 to 28, or 0 for the
    last day of the month; an ISO weekday for plans by the week. `bill_month` is where longer periods
    begin. `free_until` is the last day of the last period that a charge run found to cost nothing under the
    terms in force: what it passed is decided, whatever the price list says later. Where only the part to
    the service's end rounds to nothing it is that end, and stands while the end does.
    """

    __tablename__ = "subscriptions"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), index=True)
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    quantity: Mapped[int] = mapped_column(default=1, server_default="1")
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    terms_no: Mapped[int] = mapped_column(default=1, server_default="1")
    terms_from: Mapped[date | None]
    bill_day: Mapped[int] = mapped_column(default=1, server_default="1")
    bill_month: Mapped[int] = mapped_column(default=1, server_default="1")
    is_postpaid: Mapped[bool | None]
    free_until: Mapped[date | None]
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    created_at: Mapped[CreatedAt]

    plan: Mapped[Plan] = relationship(lazy="raise")
    account: Mapped[Account] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint("bill_day BETWEEN 0 AND 28", name="bill_day"),
        CheckConstraint("bill_month BETWEEN 1 AND 12", name="bill_month"),
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("quantity BETWEEN 1 AND 100000", name="quantity"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="dates"),
    )


class PlannedChange(Base):
    """New terms of a subscription from a day to come; the night of that day makes them hold."""

    __tablename__ = "planned_changes"

    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True
    )
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    quantity: Mapped[int] = mapped_column(default=1, server_default="1")
    bill_day: Mapped[int] = mapped_column(default=1, server_default="1")
    bill_month: Mapped[int] = mapped_column(default=1, server_default="1")
    is_postpaid: Mapped[bool | None]
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("bill_day BETWEEN 0 AND 28", name="bill_day"),
        CheckConstraint("bill_month BETWEEN 1 AND 12", name="bill_month"),
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("quantity BETWEEN 1 AND 100000", name="quantity"),
        Index("ix_planned_changes_starts_on", "starts_on"),
    )


class Liability(Base):
    """What an account owes that is no plan: once or by the period; its days as a subscription's.

    One that ends on the eve of its start was taken back.
    """

    __tablename__ = "liabilities"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    description: Mapped[str] = mapped_column(String(200))
    price_minor: Mapped[Minor]
    is_net: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    vat_rate_id: Mapped[int | None] = mapped_column(ForeignKey("vat_rates.id"))
    quantity: Mapped[int] = mapped_column(default=1, server_default="1")
    period: Mapped[PeriodKind] = mapped_column(choice(PeriodKind))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    bill_day: Mapped[int] = mapped_column(default=1, server_default="1")
    bill_month: Mapped[int] = mapped_column(default=1, server_default="1")
    is_postpaid: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("bill_day BETWEEN 0 AND 28", name="bill_day"),
        CheckConstraint("bill_month BETWEEN 1 AND 12", name="bill_month"),
        CheckConstraint("price_minor > 0", name="price"),
        CheckConstraint("quantity BETWEEN 1 AND 100000", name="quantity"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on - 1", name="dates"),
    )


class Discount(Base):
    """A discount letter: so many hundredths of a percent, or a sum off each period's price."""

    __tablename__ = "discounts"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    percent_hundredths: Mapped[int | None]
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    is_offered: Mapped[bool] = mapped_column(default=True, server_default=text("true"))

    __table_args__ = (
        CheckConstraint("(percent_hundredths IS NULL) <> (amount_minor IS NULL)", name="either"),
        CheckConstraint("percent_hundredths BETWEEN 1 AND 10000", name="percent"),
        CheckConstraint("amount_minor IS NULL OR (amount_minor > 0 AND currency IS NOT NULL)", name="amount"),
    )


class AccountDiscount(Base):
    """A discount letter given to an account, or one subscription, for periods that begin from-to."""

    __tablename__ = "account_discounts"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    discount_id: Mapped[int] = mapped_column(ForeignKey("discounts.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    given_at: Mapped[CreatedAt]

    discount: Mapped[Discount] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="dates"),
        Index("ix_account_discounts_account_id", "account_id"),
        Index(
            "uq_account_discounts_given",
            "account_id",
            text("coalesce(subscription_id, 0)"),
            "discount_id",
            "starts_on",
            unique=True,
        ),
    )


class ChargeRun(Base):
    """One charging of everybody for a day, in batches: how far it came, what it made and what it refused.

    `seen_at` is the worker's last sign of life.
    """

    __tablename__ = "charge_runs"

    id: Mapped[Id]
    run_on: Mapped[date] = mapped_column(index=True)
    started_at: Mapped[CreatedAt]
    started_by: Mapped[str] = mapped_column(String(120))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    accounts_total: Mapped[int] = mapped_column(default=0, server_default="0")
    accounts_done: Mapped[int] = mapped_column(default=0, server_default="0")
    accounts_charged: Mapped[int] = mapped_column(default=0, server_default="0")
    entries: Mapped[int] = mapped_column(default=0, server_default="0")
    documents: Mapped[int] = mapped_column(default=0, server_default="0")
    totals: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    refused: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    undocumented: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default="{}")
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (CheckConstraint("accounts_done <= accounts_total", name="done"),)
