"""Instalments as staff handle them: made and ended with a line of history, one customer's, and the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing import instalments
from billing.models import Account, Instalment, InstalmentPlan, PromiseStatus
from billing.parts import Part, Standing
from billing.rules import Rules
from core.money import Money
from registry import audit, keyset, money, search
from registry.keyset import Key, Marks
from registry.models import Customer

PAGE = 50
USUAL_SORT = "-made"
# Beside the words of PromiseStatus: stands, but something is missing.
BEHIND = "behind"
STATES = (*(status.value for status in PromiseStatus), BEHIND)


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """What the list is narrowed to. `state` is a word of STATES."""

    text: str = ""
    state: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan with whose it is; `standing` while it stands."""

    plan: InstalmentPlan
    customer_id: int | None
    name: str
    number: str
    currency: str
    last_on: date
    parts: tuple[Part, ...]
    standing: Standing | None

    @property
    def state(self) -> str:
        """A word of STATES."""
        is_behind = self.standing is not None and self.standing.missing_minor > 0
        return BEHIND if is_behind else self.plan.status.value

    @property
    def total(self) -> Money:
        """The debt it was made of."""
        return Money(self.plan.total_minor, self.currency)

    @property
    def open(self) -> Money | None:
        """What is left of it, with bills out of grace; none once it is over."""
        return Money(self.standing.open_minor, self.currency) if self.standing else None

    @property
    def missing(self) -> Money | None:
        """What should have come by now; none when nothing is missing."""
        if self.standing is None or not self.standing.missing_minor:
            return None
        return Money(self.standing.missing_minor, self.currency)


_LAST_ON = (
    select(func.max(Instalment.due_on))
    .where(Instalment.plan_id == InstalmentPlan.id)
    .correlate(InstalmentPlan)
    .scalar_subquery()
)
KEYS = {
    "made": Key(InstalmentPlan.made_on, date),
    "amount": Key(InstalmentPlan.total_minor, int),
    "last": Key(_LAST_ON, date),
    "customer": Key(func.coalesce(Customer.sort_name, ""), str),
}


def make(
    session: Session,
    actor: audit.Actor,
    customer_id: int,
    agreed: Sequence[Part],
    *,
    note: str,
    today: date,
    rules: Rules,
    idempotency_key: str | None = None,
) -> instalments.Made:
    """Agree on instalments with the customer (see billing.instalments.make)."""
    made = instalments.make(
        session,
        money.account_id(session, customer_id),
        agreed,
        note=note,
        author=money.author(actor),
        today=today,
        rules=rules,
        idempotency_key=idempotency_key,
    )
    if not made.is_new:
        return made
    facts = {
        "amount_minor": made.plan.total_minor,
        "count": len(agreed),
        "starts_on": agreed[0].due_on,
        "ends_on": agreed[-1].due_on,
    }
    audit.record(
        session,
        actor,
        "instalments.made",
        customer_id=customer_id,
        object_kind="instalment_plan",
        object_id=made.plan.id,
        changes=audit.difference({}, facts),
        note=note,
    )
    return made


def end(session: Session, actor: audit.Actor, plan_id: int, *, reason: str) -> int:
    """End a plan by hand (see billing.instalments.end); return whose it was."""
    ended = instalments.end(session, plan_id, author=money.author(actor), reason=reason)
    customer_id = money.customer_id_of(session, ended.account_id)
    audit.record(
        session,
        actor,
        "instalments.ended",
        customer_id=customer_id,
        object_kind="instalment_plan",
        object_id=plan_id,
        note=reason,
    )
    return customer_id


def page(
    session: Session,
    filters: PlanFilter,
    *,
    sort: str,
    after: str | None,
    today: date,
    rules: Rules,
    limit: int = PAGE,
) -> tuple[list[PlanRow], Marks]:
    """Return a page of the plans in an order of KEYS, and the mark of the next."""
    query = _narrowed(_query(), session, filters, today, rules)
    found, mark = keyset.page(
        session, query, sort=sort, keys=KEYS, id_column=InstalmentPlan.id, after=after, limit=limit
    )
    return _rows(session, found, today, rules), mark


def of_account(
    session: Session, account_id: int, *, today: date, rules: Rules, limit: int = 3
) -> list[PlanRow]:
    """Return the account's newest plans, the one that stands first."""
    query = _query().where(InstalmentPlan.account_id == account_id)
    found = session.execute(query.order_by(InstalmentPlan.id.desc()).limit(limit))
    return _rows(session, [tuple(row) for row in found], today, rules)


def get(session: Session, plan_id: int, *, today: date, rules: Rules) -> PlanRow | None:
    """Return one plan; none when there is no such plan."""
    found = session.execute(_query().where(InstalmentPlan.id == plan_id))
    return next(iter(_rows(session, [tuple(row) for row in found], today, rules)), None)


def _query() -> Select[Any]:
    columns: tuple[Any, ...] = (InstalmentPlan, Customer, Account.currency)
    query = select(*columns).select_from(InstalmentPlan)
    query = query.join(Account, Account.id == InstalmentPlan.account_id)
    return query.outerjoin(Customer, Customer.account_id == Account.id)


def _narrowed(
    query: Select[Any], session: Session, filters: PlanFilter, today: date, rules: Rules
) -> Select[Any]:
    if filters.text:
        query = query.where(Customer.id.in_(search.matching(filters.text)))
    if filters.first_day is not None:
        query = query.where(InstalmentPlan.made_on >= filters.first_day)
    if filters.last_day is not None:
        query = query.where(InstalmentPlan.made_on <= filters.last_day)
    if filters.state in {PromiseStatus.ACTIVE.value, BEHIND}:
        stands = instalments.standing(session, today, rules=rules)
        behind = [key for key, one in stands.items() if one.missing_minor]
        is_behind = InstalmentPlan.account_id.in_(behind)
        query = query.where(
            InstalmentPlan.status == PromiseStatus.ACTIVE,
            is_behind if filters.state == BEHIND else ~is_behind,
        )
    elif filters.state in STATES:
        query = query.where(InstalmentPlan.status == filters.state)
    return query


def _rows(session: Session, found: list[tuple[Any, ...]], today: date, rules: Rules) -> list[PlanRow]:
    agreed = instalments.parts_of(session, [row[0].id for row in found])
    ids = [row[0].account_id for row in found if row[0].status is PromiseStatus.ACTIVE]
    stands = instalments.standing(session, today, rules=rules, account_ids=ids) if ids else {}
    return [
        PlanRow(
            plan=plan,
            customer_id=customer.id if customer else None,
            name=customer.name if customer else "",
            number=customer.number if customer else "",
            currency=currency,
            last_on=agreed[plan.id][-1].due_on,
            parts=tuple(agreed[plan.id]),
            standing=stands.get(plan.account_id) if plan.status is PromiseStatus.ACTIVE else None,
        )
        for plan, customer, currency in found
    ]
