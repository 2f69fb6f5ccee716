"""The tables of accounts and of the ledger."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from billing.models.words import Documented, EntryKind, Method
from core.columns import CreatedAt, Id, Minor, choice
from core.db import Base


class AccountGroup(Base):
    """Accounts treated alike: a grace of their own, or never cut at all."""

    __tablename__ = "account_groups"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    grace_days: Mapped[int | None]
    is_never_cut: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    __table_args__ = (CheckConstraint("grace_days BETWEEN 0 AND 365", name="grace_days"),)


class Payer(Base):
    """Who an account's documents are made out to: rows never change, the account names the newest."""

    __tablename__ = "payers"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    country: Mapped[str] = mapped_column(String(2), default="", server_default="")
    tax_number: Mapped[str] = mapped_column(String(40), default="", server_default="")
    number: Mapped[str] = mapped_column(String(40), default="", server_default="")
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    language: Mapped[str] = mapped_column(String(12), default="", server_default="")
    takes_documents: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    written_at: Mapped[CreatedAt]


class Account(Base):
    """A money account with a cached balance; the row is the lock of every use-case that moves its money."""

    __tablename__ = "accounts"

    id: Mapped[Id]
    currency: Mapped[str] = mapped_column(String(3))
    balance_minor: Mapped[Minor] = mapped_column(server_default="0", default=0)
    payment_days: Mapped[int | None]
    grace_days: Mapped[int | None]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("account_groups.id"), index=True)
    credit_limit_minor: Mapped[Minor] = mapped_column(server_default="0", default=0)
    credit_until: Mapped[date | None]
    payer_id: Mapped[int | None] = mapped_column(ForeignKey("payers.id"))
    documented: Mapped[Documented | None] = mapped_column(choice(Documented))
    is_never_cut: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    never_cut_note: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("payment_days BETWEEN 0 AND 365", name="payment_days"),
        CheckConstraint("grace_days BETWEEN 0 AND 365", name="grace_days"),
        CheckConstraint("credit_limit_minor >= 0", name="credit_limit"),
        Index("ix_accounts_balance_minor", "balance_minor", "id"),
    )


class LedgerEntry(Base):
    """One signed, dated line of money that never changes (a trigger sees to it).

    `amount_minor` > 0 raises the balance. `due_on` is set on charges, and on the reversal of a charge to the
    charge's own, so that the two cancel in the overdue balance. `idempotency_key` unites an act sent twice.
    `whole_minor` of a charge is what its whole period costs (positive), `vat_hundredths` the VAT inside the
    amount in hundredths of a percent. `counterpart_id` is the other half of a transfer between accounts.
    `quantity` is how many of its service it is for; `corrects_id` of a credit, what it gives a part of back;
    of the half of a transfer that left, the payment that was booked to the wrong customer.
    """

    __tablename__ = "ledger_entries"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[EntryKind] = mapped_column(choice(EntryKind))
    amount_minor: Mapped[Minor]
    currency: Mapped[str] = mapped_column(String(3))
    balance_after_minor: Mapped[Minor]
    dated_on: Mapped[date]
    due_on: Mapped[date | None]
    method: Mapped[Method] = mapped_column(choice(Method), default=Method.NONE)
    reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    liability_id: Mapped[int | None] = mapped_column(ForeignKey("liabilities.id"))
    terms_no: Mapped[int] = mapped_column(default=1, server_default="1")
    whole_minor: Mapped[int | None] = mapped_column(BigInteger)
    vat_hundredths: Mapped[int | None]
    counterpart_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"))
    quantity: Mapped[int | None]
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    author_id: Mapped[int | None] = mapped_column(BigInteger)
    author: Mapped[str] = mapped_column(String(120))
    posted_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount"),
        CheckConstraint("kind <> 'charge' OR (amount_minor < 0 AND due_on IS NOT NULL)", name="charge"),
        CheckConstraint("kind <> 'payment' OR amount_minor > 0", name="payment"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reversal"),
        Index(
            "uq_ledger_entries_period",
            "subscription_id",
            "terms_no",
            "period_start",
            unique=True,
            postgresql_where=text("kind = 'charge' AND subscription_id IS NOT NULL"),
        ),
        Index(
            "uq_ledger_entries_liability",
            "liability_id",
            "period_start",
            unique=True,
            postgresql_where=text("kind = 'charge' AND liability_id IS NOT NULL"),
        ),
        Index("ix_ledger_entries_account_id", "account_id", "id", postgresql_include=["amount_minor"]),
        Index(
            "ix_ledger_entries_due",
            "account_id",
            "due_on",
            postgresql_include=["amount_minor"],
            postgresql_where=text("due_on IS NOT NULL"),
        ),
        # The late fees alone, by which billing.episodes knows an episode again.
        Index(
            "ix_ledger_entries_late_fees",
            "account_id",
            postgresql_where=text("idempotency_key LIKE 'late fee %'"),
        ),
        # What settling sums up, and what the foreign keys look for when a service is removed.
        Index(
            "ix_ledger_entries_subscription_id",
            "subscription_id",
            "period_start",
            postgresql_where=text("subscription_id IS NOT NULL"),
        ),
        Index(
            "ix_ledger_entries_liability_id",
            "liability_id",
            "period_start",
            postgresql_where=text("liability_id IS NOT NULL"),
        ),
        # The accounts of which something was written off: billing.written_off reads no others.
        Index("ix_ledger_entries_writeoffs", "account_id", postgresql_where=text("kind = 'writeoff'")),
        # What gives a part of an entry back: whether its document asks for anything yet (billing.unasked).
        Index(
            "ix_ledger_entries_corrects_id",
            "corrects_id",
            postgresql_where=text("corrects_id IS NOT NULL"),
        ),
        Index("ix_ledger_entries_dated_on", "dated_on", "id"),
        # What the brake of the cutoff counts: payments by when they were booked.
        Index("ix_ledger_entries_paid", "posted_at", "method", postgresql_where=text("kind = 'payment'")),
    )
