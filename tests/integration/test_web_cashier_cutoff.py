"""The cutoff pages: runs, a plan that explains itself, the brake, applying, debtors."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from billing import cutoff, cutoff_runs, promises, suspensions
from billing import testing as money_testing
from billing.acts import Terms
from billing.models import (
    AccessState,
    Account,
    CutoffRun,
    LockReason,
    NightRun,
    RunStatus,
    Subscription,
    SubscriptionAccess,
    SuspensionLock,
)
from billing.subscriptions import Choice
from core import clock
from registry import cutoff_lists, cutoffs, debtor_list, money, run_lists, testing
from registry.cutoff_lists import PlanFilter
from registry.models import AuditEvent
from registry.run_lists import RunFilter

TODAY = clock.today("Europe/Kyiv")


def debtor(session, number, minor=3000, *, past=20):
    """A customer with a running service and a sum past due."""
    customer = testing.customer(session, number)
    money.start_service(
        session,
        testing.person(session, "setup"),
        customer.id,
        choice=Choice(money_testing.plan(session, 0).id, bill_day=1),
        starts_on=TODAY - timedelta(days=60),
        today=TODAY,
        terms=Terms(14),
    )
    money_testing.charge(session, customer.account_id, minor, due_on=TODAY - timedelta(days=past))
    return customer


@pytest.fixture
def people(database):
    """Three debtors: one to be cut, one who promised, one in grace."""
    with database.transaction() as session:
        made = {
            name: debtor(session, number, past=past)
            for name, number, past in (("cut", "2001", 20), ("promised", "2002", 20), ("grace", "2003", 2))
        }
        promises.make(
            session,
            made["promised"].account_id,
            until=TODAY,
            author=money_testing.AUTHOR,
            today=TODAY,
            rules=money_testing.RULES,
        )
    return made


def plan(browser):
    answer = browser.post("/cutoff/plan")
    assert answer.status_code == 303
    return answer.location


def locks(database):
    with database.reading() as session:
        return session.scalar(
            select(func.count()).select_from(SuspensionLock).where(SuspensionLock.lifted_at.is_(None))
        )


def test_a_plan_says_who_why_how_much_and_who_is_spared(sign_in_as, database, people):
    browser = sign_in_as("billing")
    assert "No plan was made yet" in browser.get("/cutoff").text
    page = browser.get(plan(browser))
    assert page.status_code == 200
    for words in ("2001", "2002", "2003", "promise to pay", "in grace", "€30.00", "past due since"):
        assert words in page.text, words
    assert locks(database) == 0
    assert "2003" not in browser.get(page.request.path + "?action=cut").text
    assert "2002" in browser.get(page.request.path + "?action=spare&reason=promise").text
    found = browser.fragment(page.request.path + "?q=2001")
    assert "2001" in found.text
    assert "2002" not in found.text
    assert page.request.path in browser.get("/cutoff").text


def test_applying_cuts_once_and_writes_each_customers_history(sign_in_as, database, people):
    browser = sign_in_as("billing")
    where = plan(browser)
    for _ in range(2):
        assert browser.post(f"{where}/apply").status_code == 303
    page = browser.get(where)
    assert "Applied by Billing Person" in page.text
    assert locks(database) == 1
    with database.reading() as session:
        cut = session.scalars(select(AuditEvent).where(AuditEvent.action == "service.cut")).all()
        assert [event.customer_id for event in cut] == [people["cut"].id]
        assert cut[0].staff_name == "Billing Person"
        assert "past due" in cut[0].note
        acts = session.scalars(
            select(AuditEvent.action).where(AuditEvent.object_kind == "cutoff_run").order_by(AuditEvent.id)
        ).all()
        assert acts == ["cutoff.planned", "cutoff.applied"]
    with database.transaction() as session:
        cutoffs.record_outcomes(session, testing.person(session), int(where.rsplit("/", 1)[1]))
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(AuditEvent.action == "service.cut")) == 1
    assert browser.post(f"{where}/discard").status_code == 409


def test_who_pays_after_the_plan_is_spared_and_who_was_cut_is_let_in(sign_in_as, database, people):
    browser = sign_in_as("billing")
    where = plan(browser)
    browser.post(f"{where}/apply")
    with database.transaction() as session:
        money_testing.pay(session, people["cut"].account_id, 3000)
        money_testing.charge(session, people["promised"].account_id, 1, due_on=TODAY)
    where = plan(browser)
    assert "nothing past due" in browser.get(where + "?action=lift").text
    browser.post(f"{where}/apply")
    assert locks(database) == 0
    with database.reading() as session:
        states = session.scalars(select(SubscriptionAccess.wanted)).all()
        assert set(states) == {AccessState.OPEN}
        assert session.scalar(select(func.count()).where(AuditEvent.action == "service.let_in")) == 1


def test_a_braked_plan_needs_the_word_of_a_person(sign_in_as, database):
    with database.transaction() as session:
        for number in range(6):
            debtor(session, f"30{number}")
    browser = sign_in_as("billing")
    where = plan(browser)
    page = browser.get(where)
    assert "6 of 6 running subscriptions" in page.text
    assert browser.post(f"{where}/apply").status_code == 409
    for wrong in ({"typed": "6"}, {"typed": "5", "reason": "looked at each"}):
        assert browser.post(f"{where}/release", data=wrong).status_code == 422
    assert browser.post(f"{where}/apply").status_code == 409
    assert locks(database) == 0
    assert (
        browser.post(f"{where}/release", data={"typed": "6", "reason": "looked at each"}).status_code == 303
    )
    assert "released by Billing Person: looked at each" in browser.get(where).text
    assert browser.post(f"{where}/apply").status_code == 303
    assert locks(database) == 6
    with database.reading() as session:
        notes = session.scalars(
            select(AuditEvent.note)
            .where(AuditEvent.action.in_(["cutoff.released", "cutoff.applied"]))
            .order_by(AuditEvent.id)
        ).all()
        assert notes == ["looked at each", "past the brake"]


def test_a_plan_of_hours_ago_that_the_brake_stops_now_is_not_applied_and_says_why(
    sign_in_as, database, people
):
    browser = sign_in_as("billing")
    where = plan(browser)
    with database.transaction() as session:
        run = session.scalars(select(CutoffRun)).one()
        run.planned_at -= timedelta(hours=2)
        session.add(
            NightRun(run_on=TODAY - timedelta(days=9), started_at=run.planned_at, finished_at=clock.now())
        )
    page = browser.get(browser.post(f"{where}/apply").headers["Location"])
    assert "so the brake looked again: now it waits" in page.text
    assert "8 days lie between" in page.text
    assert "Release the brake" in page.text
    assert locks(database) == 0
    with database.reading() as session:
        assert (
            session.scalars(select(AuditEvent.action).order_by(AuditEvent.id.desc())).first()
            == "cutoff.braked"
        )


def test_rows_are_opened_ticked_removed_deferred_and_undone(sign_in_as, database, people):
    with database.transaction() as session:
        debtor(session, "2004")
        debtor(session, "2005")
    browser = sign_in_as("billing")
    where = plan(browser)
    page = browser.get(f"{where}?action=cut&sort=customer")
    ids = re.findall(r'name="row" value="(\d+)"', page.text)
    assert len(ids) == 3
    detail = browser.fragment(f"{where}/rows/{ids[0]}")
    for words in ("Overdue charge", "No reminder was sent", "open → <b>closed</b>", "settings file"):
        assert words in detail.text, words
    assert browser.post(f"{where}/review", data={"act": "remove", "row": ids[1]}).status_code == 422
    assert browser.post(f"{where}/review", data={"act": "approve"}).status_code == 422
    kept = {"act": "remove", "row": ids[1], "note": "pays today"}
    answer = browser.post(f"{where}/review?action=cut", data=kept)
    assert (answer.status_code, answer.location) == (303, f"{where}?action=cut")
    until = (TODAY + timedelta(days=3)).isoformat()
    deferred = {"act": "defer", "row": ids[2], "note": "in hospital", "until": until}
    assert browser.post(f"{where}/review", data=deferred).status_code == 303
    assert "in hospital" in browser.get(f"{where}?review=deferred").text
    assert "in hospital (Billing Person)" in browser.get("/debtors").text
    assert "in hospital" not in browser.get(f"{where}?review=removed").text
    table = browser.get(f"{where}/plan.csv?action=cut&sort=customer")
    lines = table.text.lstrip("\ufeff").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["2001", "2004", "2005"]
    assert "cut off,debt" in lines[1]
    assert "removed,pays today" in lines[2]
    browser.post(f"{where}/apply")
    assert locks(database) == 1
    again = browser.get(where)
    assert "was removed" in again.text
    assert browser.post(f"{where}/review", data={"act": "undo", "row": ids[0]}).status_code == 422
    undone = {"act": "undo", "row": ids[0], "note": "wrong list"}
    assert browser.post(f"{where}/review", data=undone).status_code == 303
    assert locks(database) == 0
    assert "cut, and undone" in browser.get(where).text
    with database.reading() as session:
        acts = session.scalars(
            select(AuditEvent.action).where(AuditEvent.customer_id.is_not(None)).order_by(AuditEvent.id)
        ).all()
        expected = ["cutoff.removed", "cutoff.deferred", "service.cut", "service.cut_undone"]
        assert [act for act in acts if act.startswith("cutoff") or "cut" in act] == expected
        cut = session.scalars(select(AuditEvent).where(AuditEvent.action == "service.cut")).one()
        assert cut.changes["overdue_minor"] == [None, 3000]
        assert cut.changes["policy"] == [None, 0]


def test_a_whole_run_is_undone_and_compared_with_the_next(sign_in_as, database, people):
    browser = sign_in_as("billing")
    where = plan(browser)
    browser.post(f"{where}/apply")
    data = {"reason": "the import was broken", "spare_until": (TODAY + timedelta(days=1)).isoformat()}
    assert browser.post(f"{where}/undo", data=data).status_code == 303
    assert locks(database) == 0
    assert "Undone by Billing Person: the import was broken" in browser.get(where).text
    with database.transaction() as session:
        debtor(session, "2007")
    page = browser.get(plan(browser))
    assert "deferred until" in page.text
    assert browser.post(f"/customers/{people['cut'].id}/deferral/end").status_code == 303
    assert "deferred until" not in browser.get("/debtors").text
    assert "1 new" in page.text
    assert "1 gone" in page.text
    assert "2007" in browser.get(page.request.path + "?compared=new").text
    assert "2001" not in browser.get(page.request.path + "?compared=new&action=cut").text.split("<tbody>")[-1]


def test_a_large_plan_is_left_to_the_worker(sign_in_as, database, people, monkeypatch):
    monkeypatch.setattr(cutoff_runs, "AT_ONCE", 0)
    browser = sign_in_as("billing")
    where = plan(browser)
    assert "The plan is being made" in browser.get(where).text
    assert "HX-Refresh" not in browser.fragment(f"{where}/progress").headers
    for path in (f"{where}/progress", "/cutoff"):
        assert "<progress" in browser.fragment(path).text
    run_id = int(where.rsplit("/", 1)[1])
    work(database, run_id)
    assert browser.fragment(f"{where}/progress").headers["HX-Refresh"] == "true"
    assert browser.post(f"{where}/apply").status_code == 303
    assert locks(database) == 0
    assert "The plan is being applied" in browser.get(where).text
    work(database, run_id)
    assert locks(database) == 1
    with database.reading() as session:
        cut = session.scalars(select(AuditEvent).where(AuditEvent.action == "service.cut")).one()
        assert cut.staff_name == "Billing Person"


def test_a_plan_that_failed_says_why_and_is_made_again(sign_in_as, database, people, monkeypatch):
    browser = sign_in_as("billing")
    with monkeypatch.context() as patch:
        patch.setattr(cutoff_runs, "AT_ONCE", 0)
        where = plan(browser)
        run_id = int(where.rsplit("/", 1)[1])
    with database.transaction() as session:
        session.get_one(CutoffRun, run_id).seen_at = clock.now() - timedelta(minutes=10)
    assert "No worker works at it" in browser.get(where).text
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(cutoff, "decide", lambda *_, **__: 1 / 0)
        work(database, run_id)
    for path in (where, "/cutoff"):
        assert "ZeroDivisionError: division by zero" in browser.get(path).text
    assert "Make it again" in browser.get(where).text
    assert "to be cut off" in browser.get(plan(browser)).text


def work(database, run_id):
    cutoff_runs.go_on(
        database,
        run_id,
        witness=cutoffs.witness(TODAY),
        today=lambda: TODAY,
        note=cutoffs.record_batch,
    )


def test_a_plan_can_be_discarded(sign_in_as, database, people):
    browser = sign_in_as("billing")
    where = plan(browser)
    assert browser.post(f"{where}/discard").status_code == 303
    assert "Discarded: Billing Person" in browser.get(where).text
    with database.reading() as session:
        assert session.scalar(select(CutoffRun.status)) is RunStatus.DISCARDED
    assert browser.get("/cutoff/999999").status_code == 404


def test_the_noc_sees_plans_and_debtors_and_runs_nothing(sign_in_as, people):
    where = plan(sign_in_as("billing"))
    noc = sign_in_as("noc")
    page = noc.get(where)
    assert page.status_code == 200
    assert "/apply" not in page.text
    assert "/plan.xlsx" not in page.text  # it names what each owes
    assert "Plan now" not in noc.get("/cutoff").text
    assert noc.get("/debtors").status_code == 200


def test_the_debtors_are_listed_by_sum_with_their_state(sign_in_as, database, people):
    with database.transaction() as session:
        debtor(session, "2009", 9900)
        testing.customer(session, "2010")
    page = sign_in_as("billing").get("/debtors")
    numbers = re.findall(r"20(?:01|02|03|09|10)(?=</span>)", page.text)
    assert numbers[0] == "2009"
    assert sorted(numbers) == ["2001", "2002", "2003", "2009"]
    assert "€189.00" in page.text
    assert "promised until" in page.text


def test_a_debtor_who_is_only_warned_or_slowed_is_not_called_cut(database):
    with database.transaction() as session:
        owing = debtor(session, "2009")
        service = session.scalar(select(Subscription.id).where(Subscription.account_id == owing.account_id))
        for effect, is_cut in (("notice", False), ("slow", False), ("walled", True), ("closed", True)):
            suspensions.place(
                session, [service], LockReason.DEBT, owner="x", today=TODAY, effect=AccessState(effect)
            )
            [row] = debtor_list.page(session, TODAY, grace_days=3).rows
            assert row.is_cut is is_cut, effect


def test_plans_runs_and_debtors_go_on_where_the_page_ended(database):
    with database.transaction() as session:
        for number in range(7):
            debtor(session, f"40{number}", 3000 + number // 2)
        run = cutoffs.plan(session, testing.person(session), TODAY, rules=money_testing.RULES)
        seen = []
        after = None
        while True:
            page = cutoff_lists.page(session, run, PlanFilter(), after=after, limit=3)
            seen += [row.number for row in page.rows]
            after = page.next.next
            if after is None:
                break
        assert sorted(seen) == [f"40{number}" for number in range(7)]
        for sort in cutoff_lists.KEYS:
            first = cutoff_lists.page(session, run, PlanFilter(), sort=sort, limit=3)
            rest = cutoff_lists.page(session, run, PlanFilter(), sort=sort, after=first.next.next)
            assert sorted(row.number for row in (*first.rows, *rest.rows)) == sorted(seen), sort
        assert page.is_open
        listed, after = [], None
        while True:
            debtors = debtor_list.page(session, TODAY, grace_days=3, after=after, limit=2)
            listed += [row.number for row in debtors.rows]
            after = debtors.next.next
            if after is None:
                break
        assert listed == seen
        assert [(count, total.minor) for count, total in debtors.totals] == [(7, 21009)]
        second = cutoffs.plan(session, testing.person(session), TODAY, rules=money_testing.RULES)
        how = {"filters": RunFilter(), "sort": run_lists.USUAL_SORT, "limit": 1}
        newest, mark = run_lists.cutoffs(session, **how, after=None)
        older, end = run_lists.cutoffs(session, **how, after=mark.next)
        assert ([one.id for one in (*newest, *older)], end.next) == ([second.id, run.id], None)


def test_an_account_without_customer_stands_in_the_plan_without_a_name(sign_in_as, database):
    with database.transaction() as session:
        made = money_testing.subscriber(session, starts_on=TODAY - timedelta(days=60))
        assert session.get_one(Account, made.account_id).balance_minor < 0
    browser = sign_in_as("billing")
    assert "an account without customer" in browser.get(plan(browser)).text
