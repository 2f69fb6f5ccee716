"""Lists of money: what each filters by, its orders, that a page goes on where the last ended, and its file."""

import html
import re
from datetime import timedelta

import pytest

from billing import deferrals, promises
from billing import testing as money_testing
from billing.models import Promise, PromiseStatus
from core import clock
from registry import testing

TODAY = clock.today("Europe/Kyiv")
WEEK = timedelta(days=7)


def next_of(page):
    """Return the way to the next page, or nothing at the end."""
    found = re.search(r'rel="next" data-key="n"\s+href="([^"]+)"', page)
    return html.unescape(found.group(1)) if found else None


def walk(browser, url, pattern):
    """Return what the pattern finds on every page of a list, in order, and how many pages there were."""
    seen, pages = [], 0
    while url and pages < 5:
        page = browser.get(url).text
        seen, pages, url = [*seen, *re.findall(pattern, page)], pages + 1, next_of(page)
    return seen, pages


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
        browser, "/promises?q=5003&state=kept&sort=until", r'<td data-head="Until"><time datetime="(\S+?)"'
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
