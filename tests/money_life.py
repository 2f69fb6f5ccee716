"""Acts of any life of two accounts: what people, gateways and the night do to money, by drawn numbers.

An act names what it touches by a place in a list that is taken round, so that any numbers make a history; what
the product refuses changes nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select

from billing import (
    debt,
    debt_locks,
    discounts,
    document_acts,
    freezes,
    idle,
    instalments,
    ledger,
    liabilities,
    night,
    parts,
    payments,
    plans,
    promises,
    subscriptions,
    suspensions,
    testing,
    transfers,
)
from billing.discounts import Given
from billing.models import (
    AccessState,
    DecisionAction,
    Document,
    Documented,
    DocumentKind,
    LedgerEntry,
    LockReason,
    Method,
    PeriodKind,
    Promise,
    Subscription,
)
from tests.money_world import KINDS, REASONS, Doer


def start(by: Doer, plan: int, bill_day: int | None, quantity: int, back: int) -> None:
    """Sell a plan, from today or from some days ago."""
    on = by.today - timedelta(days=back)
    choice = by.choice(plan, bill_day, quantity)
    subscriptions.start(by.session, by.account_id, by.act, choice=choice, starts_on=on)


def change(
    by: Doer, place: int, plan: int, more: tuple[int | None, bool | None, int | None], ahead: int
) -> None:
    """Change a service's terms: plan, own price, when paid, bill day; now, earlier or later."""
    price, is_postpaid, bill_day = more
    choice = by.choice(plan, bill_day, 1 + place % 2, price_minor=price, is_postpaid=is_postpaid)
    on = by.today + timedelta(days=ahead)
    subscriptions.change(by.session, by.at(Subscription, place), by.act, choice=choice, on=on)


def forget(by: Doer, place: int) -> None:
    """Take terms to come back."""
    found = subscriptions.planned(by.session, by.account_id)
    if found:
        one = found[place % len(found)]
        subscriptions.forget_planned(by.session, one.subscription_id, by.act, on=one.starts_on)


def end(by: Doer, place: int, ahead: int) -> None:
    """Let a service end, move its end, or let it go on."""
    on = by.today + timedelta(days=ahead) if place % 4 else None
    subscriptions.end(by.session, by.at(Subscription, place), by.act, ends_on=on)


def suspend(by: Doer, place: int, percent: int, ahead: int, lasts: int | None) -> None:
    """Freeze a service, now or later, for some days or until it is lifted."""
    first = by.today + timedelta(days=ahead)
    last = None if lasts is None else first + timedelta(days=lasts)
    agreed = freezes.Agreed(REASONS[percent % 2], first, last, percent, "agreed")
    freezes.agree(by.session, by.at(Subscription, place), by.act, agreed)


def resume(by: Doer, place: int, reason: int) -> None:
    """Lift a freeze."""
    freezes.lift(by.session, by.at(Subscription, place), by.act, REASONS[reason])


def leave(by: Doer, percent: int, ahead: int | None) -> None:
    """Stop being connected: services end with a day, what is owed with them, or are billed at so much."""
    last = None if ahead is None else by.today + timedelta(days=ahead)
    left = idle.Left(last, percent, ends_liabilities=percent % 2 == 0)
    idle.rest(by.session, by.account_id, by.act, left, note="left")


def come_back(by: Doer) -> None:
    """Be connected again."""
    idle.resume(by.session, by.account_id, by.act)


def reprice(by: Doer, plan: int, minor: int) -> None:
    """Change the price list: what is sold already costs that from its next charge on."""
    found = plans.get(by.session, by.world.plans[plan][0])
    plans.change(
        by.session,
        found.id,
        name=found.name,
        price_minor=minor,
        period=found.period,
        is_net=found.is_net,
        vat_rate_id=found.vat_rate_id,
        is_postpaid=found.is_postpaid,
        prices={one.from_quantity: one.price_minor for one in found.prices},
    )


def pay(by: Doer, minor: int, is_bank: bool, back: int) -> None:
    """Receive a payment of today or of days ago, told twice as gateways and double clicks do."""
    method = Method.BANK if is_bank else Method.CASH
    for _ in range(2):
        payments.receive(
            by.session,
            by.account_id,
            minor,
            method=method,
            dated_on=by.today - timedelta(days=back),
            reference=f"ref {by.key}",
            idempotency_key=by.key,
            rules=by.rules,
            **by.money,
        )


def payback(by: Doer, is_cash: bool) -> None:
    """Set the debt to zero by one click."""
    owed = debt.of(by.session, by.account_id, today=by.today).debt_minor
    payments.payback(
        by.session,
        by.account_id,
        kind="cash" if is_cash else "writeoff",
        method=Method.CARD if is_cash else Method.NONE,
        expected_minor=owed,
        idempotency_key=by.key,
        rules=by.rules,
        **by.money,
    )


def refund(by: Doer, minor: int) -> None:
    """Give money back out of the credit."""
    transfers.refund(
        by.session,
        by.account_id,
        minor,
        method=Method.BANK,
        dated_on=by.today,
        idempotency_key=by.key,
        **by.money,
    )


def transfer(by: Doer, minor: int, is_away: bool) -> None:
    """Move money to the other account, or from it."""
    ends = (by.world.account_id, by.world.other_id)
    giver, taker = ends if is_away else reversed(ends)
    transfers.transfer(
        by.session,
        giver,
        taker,
        minor,
        dated_on=by.today,
        idempotency_key=by.key,
        author=testing.AUTHOR,
        terms=testing.act(by.today).terms,
        may_owe=True,
    )


def reverse(by: Doer, place: int) -> None:
    """Undo one of the newest entries, whatever it is."""
    entry_id = by.at(LedgerEntry, place)
    payments.reverse(by.session, entry_id, reason="wrong", rules=by.rules, idempotency_key=by.key, **by.money)


def promise(by: Doer, ahead: int) -> None:
    """Promise to pay."""
    until = by.today + timedelta(days=ahead)
    promises.make(by.session, by.account_id, until=until, rules=by.rules, **by.money)


def withdraw(by: Doer) -> None:
    """Take the last promise back."""
    promises.withdraw(by.session, by.at(Promise, 0), author=testing.AUTHOR)


def agree(by: Doer, count: int, ahead: int, is_weekly: bool) -> None:
    """Agree on instalments of what is owed."""
    owed = debt.of(by.session, by.account_id, today=by.today).debt_minor
    every = PeriodKind.WEEK if is_weekly else PeriodKind.MONTH
    agreed = parts.split(owed, count, by.today + timedelta(days=ahead), every)
    instalments.make(by.session, by.account_id, agreed, rules=by.rules, **by.money)


def disagree(by: Doer) -> None:
    """End the instalments by hand."""
    plan = instalments.active(by.session, by.account_id)
    instalments.end(by.session, plan.id if plan else 0, author=testing.AUTHOR, reason="a new offer")


def give(by: Doer, letter: int, place: int | None, back: int, lasts: int | None) -> None:
    """Give a discount letter to the account or a service, from some days ago or to come."""
    first = by.today - timedelta(days=back)
    last = None if lasts is None else first + timedelta(days=lasts)
    service = None if place is None else by.at(Subscription, place)
    given = Given((by.world.letters[letter],), first, last, service)
    discounts.give(by.session, by.account_id, testing.AUTHOR, given)


def take(by: Doer, place: int) -> None:
    """End a letter."""
    given = discounts.of_account(by.session, by.account_id)
    if given:
        discounts.end(by.session, given[place % len(given)].id, today=by.today)


def owe(by: Doer, kind: int, minor: int, is_postpaid: bool, is_net: bool) -> None:
    """Let the account owe something that is no plan."""
    owed = liabilities.Owed(
        "Rent",
        minor,
        KINDS[kind],
        by.today,
        is_net=is_net,
        vat_rate_id=by.world.rate_id,
        is_postpaid=is_postpaid,
    )
    liabilities.add(by.session, by.account_id, by.act, owed)


def stop(by: Doer, place: int, ahead: int | None) -> None:
    """End a liability, or take it back as if it had never been."""
    found = liabilities.of_account(by.session, by.account_id)
    if found and ahead is None:
        liabilities.take_back(by.session, found[place % len(found)].id, by.act)
    elif found and ahead is not None:
        on = by.today + timedelta(days=ahead)
        liabilities.end(by.session, found[place % len(found)].id, by.act, ends_on=on)


def charge(by: Doer, minor: int) -> None:
    """Charge by hand."""
    liabilities.charge(
        by.session,
        by.account_id,
        by.act,
        amount_minor=minor,
        vat_rate_id=by.world.rate_id,
        reason="Visit",
        idempotency_key=by.key,
    )


def papers(by: Doer, mode: int) -> None:
    """Let charges make another sort of document from now on."""
    ledger.lock_account(by.session, by.account_id).documented = (None, *Documented)[mode]
    by.session.flush()


def invoice(by: Doer, kind: int) -> None:
    """Document by hand what is on no document; or turn the last proforma into an invoice."""
    if kind == 2:
        proforma = by.session.scalar(
            select(Document.id)
            .where(Document.account_id == by.account_id, Document.kind == DocumentKind.PROFORMA)
            .order_by(Document.id.desc())
            .limit(1)
        )
        document_acts.invoice_of(by.session, proforma or 0, on=by.today, author=testing.AUTHOR)
        return
    wanted = (DocumentKind.INVOICE, DocumentKind.PROFORMA)[kind]
    free = [entry.id for entry in document_acts.undocumented(by.session, by.account_id, wanted)]
    document_acts.issue(
        by.session,
        by.account_id,
        free,
        kind=wanted,
        on=by.today,
        author=testing.AUTHOR,
        idempotency_key=by.key,
    )


def credit(by: Doer, place: int, line: int, minor: int) -> None:
    """Give back a part of an invoice's line by a credit note."""
    query = select(Document.id).where(
        Document.account_id == by.account_id, Document.kind == DocumentKind.INVOICE
    )
    found = by.session.scalars(query.order_by(Document.id.desc())).all()
    if found:
        document_acts.credit(
            by.session,
            found[place % len(found)],
            {1 + line: minor},
            on=by.today,
            author=testing.AUTHOR,
            reason="outage",
            idempotency_key=by.key,
        )


def receipt(by: Doer, place: int) -> None:
    """Write a receipt."""
    document_acts.receipt(by.session, by.at(LedgerEntry, place), on=by.today, author=testing.AUTHOR)


def close(by: Doer, *, is_alone: bool = False) -> list[Any]:
    """Close the day as the night does, for both accounts or for the first alone: terms, charges, debt locks."""
    noon = datetime.combine(by.today, time(12), UTC)
    found = []
    both = (by.world.account_id, by.world.other_id)
    for account_id in both[:1] if is_alone else sorted(both):
        verdicts = night.pass_by(by.session, account_id, by.act, rules=by.rules, now=noon)
        ids = {
            action: [one.subscription_id for one in verdicts if one.action is action and one.subscription_id]
            for action in DecisionAction
        }
        cut, lifted = ids[DecisionAction.CUT], ids[DecisionAction.LIFT]
        debt_locks.place(by.session, cut, AccessState.CLOSED, rules=by.rules, owner="cutoff", today=by.today)
        suspensions.lift(by.session, lifted, LockReason.DEBT, by="cutoff", today=by.today)
        found += verdicts if account_id == by.account_id else []
    return found


ACTS: dict[str, Callable[..., Any]] = {}
ACTS["close"] = close
_n = st.integers(0, 5)
_day = st.one_of(st.none(), st.integers(0, 28))
_lasts = st.one_of(st.none(), st.integers(0, 30))
_minor = st.integers(1, 6000)
_plan = st.integers(0, 9)
_terms = st.tuples(st.sampled_from((None, None, 0, 450)), st.sampled_from((None, None, True, False)), _day)


def _act(function: Callable[..., Any], *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    ACTS[function.__name__] = function
    return st.tuples(st.just(function.__name__), *values)


# What one person, gateway or job does in one transaction; nights and days are the history's own.
acts = st.one_of(
    _act(start, _plan, _day, st.integers(1, 3), st.integers(0, 20)),
    _act(change, _n, _plan, _terms, st.integers(-8, 25)),
    _act(forget, _n),
    _act(end, _n, st.integers(-1, 40)),
    _act(suspend, _n, st.integers(0, 100), st.integers(0, 9), _lasts),
    _act(resume, _n, st.integers(0, 1)),
    _act(leave, st.sampled_from((0, 0, 30, 45, 100)), st.one_of(st.none(), st.integers(-1, 30))),
    _act(come_back),
    _act(reprice, _plan, st.sampled_from((0, 0, 1, 900, 4000))),
    _act(pay, _minor, st.booleans(), st.sampled_from((0, 0, 3, 25, 70))),
    _act(payback, st.booleans()),
    _act(refund, st.integers(1, 900)),
    _act(transfer, _minor, st.booleans()),
    _act(reverse, _n),
    _act(promise, st.integers(0, 14)),
    _act(withdraw),
    _act(agree, st.integers(2, 4), st.integers(0, 20), st.booleans()),
    _act(disagree),
    _act(give, st.integers(0, 2), st.one_of(st.none(), _n), st.integers(-9, 9), _lasts),
    _act(take, _n),
    _act(owe, st.integers(0, 4), _minor, st.booleans(), st.booleans()),
    _act(stop, _n, st.one_of(st.none(), st.integers(-1, 30))),
    _act(charge, _minor),
    _act(papers, st.integers(0, 3)),
    _act(invoice, st.integers(0, 2)),
    _act(credit, _n, st.integers(0, 2), st.integers(1, 3000)),
    _act(receipt, _n),
)
days = st.tuples(st.just("days"), st.integers(1, 45), st.sampled_from((1, 1, 4, 30)))
