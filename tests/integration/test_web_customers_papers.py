"""In-place forms of the card for notes, files and tickets."""

import io
import re

import pytest
from sqlalchemy import select

from desk import tickets
from desk.models import Ticket
from registry import audit, customers, files, notes

ROOT = audit.Actor(None, "setup")


@pytest.fixture
def town(database):
    """One customer."""
    with database.transaction() as session:
        return {"id": customers.create(session, ROOT, currency="EUR", last_name="Коваль").id}


def post(browser, town, path, **values):
    return browser.fragment(f"/customers/{town['id']}/{path}", method="POST", data=values)


def get(browser, town, path):
    return browser.fragment(f"/customers/{town['id']}/{path}")


def acts(database, town):
    with database.reading() as session:
        return [event.action for event in audit.of_customer(session, town["id"])]


def test_notes_are_written_changed_and_removed(sign_in_as, database, town):
    technician = sign_in_as("technician")
    assert post(technician, town, "edit/notes", content=" ", device_id="").status_code == 422
    saved = post(technician, town, "edit/notes", content="Dog", is_urgent="y", device_id="")
    assert "Dog" in saved.text
    with database.reading() as session:
        (note,) = notes.of_customer(session, town["id"])
        assert note.is_urgent
    post(technician, town, f"edit/notes/{note.id}", content="Big dog", device_id="")
    assert post(technician, town, f"remove/notes/{note.id}").status_code == 200
    assert acts(database, town)[:3] == ["note.removed", "note.changed", "note.added"]


def upload(browser, town, name, content):
    return browser.fragment(
        f"/customers/{town['id']}/edit/files",
        method="POST",
        data={"file": (io.BytesIO(content), name)},
        content_type="multipart/form-data",
    )


def test_files_are_kept_by_everybody_and_removed_by_few(sign_in_as, database, town):
    billing, noc = sign_in_as("billing"), sign_in_as("noc")
    assert upload(billing, town, "virus.exe", b"MZ\x90\0\xff").status_code == 422
    assert upload(billing, town, "plan.txt", b"/ip address print").status_code == 200
    assert post(billing, town, "edit/files").status_code == 422
    with database.reading() as session:
        (stored,) = files.of_customer(session, town["id"])
    assert post(billing, town, f"remove/files/{stored.id}").status_code == 403
    assert post(noc, town, f"remove/files/{stored.id}").status_code == 200
    assert acts(database, town)[:2] == ["file.removed", "file.added"]


def test_a_ticket_is_opened_talked_over_closed_and_opened_again(sign_in_as, database, town, add_staff):
    noc, taras = sign_in_as("noc"), add_staff("technician", login="taras").id
    refused = post(
        noc,
        town,
        "edit/tickets",
        subject="",
        content="since morning",
        priority="2",
        kind="fault",
        assignee_id="",
    )
    assert refused.status_code == 422
    assert "since morning" in refused.text
    post(noc, town, "edit/tickets", subject="No light", priority="2", kind="fault", assignee_id="")
    with database.reading() as session:
        (ticket,) = session.scalars(select(Ticket))
    path = f"edit/tickets/{ticket.id}"
    assert "No light" in get(noc, town, path).text
    assert post(noc, town, f"{path}/comment", content=" ").status_code == 422
    said = post(noc, town, f"{path}/comment", content="Called <back>")
    assert said.status_code == 200
    assert "Called &lt;back&gt;" in said.text
    given = post(noc, town, f"{path}/assign", assignee_id=taras)
    assert re.search(rf'selected value="{taras}"', given.text)
    assert post(noc, town, f"{path}/assign", assignee_id="999999").status_code == 422
    assert post(noc, town, f"{path}/close", content="Fixed").status_code == 200
    assert post(noc, town, f"{path}/close", content="").status_code == 409
    assert "Open it again" in get(noc, town, path).text
    assert post(noc, town, f"{path}/reopen").status_code == 200
    with database.reading() as session:
        view = tickets.view(session, town["id"], ticket.id)
    assert (view.is_open, view.comments, view.assignee_id) == (True, 2, taras)


def test_history_tells_sums_as_money_of_the_account(sign_in_as, database):
    with database.transaction() as session:
        whose = {"id": customers.create(session, ROOT, currency="KWD", last_name="Sabah").id}
        changes = audit.difference({"credit_limit_minor": 0}, {"credit_limit_minor": 12_500})
        audit.record(session, ROOT, "account.terms", customer_id=whose["id"], changes=changes)
    billing = sign_in_as("billing")
    shown = get(billing, whose, "panels/history").text.replace("\xa0", "")
    assert "credit limit: KWD0.000 → <b>KWD12.500</b>" in shown, shown
