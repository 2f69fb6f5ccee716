"""Documents leave by e-mail: each once, with the PDF, and what is refused is told or tried again."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pypdf
import pytest
from sqlalchemy import select, update

from billing import accounts, documents, ledger, testing
from billing.models import Account, Document, DocumentKind, EntryKind, Method, Payer, Seller
from core import clock
from registry import audit, company, contacts, customers, outbox, payers
from registry.models import OutboxChannel, OutboxMessage, OutboxStatus
from tasks import deliver, letters, receipts
from tasks.mail_testing import FakeSmtp
from tasks.runtime import Runtime

NIGHT = audit.Actor(None, "night")


@pytest.fixture
def server():
    with FakeSmtp() as fake:
        yield fake


@pytest.fixture
def make_runtime(make_settings: Callable[..., Any], fresh_url: str, redis_url: str):
    made = []

    def make(receipts="by_hand", **mail):
        sender = {"backend": "smtp", "sender": "Fibre <billing@isp.example>", "timeout_s": 5}
        settings = make_settings(
            data={"database_url": fresh_url, "queue_url": redis_url},
            mail={**sender, **mail},
            billing={"receipts": receipts},
        )
        made.append(Runtime(settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def put(runtime, key="document 1", address="olha@example.net", **more):
    with runtime.database.transaction() as session:
        return outbox.put(
            session,
            NIGHT,
            unique_key=key,
            kind="document",
            address=address,
            subject="Рахунок 7",
            body="Добрий день\n",
            **more,
        )


def row(runtime, message_id):
    with runtime.database.reading() as session:
        return session.get_one(OutboxMessage, message_id)


def invoice(runtime):
    with runtime.database.transaction() as session:
        session.add(Seller(name="Fibre Ltd", written_by="test"))
        account = accounts.open_account(session, currency="EUR")
        payer = Payer(name="Olha Koval", language="uk")
        session.add(payer)
        session.flush()
        account.payer_id = payer.id
        entry = testing.charge(session, account.id, 1230, due_on=date(2026, 11, 15))
        return documents.issue(
            session, [entry.id], kind=DocumentKind.INVOICE, on=date(2026, 11, 1), author=testing.AUTHOR
        )[0]


def test_a_letter_goes_out_once_with_the_document_in_the_payers_language(make_runtime, server):
    runtime = make_runtime(port=server.port)
    message_id = put(runtime, document_id=invoice(runtime))
    assert deliver.run(runtime) == 1
    assert deliver.run(runtime) == 0
    ((to, content),) = server.letters
    letter = message_from_bytes(content, policy=default)
    assert (to, letter["Subject"], letter["From"]) == (
        "olha@example.net",
        "Рахунок 7",
        "Fibre <billing@isp.example>",
    )
    assert letter["Message-ID"] == f"<outbox-{message_id}@isp.example>"
    body, attached = letter.get_body(), list(letter.iter_attachments())
    assert "Добрий день" in body.get_content()
    assert attached[0].get_filename() == "invoice-INV-2026-000001.pdf"
    text = pypdf.PdfReader(io.BytesIO(attached[0].get_content())).pages[0].extract_text()
    assert "До сплати" in text
    found = row(runtime, message_id)
    assert (found.status, found.attempts, found.sent_at is not None) == (OutboxStatus.SENT, 1, True)


def test_who_does_not_exist_is_given_up_and_the_others_still_get_theirs(make_runtime, server):
    runtime = make_runtime(port=server.port)
    server.replies = {"gone@example.net": "550 no such user", "full@example.net": "452 mailbox full"}
    gone, full = put(runtime, "1", "gone@example.net"), put(runtime, "2", "full@example.net")
    fine = put(runtime, "3")
    assert deliver.run(runtime) == 1
    assert (row(runtime, gone).status, row(runtime, gone).error) == (OutboxStatus.FAILED, "550 no such user")
    assert (row(runtime, full).status, row(runtime, full).error) == (OutboxStatus.WAITING, "452 mailbox full")
    assert row(runtime, fine).status is OutboxStatus.SENT
    assert row(runtime, full).next_try_at > clock.now() + timedelta(seconds=50)


def test_a_server_that_is_away_is_tried_again_later(make_runtime, server):
    runtime = make_runtime(port=1)
    message_id = put(runtime)
    assert deliver.run(runtime) == 0
    found = row(runtime, message_id)
    assert (found.status, found.attempts) == (OutboxStatus.WAITING, 1)
    assert "does not answer" in found.error
    assert deliver.run(runtime) == 0
    assert row(runtime, message_id).attempts == 1
    with runtime.database.transaction() as session:
        session.execute(update(OutboxMessage).values(next_try_at=clock.now()))
    assert deliver.run(make_runtime(port=server.port)) == 1
    assert len(server.letters) == 1


def test_a_letter_the_server_does_not_take_now_is_not_lost(make_runtime, server):
    runtime = make_runtime(port=server.port)
    server.data_reply = "451 try again later"
    message_id = put(runtime)
    assert deliver.run(runtime) == 0
    assert (row(runtime, message_id).status, server.letters) == (OutboxStatus.WAITING, [])


def test_a_broken_address_fails_alone(make_runtime, server):
    runtime = make_runtime(port=server.port)
    broken = put(runtime, "1", "a\nBcc: all@example.net")
    put(runtime, "2")
    deliver.run(runtime)
    assert row(runtime, broken).status is OutboxStatus.FAILED
    assert [to for to, _ in server.letters] == ["olha@example.net"]


def test_the_console_takes_letters_and_sends_nothing(make_runtime, server):
    runtime = make_runtime(backend="console", port=server.port)
    put(runtime)
    assert deliver.run(runtime) == 1
    assert server.letters == []
    with runtime.database.reading() as session:
        assert session.scalars(select(OutboxMessage.status)).all() == [OutboxStatus.SENT]


def test_every_payment_gets_its_receipt_when_the_setting_says_so(make_runtime, server):
    runtime = make_runtime(receipts="always")
    invoice(runtime)
    with runtime.database.transaction() as session:
        account_id = session.scalars(select(Account.id)).one()
        act = {"dated_on": clock.today("Europe/Kyiv"), "author": testing.AUTHOR, "method": Method.CASH}
        paid, wrong = (
            ledger.post(session, account_id, EntryKind.PAYMENT, minor, **act).id for minor in (500, 700)
        )
        ledger.reverse(session, wrong, author=testing.AUTHOR, reason="Wrong", dated_on=act["dated_on"])
    assert receipts.run(make_runtime()) == 0
    assert receipts.run(runtime) == 1
    assert receipts.run(runtime) == 0
    with runtime.database.reading() as session:
        found = session.scalars(select(Document).where(Document.kind == DocumentKind.RECEIPT)).one()
        assert (found.gross_minor, documents.document_of(session, paid).id) == (500, found.id)


def test_what_a_charge_run_issues_goes_out_once_while_the_company_wants_it(make_runtime, server):
    runtime = make_runtime(port=server.port)
    today, clerk = clock.today("Europe/Kyiv"), audit.Actor(None, "clerk")
    company_as = {"name": "Fibre Ltd", "phone": "+380 44 1"}
    with runtime.database.transaction() as session:
        company.save(session, clerk, **company_as)
        people = [customers.create(session, clerk, currency="EUR", last_name=name) for name in "ABC"]
        for one, email in zip(people, ("a@example.net", "", "c@example.net"), strict=True):
            contacts.add(session, clerk, one.id, name="X", region="UA", email=email, phone="+380441234567")
        payers.change(session, clerk, people[0].id, tax_number="", language="uk")
        payers.change(session, clerk, people[2].id, tax_number="", language="", takes_documents=False)
        # What follows the card leaves the consent as it was.
        customers.change_number(session, clerk, people[2].id, "C-7", version=people[2].version)

    def charge(minor):
        with runtime.database.transaction() as session:
            made = [testing.charge(session, one.account_id, minor, due_on=today).id for one in people]
            documents.issue(session, made, kind=DocumentKind.INVOICE, on=today, author=testing.AUTHOR)

    charge(1000)
    assert letters.run(runtime) == 0
    with runtime.database.transaction() as session:
        assert company.save(session, clerk, sends_documents=True, **company_as)
        assert not company.save(session, clerk, **company_as)
    assert letters.run(runtime) == 0  # what was issued before the company wanted it stays
    charge(1230)
    assert [letters.run(runtime) for _ in range(2)] == [1, 0]
    assert deliver.run(runtime) == 1
    ((to, content),) = server.letters
    letter = message_from_bytes(content, policy=default)
    assert (to, letter["Subject"]) == ("a@example.net", "Рахунок INV/2026/000004 від Fibre Ltd")
    assert "12,30" in letter.get_body().get_content()
    assert [one.get_content_type() for one in letter.iter_attachments()] == ["application/pdf"]
    with runtime.database.transaction() as session:
        company.save(session, clerk, sends_documents=False, **company_as)
    charge(500)
    assert letters.run(runtime) == 0


def test_a_text_message_is_written_to_the_log_even_while_the_mail_server_is_away(make_runtime):
    runtime = make_runtime(port=9)
    message_id = put(runtime, key="dunning 1", address="+380501234567", channel=OutboxChannel.SMS)
    letter_id = put(runtime)
    assert deliver.run(runtime) == 1
    assert row(runtime, message_id).status is OutboxStatus.SENT
    assert row(runtime, letter_id).status is OutboxStatus.WAITING
