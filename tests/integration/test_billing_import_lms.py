"""Moving in from LMS: a database made by its documented columns, every trap in it, and totals that agree."""

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pytest
from sqlalchemy import func, select

from billing import charges, ledger, testing
from billing.models import (
    AccessState,
    Account,
    EntryKind,
    LedgerEntry,
    Liability,
    Method,
    Payer,
    Plan,
    Subscription,
    SubscriptionAccess,
)
from core import errors, sentences
from linecard import migrate
from registry import customers
from registry.models import (
    Address,
    AddressKind,
    Contact,
    Customer,
    ImportBatch,
    ImportState,
    IpAddress,
    Line,
    Network,
    Note,
)
from registry.moving import batches, lms_import, lms_sql, undo
from tests import lms

SETTING = batches.Setting("PLN", "PL", "Europe/Warsaw")


@pytest.fixture(scope="module")
def lms_url(servers: dict[str, str], worker_number: int) -> Iterator[str]:
    """Return the URL of an LMS database on the throwaway server."""
    name = f"lms_{worker_number}"
    migrate.create_database(servers["database"], name)
    url = migrate.plain(servers["database"]).replace("/linecard?", f"/{name}?")
    _execute(url, lms.TABLES)
    _execute(url, lms.TRICKY)
    yield url
    migrate.drop_database(servers["database"], name)


def _execute(url, statements):
    with psycopg.connect(url) as line:
        for statement in statements.split(";\n"):
            line.execute(statement)


@pytest.fixture
def move(database, lms_url) -> Callable:
    def run(**more):
        wish = lms_import.Wish(lms_url, lms.OPENING, **more)
        return lms_import.run(database, wish, testing.act(lms.OPENING), SETTING)

    return run


def minor(session, number):
    return session.scalar(
        select(Account.balance_minor)
        .join(Customer, Customer.account_id == Account.id)
        .where(Customer.number == number)
    )


def entries(session, number):
    found = customers.find_by_number(session, number)
    query = select(LedgerEntry).where(LedgerEntry.account_id == found.account_id).order_by(LedgerEntry.id)
    return session.scalars(query).all()


def test_a_test_run_tells_both_sides_and_leaves_nothing(session, move):
    batch = move(is_test=True)
    assert batch.state is ImportState.CHECKED
    for part in ("customers", "money", "plans"):
        assert batch.before[part] == batch.after[part], part
    assert batch.before["customers"] == {"connected": 6, "former": 2, "prospect": 1, "waiting": 1}
    # -35 of Kowalski, 700 of ACME, -33.10 of the deleted one, -0.12 of the one with foreign money.
    assert batch.before["money"] == {"customers": 4, "minor": -3500 + 70000 - 3310 - 12, "debt": -6822}
    assert batch.before["plans"] == {
        "1/3": {"services": 5, "minor": 5400 + 3999 + 0 + 9000 + 3000, "vat": 1010 + 748 + 1683 + 561},
        "2/5": {"services": 1, "minor": 60000, "vat": 11220},
        "3/3": {"services": 1, "minor": 3333, "vat": 623},
        "3/4": {"services": 1, "minor": 10000, "vat": 1870},
        "5/3": {"services": 1, "minor": 6000, "vat": 0},
        # Net 90.00 of three with 23 % on top, and 99.50 of one and a half; five at the price of more than
        # four, and four at the price of one.
        "6/3": {"services": 2, "minor": 33210 + 14925 + 3433, "vat": 6210 + 3433},
        "7/3": {"services": 2, "minor": 20000 + 20000, "vat": 0},
    }
    assert session.scalar(select(func.count()).select_from(Customer)) == 0
    notes = " / ".join(sentences.tell(note) for note in batch.notes)
    for word in (
        *("inside", "192.0.2.9", "price below zero", "Phones", "Contractors without money"),
        *("too long, are left out (1): two words", "is not known, are left out (1): lost"),
        "Second logins of a service or line are left out (1): jan",
        *("later are left out; plan them for customers (1): 11",),
    ):
        assert word in notes


def test_balances_terms_and_records_are_those_of_lms(session, move):
    batch = move()
    assert batch.state is ImportState.BOOKED
    assert {number: minor(session, number) for number in "123456789"} == {
        **dict.fromkeys("123456789", 0),
        "1": -3500,
        "2": 70000,
        "3": -3310,
        "8": -12,
    }
    assert ledger.verify(session) == []
    dialled = select(Customer.number, Line.login).join(Line).where(Line.login.is_not(None))
    assert dict(session.execute(dialled).all()) == {"1": "jan", "8": "foreign@ppp"}
    (opening,) = entries(session, "1")
    assert (opening.kind, opening.dated_on, opening.due_on) == (
        EntryKind.ADJUSTMENT,
        lms.OPENING,
        lms.OPENING,
    )
    jan, acme = customers.find_by_number(session, "1"), customers.find_by_number(session, "2")
    assert (acme.name, acme.kind.value) == ("ACME Sp. z o.o.", "company")
    payer = session.scalar(
        select(Payer).join(Account, Account.payer_id == Payer.id).where(Account.id == acme.account_id)
    )
    assert payer.tax_number == "525-000"
    places = dict(
        session.execute(
            select(Address.kind, Address.street + " " + Address.building).where(Address.customer_id == jan.id)
        ).all()
    )
    assert places == {AddressKind.VISITING: "Wólka 12", AddressKind.INVOICE: "Długa 5"}
    spoken = session.scalars(select(Contact).where(Contact.customer_id == jan.id).order_by(Contact.id)).all()
    assert [(one.phone, one.email, one.is_primary) for one in spoken] == [
        ("+48601123456", "", True),
        ("", "jan@example.com", False),
    ]
    assert session.scalar(select(Note.content).where(Note.customer_id == acme.id)) == "ring twice"
    found = session.scalars(select(IpAddress)).all()
    assert {(one.address, one.mac) for one in found} == {
        ("10.1.0.5", "aa:bb:cc:00:00:01"),
        ("10.1.0.6", None),
    }
    assert session.scalars(select(Network.cidr)).all() == ["10.1.0.0/16"]


def test_services_are_billed_from_where_lms_stopped(session, move):
    move()
    charges.run(session, testing.act(date(2027, 3, 1)))
    session.expire_all()

    def asked(number):
        return sorted(
            (one.dated_on, one.amount_minor, one.description)
            for one in entries(session, number)
            if one.kind is EntryKind.CHARGE
        )

    assert [(day.isoformat(), sum_) for day, sum_, words in asked("1") if words == "Net 100"] == [
        ("2026-12-15", -5400),
        ("2027-01-15", -5400),
        ("2027-02-15", -5400),
    ]
    tv = [(day.isoformat(), sum_) for day, sum_, words in asked("1") if words == "TV"]
    assert tv == [(day, -6000) for day in ("2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01")]
    assert [(day.isoformat(), sum_) for day, sum_, words in asked("1") if words == "Router"] == [
        ("2026-12-20", -15000)
    ]
    assert len([1 for *_, words in asked("1") if words == "Rent"]) == 2 + 1
    # The 60th day of a year is the first of March; a quarter paid afterwards from its second month's fifth.
    assert [(day.isoformat(), sum_) for day, sum_, words in asked("2") if words == "Yearly"] == [
        ("2027-03-01", -60000)
    ]
    assert [(day.isoformat(), sum_) for day, sum_, words in asked("2") if words == "Quarter"] == [
        ("2027-02-05", -10000)
    ]
    # Half of the price while all is suspended, until the end of January.
    assert [sum_ for _, sum_, _ in asked("4")][:2] == [-3000, -3000]
    assert asked("6") == []
    # A net price with its tax on top, as LMS asks it, and a liability priced net; the tax is known of each.
    assert [(sum_, words) for _, sum_, words in asked("11")][:4] == [
        (-33210, "Office"),
        (-20000, "Sockets"),
        (-20000, "Sockets"),
        (-14925 - 3433, "Office"),
    ]
    assert (-12300, "Mast") in [(sum_, words) for _, sum_, words in asked("11")]
    taxes = {
        (one.description, one.vat_hundredths)
        for one in entries(session, "11")
        if one.kind is EntryKind.CHARGE
    }
    assert taxes == {("Office", 2300), ("Sockets", 0), ("Mast", 2300)}
    assert session.scalar(select(func.count()).select_from(Liability)) == 3


def test_nothing_is_let_in_that_lms_kept_out(session, move):
    move()
    wanted = dict(
        session.execute(
            select(Customer.number, func.string_agg(SubscriptionAccess.wanted, ",").label("wanted"))
            .join(Subscription, Subscription.account_id == Customer.account_id)
            .join(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
            .group_by(Customer.number)
        ).all()
    )
    is_open = {number: AccessState.OPEN in words for number, words in wanted.items()}
    assert is_open == {"1": True, "2": True, "4": False, "5": False, "6": False, "8": False, "11": True}


def test_the_whole_history_keeps_dates_numbers_and_names(session, move):
    move(with_history=True)
    told = [
        (one.kind, one.amount_minor, one.dated_on.isoformat(), one.reference, one.author, one.method)
        for one in entries(session, "1")
    ]
    assert told == [
        (EntryKind.CHARGE, -6000, "2026-10-01", "7/LMS/2026", "LMS", Method.NONE),
        (EntryKind.ADJUSTMENT, 1000, "2026-10-02", "8/KOR/2026", "Anna Nowak", Method.NONE),
        (EntryKind.PAYMENT, 2000, "2026-10-09", "KP/9", "Anna Nowak", Method.CASH),
        (EntryKind.REFUND, -500, "2026-10-10", "", "Anna Nowak", Method.NONE),
    ]
    assert entries(session, "1")[0].due_on == date(2026, 10, 15)
    assert [one.balance_after_minor for one in entries(session, "1")] == [-6000, -5000, -3000, -3500]
    assert ledger.verify(session) == []


def test_the_history_again_adds_only_what_came_since(session, move, lms_url):
    move(with_history=True)
    before = session.scalar(select(func.count()).select_from(LedgerEntry))
    move(with_history=True)
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == before
    with psycopg.connect(lms_url) as line:
        line.execute(
            f"INSERT INTO cash (id, time, type, value, customerid) VALUES (999, {lms.at(2026, 11, 30)}, 1, 35, 1)"
        )
    try:
        batch = move(with_history=True)
    finally:
        with psycopg.connect(lms_url) as line:
            line.execute("DELETE FROM cash WHERE id = 999")
    session.expire_all()
    assert batch.after["made"]["entries"] == 1
    assert minor(session, "1") == 0
    assert session.scalar(select(func.count()).select_from(Customer)) == 10


def test_an_undone_lms_import_may_come_again(database, session, move):
    batch = move(with_history=True)
    with database.transaction() as inner:
        from registry import testing as registry_testing

        batches.ask_to_undo(inner, registry_testing.person(inner), batch.id)
    undo.undo(database, batch.id, testing.act(lms.OPENING))
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Customer)) == 0
    assert session.scalar(select(func.count()).select_from(Plan)) == 0
    assert session.scalar(select(func.sum(LedgerEntry.amount_minor))) == 0
    assert move().state is ImportState.BOOKED
    assert minor(session, "2") == 70000


def test_numbers_of_other_customers_stop_it_and_are_named(session, move):
    from registry import testing as registry_testing

    registry_testing.customer(session, "7")
    with pytest.raises(errors.Conflict, match="belong to other customers already: 7"):
        move()
    batch = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(1)).one()
    assert (batch.state, "7" in sentences.tell(batch.error)) == (ImportState.FAILED, True)


def test_a_database_that_is_no_lms_is_refused(database, postgres_url):
    wish = lms_import.Wish(migrate.plain(postgres_url), lms.OPENING)
    with pytest.raises(errors.Invalid, match="no table customercontacts"):
        lms_import.run(database, wish, testing.act(lms.OPENING), SETTING)


def test_schemas_before_and_after_are_read_by_the_columns_they_have(database, servers, worker_number):
    name = f"lms_other_{worker_number}"
    migrate.create_database(servers["database"], name)
    url = migrate.plain(servers["database"]).replace("/linecard?", f"/{name}?")
    gone = ";\n".join(
        f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}" for table, column in lms_sql.LATER
    )
    later = """CREATE TABLE suspensions (id integer, datefrom integer, dateto integer, customerid integer);
CREATE TABLE assignmentsuspensions (id integer, suspensionid integer, assignmentid integer);
DROP TABLE tariffpricevariants;
INSERT INTO taxes (id, value, taxed) VALUES (1, 23, 1);
INSERT INTO tariffs (id, name, value, taxid) VALUES (1, 'Net', 60.00, 1);
INSERT INTO customers (id, lastname, status) VALUES (1, 'Old', 3);
INSERT INTO assignments (tariffid, customerid, period, at) VALUES (1, 1, 3, 1);
INSERT INTO suspensions VALUES (1, 0, 0, 1);
INSERT INTO cash (time, type, value, customerid) VALUES (1700000000, 0, -60, 1)"""
    try:
        _execute(url, f"{lms.TABLES};\n{gone};\n{later}")
        wish = lms_import.Wish(url, lms.OPENING, is_test=True)
        batch = lms_import.run(database, wish, testing.act(lms.OPENING), SETTING)
    finally:
        migrate.drop_database(servers["database"], name)
    assert (
        batch.before["plans"] == batch.after["plans"] == {"1/3": {"services": 1, "minor": 6000, "vat": 1122}}
    )
    assert batch.after["money"]["minor"] == -6000
    assert "newer kind are left out; suspend services of customers (1): 1" in sentences.tell(batch.notes[0])
