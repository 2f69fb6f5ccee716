"""Allocation: money pays the oldest claim first, by any history of entries."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.allocation import Item, Share, allocate
from tests import properties

DAY = date(2026, 1, 1)


def due(days: int) -> date:
    return DAY + timedelta(days=days)


@st.composite
def histories(draw):
    """Entries of every sort, some of them undone."""
    items = []
    for number in range(1, draw(st.integers(0, 14)) + 1):
        undone = {item.reverses_id for item in items}
        left = [item for item in items if item.reverses_id is None and item.id not in undone]
        if left and draw(st.integers(0, 4)) == 0:
            item = draw(st.sampled_from(left))
            items.append(Item(number, -item.amount_minor, item.due_on, item.id))
            continue
        amount = draw(st.integers(-300, 300).filter(bool))
        is_claim = amount < 0 and draw(st.integers(0, 3)) > 0
        items.append(Item(number, amount, due(draw(st.integers(0, 9))) if is_claim else None))
    return items


@properties.money()
@given(histories())
def test_no_money_pays_twice_and_no_claim_is_paid_more_than_it_asks(items):
    made = allocate(items)
    amounts = {item.id: abs(item.amount_minor) for item in items}
    for claim_id, left in made.open_minor.items():
        paid = sum(share.amount_minor for share in made.paid_by([claim_id]))
        assert 0 <= left == amounts[claim_id] - paid
    for money_id, free in made.free_minor.items():
        used = sum(share.amount_minor for share in made.paid_with(money_id))
        assert 0 <= used <= amounts[money_id] - free
    assert all(share.amount_minor > 0 for share in made.shares)


@properties.money()
@given(histories())
def test_debt_stands_in_the_newest_claims(items):
    made = allocate(items)
    debt = max(0, -sum(item.amount_minor for item in items))
    claims = {item.id: item for item in items if item.id in made.open_minor}
    for claim in sorted(claims.values(), key=lambda item: (item.due_on, item.id), reverse=True):
        assert made.open_minor[claim.id] == min(debt, -claim.amount_minor)
        debt -= made.open_minor[claim.id]


def test_a_payment_covers_the_oldest_due_first_and_the_rest_stays_free():
    items = [Item(1, -300, due(20)), Item(2, -200, due(10)), Item(3, 250), Item(4, 300)]
    made = allocate(items)
    assert made.shares == (Share(3, 2, 200), Share(3, 1, 50), Share(4, 1, 250))
    assert made.free_minor == {3: 0, 4: 50}
    assert set(made.open_minor.values()) == {0}


def test_money_given_back_takes_the_newest_money_and_leaves_old_documents_paid():
    items = [Item(1, -100, due(1)), Item(2, 100), Item(3, -100, due(2)), Item(4, 100), Item(5, -100)]
    assert allocate(items).shares == (Share(2, 1, 100),)


def test_what_was_undone_pays_nothing():
    items = [Item(1, -100, due(1)), Item(2, 100), Item(3, -100, None, 2)]
    assert allocate(items).open_minor == {1: 100}
