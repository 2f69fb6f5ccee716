"""Lists of money: what each filters by, its orders, that a page goes on where the last ended, and its file."""

import html
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from billing import deferrals, promises
from billing import testing as money_testing
from billing.models import (
    AccountGroup,
    Article,
    ArticleUnit,
    BankBatch,
    BankLine,
    BatchStatus,
    Certainty,
    ChargeRun,
    CutoffRun,
    Discount,
    LineStatus,
    Plan,
    Promise,
    PromiseStatus,
    RunStatus,
    VatRate,
)
from core import clock
from registry import testing
from registry.models import ImportBatch, ImportState

TODAY = clock.today("Europe/Kyiv")
WEEK = timedelta(days=7)


def beside(page, way):
    """Return the way to the next page or the one before ("prev"), or nothing at an end."""
    found = re.search(rf'rel="{way}" data-key="."\s+href="([^"]+)"', page)
    return html.unescape(found.group(1)) if found else None


def walk(browser, url, pattern):
    """Return what the pattern finds on every page of a list, in order, and how many pages there were.

    The way back leads over the same pages.
    """
    pages, back = [], []
    while url and len(pages) < 5:
        text = browser.get(url).text
        pages, url = [*pages, re.findall(pattern, text)], beside(text, "next")
    while text and len(back) < 5:
        back, url = [re.findall(pattern, text), *back], beside(text, "prev")
        text = browser.get(url).text if url else ""
    assert back == pages
    return [one for page in pages for one in page], len(pages)


@pytest.fixture
def promised(database):
    """Three who owe: one promised, one promised and did not keep it, one has 54 kept promises behind him."""
    with database.transaction() as session:
        made = {number: testing.customer(session, number) for number in ("5001", "5002", "5003")}
        for number, minor in (("5001", 3000), ("5002", 7000), ("5003", 1000)):
            money_testing.charge(session, made[number].account_id, minor, due_on=TODAY - WEEK)
        for number, until in (("5001", TODAY), ("5002", TODAY + timedelta(days=2))):
            promises.make(
                session,
                made[number].account_id,
                until=until,
                author=money_testing.AUTHOR,
                today=TODAY,
                rules=money_testing.RULES,
                note=f"word of {number}, by phone",
            )
        session.query(Promise).filter_by(account_id=made["5002"].account_id).update(
            {"status": PromiseStatus.BROKEN}
        )
        session.add_all(
            Promise(
                account_id=made["5003"].account_id,
                until=TODAY - timedelta(days=400 - day),
                amount_minor=100 + day,
                status=PromiseStatus.KEPT,
                author="Olha at the desk",
            )
            for day in range(54)
        )
    return made


def test_promises_are_narrowed_sorted_and_paged(sign_in_as, promised):
    browser = sign_in_as("billing")

    def listed(query):
        return re.findall(r"(500\d)</span>", browser.get(f"/promises?{query}").text)

    assert listed("state=active") == ["5001"]
    assert listed("state=broken") == ["5002"]
    assert listed("state=withdrawn") == []
    assert "Widen or clear" in browser.get("/promises?state=withdrawn").text
    assert listed("q=5002") == ["5002"]
    assert listed(f"from={TODAY}&sort=-until") == ["5002", "5001"]
    assert listed(f"from={TODAY}&to={TODAY}") == ["5001"]
    assert listed("sort=-amount")[:2] == ["5002", "5001"]
    assert set(listed("by=olha")) == {"5003"}
    days, pages = walk(
        browser,
        "/promises?q=5003&state=kept&sort=until",
        r'<td data-head="Until" class="nowrap"><time datetime="(\S+?)"',
    )
    assert (len(days), pages) == (54, 2), "the filter and the order hold on the second page too"
    assert days == sorted(set(days))


def test_promises_come_as_a_file(sign_in_as, promised):
    browser = sign_in_as("billing")
    lines = browser.get("/promises.csv?state=active").data.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"5001,{promised['5001'].name},{TODAY},30.00,-30.00,")
    assert lines[1].endswith('"word of 5001, by phone"')
    assert browser.get("/promises.csv").data.count(b"\n") == 57
    assert browser.get("/promises.xlsx").data.startswith(b"PK")
    assert browser.get("/promises.pdf").status_code == 404


def test_deferrals_are_narrowed_sorted_ended_and_come_as_a_file(sign_in_as, database):
    with database.transaction() as session:
        made = {number: testing.customer(session, number) for number in ("5101", "5102", "5103")}
        how = {"note": "asked by phone", "author": money_testing.AUTHOR}
        for number, days in (("5101", 5), ("5102", 20), ("5103", 0)):
            on = TODAY if days else TODAY - WEEK
            deferrals.make(session, [made[number].account_id], on + timedelta(days=days), today=on, **how)
    browser = sign_in_as("billing")

    def listed(query):
        return re.findall(r"(510\d)</span>", browser.get(f"/deferrals?{query}").text)

    assert listed("") == ["5103", "5102", "5101"]
    assert listed("state=stands&sort=until") == ["5101", "5102"]
    assert listed("state=over") == ["5103"]
    assert listed(f"to={TODAY}") == ["5103"]
    assert listed("q=5102") == ["5102"]
    assert listed("by=nobody") == []
    act = re.search(
        r'action="(/customers/\d+/deferral/end[^"]*)"', browser.get("/deferrals?state=stands&q=5101").text
    )
    answer = browser.post(html.unescape(act.group(1)))
    assert answer.location == "/deferrals?state=stands&q=5101", "back to the list as it was narrowed"
    assert listed("state=ended") == ["5101"]
    lines = browser.get("/deferrals.csv?state=ended").data.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "asked by phone" in lines[1]
    assert browser.get("/deferrals.xlsx").data.startswith(b"PK")


@pytest.fixture
def statements(database):
    """Three statements by name: one all put aside, one with 54 lines of which two wait, one undone long ago."""
    with database.transaction() as session:
        made = {
            name: BankBatch(
                file_name=f"{name}.csv",
                kind="csv",
                currency="EUR",
                total_minor=total,
                lines_total=lines,
                lines_known=0,
                status=status,
                wanted_by="Olha",
                read_by="Olha",
                read_at=read_at,
            )
            for name, total, lines, status, read_at in (
                ("august", 900, 1, BatchStatus.READY, datetime(2026, 8, 31, 22, 30, tzinfo=UTC)),
                ("september", 5000, 54, BatchStatus.READY, datetime(2026, 9, 30, 9, tzinfo=UTC)),
                ("old", 100, 0, BatchStatus.UNDONE, datetime(2026, 1, 31, 9, tzinfo=UTC)),
            )
        }
        session.add_all(made.values())
        session.flush()
        for name, count in (("august", 1), ("september", 54)):
            session.add_all(
                BankLine(
                    batch_id=made[name].id,
                    position=place,
                    line_hash=f"{name}{place}",
                    booked_on=TODAY - timedelta(days=place % 7),
                    amount_minor=-50 if place == 2 else 100 + place,
                    currency="EUR",
                    payer_name=f"Payer {place:02}",
                    status=LineStatus.WAITING if name == "september" and place < 2 else LineStatus.IGNORED,
                    certainty=Certainty.UNSURE,
                )
                for place in range(count)
            )
    return {name: one.id for name, one in made.items()}


def test_bank_statements_are_narrowed_sorted_and_come_as_a_file(sign_in_as, statements):
    browser = sign_in_as("billing")

    def listed(query):
        return re.findall(r">(\w+)\.csv</a>", browser.get(f"/bank?{query}").text)

    assert listed("") == ["old", "september", "august"]
    assert listed("sort=-total") == ["september", "august", "old"]
    assert listed("state=unsettled") == ["september"]
    assert listed("state=settled") == ["august"]
    assert listed("state=undone") == ["old"]
    assert listed("state=work") == []
    assert "Widen or clear" in browser.get("/bank?state=work").text
    assert listed("q=Septem") == ["september"]
    assert listed("q=%25") == [], "a percent sign is looked for as itself"
    assert listed("from=2026-09-01&to=2026-09-01") == ["august"], "the day is Kyiv's, not UTC's"
    lines = browser.get("/bank.csv?sort=name&state=unsettled").data.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("september.csv,,read,54,0,0,2,50.00,EUR,")
    assert browser.get("/bank.xlsx").data.startswith(b"PK")


def test_the_lines_of_a_statement_are_narrowed_sorted_and_paged(sign_in_as, statements):
    browser = sign_in_as("billing")
    url = f"/bank/{statements['september']}"

    def listed(query):
        return re.findall(r"Payer (\d\d)<br>", browser.get(f"{url}?{query}").text)

    assert listed("show=waiting") == ["00", "01"]
    assert listed("sign=out") == ["02"]
    assert listed("q=payer+17&show=ignored") == ["17"]
    assert listed("show=booked") == []
    assert "Widen or clear" in browser.get(f"{url}?q=nobody").text
    seen, pages = walk(browser, f"{url}?sort=-amount&show=ignored&sign=in", r"Payer (\d\d)<br>")
    assert (seen, pages) == ([f"{place:02}" for place in range(53, 2, -1)], 2)
    days, pages = walk(browser, f"{url}?sort=day", r'nowrap"><time datetime="(\S+?)"')
    assert (len(days), pages) == (54, 2)
    assert days == sorted(days)
    lines = browser.get(f"{url}/lines.csv?sign=out").data.decode("utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines] == ["Payer", "Payer 02"]
    assert "-0.50,EUR,put aside" in lines[1]
    assert browser.get("/bank/waiting.csv").data.count(b"\n") == 3
    assert browser.get("/bank/999999/lines.csv").status_code == 404


def test_charge_runs_are_narrowed_sorted_and_paged(sign_in_as, database):
    with database.transaction() as session:
        over = {"started_by": "night", "finished_at": clock.now()}
        refused = [{"rate": "usual", "since": TODAY.isoformat(), "periods": 3}]
        session.add_all(
            [
                *(
                    ChargeRun(run_on=TODAY - timedelta(days=60 - day), entries=day, **over)
                    for day in range(52)
                ),
                ChargeRun(run_on=TODAY - timedelta(days=2), refused=refused, **over),
                ChargeRun(run_on=TODAY - timedelta(days=1), started_by="night", error="Interrupted"),
                ChargeRun(run_on=TODAY, started_by="night", accounts_total=9, entries=99),
            ]
        )
    browser = sign_in_as("billing")
    day = r'cell-title"><time datetime="(\S+?)"'

    def listed(query):
        found = re.findall(day, browser.get(f"/charges?{query}").text)
        return [(TODAY - date.fromisoformat(one)).days for one in found]

    assert (listed("state=refused"), listed("state=failed"), listed("state=going")) == ([2], [1], [0])
    assert listed(f"to={TODAY - timedelta(days=58)}&sort=day") == [60, 59, 58]
    assert listed("sort=-charges")[:2] == [0, 9]
    page = browser.get("/charges?state=going&sort=day").text
    assert 'hx-get="/charges?state=going&amp;sort=day"' in page, (
        "what it asks for while it goes on is narrowed too"
    )
    assert "Widen or clear" in browser.get("/charges?from=2099-01-01").text
    late = browser.post("/charges", data={"on": "2099-01-01"})
    assert (late.status_code, 'value="2099-01-01"' in late.text) == (422, True)
    assert 'id="on-error"' in late.text
    days, pages = walk(browser, "/charges?state=done&sort=day", day)
    assert (len(days), pages) == (52, 2)
    assert days == sorted(days)


def test_cutoff_runs_are_narrowed_sorted_and_paged(sign_in_as, database):
    with database.transaction() as session:
        session.add_all(
            CutoffRun(
                run_on=TODAY - timedelta(days=60 - day),
                status=RunStatus.DISCARDED if day < 52 else RunStatus.APPLIED,
                cut_count=day % 10,
                planned_by="night",
            )
            for day in range(54)
        )
    browser = sign_in_as("noc")
    day = r'href="/cutoff/\d+"><time datetime="(\S+?)"'

    def listed(query):
        return re.findall(day, browser.get(f"/cutoff?{query}").text)

    first = TODAY - timedelta(days=8)
    assert listed("state=applied") == [f"{TODAY - timedelta(days=7)}", f"{first}"]
    assert listed(f"from={first}&sort=day") == [f"{first}", f"{TODAY - timedelta(days=7)}"]
    assert listed("state=braked") == []
    assert "Widen or clear" in browser.get("/cutoff?state=braked").text
    cuts, pages = walk(browser, "/cutoff?state=discarded&sort=-cut", r'data-head="Cut off" class="num">(\d)')
    assert (len(cuts), pages) == (52, 2)
    assert cuts == sorted(cuts, reverse=True)


def test_imports_are_narrowed_sorted_and_paged(sign_in_as, database):
    how = {"system": "old", "currency": "EUR", "author": "Olha"}
    with database.transaction() as session:
        session.add_all(
            ImportBatch(
                name=f"file{number:02}.csv",
                state=ImportState.TO_BOOK
                if number == 53
                else ImportState.BOOKED
                if number
                else ImportState.FAILED,
                opening_on=TODAY - timedelta(days=number),
                rows_total=number,
                created_at=datetime(2026, 8, 31, 22, 30, tzinfo=UTC) + timedelta(days=number),
                **how,
            )
            for number in range(54)
        )
    browser = sign_in_as("administrator")

    def listed(query):
        return re.findall(r"· file(\d\d)\.csv</a>", browser.get(f"/setup/imports?{query}").text)

    assert (listed("state=work"), listed("state=failed"), listed("state=draft")) == (["53"], ["00"], [])
    assert "Widen or clear" in browser.get("/setup/imports?state=draft").text
    assert listed("q=FILE17") == ["17"]
    assert listed("from=2026-09-01&to=2026-09-02&sort=name") == ["00", "01"], "the day is Kyiv's, not UTC's"
    seen, pages = walk(browser, "/setup/imports?state=booked&sort=-rows", r"· file(\d\d)\.csv</a>")
    assert (seen, pages) == ([f"{number:02}" for number in range(52, 0, -1)], 2)


def test_a_long_price_list_is_searched_sorted_and_paged(sign_in_as, database):
    with database.transaction() as session:
        session.add_all(
            Plan(name=f"{'Business' if number > 60 else 'Home'} {number}", price_minor=number, currency="EUR")
            for number in range(1, 64)
        )
    browser = sign_in_as("technician")

    def listed(query):
        return re.findall(r"<b>(?:Home|Business) (\d+)</b>", browser.get(f"/setup/plans?{query}").text)

    assert listed("q=BUSIN") == ["61", "62", "63"]
    assert listed("q=home+17") == ["17"]
    assert "Look for something else" in browser.get("/setup/plans?q=nothing").text
    seen, pages = walk(browser, "/setup/plans?q=home&sort=-price", r"<b>Home (\d+)</b>")
    assert (seen, pages) == ([str(number) for number in range(60, 0, -1)], 2)
    mark = beside(browser.get("/setup/plans?q=home&sort=-price").text, "next")
    with database.transaction() as session:
        session.query(Plan).filter_by(name="Home 11").delete()
    page = browser.get(mark).text
    assert "<b>Home 60</b>" in page, "the row the page began after went away: the list begins anew"


@pytest.mark.parametrize(
    ("url", "make"),
    [
        ("discounts", lambda name: Discount(name=name, percent_hundredths=500)),
        ("articles", lambda name: Article(name=name, unit=ArticleUnit.HOUR, price_minor=100, currency="EUR")),
        ("vat", lambda name: VatRate(name=name)),
        ("debt-groups", lambda name: AccountGroup(name=name)),
    ],
)
def test_the_other_lists_of_prices_and_groups_are_searched_too(sign_in_as, database, url, make):
    with database.transaction() as session:
        session.add_all(make(f"Row {number:02}") for number in range(12))
    page = sign_in_as("technician").get(f"/setup/{url}?q=row+07&sort=-name").text
    assert re.findall(r"<b>(Row \d\d)</b>", page) == ["Row 07"]
    assert "1 of 1" in page
