"""The ledger on PostgreSQL: one writer, balance and entries together, nothing twice, nothing changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import delete, exc, select, update

from billing import accounts, ledger
from billing.ledger import Author
from billing.models import Account, EntryKind, LedgerEntry, Method
from core import errors, money

DAY = date(2026, 11, 2)
OLHA = Author("Olha", 7)


def pay(session, account_id, minor, **more):
    return ledger.post(session, account_id, EntryKind.PAYMENT, minor, dated_on=DAY, author=OLHA, **more)


def charge(session, account_id, minor, **more):
    due = more.pop("due_on", DAY)
    return ledger.post(
        session, account_id, EntryKind.CHARGE, -minor, dated_on=DAY, author=OLHA, due_on=due, **more
    )


@pytest.fixture
def account(session):
    return accounts.open_account(session, currency="EUR")


def test_the_balance_moves_with_every_entry_and_each_entry_knows_it(session, account):
    entries = [
        charge(session, account.id, 3000),
        pay(session, account.id, 1000),
        pay(session, account.id, 5000),
    ]
    assert [entry.balance_after_minor for entry in entries] == [-3000, -2000, 3000]
    assert account.balance_minor == 3000
    assert entries[0].author == "Olha"
    assert entries[0].author_id == 7
    assert ledger.verify(session) == []


def test_the_same_key_again_returns_the_first_entry(session, account):
    first = ledger.post_once(
        session, account.id, EntryKind.PAYMENT, 500, dated_on=DAY, author=OLHA, idempotency_key="k1"
    )
    again = ledger.post_once(
        session,
        account.id,
        EntryKind.PAYMENT,
        500,
        dated_on=DAY,
        author=Author("Other"),
        idempotency_key="k1",
    )
    assert (first.is_new, again.is_new) == (True, False)
    assert again.entry.id == first.entry.id
    assert account.balance_minor == 500


@pytest.mark.parametrize("more", [{"reference": "other"}, {"method": Method.CARD}, {"description": "x"}])
def test_the_same_key_for_another_act_is_a_conflict(session, account, more):
    pay(session, account.id, 500, idempotency_key="k1")
    with pytest.raises(errors.Conflict):
        pay(session, account.id, 500, idempotency_key="k1", **more)
    with pytest.raises(errors.Conflict, match="with another sum"):
        pay(session, account.id, 501, idempotency_key="k1")
    assert account.balance_minor == 500


def test_a_key_used_on_another_account_is_a_conflict(session, account):
    other = accounts.open_account(session, currency="EUR")
    pay(session, account.id, 500, idempotency_key="k1")
    with pytest.raises(errors.Conflict, match="with another customer"):
        pay(session, other.id, 500, idempotency_key="k1")


@pytest.mark.parametrize(
    ("kind", "minor", "due_on"),
    [
        (EntryKind.PAYMENT, 0, None),
        (EntryKind.PAYMENT, -1, None),
        (EntryKind.WRITEOFF, -1, None),
        (EntryKind.CHARGE, 1, DAY),
        (EntryKind.CHARGE, -1, None),
        (EntryKind.REFUND, 1, None),
        (EntryKind.ADJUSTMENT, 1, DAY),
        (EntryKind.PAYMENT, money.LIMIT_MINOR + 1, None),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(session, account, kind, minor, due_on):
    with pytest.raises(errors.Invalid) as caught:
        ledger.post(session, account.id, kind, minor, dated_on=DAY, author=OLHA, due_on=due_on)
    assert caught.value.fields
    assert account.balance_minor == 0


def test_an_unknown_account_is_not_found(session):
    with pytest.raises(errors.NotFound):
        pay(session, 10**9, 1)
    with pytest.raises(errors.NotFound):
        accounts.set_terms(session, 10**9, payment_days=None, grace_days=None, is_never_cut=False)


def test_a_reversal_restores_the_balance_and_keeps_the_due_date(session, account):
    entry = charge(session, account.id, 3000, due_on=date(2026, 12, 1))
    undone = ledger.reverse(session, entry.id, author=OLHA, reason=" wrong plan ", dated_on=DAY)
    assert account.balance_minor == 0
    assert undone.amount_minor == 3000
    assert undone.due_on == date(2026, 12, 1)
    assert undone.description == "wrong plan"
    assert undone.reverses_id == entry.id


def test_an_entry_is_reversed_once_and_a_reversal_never(session, account):
    entry = pay(session, account.id, 700)
    undone = ledger.reverse(
        session, entry.id, author=OLHA, reason="bounced", dated_on=DAY, idempotency_key="r"
    )
    again = ledger.reverse(
        session, entry.id, author=OLHA, reason="bounced", dated_on=DAY, idempotency_key="r"
    )
    assert again.id == undone.id
    with pytest.raises(errors.Conflict, match="reversed already"):
        ledger.reverse(session, entry.id, author=OLHA, reason="bounced", dated_on=DAY)
    with pytest.raises(errors.Invalid):
        ledger.reverse(session, undone.id, author=OLHA, reason="changed my mind", dated_on=DAY)
    with pytest.raises(errors.Invalid) as caught:
        ledger.reverse(session, entry.id, author=OLHA, reason="  ", dated_on=DAY)
    assert "reason" in caught.value.fields
    with pytest.raises(errors.NotFound):
        ledger.reverse(session, 10**9, author=OLHA, reason="x", dated_on=DAY)


def test_a_balance_changed_behind_the_ledgers_back_is_found(session, account):
    pay(session, account.id, 700)
    session.execute(update(Account).where(Account.id == account.id).values(balance_minor=701))
    assert ledger.verify(session) == [ledger.Mismatch(account.id, 701, 700)]


@pytest.mark.parametrize("change", [update(LedgerEntry).values(description="x"), delete(LedgerEntry)])
def test_the_database_itself_refuses_to_change_an_entry(database, change):
    with database.transaction() as session:
        pay(session, accounts.open_account(session, currency="EUR").id, 700)
    with pytest.raises(exc.DBAPIError, match="append-only"), database.transaction() as session:
        session.execute(change)


def test_eight_writers_to_one_account_lose_nothing(fresh_database):
    with fresh_database.transaction() as session:
        account_id = accounts.open_account(session, currency="EUR").id

    def write(writer):
        for number in range(25):
            with fresh_database.transaction() as session:
                pay(session, account_id, writer + 1, idempotency_key=f"{writer}-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with fresh_database.reading() as session:
        rows = session.scalars(select(LedgerEntry).order_by(LedgerEntry.id)).all()
        assert len(rows) == 200
        assert session.get_one(Account, account_id).balance_minor == 25 * sum(range(1, 9))
        total = 0
        for row in rows:
            total += row.amount_minor
            assert row.balance_after_minor == total
        assert ledger.verify(session) == []


def test_one_key_sent_by_eight_at_once_makes_one_entry(fresh_database):
    with fresh_database.transaction() as session:
        account_id = accounts.open_account(session, currency="EUR").id

    def write(_):
        with fresh_database.transaction() as session:
            return pay(session, account_id, 900, idempotency_key="once").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(write, range(8)))) == 1
    with fresh_database.reading() as session:
        assert session.get_one(Account, account_id).balance_minor == 900
