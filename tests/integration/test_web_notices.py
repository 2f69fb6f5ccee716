"""Staff's pages of notices and contracts: write, choose customers in the list, switch, take back, export, sign."""

import pytest
from sqlalchemy import select

from billing import testing as money_testing
from billing.acts import Terms
from billing.subscriptions import Choice
from core import clock
from desk import contracts, leading, notice_list, notices
from desk.models import Contract, ContractTemplate, Notice, NoticeAssignment
from desk.notice_list import WrittenFilter
from registry import money, testing
from registry.models import AuditEvent

TODAY = clock.today("Europe/Kyiv")


@pytest.fixture
def people(database):
    with database.transaction() as session:
        return [testing.customer(session, f"60{n}") for n in range(3)]


def write(browser, **fields):
    answer = browser.post(
        "/notices/new", data={"title": "Works", "content": "On Monday", "is_confirmable": "y", **fields}
    )
    assert answer.status_code == 303, answer.text
    return int(answer.location.rsplit("/", 1)[1])


def test_a_notice_is_given_to_the_chosen_to_all_who_match_and_taken_back_in_bulk(
    sign_in_as, people, database
) -> None:
    browser = sign_in_as("noc")
    listing = browser.get("/customers").text
    assert f'name="customer" value="{people[0].id}" form="give-notice"' in listing
    notice_id = write(browser)
    chosen = f"/notices/give?customer={people[0].id}&customer={people[1].id}"
    assert "2 customers" in browser.get(chosen).text
    given = {"notice_id": notice_id, "act": "give", "line_id": 0}
    assert browser.post(chosen, data=given).location == f"/notices/{notice_id}"
    assert browser.post("/notices/give?all=1&q=60", data=given).status_code == 303
    with database.reading() as session:
        assert len(session.scalars(select(NoticeAssignment)).all()) == 3  # nobody has it twice
        lines = session.scalars(select(AuditEvent).where(AuditEvent.action == "notice.given")).all()
    assert {line.customer_id for line in lines} == {one.id for one in people}
    page = browser.get(f"/notices/{notice_id}?state=unseen&q=601").text
    assert "601" in page
    assert ">600<" not in page
    file = browser.get(f"/notices/{notice_id}/customers.csv").text
    assert [line.split(",")[0].strip('"') for line in file.splitlines()[1:]] == ["602", "601", "600"]
    browser.post(f"/notices/{notice_id}/withdraw", data={"customer": people[2].id})
    assert "taken back" in browser.get(f"/customers/{people[2].id}/notices").text
    taken = browser.post("/notices/give?all=1", data={**given, "act": "withdraw"}, follow_redirects=True)
    assert "Taken back from 2 customers" in taken.text


def test_a_notice_is_kept_off_until_it_is_switched_on(sign_in_as, database) -> None:
    browser = sign_in_as("billing")
    notice_id = write(browser, title_uk="", content_uk="У понеділок")
    other, later = write(browser, title="Another"), write(browser, title="Later")
    with database.reading() as session:
        written = session.get(Notice, notice_id)
        assert written.is_on is False
        assert notices.words(written, "uk") == ("Works", "У понеділок")
        assert notices.words(written, "de") == ("Works", "On Monday")
    assert "У понеділок" in browser.get(f"/notices/{notice_id}/edit").text
    link = f'href="/notices/{notice_id}"'
    assert link in browser.get("/notices?state=off").text
    browser.post(f"/notices/{notice_id}/switch", data={"is_on": "1"})
    assert link in browser.get("/notices?state=on&q=monday").text
    assert link not in browser.get("/notices?state=off").text
    assert ",is on,0,0,0," in browser.get("/notices.csv").text
    with database.reading() as session:
        seen, after = [], None
        for _ in range(3):
            rows, marks = notice_list.page(
                session, WrittenFilter(), sort=notice_list.USUAL_SORT, after=after, limit=1
            )
            seen, after = [*seen, *(row.notice.id for row in rows)], marks.next
    assert (seen, after) == ([notice_id, later, other], None), "those that are on first, then the newest"
    assert (
        "Must be filled in"
        in browser.post(f"/notices/{notice_id}/edit", data={"title": "x", "content": ""}).text
    )


def test_warnings_are_set_and_taken_back_by_one_press_and_for_all_who_are_chosen(
    sign_in_as, people, database
) -> None:
    browser = sign_in_as("noc")
    one = people[0].id
    back = "/customers?q=60"
    pressed = browser.post(f"/customers/{one}/warning", data={"is_set": "1", "back": back})
    assert (pressed.status_code, pressed.location) == (303, back)
    chosen = f"/warnings/give?customer={people[1].id}&customer={people[2].id}"
    assert "2 customers" in browser.get(chosen).text
    long = {"act": "set", "line_id": 0, "content": "x" * 1001}
    assert browser.post(chosen, data=long).status_code == 422
    assert browser.post(chosen, data={**long, "content": "Bring the router back"}).status_code == 303
    listed = browser.get("/customers?warned=1").text
    assert listed.count("is warned: take it back") == 3 * 2  # a title and a label
    card = browser.get(f"/customers/{people[1].id}").text
    assert "Bring the router back" in card
    assert "Bring the router back" in sign_in_as("technician").get(f"/field/line/{people[1].id}").text
    browser = sign_in_as("noc")
    assert "3 warned customers" in browser.get("/notices").text
    taken = browser.post(f"/customers/{one}/warning", data={"is_set": "0"})
    assert taken.location == f"/customers/{one}"
    assert "Warning taken back" in browser.get(f"/customers/{one}/panels/history").text
    browser.post("/warnings/give?all=1", data={"act": "withdraw", "line_id": 0})
    assert "No customer matches" in browser.get("/customers?warned=1").text
    browser.post("/warnings/switch", data={"is_on": "1"})
    with database.reading() as session:
        assert leading.is_warning_leading(session)
    assert browser.post("/customers/1000000/warning", data={"is_set": "1"}).status_code == 404
    assert browser.post(f"/customers/{one}/warning", data={"is_set": "1", "line_id": "x"}).status_code == 404


def test_who_is_asked_about_nobody_says_how_to_choose(sign_in_as) -> None:
    answer = sign_in_as("noc").get("/notices/give")
    assert answer.status_code == 422
    assert "tick the boxes" in answer.text


def test_a_contract_waits_in_the_queue_and_is_signed_at_the_office(sign_in_as, people, database) -> None:
    browser = sign_in_as("billing")
    made = browser.post(
        f"/customers/{people[0].id}/contracts/new", data={"title": "Contract 7", "content": "Between us"}
    )
    assert "Contract 7" in browser.get("/contracts?q=600").text
    assert "Contract 7" not in browser.get("/contracts?q=601").text
    assert "Contract 7" in browser.get("/contracts.csv?q=600&state=all").text
    assert "Contract 7" not in browser.get("/contracts.csv?q=600&state=signed").text
    browser.post("/contracts/switch", data={"is_on": "1"})
    with database.reading() as session:
        assert leading.is_contract_leading(session)
    assert "first and last name" in browser.post(made.location, data={"name": "Ivan"}).text
    assert browser.post(made.location, data={"name": "Ivan Koval"}).status_code == 303
    page = browser.get(made.location).text
    assert "Signed by Ivan Koval" in page
    assert "On paper, taken by Billing Person" in page
    assert "No contract waits" in browser.get("/contracts").text
    with database.reading() as session:
        signed = session.scalars(select(Contract)).one()
        assert contracts.of_customer(session, people[0].id) == [signed]
    assert browser.post(f"{made.location}/withdraw").status_code == 409


def test_a_contract_is_made_of_a_template_filled_from_the_card_and_is_a_file(
    sign_in_as, people, database
) -> None:
    browser = sign_in_as("billing")
    wrong = {"title": "Services", "content": "Between {isp} and {nmae}"}
    assert "There is no field {nmae}" in browser.post("/contracts/templates/new", data=wrong).text
    text = "Between {isp} and {name}, customer {number}, at {address}: {plan} for {price}."
    assert browser.post("/contracts/templates/new", data={**wrong, "content": text}).status_code == 303
    assert (
        "another template"
        in browser.post("/contracts/templates/new", data={**wrong, "content": text}).text.lower()
    )
    with database.transaction() as session:
        plan = money_testing.plan(session, 1999)
        money.start_service(
            session, testing.person(session, "setup"), people[0].id, choice=Choice(plan.id, bill_day=1),
            starts_on=TODAY, today=TODAY, terms=Terms(14),
        )  # fmt: skip
        template_id = session.scalar(select(ContractTemplate.id))
    page = browser.get(f"/customers/{people[0].id}/contracts/new?template={template_id}").text
    assert f"and {people[0].name}, customer 600, at ________: Plan 1999 EUR for €19.99." in page
    assert browser.get(f"/customers/{people[0].id}/contracts/new?template=99").status_code == 404
    made = browser.post(
        f"/customers/{people[0].id}/contracts/new", data={"title": "Services", "content": "Between us"}
    )
    file = browser.get(f"{made.location}/contract.pdf")
    assert file.data.startswith(b"%PDF")
    assert browser.post(f"/contracts/templates/{template_id}/remove").status_code == 303
    assert "No template is written yet" in browser.get("/contracts/templates").text


def test_staff_are_led_to_the_customer_s_page_by_a_sealed_link(sign_in_as, people) -> None:
    answer = sign_in_as("noc").get(f"/customers/{people[0].id}/page")
    assert answer.status_code == 302
    assert answer.location.startswith("http://127.0.0.1:8766/?preview=")
