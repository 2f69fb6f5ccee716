"""Any history of one customer, in any order, keeps what an accountant takes for granted (tests.money_checks).

Two thousand histories: `make billing-properties`.
"""

from datetime import timedelta

from hypothesis import event, given
from hypothesis import strategies as st

from billing import charges, interest, late_fees, payments, settling, testing
from billing.prices import FULL
from core import db, errors
from tests import money_checks, money_life, money_papers, properties
from tests.money_world import DRAWN, FIRST, RULES, Doer, make_world

history = st.lists(
    st.one_of(money_life.acts, money_life.acts, money_life.acts, money_life.days), min_size=3, max_size=14
)
# Many an act needs something sold and something owed: most histories begin with it.
beginnings = st.lists(
    st.sampled_from(
        (
            ("start", 0, None, 1, 0),
            ("start", 1, 1, 2, 9),
            ("start", 2, 15, 1, 3),
            ("owe", 3, 900, False, True),
        )
    ),
    min_size=1,
    max_size=2,
)


class Life:
    """A history as it goes: the day, the number of the act, what has been seen; a refused act changes nothing."""

    def __init__(self, session, currency="EUR", rules=RULES):
        self.session, self.today, self.number = session, FIRST, 0
        self.world = make_world(session, currency=currency, rules=rules)
        self.watch = money_checks.Watch(self.world)

    def by(self):
        self.number += 1
        return Doer(self.session, self.world, self.today, f"act {self.world.account_id} {self.number}")

    def do(self, name, *values):
        if name == "days":
            self.days(*values)
            return
        before, last = self.papers()
        try:
            with db.part(self.session):
                money_life.ACTS[name](self.by(), *values)
        except errors.LinecardError:
            self.session.expire_all()
            assert self.papers() == (before, last)
            return
        assert self.papers(last) == (before, last)
        self.check(is_closed=False)

    def days(self, count, gap):
        before, last = self.papers()
        for number in range(1, count + 1):
            self.today += timedelta(days=1)
            if number % gap == 0 or number == count:
                money_life.close(self.by())
                self.watch.look(self.session)
        assert self.papers(last) == (before, last)
        self.check(is_closed=True)

    def papers(self, last=None):
        return money_papers.papers(self.session, self.world.account_id, last)

    def check(self, *, is_closed):
        money_checks.check(self.session, self.watch, self.today, is_closed=is_closed)


@properties.money(20)
@given(
    begun=beginnings,
    history=history,
    currency=st.sampled_from(("EUR", "JPY", "KWD")),
    rules=st.sampled_from(DRAWN),
)
@properties.undone
def test_any_history_keeps_the_balance_and_charges_every_period_once(
    session, begun, history, currency, rules
):
    life = Life(session, currency, rules)
    for act in [*begun, *history, ("days", 3, 1)]:
        life.do(*act)
    # Who was let in by the last night is billed again by the next.
    for is_known in (rules.debt_billed_percent == FULL, True):
        settled = settling.settle_pending(session, life.by().act, account_id=life.world.account_id)
        charged = charges.run(session, life.by().act, account_id=life.world.account_id).entries
        assert not is_known or (settled, charged) == (0, 0)
        life.check(is_closed=True)
    keys = [one.idempotency_key or "" for one in money_checks.entries_of(session, life.world.account_id)]
    event(f"fined: {any(one.startswith('late fee ') for one in keys)}")
    event(f"bore interest: {any(one.startswith('interest ') for one in keys)}")
    only = {"rules": rules, "account_id": life.world.account_id}
    assert late_fees.run(session, life.by().act, **only) == 0
    assert interest.run(session, life.by().act, **only)["entries"] == 0
    for entry in money_checks.entries_of(session, life.world.account_id)[-3:]:
        with db.tried(session):
            try:
                payments.reverse(
                    session, entry.id, author=testing.AUTHOR, reason="x", today=life.today, rules=rules
                )
            except errors.LinecardError:
                continue
            life.check(is_closed=True)
