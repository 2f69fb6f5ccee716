"""Writes the demo's money: plans, subscriptions, a year of the ledger, promises, locks and access rows."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from billing import access, cutoff, deferrals, ledger, periods, prices, rules, vat
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    LockReason,
    Method,
    PeriodKind,
    Plan,
    Promise,
    PromiseStatus,
    Subscription,
    SuspensionLock,
    VatRate,
)
from core import clock, money
from linecard.demo import habits
from linecard.demo.habits import Habit
from linecard.demo.plan import Customer
from linecard.demo.records import World

_YEAR = timedelta(days=365)
_NIGHT, _NOON = time(3, 10), time(12, 0)
# Name, price in whole units, its VAT, whether VAT comes on top, speeds in Mbit/s, whether it is offered.
_PLANS: tuple[tuple[str, int, str, bool, int | None, int | None, bool], ...] = (
    ("Home 100", 9, "Standard", False, 100, 50, True),
    ("Home 300", 13, "Standard", False, 300, 150, True),
    ("Home 1000", 19, "Standard", False, 1000, 500, True),
    ("Radio 30", 12, "Standard", False, 30, 10, True),
    ("Business 200", 39, "Standard", True, 200, 200, True),
    ("Business 1000", 85, "Standard", True, 1000, 1000, True),
    ("Television", 5, "Reduced", False, None, None, True),
    ("Home 20 (old)", 6, "Standard", False, 20, 5, False),
)
# What each rate amounted to before a law of this year, and since, in hundredths of a percent.
_RATES = {"Standard": (2000, 2100), "Reduced": (900, 900)}
_RATE_MONTHS_AGO = 5
_COLUMNS = (
    "account_id, kind, amount_minor, currency, balance_after_minor, dated_on, due_on, method, reference,"
    " subscription_id, period_start, period_end, whole_minor, vat_hundredths, description, author_id, author,"
    " posted_at"
)
# Thousands of rows in one statement, numbered in the order they are given.
_INSERT = text(
    f"INSERT INTO ledger_entries ({_COLUMNS}) SELECT {_COLUMNS}"  # noqa: S608 - our own column names
    " FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS given (entry, place),"
    " jsonb_populate_record(NULL::ledger_entries, entry) ORDER BY place"
)


@dataclass(slots=True)
class Purse:
    """One account while its year is written: what is due from it, day by day."""

    account: Account
    customer: Customer
    habit: Habit
    subscriptions: list[Subscription] = field(default_factory=list)


def write_subscriptions(session: Session, world: World) -> dict[str, Subscription]:
    """Add the plans and everybody's subscriptions; return the one of each line, by customer number."""
    rates = _rates(session, world)
    plans = {plan.name: plan for plan in _plans(world, rates)}
    session.add_all(plans.values())
    session.flush()
    found: dict[str, Subscription] = {}
    for place, customer in enumerate(world.isp.connected):
        row = _subscription(world, customer, place, plans)
        found[customer.number] = row
        world.subscriptions.append(row)
        if place % 14 == 6:
            more = {"account_id": row.account_id, "starts_on": row.starts_on, "bill_day": row.bill_day}
            television = plans["Television"]
            world.subscriptions.append(Subscription(plan_id=television.id, plan=television, **more))
    for place, customer in enumerate(_former(world)):
        ended = today_of(world) - timedelta(days=50 + 25 * place)
        world.subscriptions.append(
            Subscription(
                account_id=world.customers[customer.number].account_id,
                plan_id=plans["Home 20 (old)"].id,
                plan=plans["Home 20 (old)"],
                starts_on=ended - timedelta(days=700),
                ends_on=ended,
                bill_day=1,
            )
        )
    session.add_all(world.subscriptions)
    session.flush()
    return found


def today_of(world: World) -> date:
    """Return the ISP's business day."""
    return clock.today(world.settings.isp.time_zone)


def _rates(session: Session, world: World) -> dict[str, VatRate]:
    """Add the rates of VAT, with the step in the year that is written."""
    month = today_of(world).year * 12 + today_of(world).month - 1 - _RATE_MONTHS_AGO
    steps = (date(2012, 1, 1), date(month // 12, month % 12 + 1, 1))
    rates = {}
    for name, percents in _RATES.items():
        rate = vat.create(session, name=name, valid_from=steps[0], percent_hundredths=percents[0])
        if percents[1] != percents[0]:
            vat.add_percent(session, rate.id, valid_from=steps[1], percent_hundredths=percents[1])
        rates[name] = vat.get(session, rate.id)
    return rates


def _plans(world: World, rates: Mapping[str, VatRate]) -> Iterable[Plan]:
    currency = world.settings.isp.currency
    for name, price, rate, is_net, down, up, is_offered in _PLANS:
        yield Plan(
            name=name,
            price_minor=price * 10 ** money.exponent(currency),
            currency=currency,
            vat_rate_id=rates[rate].id,
            vat_rate=rates[rate],
            is_net=is_net,
            down_kbps=down * 1000 if down else None,
            up_kbps=up * 1000 if up else None,
            is_offered=is_offered,
        )


def _former(world: World) -> list[Customer]:
    return [each for each in world.isp.customers if not each.access][::2]


def _subscription(world: World, customer: Customer, place: int, plans: Mapping[str, Plan]) -> Subscription:
    chance = world.chance
    if customer.party.company_name:
        name = "Business 1000" if place % 3 == 0 else "Business 200"
    elif customer.access == "radio":
        name = "Radio 30"
    else:
        name = chance.choices(("Home 100", "Home 300", "Home 1000", "Home 20 (old)"), (9, 6, 3, 2))[0]
    is_new = chance.random() < 0.2 and world.habits[customer.number].is_usual
    days = chance.randrange(5, 360) if is_new else chance.randrange(420, 1500)
    return Subscription(
        account_id=world.customers[customer.number].account_id,
        plan_id=plans[name].id,
        plan=plans[name],
        starts_on=today_of(world) - timedelta(days=days),
        bill_day=chance.choices((1, 5, 10, 15, 20), (14, 2, 2, 1, 1))[0],
        price_minor=plans[name].price_minor * 9 // 10 if place % 17 == 2 else None,
    )


def write_year(session: Session, world: World) -> list[Purse]:
    """Write a year of charges and payments of every account, in order of time; return the purses."""
    purses = _purses(session, world)
    rows: list[dict[str, Any]] = []
    for purse in purses:
        rows += _year(purse, world)
    rows.sort(key=lambda row: (row["posted_at"], row["account_id"]))
    balances = dict.fromkeys((purse.account.id for purse in purses), 0)
    for row in rows:
        balances[row["account_id"]] += row["amount_minor"]
        row["balance_after_minor"] = balances[row["account_id"]]
    session.execute(_INSERT, {"rows": json.dumps(rows, default=str)})
    for purse in purses:
        purse.account.balance_minor = balances[purse.account.id]
    session.flush()
    return purses


def _purses(session: Session, world: World) -> list[Purse]:
    """Return the accounts with subscriptions, each with its habit of paying."""
    purses: dict[int, Purse] = {}
    by_account = {row.account_id: number for number, row in world.customers.items()}
    customers = {customer.number: customer for customer in world.isp.customers}
    for subscription in world.subscriptions:
        account_id = subscription.account_id
        if account_id not in purses:
            number = by_account[account_id]
            account = session.get_one(Account, account_id)
            purses[account_id] = Purse(account, customers[number], world.habits[number])
        purses[account_id].subscriptions.append(subscription)
    for purse in purses.values():
        purse.account.grace_days = purse.habit.grace_days
        purse.account.is_never_cut = bool(purse.habit.never_cut)
        purse.account.never_cut_note = purse.habit.never_cut
    return sorted(purses.values(), key=lambda purse: purse.account.id)


def _year(purse: Purse, world: World) -> list[dict[str, Any]]:
    today = today_of(world)
    charges = [
        row for subscription in purse.subscriptions for row in _charges(subscription, purse, world, today)
    ]
    charges.sort(key=lambda row: row["dated_on"])
    grace = world.settings.cutoff.grace_days
    payments = [
        _payment(purse, world, paid)
        for paid in habits.payments(
            purse.habit,
            [(row["dated_on"], row["due_on"], -row["amount_minor"]) for row in charges],
            today,
            grace,
        )
    ]
    return charges + payments


def _charges(subscription: Subscription, purse: Purse, world: World, today: date) -> Iterable[dict[str, Any]]:
    own = subscription.price_minor
    price = subscription.plan.price_minor if own is None else own
    cycle = periods.Cycle(PeriodKind.MONTH, subscription.bill_day)
    shares = periods.shares(cycle, subscription.starts_on, until=today, ends_on=subscription.ends_on)
    for share in shares:
        start = share.period.start
        plan, rate = subscription.plan, subscription.plan.vat_rate
        percent = vat.percent_on(rate, start) if rate is not None else None
        whole = prices.whole_minor(price, 1, vat_hundredths=percent, is_net=plan.is_net)
        amount = share.amount_minor(whole)
        if start < today - _YEAR or not amount:
            continue
        yield _entry(
            purse,
            world,
            EntryKind.CHARGE,
            -amount,
            on=start,
            at=_NIGHT,
            due_on=rules.due_on(start, world.settings.billing.payment_days),
            subscription_id=subscription.id,
            period_start=start,
            period_end=share.period.end,
            whole_minor=whole,
            vat_hundredths=percent,
            description=subscription.plan.name,
            author="night",
        )


def _payment(purse: Purse, world: World, paid: habits.Paid) -> dict[str, Any]:
    by_hand = paid.method is Method.CASH
    clerk = world.staff["billing"]
    number = f"{paid.on:%y%m%d}-{purse.customer.number}"
    return _entry(
        purse,
        world,
        EntryKind.WRITEOFF if paid.is_writeoff else EntryKind.PAYMENT,
        paid.amount_minor,
        on=paid.on,
        at=_NOON if by_hand else time(9, int(purse.customer.number) % 60),
        method=Method.NONE if paid.is_writeoff else paid.method,
        reference="" if paid.is_writeoff else f"{paid.method.value.upper()}-{number}",
        description="Small debt of a former customer, written off" if paid.is_writeoff else "",
        author_id=clerk.id if by_hand or paid.is_writeoff else None,
        author=clerk.name if by_hand or paid.is_writeoff else f"{paid.method.value} import",
    )


def _entry(
    purse: Purse, world: World, kind: EntryKind, amount: int, *, on: date, at: time, **more: Any
) -> dict[str, Any]:
    """Return a row of the ledger, posted on its day, never later than now."""
    posted = datetime.combine(on, at, ZoneInfo(world.settings.isp.time_zone))
    empty = {"due_on": None, "method": Method.NONE, "reference": "", "subscription_id": None}
    empty |= {"period_start": None, "period_end": None, "description": "", "author_id": None}
    empty |= {"whole_minor": None, "vat_hundredths": None}
    return {
        "account_id": purse.account.id,
        "kind": kind,
        "amount_minor": amount,
        "currency": purse.account.currency,
        "dated_on": on,
        "posted_at": min(posted, world.now),
        **empty,
        **more,
    }


def write_consequences(session: Session, world: World, purses: list[Purse]) -> None:
    """Write what became of those who did not pay, and of some who did: promises, locks, a reversal."""
    today = today_of(world)
    for purse in purses:
        habit = purse.habit
        if habit.promise_days is not None and purse.account.balance_minor < 0:
            session.add(_promise(session, purse, world, today))
        if habit.is_cut:
            session.add_all(
                _locks(purse, world, LockReason.DEBT, owner=cutoff.OWNER, note="Overdue", placed=world.ago(4))
            )
        if habit.is_walled:
            _keep_walled(session, world, purse, today)
        if habit.lock is not None:
            placed = world.ago(11)
            clerk = world.staff["billing"].name
            session.add_all(
                _locks(purse, world, habit.lock, owner=clerk, note=habit.lock_note, placed=placed)
            )
    session.flush()
    _reverse_one(session, world, next(purse for purse in purses if purse.habit.name == "prompt"), today)
    ids = [subscription.id for purse in purses for subscription in purse.subscriptions]
    access.lock_rows(session, ids, today=today)
    session.execute(
        text(
            "UPDATE subscription_access SET applied = wanted, applied_at = :at, wanted_at = :at"
            " WHERE subscription_id = ANY (:ids)"
        ),
        {"at": world.ago(4), "ids": ids},
    )


def _keep_walled(session: Session, world: World, purse: Purse, today: date) -> None:
    """Defer his cutoff, or the next night would close by the usual step what the demo shows as walled."""
    clerk = world.staff["billing"]
    deferrals.make(
        session,
        [purse.account.id],
        today + timedelta(days=deferrals.LONGEST_DAYS),
        note="Pays from the page he is led to; not to be closed",
        author=ledger.Author(clerk.name, clerk.id),
        today=today,
    )


def _promise(session: Session, purse: Purse, world: World, today: date) -> Promise:
    days = purse.habit.promise_days or 0
    is_over = days < 0
    made_at = world.ago(9 if is_over else 1)
    before = select(func.max(LedgerEntry.id)).where(
        LedgerEntry.account_id == purse.account.id, LedgerEntry.posted_at < made_at
    )
    clerk = world.staff["billing"]
    return Promise(
        account_id=purse.account.id,
        until=today + timedelta(days=days),
        amount_minor=-purse.account.balance_minor,
        last_entry_id=session.scalar(before) or 0,
        status=PromiseStatus.BROKEN if is_over else PromiseStatus.ACTIVE,
        note="Called; pays when the salary comes",
        author_id=clerk.id,
        author=clerk.name,
        made_at=made_at,
        settled_at=world.ago(-days - 1) if is_over else None,
    )


def _locks(
    purse: Purse, world: World, reason: LockReason, *, owner: str, note: str, placed: datetime
) -> list[SuspensionLock]:
    until = world.now + timedelta(days=20) if reason is LockReason.FREEZE else None
    return [
        SuspensionLock(
            subscription_id=subscription.id,
            reason=reason,
            owner=owner,
            note=note,
            placed_at=placed,
            until=until,
            effect=AccessState.WALLED if purse.habit.is_walled else AccessState.CLOSED,
        )
        for subscription in purse.subscriptions
        if subscription.ends_on is None
    ]


def _reverse_one(session: Session, world: World, purse: Purse, today: date) -> None:
    """Book a payment on the wrong customer and undo it, as happens at every counter."""
    clerk = ledger.Author(world.staff["billing"].name, world.staff["billing"].id)
    wrong = ledger.post(
        session,
        purse.account.id,
        EntryKind.PAYMENT,
        13 * 10 ** money.exponent(purse.account.currency),
        dated_on=today,
        author=clerk,
        method=Method.CASH,
        reference="Receipt 1187",
    )
    ledger.reverse(session, wrong.id, author=clerk, reason="Booked on the wrong customer", dated_on=today)
