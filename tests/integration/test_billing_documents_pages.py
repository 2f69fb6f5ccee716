"""The pages of documents and of the company, as staff use them."""

import io
import re
import struct
import zlib
from datetime import timedelta

import openpyxl
import pypdf
import pytest
from sqlalchemy import select

from billing import documents, ledger
from billing import testing as money_testing
from billing.ledger import Author
from billing.models import Document, DocumentKind, EntryKind, Method, Seller
from core import clock, errors
from registry import audit, company, contacts, customers, number_series, papers
from registry.models import AuditEvent, OutboxMessage
from webapp.documents import acts

TODAY = clock.today("Europe/Kyiv")
COMPANY = {
    "name": "Волокно Ltd",
    "address": "Lane 1\nLviv",
    "country": "ua",
    "iban": "de89 3704 0044 0532 0130 00",
    "bic": "cobadeffxxx",
    "tax_number": "UA77",
}
CLERK = audit.Actor(None, "clerk")


def png(size=8):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x20\x60\x90" * size) * size
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def two_invoices(database):
    """A customer with an invoice past due, another to come, and money for a part of the first."""
    with database.transaction() as session:
        session.add(Seller(name="Fibre Ltd", iban="DE89370400440532013000", written_by="test"))
        made = customers.create(session, CLERK, currency="EUR", first_name="Olha", last_name="Koval")
        for days in (-10, 10):
            entry = money_testing.charge(session, made.account_id, 3000, due_on=TODAY + timedelta(days=days))
            documents.issue(session, [entry.id], kind=DocumentKind.INVOICE, on=TODAY, author=Author("night"))
        ledger.post(
            session,
            made.account_id,
            EntryKind.PAYMENT,
            1000,
            dated_on=TODAY,
            author=Author("t"),
            method=Method.CASH,
        )
        ids = session.scalars(select(Document.id).order_by(Document.id)).all()
    return {"customer": made.id, "account": made.account_id, "ids": ids, "number": made.number}


def numbers(page):
    return re.findall(r'row-link" href="[^"]*">([^<]+)<', page.text)


def test_the_list_is_found_by_number_customer_kind_day_and_state(sign_in_as, two_invoices):
    browser = sign_in_as("billing")
    year = TODAY.year
    first, second = f"INV/{year}/000001", f"INV/{year}/000002"
    assert numbers(browser.get("/documents")) == [second, first]
    assert numbers(browser.get("/documents?sort=amount")) == [first, second]
    assert numbers(browser.get("/documents?sort=-due")) == [second, first]
    assert numbers(browser.get("/documents?sort=open")) == [first, second]
    assert numbers(browser.get("/documents?sort=-open&state=open")) == [second, first]
    assert numbers(browser.get("/documents?state=overdue")) == [first]
    assert numbers(browser.get("/documents?state=open&sort=number")) == [first, second]
    assert numbers(browser.get("/documents?state=paid")) == []
    assert numbers(browser.get(f"/documents?q={second}")) == [second]
    assert numbers(browser.get("/documents?q=2")) == [second]
    assert numbers(browser.get("/documents?q=0002")) == [second]
    assert numbers(browser.get(f"/documents?q=v/{year}/0000")) == [second, first]
    assert numbers(browser.get("/documents?q=00%25")) == []
    assert numbers(browser.get("/documents?q=koval")) == [second, first]
    assert numbers(browser.get("/documents?kind=receipt")) == []
    assert numbers(browser.get(f"/documents?to={TODAY - timedelta(days=1)}")) == []
    assert numbers(browser.get(f"/documents?customer={two_invoices['customer']}&from={TODAY}")) == [
        second,
        first,
    ]
    page = browser.get("/documents").text
    assert "€20.00" in page
    assert "overdue" in page
    assert re.search(r"Sum: .*€60\.00", page)
    assert re.search(r"Sum: .*€30\.00", browser.get("/documents?state=overdue").text)


def test_the_list_goes_on_page_by_page_in_every_order(sign_in_as, two_invoices, monkeypatch):
    from webapp.documents import listing

    monkeypatch.setattr(listing, "PAGE", 1)
    browser = sign_in_as("noc")
    for sort in (sign + key for key in papers.KEYS for sign in ("", "-")):
        first = browser.get(f"/documents?sort={sort}")
        mark = re.search(r'href="([^"]*after=[^"]*)"', first.text).group(1).replace("&amp;", "&")
        second = browser.get(mark)
        assert len({*numbers(first), *numbers(second)}) == 2, sort
        (back,) = re.findall(r'href="([^"]*after=[^"]*)"', second.text)
        assert numbers(browser.get(back.replace("&amp;", "&"))) == numbers(first), sort
    assert numbers(browser.get("/documents?after=nonsense"))


def test_a_file_holds_every_row_of_the_filters_in_their_order(sign_in_as, two_invoices, monkeypatch):
    from webapp import downloads
    from webapp.documents import export

    monkeypatch.setattr(export, "PAGE", 1)
    browser, year = sign_in_as("billing"), TODAY.year
    rows = browser.get("/documents.csv?sort=number").data.decode("utf-8-sig").splitlines()
    assert [row.partition(",")[0] for row in rows] == ["Number", f"INV/{year}/000001", f"INV/{year}/000002"]
    assert rows[1].endswith("30.00,0.00,30.00,20.00,EUR,overdue")
    answer = browser.get("/documents.xlsx?state=overdue")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert [cell.value for cell in sheet[2]][8:] == [30, 20, "EUR", "overdue"]
    assert sheet.max_row == 2
    monkeypatch.setattr(downloads, "XLSX_LIMIT", 1)
    assert browser.get("/documents.xlsx").status_code == 422
    assert browser.get("/documents.exe").status_code == 404


def test_a_document_says_what_paid_it_and_the_money_page_lists_it(sign_in_as, two_invoices):
    browser = sign_in_as("billing")
    page = browser.get(f"/documents/{two_invoices['ids'][0]}").text
    assert "€30.00" in page
    assert "€20.00" in page
    by = page.partition('id="panel-paid"')[2].partition("</section>")[0]
    assert [word in by for word in ("Settled by", "payment", "cash", "/ledger/")] == [True] * 4
    money = browser.get(f"/customers/{two_invoices['customer']}/money").text
    assert f"INV/{TODAY.year}/000002" in money
    assert browser.get("/documents/999999").status_code == 404


def test_the_pdf_opens_and_is_not_sent_twice(sign_in_as, two_invoices):
    browser = sign_in_as("billing")
    url = f"/documents/{two_invoices['ids'][0]}/pdf"
    answer = browser.get(url)
    assert answer.mimetype == "application/pdf"
    assert f"invoice-INV-{TODAY.year}-000001.pdf" in answer.headers["Content-Disposition"]
    text = pypdf.PdfReader(io.BytesIO(answer.data)).pages[0].extract_text()
    assert "Olha Koval" in text
    again = browser.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_company_is_written_down_anew_with_each_change_and_only_then(sign_in_as, database):
    browser = sign_in_as("administrator")
    sent = {**COMPANY, "logo": (io.BytesIO(png()), "logo.png")}
    assert browser.post("/setup/company", data=sent).status_code == 303
    assert browser.get("/setup/company/logo").mimetype == "image/png"
    assert browser.post("/setup/company", data=COMPANY).status_code == 303
    with database.reading() as session:
        (seller,) = session.scalars(select(Seller)).all()
        assert (seller.iban, seller.bic, seller.country) == ("DE89370400440532013000", "COBADEFFXXX", "UA")
        assert seller.logo_type == "image/png"
    changed = {**COMPANY, "name": "Fibre", "is_logo_removed": "y", "sends_documents": "y"}
    browser.post("/setup/company", data=changed)
    box = re.search(r'<input[^>]*name="sends_documents"[^>]*>', browser.get("/setup/company").text).group()
    assert "checked" in box
    assert browser.get("/setup/company/logo").status_code == 404
    with database.reading() as session:
        assert [row.name for row in session.scalars(select(Seller).order_by(Seller.id))] == [
            "Волокно Ltd",
            "Fibre",
        ]
        event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
        assert (event.action, event.changes["name"]) == ("company.changed", ["Волокно Ltd", "Fibre"])
        assert event.changes["sends_documents"] == [False, True]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("iban", "DE89370400440532013001", "check digits"),
        ("bic", "NOBIC", "BIC has 8 or 11"),
        ("country", "Ukraine", "ISO 3166"),
        ("logo", b"GIF89a no logo", "PNG or JPEG"),
        ("logo", png()[:45], "PNG or JPEG"),
    ],
)  # fmt: skip
def test_a_fault_of_the_company_is_told_at_its_field(sign_in_as, field, value, words):
    sent = (io.BytesIO(value), "logo.png") if field == "logo" else value
    answer = sign_in_as("administrator").post("/setup/company", data={**COMPANY, field: sent})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert words in answer.text


def test_a_logo_too_large_in_bytes_or_pixels_is_refused():
    with pytest.raises(errors.Invalid):
        company.logo_type_of(b"\x89PNG\r\n\x1a\n" + b"x" * company.LOGO_LIMIT_BYTES)
    with pytest.raises(errors.Invalid):
        company.logo_type_of(png(2001))


def test_a_number_series_is_seen_before_it_is_saved_and_takes_over_when_told(
    sign_in_as, database, two_invoices
):
    browser = sign_in_as("administrator")
    shown = browser.fragment("/setup/series/preview?pattern=FV/{number:4}/{year}")
    assert f"FV/0001/{TODAY.year}" in shown.text
    assert "Only {number}" in browser.fragment("/setup/series/preview?pattern={number}{day}").text
    wrong = browser.post("/setup/series/new", data={"kind": "invoice", "name": "FV", "pattern": "{day}"})
    assert (wrong.status_code, 'id="pattern-error"' in wrong.text) == (422, True)
    taken = browser.post(
        "/setup/series/new", data={"kind": "receipt", "name": "FV", "pattern": "inv/{year}/{number:6}"}
    )
    assert "gives the same numbers" in taken.text
    form = {"kind": "invoice", "name": "FV", "pattern": "FV/{number:4}/{year}", "is_default": "y"}
    assert browser.post("/setup/series/new", data=form).status_code == 303
    with database.reading() as session:
        rows = number_series.list_all(session, TODAY)
    assert [(row.series.name, row.next_number, row.given) for row in rows if row.series.kind is DocumentKind.INVOICE] == [
        ("FV", f"FV/0001/{TODAY.year}", 0), ("Invoices", f"INV/{TODAY.year}/000003", 2)
    ]  # fmt: skip
    used = next(row.series.id for row in rows if row.series.name == "Invoices")
    kept = browser.post(f"/setup/series/{used}", data={"name": "Old", "pattern": "X{number}"})
    assert "has given numbers already" in kept.text
    assert browser.post(f"/setup/series/{used}/default").status_code == 303
    page = browser.get("/setup/series").text
    assert f"INV/{TODAY.year}/000003" in page


def key_of(page):
    return re.search(r'name="key"[^>]*value="([^"]+)"', page.text).group(1)


def test_a_clerk_issues_credits_and_sends_and_a_form_sent_twice_does_it_once(
    sign_in_as, database, two_invoices
):
    browser, customer = sign_in_as("billing"), two_invoices["customer"]
    with database.transaction() as session:
        entry = money_testing.charge(session, two_invoices["account"], 500, due_on=TODAY)
    page = browser.get(f"/customers/{customer}/documents/new")
    sent = {"key": key_of(page), "kind": "proforma", "entries": str(entry.id)}
    first = browser.post(f"/customers/{customer}/documents/new", data=sent)
    assert browser.post(f"/customers/{customer}/documents/new", data=sent).location == first.location
    offered, twice = "/customers/%s/documents/new?kind=%s", {**sent, "key": "another-form-key"}
    assert f'value="{entry.id}"' in browser.get(offered % (customer, "invoice")).text
    assert f'value="{entry.id}"' not in browser.get(offered % (customer, "proforma")).text
    refused = browser.post(f"/customers/{customer}/documents/new", data=twice)
    assert (refused.status_code, "by now: choose anew" in refused.text) == (422, True)
    made = browser.post(f"{first.location}/invoice").location
    assert made == browser.post(f"{first.location}/invoice").location != first.location
    page = browser.get(f"{made}/credit")
    credit = {"key": key_of(page), "reason": "Outage", "line_1": "2.00"}
    too_much = browser.post(f"{made}/credit", data={**credit, "line_1": "5.01"})
    assert (too_much.status_code, "at most what it asked" in too_much.text) == (422, True)
    assert 'id="line_1-error"' in too_much.text
    note = browser.post(f"{made}/credit", data=credit)
    assert browser.post(f"{made}/credit", data=credit).location == note.location
    assert "Outage" in browser.get(note.location).text
    with database.transaction() as session:
        assert browser.post(f"{made}/send", data={"key": "form-0001"}).status_code == 409
        contacts.add(session, CLERK, customer, name="Olha", region="UA", email="olha@example.net")
    for _ in range(2):
        assert browser.post(f"{made}/send", data={"key": "form-0001"}).location == made
    assert "olha@example.net" in browser.get(made).text
    with database.reading() as session:
        assert len(session.scalars(select(OutboxMessage)).all()) == 1
        acts = session.scalars(select(AuditEvent.action).where(AuditEvent.object_kind == "document")).all()
        assert sorted(acts) == ["document.credited", "document.issued", "document.issued", "document.sent"]


def test_all_that_the_filters_leave_is_sent_so_many_at_a_press_and_each_once(
    sign_in_as, database, two_invoices, monkeypatch
):
    monkeypatch.setattr(acts, "SEND_LIMIT", 1)
    browser, payer = sign_in_as("billing"), f"/customers/{two_invoices['customer']}/payer"
    with database.transaction() as session:
        contacts.add(session, CLERK, two_invoices["customer"], name="O", region="UA", email="o@example.net")

    def press(query):
        answer = browser.post(f"/documents/send?{query}&after=x")
        assert answer.location == f"/documents?{query}"
        told = browser.get(answer.location).text
        with database.reading() as session:
            return list(session.scalars(select(OutboxMessage.document_id).order_by(OutboxMessage.id))), told

    first, second = two_invoices["ids"]
    assert "Send all" in browser.get("/documents").text
    assert press("kind=receipt")[0] == []
    browser.post(payer, data={"language": ""})  # takes none by e-mail
    assert press("kind=invoice")[0] == []
    browser.post(payer, data={"language": "", "takes_documents": "y"})
    sent, told = press("state=overdue")
    assert (sent, "1 document is on its way" in told, "More are left" in told) == ([first], True, False)
    sent, told = press("kind=invoice")
    assert (sent, "None is left to send" in told) == ([first, second], False)
    sent, told = press("kind=invoice")
    assert (sent, "None is left to send" in told) == ([first, second], True)


def test_a_receipt_is_given_from_the_ledger(sign_in_as, database, two_invoices):
    browser = sign_in_as("billing")
    page = browser.get(f"/customers/{two_invoices['customer']}/money").text
    url, asked = re.search(r'action="(/ledger/\d+/receipt)"\s+data-confirm="([^"]+)"', page).groups()
    assert "€10.00" in asked
    made = browser.post(url).location
    assert browser.post(url).location == made
    page = browser.get(made).text
    assert "Receipt" in page
    assert "€10.00" in page
    undo = url.replace("receipt", "reverse")
    assert "A receipt is issued with it that cancels RC" in browser.get(undo).text
    assert browser.post(undo, data={"reason": "bounced"}).status_code == 303
    cancelled = browser.get("/documents", query_string={"state": "cancelled"})
    assert numbers(cancelled) == [f"RC/{TODAY.year}/000001"]
    cancels = re.search(r'Corrected by <a href="(/documents/\d+)"', browser.get(made).text).group(1)
    assert "Cancellation of a receipt" in browser.get(cancels).text


def test_a_payer_gets_documents_in_his_language_with_his_tax_number(sign_in_as, database, two_invoices):
    browser, url = sign_in_as("billing"), f"/customers/{two_invoices['customer']}/payer"
    assert browser.post(url, data={"language": "xx"}).status_code == 422
    assert browser.post(url, data={"tax_number": "UA77", "language": "uk"}).status_code == 303
    with database.transaction() as session:
        contacts.add(session, CLERK, two_invoices["customer"], name="O", region="UA", email="o@example.net")
        entry = money_testing.charge(session, two_invoices["account"], 500, due_on=TODAY)
        (made,) = documents.issue(
            session, [entry.id], kind=DocumentKind.INVOICE, on=TODAY, author=Author("night")
        )
    text = pypdf.PdfReader(io.BytesIO(browser.get(f"/documents/{made}/pdf").data)).pages[0].extract_text()
    assert "До сплати" in text
    assert "UA77" in text


def test_what_is_issued_keeps_the_language_the_company_had_then(sign_in_as, database):
    browser = sign_in_as("administrator")

    def issued(language):
        """The company in that language, an invoice of it, and the invoice's page and file."""
        assert browser.post("/setup/company", data={**COMPANY, "language": language}).status_code == 303
        with database.transaction() as session:
            made = customers.create(session, CLERK, currency="EUR", first_name="Olha", last_name="Koval")
            entry = money_testing.charge(session, made.account_id, 500, due_on=TODAY)
            act = {"kind": DocumentKind.INVOICE, "on": TODAY, "author": Author("night")}
            return f"/documents/{documents.issue(session, [entry.id], **act)[0]}/pdf"

    def words(path):
        return pypdf.PdfReader(io.BytesIO(browser.get(path).data)).pages[0].extract_text()

    first = issued("uk")
    content = browser.get(first).data
    assert "До сплати" in words(first)
    assert "To pay" in words(issued("en"))
    assert browser.get(first).data == content
    assert browser.post("/setup/company", data={**COMPANY, "language": "xx"}).status_code == 422
