"""Any history of one customer, in any order, keeps what an accountant takes for granted.

Two thousand histories: BILLING_EXAMPLES=2000, or `make billing-properties`.
"""

import os
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from billing import (
    accounts,
    charges,
    debt,
    ledger,
    payments,
    promises,
    settling,
    subscriptions,
    suspensions,
    testing,
)
from billing.models import (
    Account,
    Document,
    EntryKind,
    LedgerEntry,
    LockReason,
    Method,
    Payer,
    Plan,
    Seller,
    Subscription,
    SuspensionLock,
)
from billing.rules import DAY
from billing.subscriptions import Choice
from core import errors

FIRST = date(2027, 12, 20)
RULES = testing.RULES
HISTORIES = settings(
    max_examples=int(os.environ.get("BILLING_EXAMPLES", "15")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
small = st.integers(0, 5)
acts = st.one_of(
    st.tuples(st.just("days"), st.integers(1, 45)),
    st.tuples(st.just("start"), small, st.integers(0, 28)),
    st.tuples(st.just("change"), small, small, st.integers(-3, 20)),
    st.tuples(st.just("end"), small, st.integers(-1, 40)),
    st.tuples(st.just("freeze"), small, st.integers(0, 100)),
    st.tuples(st.just("thaw"), small),
    st.tuples(st.just("pay"), st.integers(1, 9000)),
    st.tuples(
        st.just("payback"),
    ),
    st.tuples(st.just("reverse"), small),
    st.tuples(st.just("promise"), st.integers(0, 20)),
)


class Life:
    """One account, and the acts that may happen to it; an act the product refuses changes nothing."""

    def __init__(self, session):
        self.session, self.today, self.number = session, FIRST, 0
        session.add(Seller(name="Fibre Ltd", written_by="test"))
        payer = Payer(name="Olha Koval")
        session.add(payer)
        session.flush()
        account = accounts.open_account(session, currency="EUR")
        account.payer_id = payer.id
        self.plans = [
            Plan(name=f"Life {n} {account.id}", price_minor=price, currency="EUR", is_postpaid=n == 2)
            for n, price in enumerate((1999, 3000, 1000, 1, 0, 7777))
        ]
        session.add_all(self.plans)
        session.flush()
        self.account_id = account.id

    @property
    def act(self):
        return testing.act(self.today)

    def services(self):
        query = select(Subscription).where(Subscription.account_id == self.account_id)
        return self.session.scalars(query.order_by(Subscription.id)).all()

    def service(self, place):
        found = self.services()
        return found[place % len(found)].id if found else 0

    def do(self, name, *values):
        try:
            with self.session.begin_nested():
                getattr(self, name)(*values)
        except errors.LinecardError:
            self.session.expire_all()

    def days(self, count):
        for _ in range(count):
            self.today += DAY
            subscriptions.apply_planned(self.session, self.act)
            settling.settle_pending(self.session, self.act)
            charges.run(self.session, self.act, account_id=self.account_id)

    def start(self, plan, bill_day):
        choice = Choice(self.plans[plan].id, bill_day=bill_day)
        subscriptions.start(self.session, self.account_id, self.act, choice=choice, starts_on=self.today)

    def change(self, place, plan, ahead):
        choice = Choice(self.plans[plan].id, quantity=1 + place % 2)
        on = self.today + timedelta(days=ahead)
        subscriptions.change(self.session, self.service(place), self.act, choice=choice, on=on)

    def end(self, place, ahead):
        ends_on = self.today + timedelta(days=ahead)
        subscriptions.end(self.session, self.service(place), self.act, ends_on=ends_on)

    def freeze(self, place, percent):
        ids = [self.service(place)]
        subscriptions.get(self.session, ids[0])
        suspensions.place(
            self.session, ids, LockReason.FREEZE, owner="t", today=self.today, billed_percent=percent
        )
        settling.settle_pending(self.session, self.act)

    def thaw(self, place):
        ids = [self.service(place)]
        subscriptions.get(self.session, ids[0])
        suspensions.lift(self.session, ids, LockReason.FREEZE, by="t", today=self.today)
        settling.settle_pending(self.session, self.act)
        charges.run(self.session, self.act, account_id=self.account_id)

    def pay(self, minor):
        self.number += 1
        for _ in range(2):
            payments.receive(
                self.session,
                self.account_id,
                minor,
                method=Method.CASH,
                dated_on=self.today,
                idempotency_key=f"{self.account_id}-{self.number}",
                author=testing.AUTHOR,
                today=self.today,
                rules=RULES,
            )

    def payback(self):
        owed = debt.of(self.session, self.account_id, today=self.today).debt_minor
        self.number += 1
        payments.payback(
            self.session,
            self.account_id,
            kind="writeoff",
            expected_minor=owed,
            idempotency_key=f"{self.account_id}-{self.number}",
            author=testing.AUTHOR,
            today=self.today,
            rules=RULES,
        )

    def reverse(self, place):
        query = select(LedgerEntry).where(LedgerEntry.account_id == self.account_id).order_by(LedgerEntry.id)
        rows = self.session.scalars(query).all()
        if rows:
            entry = rows[-1 - place % len(rows)]
            before = debt.of(self.session, self.account_id, today=self.today)
            ledger.reverse(self.session, entry.id, author=testing.AUTHOR, reason="wrong", dated_on=self.today)
            after = debt.of(self.session, self.account_id, today=self.today)
            assert after.balance_minor == before.balance_minor - entry.amount_minor

    def promise(self, ahead):
        promises.make(
            self.session,
            self.account_id,
            until=self.today + timedelta(days=ahead),
            note="",
            author=testing.AUTHOR,
            today=self.today,
            rules=RULES,
        )

    def documents(self):
        query = text(
            "SELECT md5(string_agg(d::text || l::text, '|' ORDER BY d.id, l.position))"
            " FROM documents d JOIN document_lines l ON l.document_id = d.id WHERE d.id <= :last"
        )
        last = max(self.session.scalars(select(Document.id)).all(), default=0)
        return lambda: self.session.scalar(query, {"last": last})


def check(life):
    session = life.session
    session.expire_all()
    assert ledger.verify(session) == []
    account = session.get_one(Account, life.account_id)
    entries = session.scalars(
        select(LedgerEntry).where(LedgerEntry.account_id == life.account_id).order_by(LedgerEntry.id)
    ).all()
    running = 0
    for entry in entries:
        running += entry.amount_minor
        assert entry.balance_after_minor == running
    owed = debt.of(session, life.account_id, today=life.today)
    assert 0 <= owed.overdue_minor <= owed.past_due_minor <= owed.debt_minor == max(0, -account.balance_minor)
    for service in life.services():
        check_periods(session, life, service, [e for e in entries if e.subscription_id == service.id])


def check_periods(session, life, service, entries):
    charged = sorted(
        (entry for entry in entries if entry.kind is EntryKind.CHARGE),
        key=lambda entry: (entry.terms_no, entry.period_start),
    )
    for one, following in pairwise(charged):
        if one.terms_no == following.terms_no:
            assert one.period_end < following.period_start
    locks = session.scalars(
        select(SuspensionLock).where(
            SuspensionLock.subscription_id == service.id, SuspensionLock.billed_percent == 0
        )
    ).all()
    plan = session.get_one(Plan, service.plan_id)
    if locks or plan.is_postpaid or not plan.price_minor or not charged:
        return
    until = min(life.today, service.ends_on or life.today)
    if charged[-1].terms_no == service.terms_no:
        assert charged[-1].period_end >= until


@HISTORIES
@given(st.lists(acts, min_size=3, max_size=14))
def test_any_history_keeps_the_balance_and_charges_every_period_once(session, history):
    outer = session.begin_nested()
    life = Life(session)
    life.do("start", 0, 1)
    for name, *values in history:
        documents = life.documents()
        before = documents()
        life.do(name, *values)
        assert documents() == before
        check(life)
    assert charges.run(session, life.act, account_id=life.account_id).entries == 0
    assert settling.settle_pending(session, life.act) == 0
    outer.rollback()
