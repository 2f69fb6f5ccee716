"""The page of the cutoff's policy: every field, what a change does seen before it is saved, versions."""

import re
from datetime import date, timedelta

from sqlalchemy import select

from billing import policies, subscriptions, testing
from billing.models import AccessState, Account, CutoffPolicy, CutoffRun
from billing.rules import Step
from billing.subscriptions import Choice
from core import clock
from registry import account_groups, audit
from registry import testing as records
from registry.models import AuditEvent

URL = "/setup/cutoff-policy"
ACTOR = audit.Actor(None, "test")


def fields(page):
    """Return what a form would send as it is shown."""
    values = {}
    for tag in re.findall(r"<input [^>]+>", page):
        found = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        is_box = found.get("type") in {"checkbox", "radio"}
        if found.get("name") and found["name"] != "csrf_token" and (not is_box or " checked" in tag):
            values.setdefault(found["name"], []).append(found.get("value", ""))
    texts = re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>\s*([^<]*)</textarea>', page)
    return values | {name: text.strip() for name, text in texts}


def in_force(database, web_settings):
    with database.reading() as session:
        return policies.in_force(session, web_settings)


def test_a_policy_is_seen_before_it_is_saved_and_then_cuts_by_its_steps(sign_in_as, database, web_settings):
    today = clock.today(web_settings.isp.time_zone)
    with database.transaction() as session:
        group = account_groups.save(
            session, ACTOR, None, name="Schools", grace_days=None, is_never_cut=False
        ).id
        person = records.customer(session, "2001")
        choice = Choice(testing.plan(session, 0).id, bill_day=1)
        begin = today - timedelta(days=60)
        subscriptions.start(session, person.account_id, testing.act(today), choice=choice, starts_on=begin)
        testing.charge(session, person.account_id, 3000, due_on=today - timedelta(days=20))
    browser = sign_in_as("administrator")
    assert "[cutoff] of the settings file holds" in browser.get(URL).text
    page = browser.get(f"{URL}/new").text
    asked = fields(page) | {
        "notice_after": "0",
        "closed_after": "90",
        "holidays": "12-25\n2027-03-29",
        "excluded_groups": [str(group)],
        "notice_days": "0",
        "why": "softer",
    }
    looked = browser.post(f"{URL}/new", data=asked)
    assert looked.status_code == 200, looked.text[:2000]
    assert "1 customer would fare otherwise" in looked.text
    assert person.name in looked.text
    assert "0: a notice, 90: cut off" in looked.text
    with database.reading() as session:
        assert session.query(CutoffPolicy).count() == session.query(CutoffRun).count() == 0
    seen = fields(looked.text)
    other = browser.post(f"{URL}/new", data=seen | {"grace_days": "9", "confirmed": "yes"})
    assert "Put it in force" in other.text, (
        "what is saved is what was shown: changed meanwhile, it is shown again"
    )
    for _ in range(2):  # a double click
        assert browser.post(f"{URL}/new", data=seen | {"confirmed": "yes"}).status_code in {302, 303, 409}
    found = in_force(database, web_settings)
    assert (found.version, found.steps) == (1, (Step(0, AccessState.NOTICE), Step(90, AccessState.CLOSED)))
    assert (found.holidays, found.yearly_holidays) == ((date(2027, 3, 29),), ((12, 25),))
    assert found.excluded_groups == (group,)
    assert person.name not in browser.get("/debtors?state=never").text
    with database.transaction() as session:
        session.get_one(Account, person.account_id).group_id = group
    assert person.name in browser.get("/debtors?state=never").text
    assert "Never cut off" in browser.get(f"/customers/{person.id}").text
    assert "by the policy" in browser.get("/setup/debt-groups").text
    shown = browser.get(URL).text
    assert "softer" in shown
    assert "Schools" in shown


def test_faults_stand_at_their_fields(sign_in_as):
    browser = sign_in_as("administrator")
    asked = fields(browser.get(f"{URL}/new").text) | {"why": "wrong"}
    for changes, words in (
        ({"holidays": "2027-13-01"}, "2027-13-01 is not a day"),
        ({"closed_after": ""}, "Say at least one step"),
        ({"notice_after": "5", "closed_after": "5"}, "comes later than the milder one"),
        ({"why": ""}, "Must be filled in"),
        ({"brake_share_percent": "0"}, "From 0.01 to 100"),
        ({"late_fee_percent": "1.234"}, "Two decimals at most"),
        ({"late_fee": "-1"}, "The sum must be zero or more"),
        ({"interest_rates": "2026-01-01 much"}, "2026-01-01 much is not a day and a percentage"),
        ({"interest_rates": "2026-01-01 8\n2026-01-01 9"}, "One rate for a day"),
        ({"over": "7"}, "Somebody saved another version meanwhile"),
    ):
        answer = browser.post(f"{URL}/new", data=asked | changes)
        assert answer.status_code == (409 if "over" in changes else 422), changes
        assert words in answer.text, changes


def test_late_fees_interest_and_promises_are_seen_saved_and_written_into_the_history(
    sign_in_as, database, web_settings
):
    browser = sign_in_as("administrator")
    terms = {
        "late_fee": "2.50",
        "late_fee_percent": "1,5",
        "interest_rates": "2020-01-01 8,5\n2030-01-01 0",
        "promise_sum_limit": "500",
        "instalments_limit": "4",
        "why": "by the new contract",
    }
    looked = browser.post(f"{URL}/new", data=fields(browser.get(f"{URL}/new").text) | terms)
    assert looked.status_code == 200, looked.text[:2000]
    assert "The rates differ from 2020-01-01 on, in months that are over" in looked.text
    seen = fields(looked.text)
    assert browser.post(f"{URL}/new", data=seen | {"confirmed": "yes"}).status_code in {302, 303}
    found = in_force(database, web_settings)
    assert (found.late_fee_minor, found.late_fee_percent, found.instalments_limit) == (250, 1.5, 4)
    assert found.interest_rates == ((date(2020, 1, 1), 8.5), (date(2030, 1, 1), 0.0))
    assert "2020-01-01: 8.5 %, 2030-01-01: 0 %" in browser.get(URL).text
    with database.reading() as session:
        (line,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "cutoff_policy.saved"))
        assert line.changes["late_fee_minor"] == [0, 250]
        assert line.staff_id is not None


def test_an_older_version_comes_back_as_a_new_one(sign_in_as, database, web_settings):
    browser = sign_in_as("administrator")
    for days, why in (("4", "first"), ("5", "second")):
        asked = fields(browser.get(f"{URL}/new").text) | {"grace_days": days, "why": why}
        seen = fields(browser.post(f"{URL}/new", data=asked).text)
        assert browser.post(f"{URL}/new", data=seen | {"confirmed": "yes"}).status_code in {302, 303}
    back = fields(browser.get(f"{URL}/new?from=1").text)
    assert (back["grace_days"], back["why"]) == (["4"], ["Back to version 1"])
    seen = fields(browser.post(f"{URL}/new?from=1", data=back).text)
    browser.post(f"{URL}/new?from=1", data=seen | {"confirmed": "yes"})
    assert (in_force(database, web_settings).version, in_force(database, web_settings).grace_days) == (3, 4)
    page = browser.get(URL).text
    assert "as version 1" in page
    assert "Days of grace: 5 → <b>4</b>" in page
