"""The pages of moving in: a file, its columns, what is wrong, both sides, booking and undo, as a person does it."""

import io
import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from core.settings import Settings
from registry.models import Customer, ImportBatch, ImportState
from registry.moving import progress
from tasks import moving
from tasks.runtime import Runtime

FILE = "Договір;Прізвище;Баланс;Тариф;Абонплата\r\n501;Коваль;-120,50;Дім;250\r\n502;Шевчук;=1+1;Дім;250\r\n"


@pytest.fixture
def work(database, web_settings: Settings) -> Callable[[], None]:
    """Do what the worker does."""
    runtime = Runtime(web_settings)
    runtime._database = database
    return lambda: moving.run(runtime)


def sent(browser, content):
    form = {
        "file": (io.BytesIO(content.encode("cp1251")), "old.csv"),
        "opening_on": "2026-12-01",
        "system": "old",
    }
    answer = browser.post("/setup/imports/new", data=form, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    return answer.location.removesuffix("/columns")


def chosen(browser, url):
    """Return the columns as the form offers them."""
    picked = {"opening_on": "2026-12-01"}
    fields = re.findall(
        r'<select[^>]* name="(\w+)"(.*?)</select>', browser.get(f"{url}/columns").text, re.DOTALL
    )
    for name, options in fields:
        found = re.search(r'<option selected value="(\d*)"', options)
        picked[name] = found.group(1) if found else ""
    return picked


def test_a_person_moves_a_file_in_and_takes_it_back(sign_in_as, session, work, database):
    browser = sign_in_as("administrator")
    url = sent(browser, FILE.replace("=1+1", "0"))
    columns = chosen(browser, url)
    assert {name: place for name, place in columns.items() if place.isdecimal()} == {
        "column_number": "0",
        "column_last_name": "1",
        "column_balance": "2",
        "column_plan": "3",
        "column_price": "4",
    }
    assert browser.post(f"{url}/columns", data=columns).status_code == 303
    assert 'hx-trigger="every 1s"' in browser.get(url).text
    going = progress.Progress(database, int(url.rpartition("/")[2]))
    going.tell(progress.READ, 1, 2)
    page = browser.get(url).text
    assert '<progress max="2" value="1" aria-label="Reading">' in page
    assert "1 of 2" in page
    work()
    page = browser.get(url).text
    assert 'hx-trigger="every 1s"' not in page
    assert "<progress" not in page
    assert "120.50" in page
    assert session.scalar(select(func.count()).select_from(Customer)) == 0
    assert browser.post(f"{url}/book").status_code == 303
    work()
    assert session.scalar(select(func.count()).select_from(Customer)) == 2
    assert browser.post(f"{url}/book").status_code == 409
    assert browser.post(f"{url}/undo").status_code == 303
    work()
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Customer)) == 0
    assert session.scalars(select(ImportBatch)).one().state is ImportState.UNDONE
    assert "old.csv" in browser.get("/setup/imports").text


def test_what_is_wrong_is_shown_and_handed_out_without_formulas(sign_in_as, work):
    browser = sign_in_as("administrator")
    url = sent(browser, FILE)
    browser.post(f"{url}/columns", data=chosen(browser, url))
    work()
    assert "=1+1" in browser.get(url).text
    told = browser.get(f"{url}/faults.csv").get_data(as_text=True)
    assert "3,Баланс,'=1+1," in told
    assert browser.post(f"{url}/book").status_code == 409


def test_a_column_chosen_twice_comes_back_with_the_form(sign_in_as):
    browser = sign_in_as("administrator")
    url = sent(browser, FILE)
    answer = browser.post(f"{url}/columns", data=chosen(browser, url) | {"column_first_name": "1"})
    assert answer.status_code == 422
    assert "A column was chosen twice" in answer.text


def test_what_is_no_table_comes_back_with_the_form(sign_in_as):
    form = {"file": (io.BytesIO(b"\0\1binary"), "x.csv"), "opening_on": "2026-12-01", "system": "old"}
    answer = sign_in_as("administrator").post(
        "/setup/imports/new", data=form, content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert "neither a CSV nor an XLSX" in answer.text


def test_the_template_is_handed_out(sign_in_as):
    answer = sign_in_as("administrator").get("/setup/imports/template.csv")
    assert answer.get_data(as_text=True).removeprefix("\ufeff").startswith("number,")
