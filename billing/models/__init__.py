"""The tables of money, one module a subject: columns and constraints, no query and no clock."""

from billing.models.access import SubscriptionAccess, SuspensionLock
from billing.models.cutoff import CutoffDecision, CutoffRun, NightRun
from billing.models.debt import CutoffPause, Promise
from billing.models.documents import Document, DocumentLine, DocumentSeries, Seller, SeriesCounter
from billing.models.ledger import Account, AccountGroup, LedgerEntry, Payer
from billing.models.services import (
    AccountDiscount,
    ChargeRun,
    Discount,
    Liability,
    Plan,
    PlannedChange,
    PlanPrice,
    Subscription,
    VatPercent,
    VatRate,
)
from billing.models.words import (
    AccessState,
    DecisionAction,
    Documented,
    DocumentKind,
    EntryKind,
    LockReason,
    Method,
    PeriodKind,
    PromiseStatus,
    RunStatus,
)

__all__ = [
    "AccessState",
    "Account",
    "AccountDiscount",
    "AccountGroup",
    "ChargeRun",
    "CutoffDecision",
    "CutoffPause",
    "CutoffRun",
    "DecisionAction",
    "Discount",
    "Document",
    "DocumentKind",
    "DocumentLine",
    "DocumentSeries",
    "Documented",
    "EntryKind",
    "LedgerEntry",
    "Liability",
    "LockReason",
    "Method",
    "NightRun",
    "Payer",
    "PeriodKind",
    "Plan",
    "PlanPrice",
    "PlannedChange",
    "Promise",
    "PromiseStatus",
    "RunStatus",
    "Seller",
    "SeriesCounter",
    "Subscription",
    "SubscriptionAccess",
    "SuspensionLock",
    "VatPercent",
    "VatRate",
]
