"""Reports: figures worked out by hand, the same on screen and in files, currencies apart."""

import csv
import io
from collections import defaultdict
from datetime import date, timedelta

import openpyxl
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import accounts, charges, debt, ledger, subscriptions, testing
from billing.models import EntryKind, LedgerEntry, Method
from registry import report_reading, reports
from registry.models import Customer
from registry.report_kinds import Ask
from registry.testing import customer
from tests import properties
from tests.reporting import day, post, table, total

TODAY = date(2026, 11, 25)


def asked(first=TODAY, last=TODAY, **more):
    return Ask(first, last, **more)


def in_currency(session, number, currency):
    made = customer(session, number)
    made.account_id = accounts.open_account(session, currency=currency).id
    session.flush()
    return made


def test_a_period_is_its_opening_its_movements_and_its_closing_by_hand(session):
    account_id = customer(session, "1001").account_id
    post(session, account_id, EntryKind.CHARGE, -3000, day(9))
    post(session, account_id, EntryKind.PAYMENT, 1000, day(9, 20), method=Method.CASH)
    post(session, account_id, EntryKind.CHARGE, -3000, day(10))
    paid = post(session, account_id, EntryKind.PAYMENT, 5000, day(10, 31), method=Method.BANK)
    ledger.reverse(session, paid.id, author=testing.AUTHOR, reason="bounced", dated_on=day(11, 2))
    (row,) = table(session, reports.MOVEMENTS, asked(day(10), day(10, 31)))
    assert (row["opening"], row["charge"], row["payment"], row["closing"]) == (-2000, -3000, 5000, 0)
    (row,) = table(session, reports.MOVEMENTS, asked(day(11), day(11, 30)))
    assert (row["opening"], row["reversal"], row["closing"]) == (0, -5000, -5000)
    assert table(session, reports.MOVEMENTS, asked(day(8), day(8, 31))) == []


def test_liabilities_at_a_date_know_nothing_of_later_entries(session):
    owing, early = customer(session, "1001"), customer(session, "1002")
    post(session, owing.account_id, EntryKind.CHARGE, -3000, day(9))  # due on 15 September
    post(session, owing.account_id, EntryKind.CHARGE, -3000, day(10))  # due on 15 October
    post(session, owing.account_id, EntryKind.PAYMENT, 6000, day(11))
    post(session, early.account_id, EntryKind.PAYMENT, 2500, day(9))
    found = table(session, reports.LIABILITIES, asked(last=day(10, 15)))
    assert [(row["number"], row["owed"], row["past_due"], row["advance"]) for row in found] == [
        ("1001", 6000, 3000, 0),
        ("1002", 0, 0, 2500),
    ]
    shown = table(session, reports.LIABILITIES, asked(last=day(10, 16), chosen={"show": "owing"}))
    assert [(row["number"], row["past_due"]) for row in shown] == [("1001", 6000)]
    assert total(session, reports.LIABILITIES, asked(last=TODAY)) == {
        "EUR": {**dict.fromkeys(("number", "customer")), "currency": "EUR"}
        | {"owed": 0, "past_due": 0, "advance": 2500, "balance": 2500}
    }


def test_debt_stands_in_the_newest_charges_and_is_aged_by_their_days(session):
    account_id = customer(session, "1001").account_id
    dues = (day(7, 1), day(9, 1), day(10, 10), day(11, 10), day(12, 1))
    for due_on in dues:
        post(session, account_id, EntryKind.CHARGE, -1000, day(6), due_on=due_on)
    assert table(session, reports.AGED, asked())[0] | {"number": "", "customer": ""} == {
        "number": "",
        "customer": "",
        "currency": "EUR",
        "owed": 5000,
        "current": 1000,  # 1 December
        "to_30": 1000,  # 10 November: 15 days
        "to_60": 1000,  # 10 October: 46 days
        "to_90": 1000,  # 1 September: 85 days
        "older": 1000,  # 1 July
        "oldest_due_on": day(7, 1),
    }
    post(session, account_id, EntryKind.PAYMENT, 2500, day(11, 20))
    (row,) = table(session, reports.AGED, asked())
    assert (row["older"], row["to_90"], row["to_60"], row["owed"]) == (0, 0, 500, 2500)
    assert row["oldest_due_on"] == day(10, 10)


def test_day_totals_tell_cashiers_methods_and_what_was_undone_apart(session):
    account_id = customer(session, "1001").account_id
    olena, petro = ledger.Author("Olena", 1), ledger.Author("Petro", 2)
    first = post(session, account_id, EntryKind.PAYMENT, 1000, day(11, 3), author=olena, method=Method.CASH)
    post(session, account_id, EntryKind.PAYMENT, 500, day(11, 3), author=olena, method=Method.CASH)
    post(session, account_id, EntryKind.PAYMENT, 700, day(11, 3), author=petro, method=Method.BANK)
    post(session, account_id, EntryKind.REFUND, -200, day(11, 3), author=olena, method=Method.CASH)
    post(session, account_id, EntryKind.CHARGE, -9000, day(11, 3), author=olena)
    ledger.reverse(session, first.id, author=petro, reason="twice", dated_on=day(11, 4))
    found = table(session, reports.TAKINGS, asked(day(11, 3), day(11, 4)))
    assert [tuple(row.values()) for row in found] == [
        (day(11, 3), "Olena", "cash", "EUR", 3, 1500, -200, 1300),
        (day(11, 3), "Petro", "bank", "EUR", 1, 700, 0, 700),
        (day(11, 4), "Petro", "cash", "EUR", 1, 0, -1000, -1000),
    ]
    only = table(session, reports.TAKINGS, asked(day(11, 3), day(11, 4), chosen={"method": "bank"}))
    assert [row["total"] for row in only] == [700]


def test_day_totals_keep_two_cashiers_of_one_name_apart(session):
    account_id = customer(session, "1001").account_id
    for staff_id, minor in ((1, 1000), (2, 300), (1, 500)):
        author = ledger.Author("Olena", staff_id)
        post(session, account_id, EntryKind.PAYMENT, minor, day(11, 3), author=author, method=Method.CASH)
    found = table(session, reports.TAKINGS, asked(day(11, 3), day(11, 3)))
    assert [(row["author"], row["entries"], row["total"]) for row in found] == [
        ("Olena", 2, 1500),
        ("Olena", 1, 300),
    ]


def test_revenue_is_by_the_charged_period_and_the_plan_it_was_charged_for(session):
    made = testing.subscriber(session, price_minor=3000, starts_on=day(9), today=day(9))
    charges.run(session, testing.act(day(10)))
    other = testing.plan(session, 1200)
    subscriptions.change(
        session,
        made.subscription_id,
        testing.act(day(10, 16)),
        choice=subscriptions.Choice(other.id),
        on=day(10, 16),
    )
    rows = table(session, reports.REVENUE, asked(day(10), day(10, 31)))
    # 15 of 31 days stay with the old plan, 16 go to the new one, each rounded by itself.
    assert [(row["plan"], row["gross"]) for row in rows] == [
        ("Plan 3000 EUR", 1452),
        ("Plan 1200 EUR", 619),
    ]
    assert [row["gross"] for row in table(session, reports.REVENUE, asked(day(9), day(9, 30)))] == [3000]


def test_currencies_are_never_added_up_and_keep_their_decimals(session):
    for number, currency, minor in (("1", "EUR", -1250), ("2", "JPY", -900), ("3", "KWD", -1234)):
        post(session, in_currency(session, number, currency).account_id, EntryKind.CHARGE, minor, day(9))
    found = total(session, reports.AGED, asked())
    assert {currency: row["owed"] for currency, row in found.items()} == {
        "EUR": 1250,
        "JPY": 900,
        "KWD": 1234,
    }
    only = table(session, reports.AGED, asked(currency="JPY"))
    assert [(row["number"], row["owed"]) for row in only] == [("2", 900)]


def test_pages_give_every_row_once_there_and_back(session):
    for number in range(1, 12):
        account_id = customer(session, str(number)).account_id
        post(session, account_id, EntryKind.CHARGE, -100 * (1 + number % 3), day(9))
    for sort in ("customer", "-owed_minor", "number", "-oldest_due_on"):
        whole = [row.values for row in report_reading.every(session, reports.AGED, asked(), sort=sort)]
        page = report_reading.page(session, reports.AGED, asked(), sort=sort, limit=4)
        seen = list(page.rows)
        while page.next:
            page = report_reading.page(session, reports.AGED, asked(), sort=sort, limit=4, after=page.next)
            seen += page.rows
        assert [row.values for row in seen] == whole, sort
        assert len(whole) == 11
        back = report_reading.page(session, reports.AGED, asked(), sort=sort, limit=4, after=page.previous)
        assert [row.values for row in back.rows] == whole[4:8], sort


ENTRIES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([EntryKind.CHARGE, EntryKind.PAYMENT, EntryKind.ADJUSTMENT, None]),
        st.integers(1, 5000),
        st.integers(0, 120),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=14,
)


@properties.money(30)
@given(entries=ENTRIES, since=st.integers(0, 120), length=st.integers(0, 60))
def test_any_ledger_closes_at_its_opening_and_what_moved(session, entries, since, length):
    with session.begin_nested() as part:
        made = [customer(session, f"9{n}").account_id for n in range(3)]
        base, posted = day(7), []
        for place, kind, minor, after, grace in sorted(entries, key=lambda one: one[3]):
            on, account_id = base + timedelta(days=after), made[place]
            if kind is None:
                own = [one for one in posted if one.account_id == account_id]
                if own:
                    posted.remove(own[0])
                    ledger.reverse(session, own[0].id, author=testing.AUTHOR, reason="test", dated_on=on)
                continue
            sign = 1 if kind is EntryKind.PAYMENT or (kind is EntryKind.ADJUSTMENT and minor % 2) else -1
            more = {"due_on": on + timedelta(days=grace)} if kind is EntryKind.CHARGE else {}
            posted.append(post(session, account_id, kind, sign * minor, on, **more))
        first = base + timedelta(days=since)
        last = first + timedelta(days=length)
        check_sums(session, made, first, last)
        part.rollback()


def check_sums(session, account_ids, first, last):
    numbers = dict(
        session.execute(
            select(Customer.number, Customer.account_id).where(Customer.account_id.in_(account_ids))
        ).all()
    )
    booked = dict(
        session.execute(
            select(LedgerEntry.account_id, func.sum(LedgerEntry.amount_minor))
            .where(LedgerEntry.dated_on <= last)
            .group_by(LedgerEntry.account_id)
        ).all()
    )
    rows = table(session, reports.MOVEMENTS, asked(first, last))
    for row in rows:
        moved = sum(row[kind.value] for kind in EntryKind)
        assert row["closing"] == row["opening"] + moved == booked[numbers[row["number"]]]
    assert sum(row["closing"] for row in rows) == sum(booked.values())
    owed = {row["number"]: row for row in table(session, reports.LIABILITIES, asked(last=last))}
    for row in table(session, reports.AGED, asked(last=last)):
        buckets = [row[name] for name in ("current", "to_30", "to_60", "to_90", "older")]
        assert sum(buckets) == row["owed"] == owed[row["number"]]["owed"]
        assert row["owed"] - row["current"] == owed[row["number"]]["past_due"]
    everything = day(12, 31)
    for row in table(session, reports.LIABILITIES, asked(last=everything)):
        found = debt.of(session, numbers[row["number"]], today=everything)
        assert (found.debt_minor, found.past_due_minor) == (row["owed"], row["past_due"])


def test_a_file_holds_what_the_screen_shows_as_numbers_and_days(session, sign_in_as):
    made = customer(session, "1001")
    made.company_name = "=SUM(A1:A9)"
    post(session, made.account_id, EntryKind.CHARGE, -123450, day(9), due_on=day(9, 30))
    post(session, in_currency(session, "1002", "JPY").account_id, EntryKind.CHARGE, -900, day(9))
    session.flush()
    browser = sign_in_as("billing")
    page = browser.get("/reports/aged?on=2026-11-25&sort=number").text
    assert "€1,234.50" in page
    assert "¥900" in page
    assert page.count('class="aged-bar"') == 2
    answer = browser.get("/reports/aged/file.xlsx?on=2026-11-25&sort=number")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[1][:5] == ("1001", "=SUM(A1:A9)", "EUR", 1234.5, 0)
    assert sheet.cell(2, 2).data_type == "s"
    assert sheet.cell(2, 10).value.date() == day(9, 30)
    assert [row[2:4] for row in rows[3:]] == [("EUR", 1234.5), ("JPY", 900)]
    text = browser.get("/reports/aged/file.csv?on=2026-11-25&sort=number").data.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[1][:4] == ["1001", "'=SUM(A1:A9)", "EUR", "1234.50"]
    assert lines[2][2:4] == ["JPY", "900"]
    paper = browser.get("/reports/aged/print?on=2026-11-25").text
    assert "€1,234.50" in paper
    assert "only-print" in paper


def test_every_report_is_shown_printed_and_taken_as_a_file(session, sign_in_as):
    post(session, customer(session, "1001").account_id, EntryKind.PAYMENT, 1000, TODAY, method=Method.CASH)
    browser = sign_in_as("billing")
    assert browser.get("/reports").status_code == 200
    by_ending = defaultdict(set)
    for report in reports.ALL:
        for ending in ("", "/print", "/file.xlsx", "/file.csv"):
            answer = browser.get(f"/reports/{report.name}{ending}?from=2026-01-01&to=2026-12-31&q=o&name=x")
            by_ending[ending].add(answer.status_code)
    assert dict(by_ending) == {ending: {200} for ending in ("", "/print", "/file.xlsx", "/file.csv")}
    assert browser.get("/reports/nothing").status_code == 404
    assert browser.get("/reports/aged/file.pdf").status_code == 404


def test_the_customers_list_is_printed_and_saved_as_it_is_filtered_and_sorted(session, sign_in_as):
    for number, minor in (("1001", -3000), ("1002", -5000), ("1003", 700)):
        made = customer(session, number)
        kind = EntryKind.CHARGE if minor < 0 else EntryKind.PAYMENT
        post(session, made.account_id, kind, minor, day(9))
    jpy = in_currency(session, "1004", "JPY")
    post(session, jpy.account_id, EntryKind.CHARGE, -900, day(9))
    browser = sign_in_as("billing")
    listed = browser.get("/customers?debtors=1&sort=-number").text
    assert "/customers/print?debtors=1&amp;sort=-number" in listed
    paper = browser.get("/customers/print?debtors=1&sort=-number&status=connected").text
    assert paper.count("Status: connected · debtors<") == 2
    rows = [row for row in paper.split("<tr>") if "Koval" in row]
    assert [row.split("</td>")[0].split(">")[1] for row in rows] == ["1004", "1002", "1001"]
    assert "-€80.00" in paper
    assert "-¥900" in paper
    text = browser.get("/customers/list.csv?debtors=1&sort=-number").data.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert [(line[0], line[6], line[7]) for line in lines[1:4]] == [
        ("1004", "-900", "900"),
        ("1002", "-50.00", "50.00"),
        ("1001", "-30.00", "30.00"),
    ]
    assert [(line[1], line[6], line[8]) for line in lines[4:]] == [
        ("2", "-80.00", "EUR"),
        ("1", "-900", "JPY"),
    ]
    assert browser.get("/customers/list.xlsx").data[:2] == b"PK"
    assert browser.get("/customers/list.pdf").status_code == 404
