"""From the rows of a file to what is staged: customers, plans by name and price, services, balances."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import PeriodKind, Plan
from core.words import N_
from registry import names
from registry.models import CustomerKind
from registry.moving import stage
from registry.moving.rows import Fault, Read, read
from registry.moving.sheets import Sheet

DAY = timedelta(days=1)


@dataclass(slots=True)
class Customer:
    """A customer of the file: the row that names him first, and every row of his with a plan or address."""

    first: Read
    rows: list[Read] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file tells, by customer; the plans it needs; and what is wrong with it."""

    customers: dict[str, Customer]
    plans: dict[tuple[str, PeriodKind], int]
    faults: list[Fault]


def parse(session: Session, sheet: Sheet, mapping: dict[str, int], *, currency: str, region: str) -> Parsed:
    """Read every row; a customer may have several, one a service. Nothing is written."""
    customers: dict[str, Customer] = {}
    faults: list[Fault] = []
    numbers: dict[str, str] = {}
    for row_no, cells in sheet.rows:
        found = read(row_no, cells, mapping, currency=currency, region=region)
        if isinstance(found, list):
            faults += found
            continue
        known = customers.get(found.row.ref)
        if known is not None and found.balance_minor:
            words = N_(
                "Row %(row)s tells of this customer already: write the balance once", row=known.first.row_no
            )
            faults.append(Fault(row_no, "balance", str(found.row.balance), words))
            continue
        number = found.row.number or found.row.ref
        if numbers.setdefault(number, found.row.ref) != found.row.ref:
            words = N_("Another customer of this file has the number")
            faults.append(Fault(row_no, "number", number, words))
            continue
        customers.setdefault(found.row.ref, Customer(found)).rows.append(found)
    plans, more = _plans(session, [read for one in customers.values() for read in one.rows], currency)
    return Parsed(customers, plans, faults + more)


def _plans(
    session: Session, rows: Sequence[Read], currency: str
) -> tuple[dict[tuple[str, PeriodKind], int], list[Fault]]:
    """Return the price of each plan (name and period): ours, else the one most rows of the file ask."""
    known = {
        (plan.name, plan.period): plan.price_minor
        for plan in session.scalars(select(Plan).where(Plan.currency == currency))
    }
    asked: dict[tuple[str, PeriodKind], list[int]] = {}
    for one in rows:
        if one.row.plan:
            prices = asked.setdefault((one.row.plan, one.row.period), [])
            if one.price_minor is not None:
                prices.append(one.price_minor)
    plans = {
        key: known[key] if key in known else max(sorted(set(prices)), key=prices.count)
        for key, prices in asked.items()
        if key in known or prices
    }
    words = N_("There is no plan of this name, and no row tells its price: write it")
    faults = [
        Fault(one.row_no, "plan", one.row.plan, words)
        for one in rows
        if one.row.plan and (one.row.plan, one.row.period) not in plans
    ]
    return plans, faults


def fill(session: Session, parsed: Parsed, *, opening_on: date, title: str) -> None:
    """Stage what was parsed; balances are adjustments of the opening day, named by the import."""
    stage.make(session)
    stage.fill(session, "moving_customers", _customers(parsed))
    stage.fill(session, "moving_contacts", _contacts(parsed))
    stage.fill(session, "moving_addresses", _addresses(parsed))
    stage.fill(session, "moving_plans", _plan_rows(parsed))
    stage.fill(session, "moving_services", _services(parsed, opening_on))
    stage.fill(session, "moving_nodes", _nodes(parsed))
    stage.fill(session, "moving_money", _money(parsed, opening_on, title))
    stage.fill(session, "moving_balances", _balances(parsed))


def _customers(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        row = customer.first.row
        last, first = row.names
        kind = CustomerKind.COMPANY if row.company_name else CustomerKind.PERSON
        parts = (row.company_name,) if row.company_name else (last, first)
        number = row.number or ref
        yield (
            *(ref, number, kind.value, last, first, row.company_name, names.sort_key(*parts)[:400]),
            *(row.status.value, row.note, "", "", 100, None, None, ""),
        )


def _contacts(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        row = customer.first.row
        if customer.first.phone or row.email:
            name = " ".join(part for part in row.names if part) or row.company_name
            yield ref, name[:160], customer.first.phone, row.email, True


def _addresses(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        row = customer.first.row
        if row.street:
            key = names.sort_key(row.city, row.street, row.building, row.unit)[:400]
            yield ref, "visiting", row.street, row.building, row.unit, row.city, "", row.postcode, "", key


def _plan_ref(name: str, period: PeriodKind) -> str:
    return name if period is PeriodKind.MONTH else f"{name[:100]}/{period.value}"


def _plan_rows(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    speeds: dict[tuple[str, PeriodKind], tuple[int | None, int | None]] = {}
    for customer in parsed.customers.values():
        for one in customer.rows:
            kbps = tuple(
                int(mbps * 1000) if mbps is not None else None for mbps in (one.row.down, one.row.up)
            )
            if any(kbps):
                speeds.setdefault((one.row.plan, one.row.period), (kbps[0], kbps[1]))
    for (name, period), price in parsed.plans.items():
        down, up = speeds.get((name, period), (None, None))
        yield _plan_ref(name, period), name, price, False, period.value, None, down, up, True


def _services(parsed: Parsed, opening_on: date) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        for place, one in enumerate(customer.rows):
            row = one.row
            if not row.plan:
                continue
            price = parsed.plans[row.plan, row.period]
            own = one.price_minor if one.price_minor not in (None, price) else None
            starts_on = row.starts_on or opening_on
            billed_from = row.billed_to + DAY if row.billed_to else max(starts_on, opening_on)
            bill_day = 1 if row.bill_day is None else row.bill_day
            yield (
                *(f"{ref}#{place + 1}", ref, _plan_ref(row.plan, row.period), own, row.quantity or 1),
                *(starts_on, None, billed_from, bill_day, billed_from.month, None),
                *(None, None, False, 100, None),
            )


def _nodes(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        for place, one in enumerate(customer.rows):
            if one.row.ip:
                yield f"{ref}#{place + 1}", ref, one.row.ip, one.row.mac, ""


def _money(parsed: Parsed, opening_on: date, title: str) -> Iterator[tuple[Any, ...]]:
    for place, (ref, customer) in enumerate(parsed.customers.items()):
        minor = customer.first.balance_minor
        if minor:
            words = N_("Opening balance, %(title)s", title=title)
            yield (
                f"opening:{ref}",
                ref,
                place,
                opening_on,
                "adjustment",
                minor,
                0,
                "none",
                title[:200],
                words,
                "",
            )


def _balances(parsed: Parsed) -> Iterator[tuple[Any, ...]]:
    for ref, customer in parsed.customers.items():
        yield ref, customer.first.balance_minor


def told(parsed: Parsed, known: set[str]) -> dict[str, Any]:
    """Return the totals the file itself tells, of the customers who are not known yet."""
    statuses: Counter[str] = Counter()
    services: Counter[str] = Counter()
    minor: Counter[str] = Counter()
    balances = []
    for ref, customer in parsed.customers.items():
        if ref in known:
            continue
        statuses[customer.first.row.status.value] += 1
        balances.append(customer.first.balance_minor)
        for one in customer.rows:
            if one.row.plan:
                plan = _plan_ref(one.row.plan, one.row.period)
                price = (
                    parsed.plans[one.row.plan, one.row.period] if one.price_minor is None else one.price_minor
                )
                services[plan] += 1
                minor[plan] += price * (one.row.quantity or 1)
    return {
        "customers": dict(statuses),
        "money": {
            "customers": sum(1 for one in balances if one),
            "minor": sum(balances),
            "debt": sum(one for one in balances if one < 0),
        },
        "plans": {plan: {"services": services[plan], "minor": minor[plan]} for plan in sorted(services)},
    }
