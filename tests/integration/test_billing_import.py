"""Moving in from a file: a dry run that tells all, one booking whose totals agree, an undo that leaves nothing."""

from datetime import date

import pytest
from sqlalchemy import func, select, text

from billing import charges, ledger, testing
from billing.banking import batches as bank_batches
from billing.banking import words
from billing.models import (
    AccessState,
    Account,
    BankLine,
    EntryKind,
    LedgerEntry,
    LineStatus,
    Plan,
    Promise,
    Subscription,
    SubscriptionAccess,
    VatPercent,
    VatRate,
)
from core import errors, sentences
from registry import audit, bank, card, customers, networks, report_reading, reports
from registry import testing as registry_testing
from registry.models import (
    Address,
    ColumnMapping,
    Contact,
    Customer,
    ExternalIdentity,
    ImportBatch,
    ImportState,
    IpAddress,
    Line,
)
from registry.moving import batches, files, load, progress, sheets, undo
from registry.report_kinds import Ask

OPENING = date(2026, 12, 1)
SETTING = batches.Setting("EUR", "UA", "Europe/Kyiv")
FILE = """number,last_name,first name,phone,street,building,city,balance,plan,price,start,billed to,ip,status
M-1,Koval,Olena,067 123 45 67,Zelena,12,Lviv,-120.50,Home 100,30,2024-03-01,,10.20.0.5,
M-2,Hnatiuk,Ivan,,,,,45,Home 100,30,2025-05-05,2026-12-15,,
M-2,Hnatiuk,Ivan,,,,,,TV,9.90,2026-12-10,,10.20.0.64/29,
M-3,Shevchuk,Petro,,Naukova,5,Lviv,0,Home 100,25,2020-01-01,,10.20.0.0/29,
M-4,Bondar,Iryna,,,,,-7,,,,,,former
"""


def act(today=OPENING):
    return testing.act(today, author=ledger.Author("olena", None))


@pytest.fixture
def actor(session):
    return registry_testing.person(session, roles=("administrator",))


def brought(database, content=FILE, **more):
    """Take a file in and have it checked, as the page and the worker do."""
    with database.transaction() as session:
        actor = registry_testing.person(session)
        batch = batches.add(
            session,
            actor,
            name="old.csv",
            content=content.encode(),
            opening_on=OPENING,
            currency="EUR",
            **more,
        )
        batches.map_columns(session, actor, batch.id, mapping=batch.mapping, opening_on=OPENING)
    batches.check(database, batch.id, act(), SETTING)
    return batch.id


def seen(database, batch_id):
    with database.reading() as session:
        return batches.get(session, batch_id)


def booked(database, content=FILE):
    batch_id = brought(database, content)
    with database.transaction() as session:
        batches.ask_to_book(session, registry_testing.person(session), batch_id)
    batches.book(database, batch_id, act(), SETTING)
    return batch_id


def counts(session):
    tables = (Customer, Account, Plan, Subscription, LedgerEntry, ExternalIdentity, Contact, Address)
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) for table in tables}


def test_a_dry_run_tells_what_would_be_made_and_makes_nothing(database, session):
    before = counts(session)
    batch = seen(database, brought(database))
    assert (batch.state, batch.error, batch.rows_wrong, batch.rows_total) == (ImportState.CHECKED, None, 0, 5)
    assert batch.before["customers"] == {"connected": 3, "former": 1}
    assert {part: batch.before[part] for part in batch.after} == batch.after
    assert batch.before["money"] == {"customers": 3, "minor": -12050 + 4500 - 700, "debt": -12750}
    assert batch.before["plans"] == {
        "Home 100": {"services": 3, "minor": 8500, "vat": 0},
        "TV": {"services": 1, "minor": 990, "vat": 0},
    }
    session.expire_all()
    assert counts(session) == before


def test_a_second_check_of_a_checked_import_writes_nothing_over_what_was_asked(database, session):
    batch_id = brought(database)
    with database.transaction() as inner:
        batches.ask_to_book(inner, registry_testing.person(inner), batch_id)
    batches.check(database, batch_id, act(), SETTING)
    assert seen(database, batch_id).state is ImportState.TO_BOOK


def test_faults_name_row_column_and_what_to_do_and_stop_the_booking(database, session):
    wrong = "number,last_name,balance,MAC address\nM-1,Koval,lots,\nM-2,,1,zz\nM-3,Koval,2,\nM-3,Koval,2,\n"
    batch_id = brought(database, wrong)
    found = [(one.row_no, one.column, one.value) for one in batches.faults(session, batch_id)]
    assert found == [(2, "balance", "lots"), (3, "MAC address", "zz"), (5, "balance", "2")]
    with pytest.raises(errors.Conflict):
        batches.ask_to_book(session, registry_testing.person(session), batch_id)


def test_a_booked_import_agrees_to_the_cent_and_bills_from_where_the_old_system_stopped(database, session):
    networks.create(session, audit.Actor(None, "test"), name="Home", cidr="10.20.0.0/24")
    batch = seen(database, booked(database))
    assert (batch.state, batch.error, batch.progress) == (ImportState.BOOKED, None, {})
    for part in ("customers", "money", "plans"):
        assert batch.before[part] == batch.after[part]
    assert ledger.verify(session) == []
    olena = customers.find_by_number(session, "M-1")
    (entry,) = session.scalars(select(LedgerEntry).where(LedgerEntry.account_id == olena.account_id))
    assert (entry.kind, entry.amount_minor, entry.dated_on, entry.due_on) == (
        EntryKind.ADJUSTMENT,
        -12050,
        OPENING,
        OPENING,
    )
    assert str(batch.id) in entry.description
    assert session.scalar(select(Contact.phone).where(Contact.customer_id == olena.id)) == "+380671234567"
    assert session.scalar(select(IpAddress.address).where(IpAddress.customer_id == olena.id)) == "10.20.0.5"
    given = session.scalars(select(IpAddress.address).order_by(IpAddress.address)).all()
    assert given == ["10.20.0.5", "10.20.0.64/29"], "what lies around somebody's is left out"
    charges.run(session, act(date(2027, 1, 1)))
    session.expire_all()
    sums = {
        number: session.scalars(
            select(LedgerEntry.amount_minor)
            .join(Customer, Customer.account_id == LedgerEntry.account_id)
            .where(Customer.number == number, LedgerEntry.kind == EntryKind.CHARGE)
            .order_by(LedgerEntry.id)
        ).all()
        for number in ("M-1", "M-2", "M-3")
    }
    # December and January; half of December, the rest was billed; TV from the tenth; a price of his own.
    assert sums["M-1"] == [-3000, -3000]
    assert sorted(sums["M-2"]) == sorted([-1548, -3000, -703, -990])
    assert sums["M-3"] == [-2500, -2500]


def test_lines_of_the_moved_in_are_open_and_of_those_who_left_closed(database, session):
    booked(database, FILE + "M-5,Left,Long,,,,,0,Home 100,30,,,,former\n")
    wanted = dict(
        session.execute(
            select(Customer.number, SubscriptionAccess.wanted)
            .join(Subscription, Subscription.account_id == Customer.account_id)
            .join(SubscriptionAccess, SubscriptionAccess.subscription_id == Subscription.id)
            .where(Customer.number.in_(["M-1", "M-5"]))
        ).all()
    )
    assert wanted == {"M-1": AccessState.OPEN, "M-5": AccessState.CLOSED}


def test_the_same_file_again_makes_nothing(database, session):
    booked(database)
    session.expire_all()
    first = counts(session)
    again = seen(database, booked(database))
    session.expire_all()
    assert (again.state, again.error) == (ImportState.BOOKED, None)
    assert counts(session) == first


def test_the_id_of_the_other_system_finds_the_customer_and_stands_on_his_card(database, session):
    booked(database, "id,number,last_name\nAb-17,900,Koval\n")
    (hit,) = customers.search(session, "Ab-17")
    assert hit.number == "900"
    assert card.load(session, hit.id, today=OPENING).other_ids == ("file Ab-17",)


def test_an_undone_import_leaves_money_at_nothing_and_may_come_again(database, session):
    before = counts(session)
    batch_id = booked(database)
    _undo(database, batch_id)
    session.expire_all()
    assert (seen(database, batch_id).state, seen(database, batch_id).progress) == (ImportState.UNDONE, {})
    after = counts(session)
    # The three accounts that had money stay, each with its entry and the counter entry.
    assert after == before | {
        "accounts": before["accounts"] + 3,
        "ledger_entries": before["ledger_entries"] + 6,
    }
    assert session.scalar(select(func.sum(LedgerEntry.amount_minor))) == 0
    assert ledger.verify(session) == []
    page = report_reading.page(session, reports.MOVEMENTS, Ask(OPENING, OPENING), sort="number")
    assert [row.values[:2] for row in page.rows] == [
        ("M-1", "Olena Koval"),
        ("M-2", "Ivan Hnatiuk"),
        ("M-4", "Iryna Bondar"),
    ]
    assert seen(database, booked(database)).state is ImportState.BOOKED


def test_an_import_stays_once_something_happened_and_says_to_whom(database, session):
    batch_id = booked(database)
    olena = customers.find_by_number(session, "M-1")
    testing.pay(session, olena.account_id, 100)
    _undo(database, batch_id)
    batch = seen(database, batch_id)
    assert batch.state is ImportState.BOOKED
    assert sentences.tell(batch.error).endswith(": M-1")
    customers.set_alert(
        session, audit.Actor(None, "olena"), customers.find_by_number(session, "M-3").id, "Dog"
    )
    _undo(database, batch_id)
    assert sentences.tell(seen(database, batch_id).error).endswith(": M-1, M-3")


def test_a_line_of_the_bank_guessed_to_be_of_the_moved_in_is_anybodys_again_when_they_go(database, session):
    batch_id = booked(database)
    petro = customers.find_by_number(session, "M-3").account_id
    lines = (words.line(OPENING, 2500, "EUR", message="M-3", payer_account="DE01"),)
    statement = words.Statement("csv", "EUR", lines)
    bank_batch = bank_batches.keep(session, statement, file_name="b.csv", author=testing.AUTHOR)
    bank.match_some(session, bank_batch.id)
    session.commit()
    assert session.scalar(select(BankLine.account_id)) == petro
    _undo(database, batch_id)
    session.expire_all()
    assert seen(database, batch_id).state is ImportState.UNDONE
    assert session.execute(select(BankLine.account_id, BankLine.status)).one() == (None, LineStatus.WAITING)


def test_an_import_something_else_refers_to_stays_whole_and_says_what(database, session):
    batch_id = booked(database)
    petro = customers.find_by_number(session, "M-3").account_id
    session.add(Promise(account_id=petro, until=OPENING, amount_minor=1, author="olena"))
    session.commit()
    _undo(database, batch_id)
    batch = seen(database, batch_id)
    assert batch.state is ImportState.BOOKED
    assert "(promises)" in sentences.tell(batch.error)
    assert customers.find_by_number(session, "M-3") is not None


def test_the_columns_chosen_are_remembered_for_files_with_these_headings(database, session):
    content = "Kunde,Nachname,Stand\n1,Meier,5\n"
    actor = registry_testing.person(session)
    batch = batches.add(
        session, actor, name="de.csv", content=content.encode(), opening_on=OPENING, currency="EUR"
    )
    assert batch.mapping == {}
    mapping = {"number": 0, "last_name": 1, "balance": 2}
    batches.map_columns(session, actor, batch.id, mapping=mapping, opening_on=OPENING)
    assert session.scalar(select(func.count()).select_from(ColumnMapping)) == 1
    again = batches.add(
        session, actor, name="de2.csv", content=content.encode(), opening_on=OPENING, currency="EUR"
    )
    assert again.mapping == mapping


def test_a_balance_that_does_not_agree_stops_the_import_and_names_the_customer(database, session):
    batch = seen(database, brought(database))
    source = batches.source_of(batch, "Europe/Kyiv")
    sheet = sheets.read(FILE.encode())
    parsed = files.parse(session, sheet, batch.mapping, files.Terms("EUR", "UA", OPENING))
    files.fill(session, parsed, opening_on=OPENING, title="old.csv")
    session.execute(text("UPDATE moving_balances SET minor = minor + 1 WHERE customer_ref = 'M-1'"))
    load.load(session, act(), source)
    with pytest.raises(errors.Conflict, match=r"M-1 Koval Olena: -€120\.49 there, -€120\.50 here"):
        batches.agree(session, source, files.told(parsed, set()), "EUR")


def test_vat_is_inside_a_price_of_the_file_and_on_top_of_a_net_plan_of_ours(database, session):
    rate = VatRate(name="Standard")
    session.add(rate)
    session.flush()
    session.add(VatPercent(vat_rate_id=rate.id, valid_from=date(2026, 1, 1), percent_hundredths=2000))
    net = Plan(
        name="Office", price_minor=1001, currency="EUR", period="month", is_net=True, vat_rate_id=rate.id
    )
    session.add(net)
    session.flush()
    told = """number,last_name,plan,price,vat,quantity
1,Koval,Home,24.60,23,1
2,Melnyk,Home,,,2
3,Shevchuk,Office,,20,3
4,Bondar,Office,9.99,,1
"""
    batch = seen(database, booked(database, told))
    assert (batch.state, batch.error) == (ImportState.BOOKED, None)
    # 24.60 * 3 hold 13.80; 30.03 and 9.99 net are 36.04 and 11.99 with 6.01 and 2.00 of VAT.
    assert batch.before["plans"] == {
        "Home": {"services": 2, "minor": 7380, "vat": 460 + 920},
        "Office": {"services": 2, "minor": 3604 + 1199, "vat": 601 + 200},
    }
    assert batch.after["plans"] == batch.before["plans"]
    charges.run(session, act(OPENING))
    taxes = session.execute(
        select(Customer.number, LedgerEntry.amount_minor, LedgerEntry.vat_hundredths)
        .join(Customer, Customer.account_id == LedgerEntry.account_id)
        .where(LedgerEntry.kind == EntryKind.CHARGE)
        .order_by(Customer.number)
    ).all()
    assert [tuple(row) for row in taxes] == [
        *(("1", -2460, 2300), ("2", -4920, 2300), ("3", -3604, 2000), ("4", -1199, 2000)),
    ]
    wrong = brought(database, told.replace("Office,,20", "Office,,21"))
    assert [(one.row_no, one.column) for one in batches.faults(session, wrong)] == [(4, "vat")]


def test_how_far_an_import_is_can_be_seen_while_its_transaction_goes_on(database, session):
    rows = "".join(f"P-{number},Koval{number},-1\n" for number in range(1200))
    with database.transaction() as inner:
        batch_id = batches.add(
            inner,
            registry_testing.person(inner),
            name="many.csv",
            content=f"number,last_name,balance\n{rows}".encode(),
            opening_on=OPENING,
            currency="EUR",
        ).id
    told = []
    going = progress.Progress(database, batch_id, lambda *facts: told.append((facts, seen_now())))

    def seen_now():
        return session.scalar(select(ImportBatch.progress).where(ImportBatch.id == batch_id))

    mapping = {"number": 0, "last_name": 1, "balance": 2}
    sheet = sheets.read(f"number,last_name,balance\n{rows}".encode())
    with database.rehearsal() as inner:
        terms = files.Terms("EUR", "UA", OPENING)
        files.parse(inner, sheet, mapping, terms, tell=going.of(progress.READ))
    (facts, row), *_ = told
    assert facts == ("read", 0, 1200)
    assert (row["phase"], row["done"], row["total"]) == facts
    assert progress.is_going_on(row)
    assert not progress.is_going_on({**row, "at": row["at"] - progress.STALE_S})


def _undo(database, batch_id):
    with database.transaction() as session:
        batches.ask_to_undo(session, registry_testing.person(session), batch_id)
    undo.undo(database, batch_id, act())


LOGINS = """number,last_name,plan,price,pppoe
P-1,Koval,Home 100,30,koval@ppp
P-1,Koval,TV,10,
P-2,Hnatiuk,Home 100,30,Hnatiuk
"""


def test_logins_come_with_the_lines_each_once(database, session):
    assert seen(database, booked(database, LOGINS)).error is None
    told = session.execute(select(Line.login, Customer.number).join(Customer).order_by(Line.id)).all()
    assert told == [("koval@ppp", "P-1"), (None, "P-1"), ("Hnatiuk", "P-2")]
    again = seen(database, brought(database, LOGINS))
    assert again.rows_wrong == 0
    wrong = (
        LOGINS.replace("P-", "Q-") + "Q-3,Bondar,,,two words\nQ-4,Bondar,Home 100,30,new\nQ-5,B,TV,10,new\n"
    )
    batch_id = brought(database, wrong + "Q-6,Lys,,,lys\n")
    with database.reading() as reading:
        found = [(one.row_no, one.column, one.value) for one in batches.faults(reading, batch_id)]
    assert found == [
        (2, "pppoe", "koval@ppp"), (4, "pppoe", "Hnatiuk"), (5, "pppoe", "two words"), (7, "pppoe", "new"),
        (8, "plan", ""),
    ]  # fmt: skip
