"""Two people and the night on one customer at once, statement by statement in any order: nothing is lost.

Real connections and real commits (tests.interleaving); the same checks as after any history of one.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import charge_runs, ledger, payments, testing
from billing.models import EntryKind, LedgerEntry, Method
from core import errors
from tests import money_checks, money_life, money_papers, properties
from tests.interleaving import Interleaving
from tests.money_world import FIRST, Doer, make_catalogue, open_world

DAY = timedelta(days=1)
acts = st.lists(money_life.acts, min_size=1, max_size=4)
few = st.lists(money_life.acts, max_size=2)
orders = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=12)
before = st.lists(st.one_of(money_life.acts, money_life.days), max_size=3)
KEYED = {"pay", "payback", "refund", "transfer", "reverse", "charge"}


@pytest.fixture
def town(fresh_database):
    """A database with something to sell, and how writers take turns on it."""
    with fresh_database.transaction() as session:
        catalogue = make_catalogue(session)
    taking_turns = Interleaving(fresh_database.bind)
    yield fresh_database, catalogue, taking_turns
    taking_turns.close()


class Writer:
    """Does its acts one by one, each a transaction; what is refused is passed over, what has to be is tried again."""

    def __init__(self, database, watch, today, name):
        self.database, self.watch, self.today, self.name = database, watch, today, name
        self.done, self.deadlocks = [], 0

    def do(self, acts):
        for number, (act, *values) in enumerate(acts):
            key = f"{self.watch.world.account_id} {self.name} {number}"
            for _ in range(6):
                try:
                    self.once(key, act, values)
                except errors.Unavailable:
                    self.deadlocks += 1
                    continue
                except errors.LinecardError:
                    break
                else:
                    self.done.append((act, key))
                    break
            else:
                raise AssertionError("it never got through")

    def once(self, key, act, values):
        with self.database.transaction() as session:
            money_life.ACTS[act](Doer(session, self.watch.world, self.today, key), *values)
            session.flush()
            self.watch.look(session)

    def days(self, count, gap):
        for number in range(1, count + 1):
            self.today += DAY
            if number % gap == 0 or number == count:
                self.do([("close",)])


@properties.money(15)
# Two take the same letter off at once: the second finds it gone.
@example(
    begun=[],
    first=[("take", 0), ("take", 0)],
    second=[("give", 0, None, 0, None), ("take", 0)],
    nights=0,
    order=[(0, 1), (1, 2)],
)
@given(begun=before, first=acts, second=acts, nights=st.integers(0, 2), order=orders)
def test_any_interleaving_of_two_writers_and_the_night_loses_nothing(
    town, *, begun, first, second, nights, order
):
    database, catalogue, taking_turns = town
    with database.transaction() as session:
        watch = money_checks.Watch(open_world(session, catalogue))
    one = Writer(database, watch, FIRST, "before")
    one.do([("start", 0, None, 1, 9), ("start", 2, 15, 1, 30), ("charge", 900)])
    for act in begun:
        if act[0] == "days":
            one.days(*act[1:])
        else:
            one.do([act])
    writers = [Writer(database, watch, one.today, name) for name in ("first", "second", "night")]
    papers = seen(database, watch)
    lists = (first, second, [("close",)] * nights)
    work = [lambda who=who, acts=acts: who.do(acts) for who, acts in zip(writers, lists, strict=True)]
    waits = taking_turns.run(work, order)
    event(f"waited for each other's locks: {waits > 0}")
    assert sum(who.deadlocks for who in writers) == 0
    assert papers() == papers.before
    with database.reading() as session:
        money_checks.check(session, watch, one.today, is_closed=False)
        for name, key in [deed for who in writers for deed in who.done if deed[0] in KEYED]:
            assert ledger.find(session, key) is not None, name
    one.name = "after"
    one.days(3, 1)
    with database.reading() as session:
        money_checks.check(session, watch, one.today, is_closed=True)


def seen(database, watch):
    """Return a function that works out the papers there are now, again."""
    with database.reading() as session:
        before, last = money_papers.papers(session, watch.world.account_id)

    def again():
        with database.reading() as session:
            return money_papers.papers(session, watch.world.account_id, last)[0]

    again.before = before
    return again


def swapped(watch):
    """The same world seen from the other account."""
    world = watch.world
    return money_checks.Watch(replace(world, account_id=world.other_id, other_id=world.account_id))


@properties.money(8)
@example(first=[], second=[], order=[(0, 18), (1, 99)])
@example(first=[], second=[], order=[(0, 26), (1, 99)])
@given(first=few, second=few, order=orders)
def test_writers_on_two_customers_never_wait_for_each_other_in_a_ring(town, first, second, order):
    database, catalogue, taking_turns = town
    with database.transaction() as session:
        watch = money_checks.Watch(open_world(session, catalogue))
    on = FIRST + 14 * DAY
    writers = [Writer(database, watch, FIRST, "first"), Writer(database, swapped(watch), FIRST, "second")]
    writers[1].today = on
    for who in writers:
        who.do([("start", 0, 1, 1, 9), ("start", 1, 15, 1, 9)])
    writers[0].today = on
    # The first asks for a month that was missed and then gives back, the second gives back and then asks.
    lists = ([("end", 0, 0), *first], [("change", 0, 0, (900, None, 1), 0), *second])
    work = [lambda who=who, acts=acts: who.do(acts) for who, acts in zip(writers, lists, strict=True)]
    event(f"waited for each other's locks: {taking_turns.run(work, order) > 0}")
    assert [who.deadlocks for who in writers] == [0, 0]
    with database.reading() as session:
        for who in writers:
            money_checks.check(session, who.watch, on, is_closed=False)


def test_runs_and_payments_at_once_lose_nothing_and_double_nothing(fresh_database):
    with fresh_database.transaction() as session:
        made = [testing.subscriber(session, starts_on=FIRST) for _ in range(20)]
    on, later = FIRST + 40 * DAY, FIRST + 75 * DAY

    def run(day):
        return charge_runs.run(fresh_database, testing.act(day)).entries

    def receive(place):
        with fresh_database.transaction() as session:
            payments.receive(
                session,
                made[place % 20].account_id,
                100 + place,
                method=Method.CASH,
                dated_on=FIRST,
                idempotency_key=f"at once {place % 60}",  # every payment is told twice
                author=testing.AUTHOR,
                today=FIRST,
                rules=testing.RULES,
            )

    def told(place):
        try:
            receive(place % 60)
        except errors.Unavailable:
            receive(place % 60)

    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(run, day) for day in (on, on, later, later)]
        list(pool.map(told, range(120)))
        charged = sum(one.result(60) for one in runs)
    with fresh_database.reading() as session:
        sums = dict(session.execute(select(LedgerEntry.kind, func.count()).group_by(LedgerEntry.kind)).all())
        months = session.execute(
            select(LedgerEntry.subscription_id, LedgerEntry.period_start).where(
                LedgerEntry.kind == EntryKind.CHARGE
            )
        ).all()
        assert ledger.verify(session) == []
        for one in made:
            money_checks.check_balance(
                session, one.account_id, money_checks.entries_of(session, one.account_id)
            )
    assert sums == {EntryKind.CHARGE: 20 + charged, EntryKind.PAYMENT: 60}
    assert len(months) == len(set(months)) == 20 * 4
