"""A customer's money page: what is owed and since when, services with their locks, the statement."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from billing import (
    articles,
    debt,
    discounts,
    freezes,
    liabilities,
    promises,
    subscriptions,
    suspensions,
    unit_prices,
)
from billing.freezes import AGREED
from billing.models import (
    AccessState,
    Account,
    AccountDiscount,
    LedgerEntry,
    Liability,
    PeriodKind,
    Plan,
    PlannedChange,
    PlannedSuspension,
    Promise,
    StandingArticle,
    Subscription,
    SubscriptionAccess,
    SuspensionLock,
)
from billing.rules import Record, Rules
from core import errors
from core.money import Money
from registry import activities, instalments, papers
from registry.activities import Activity
from registry.models import Customer, CustomerStatus
from registry.papers import PaperRow


@dataclass(frozen=True, slots=True)
class Service:
    """A subscription with the price of one for a period, its line's state, the locks that stand on it, and
    what is to come: changes (each with its plan's name) and suspensions.
    """

    id: int
    plan_id: int
    plan: str
    price: Money
    own_price: Money | None
    quantity: int
    period: PeriodKind
    bill_day: int
    bill_month: int
    is_postpaid: bool | None
    plan_is_postpaid: bool
    is_net: bool
    starts_on: date
    ends_on: date | None
    is_running: bool
    wanted: AccessState | None
    applied: AccessState | None
    error: str
    locks: tuple[SuspensionLock, ...]
    changes: tuple[tuple[PlannedChange, str], ...]
    freezes: tuple[PlannedSuspension, ...]

    @property
    def agreed_locks(self) -> tuple[SuspensionLock, ...]:
        """The suspensions a person made, which a person lifts."""
        return tuple(lock for lock in self.locks if lock.reason in AGREED)

    @property
    def is_paid_afterwards(self) -> bool:
        """Whether a period is charged when it is over: as agreed, else as the plan is."""
        return self.plan_is_postpaid if self.is_postpaid is None else self.is_postpaid

    @property
    def may_change(self) -> bool:
        """Whether it has no end yet."""
        return self.ends_on is None

    @property
    def may_go_on(self) -> bool:
        """Whether it has an end that has not come."""
        return self.ends_on is not None and self.is_running


@dataclass(frozen=True, slots=True)
class Till:
    """Who pays, and how he stands today; sums of money beside their currency."""

    customer_id: int
    number: str
    name: str
    status: CustomerStatus
    account: Account
    debt: debt.Debt
    promise: Promise | None
    record: Record

    @property
    def currency(self) -> str:
        """The account's currency (ISO 4217)."""
        return self.account.currency

    @property
    def balance(self) -> Money:
        """The sum of all entries."""
        return Money(self.debt.balance_minor, self.currency)

    @property
    def owed(self) -> Money:
        """The whole debt, as a positive sum."""
        return Money(self.debt.debt_minor, self.currency)

    @property
    def past_due(self) -> Money:
        """What was due before today."""
        return Money(self.debt.past_due_minor, self.currency)

    @property
    def overdue(self) -> Money:
        """What is due and out of grace: it cuts."""
        return Money(self.debt.overdue_minor, self.currency)

    @property
    def credit(self) -> Money:
        """How much of it may be overdue before it cuts."""
        return Money(self.debt.credit_minor, self.currency)


@dataclass(frozen=True, slots=True)
class Statement:
    """The money page without its ledger, which registry.ledger_list reads."""

    till: Till
    services: tuple[Service, ...]
    activities: tuple[Activity, ...]
    promises: tuple[Promise, ...]
    plans: tuple[instalments.PlanRow, ...]
    papers: tuple[PaperRow, ...]
    liabilities: tuple[Liability, ...]
    discounts: tuple[AccountDiscount, ...]
    articles: tuple[StandingArticle, ...]

    @property
    def is_in_parts(self) -> bool:
        """Whether instalments of the debt stand."""
        return any(one.standing is not None for one in self.plans)


def till(session: Session, customer_id: int, *, today: date, grace_days: int) -> Till:
    """Return how the customer stands; raises NotFound. Six SELECTs."""
    row = session.execute(
        select(Customer, Account)
        .join(Account, Account.id == Customer.account_id)
        .where(Customer.id == customer_id)
    ).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such customer")
    customer, account = row
    return Till(
        customer_id=customer.id,
        number=customer.number,
        name=customer.name,
        status=customer.status,
        account=account,
        debt=debt.of(session, account.id, today=today, grace_days=grace_days),
        promise=promises.active(session, account.id),
        record=promises.record(session, account.id),
    )


def statement(session: Session, customer_id: int, *, today: date, rules: Rules) -> Statement:
    """Return the money page. Raises NotFound."""
    found = till(session, customer_id, today=today, grace_days=rules.grace_days)
    return Statement(
        till=found,
        services=services(session, found.account, today),
        activities=activities.recent(session, found.account.id, customer_id),
        promises=tuple(promises.history(session, found.account.id, limit=5)),
        plans=tuple(instalments.of_account(session, found.account.id, today=today, rules=rules)),
        liabilities=tuple(liabilities.of_account(session, found.account.id)),
        discounts=tuple(discounts.of_account(session, found.account.id)),
        articles=tuple(articles.of_account(session, found.account.id)),
        papers=papers.of_account(session, found.account.id, limit=4),
    )


def services(session: Session, account: Account, today: date) -> tuple[Service, ...]:
    """Return the account's subscriptions, running ones first. Six SELECTs."""
    found = subscriptions.of_account(session, account.id)
    locks = suspensions.standing(session, account.id)
    states = {
        key: (Money(unit_minor, account.currency), state)
        for key, unit_minor, state in session.execute(
            select(Subscription.id, unit_prices.column(), SubscriptionAccess)
            .join(Plan, Plan.id == Subscription.plan_id)
            .outerjoin(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
            .where(Subscription.account_id == account.id)
        )
    }
    changes = subscriptions.planned(session, account.id)
    names = dict(
        session.execute(select(Plan.id, Plan.name).where(Plan.id.in_([one.plan_id for one in changes]))).all()
        if changes
        else ()
    )
    to_come = _ToCome(
        locks,
        [(change, names[change.plan_id]) for change in changes],
        freezes.planned(session, account.id),
    )
    return tuple(_service(one, *states[one.id], today, to_come) for one in found)


@dataclass(frozen=True, slots=True)
class _ToCome:
    """What stands on an account's subscriptions and what is to come."""

    locks: list[SuspensionLock]
    changes: list[tuple[PlannedChange, str]]
    freezes: list[PlannedSuspension]


def _service(
    one: Subscription,
    price: Money,
    state: SubscriptionAccess | None,
    today: date,
    to_come: _ToCome,
) -> Service:
    return Service(
        id=one.id,
        plan_id=one.plan_id,
        plan=one.plan.name,
        price=price,
        own_price=None if one.price_minor is None else Money(one.price_minor, price.currency),
        quantity=one.quantity,
        period=one.plan.period,
        bill_day=one.bill_day,
        bill_month=one.bill_month,
        is_postpaid=one.is_postpaid,
        plan_is_postpaid=one.plan.is_postpaid,
        is_net=one.plan.is_net,
        starts_on=one.starts_on,
        ends_on=one.ends_on,
        is_running=one.starts_on <= today and (one.ends_on is None or one.ends_on >= today),
        wanted=state.wanted if state else None,
        applied=state.applied if state else None,
        error=(state.error or "") if state else "",
        locks=tuple(lock for lock in to_come.locks if lock.subscription_id == one.id),
        changes=tuple(pair for pair in to_come.changes if pair[0].subscription_id == one.id),
        freezes=tuple(freeze for freeze in to_come.freezes if freeze.subscription_id == one.id),
    )


def service(session: Session, subscription_id: int, *, today: date) -> tuple[int, Service]:
    """Return whose service it is, and the service; raises NotFound."""
    row = session.execute(
        select(Customer.id, Account)
        .join(Account, Account.id == Customer.account_id)
        .join(Subscription, Subscription.account_id == Account.id)
        .where(Subscription.id == subscription_id)
    ).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such service")
    customer_id, account = row
    found = next(one for one in services(session, account, today) if one.id == subscription_id)
    return customer_id, found


def entry(session: Session, entry_id: int) -> tuple[int, LedgerEntry]:
    """Return whose ledger entry it is, and the entry; raises NotFound."""
    row = session.execute(
        select(Customer.id, LedgerEntry)
        .join(LedgerEntry, LedgerEntry.account_id == Customer.account_id)
        .where(LedgerEntry.id == entry_id)
    ).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such entry")
    return row[0], row[1]


def account(session: Session, customer_id: int) -> Account:
    """Return the customer's account; raises NotFound."""
    found = session.scalar(
        select(Account).join(Customer, Customer.account_id == Account.id).where(Customer.id == customer_id)
    )
    if found is None:
        raise errors.NotFound("There is no such customer")
    return found


def plans(session: Session, currency: str, *, kept_id: int | None = None) -> list[Plan]:
    """Return the plans a customer of this currency may get, by name; and the one he has (`kept_id`)."""
    may_have = or_(Plan.is_offered, Plan.id == kept_id) if kept_id is not None else Plan.is_offered
    return list(session.scalars(select(Plan).where(may_have, Plan.currency == currency).order_by(Plan.name)))
