"""Documents on paper: their words in any script, the same bytes each time, and the bank's code."""

import io
import re
import struct
import subprocess
import sys
import zlib
from datetime import UTC, date, datetime

import pypdf
import pypdfium2
import pytest
import segno
import zxingcpp

from billing import bank, paper, pdf
from billing.bank import Transfer
from billing.models import Document, DocumentKind, DocumentLine, Payer, Seller
from billing.paper import Paper, VatSum
from core import catalogues
from core.money import Money

IBAN = "DE89370400440532013000"
LINES = (
    ("Domový internet 300 / Інтернет", 2300, 1230),
    ("Ενοικίαση δρομολογητή, łącze Żółć", 800, 540),
    ("Deposit", None, 500),
)


def line(position, text, rate, gross):
    vat = gross - round(gross * 10000 / (10000 + rate)) if rate else 0
    return DocumentLine(
        position=position,
        description=text,
        period_start=date(2026, 11, 1) if rate else None,
        period_end=date(2026, 11, 30) if rate else None,
        quantity=1,
        vat_hundredths=rate,
        net_minor=gross - vat,
        vat_minor=vat,
        gross_minor=gross,
    )


def sheet(kind=DocumentKind.INVOICE, currency="EUR", lines=LINES, logo=None, **more):
    rows = tuple(line(place, *each) for place, each in enumerate(lines, 1))
    gross = sum(row.gross_minor for row in rows)
    document = Document(
        kind=kind,
        full_number="INV/2026/000007",
        issued_on=date(2026, 11, 1),
        due_on=date(2026, 11, 15),
        currency=currency,
        gross_minor=gross,
        note="",
        issued_at=datetime(2026, 11, 1, 2, 30, tzinfo=UTC),
    )
    seller = Seller(
        name="Волокно та Łącze",
        address="Lane 1\nLviv",
        tax_number="UA77",
        company_number="",
        iban=IBAN,
        bic="COBADEFFXXX",
        bank_name="Bank",
        phone="",
        email="",
        website="",
        footer="Дякуємо",
    )
    payer = Payer(name="Ольга Їжакевич", address="Шевченка 7\n79000 Львів", tax_number="", number="10001")
    return Paper(document, seller, payer, rows, logo, more.get("corrects", ""))


def text_of(made):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(made)).pages)


def png(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + b"\x20\x60\x90" * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_a_paper_says_who_what_and_how_much_in_any_script():
    text = text_of(pdf.write(sheet(), catalogues.voice_of("en")))
    for words in (
        "Invoice", "INV/2026/000007", "Ольга Їжакевич", "Шевченка 7", "Волокно та Łącze", "UA77", "Nov 15, 2026",
        "Domový internet 300 / Інтернет", "Ενοικίαση δρομολογητή, łącze Żółć", "To pay: €22.70",
        "DE89 3704 0044 0532 0130 00", "Дякуємо", "23%", "8%",
    ):  # fmt: skip
        assert words in text, words


def test_words_and_numbers_are_those_of_the_payer():
    uk = text_of(pdf.write(sheet(), catalogues.voice_of("uk")))
    assert "Рахунок" in uk
    assert "22,70" in uk
    assert "15 лист. 2026" in uk.replace("\u202f", " ").replace("\xa0", " ")
    assert "22,70\xa0€" in text_of(pdf.write(sheet(), catalogues.voice_of("de"))).replace(" €", "\xa0€")


def test_the_same_document_gives_the_same_bytes():
    first = pdf.write(sheet(logo=png(40, 20)), catalogues.voice_of("en"))
    code = (
        "import sys; sys.path.insert(0, 'tests/unit'); import test_billing_documents_paper as t\n"
        "from billing import pdf; from core import catalogues\n"
        "sys.stdout.buffer.write(pdf.write(t.sheet(logo=t.png(40, 20)), catalogues.voice_of('en')))"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert again.stdout == first


def test_a_long_document_goes_over_pages_and_loses_no_line():
    made = pdf.write(
        sheet(lines=[(f"Line {number}", 2300, 100 + number) for number in range(120)]),
        catalogues.voice_of("en"),
    )
    reader = pypdf.PdfReader(io.BytesIO(made))
    assert len(reader.pages) > 2
    text = text_of(made)
    assert [int(number) for number in re.findall(r"Line (\d+)", text)] == list(range(120))
    assert f"{len(reader.pages)} / {len(reader.pages)}" in text


def test_a_credit_note_names_its_invoice_and_asks_for_no_transfer():
    text = text_of(
        pdf.write(sheet(DocumentKind.CREDIT_NOTE, corrects="INV/2026/000003"), catalogues.voice_of("en"))
    )
    assert "INV/2026/000003" in text
    assert "IBAN" not in text


def test_vat_is_summed_up_by_rate_the_highest_first():
    rows = (*LINES, ("Again", 2300, 1230))
    assert paper.vat_sums(sheet(lines=rows).lines) == (
        VatSum(2300, 2000, 460, 2460), VatSum(800, 500, 40, 540), VatSum(None, 500, 0, 500)
    )  # fmt: skip


def test_the_code_of_a_bank_says_what_epc069_12_asks_for():
    transfer = Transfer("Fibre Ltd", IBAN, "COBADEFFXXX", Money(123405, "EUR"), "INV/2026/000007")
    said = bank.qr_text(transfer)
    assert said == (
        "BCD\n002\n1\nSCT\nCOBADEFFXXX\nFibre Ltd\nDE89370400440532013000\nEUR1234.05\n\n\nINV/2026/000007"
    )
    assert segno.make(said, error="m", boost_error=False).version <= 13
    longest = Transfer("Ї" * 90, "MT" + "8" * 29, "COBADEFFXXX", Money(99_999_999_999, "EUR"), "Ї" * 40)
    assert len((bank.qr_text(longest) or "").encode()) <= 331


def scanned(made):
    """What a camera reads on the pages of a PDF: the octets of every code."""
    pages = [page.render(scale=200 / 72).to_pil() for page in pypdfium2.PdfDocument(made)]
    return [bytes(code.bytes) for page in pages for code in zxingcpp.read_barcodes(page)]


@pytest.mark.parametrize(("currency", "iban"), [("EUR", IBAN), ("CZK", "CZ6508000000192000145399")])
@pytest.mark.parametrize(
    "name", ["Netz Süd GmbH", "Łączność a Žluť", "ТОВ «Волокно та Їжак» " * 4, 'Οπτικές Ίνες "Α*Ε" 5%']
)
def test_a_camera_reads_on_the_page_octet_by_octet_what_the_bank_is_told(currency, iban, name):
    made = sheet()
    made.document.currency, made.seller.iban, made.seller.name = currency, iban, name
    assert scanned(pdf.write(made, catalogues.voice_of("uk"))) == [made.qr_text.encode()]


def test_czech_crowns_get_a_spayd_and_other_money_no_code():
    crowns = Transfer("Vlákno*a.s.", "CZ6508000000192000145399", "", Money(48050, "CZK"), "INV 1")
    assert bank.qr_text(crowns) == (
        "SPD*1.0*ACC:CZ6508000000192000145399*AM:480.50*CC:CZK*RN:Vl%C3%A1kno%2Aa.s.*MSG:INV 1"
    )
    words = Transfer("A+B 5%", crowns.iban, "FIOBCZPP", Money(999_999_999, "CZK"), "x")
    assert bank.qr_text(words) == (
        "SPD*1.0*ACC:CZ6508000000192000145399+FIOBCZPP*AM:9999999.99*CC:CZK*RN:A%2BB 5%25*MSG:x"
    )
    for money in (
        Money(1_000_000_000, "CZK"),
        Money(100, "UAH"),
        Money(0, "EUR"),
        Money(-5, "EUR"),
        Money(100_000_000_000, "EUR"),
    ):
        assert bank.qr_text(Transfer("N", IBAN, "", money, "x")) is None
    assert bank.qr_text(Transfer("N", "", "", Money(100, "EUR"), "x")) is None


@pytest.mark.parametrize(
    "iban", ["DE89 3704 0044 0532 0130 00", "ua213223130000026007233566001", "CZ6508000000192000145399"]
)
def test_a_right_iban_is_taken_however_it_is_typed(iban):
    assert bank.iban_fault(bank.plain_iban(iban)) is None


@pytest.mark.parametrize(
    "iban",
    [
        "DE88370400440532013000",
        "DE98370400440532013000",
        "DE",
        "8937040044053201300",
        "DE8937040044053201300Ї",
    ],
)
def test_a_wrong_iban_is_told_in_words(iban):
    assert bank.iban_fault(iban)


def test_fpdf_is_not_loaded_before_a_paper_is_written():
    code = "import sys, billing.pdf, billing.paper; sys.exit('fpdf' in sys.modules or 'segno' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_company_outside_vat_shows_one_sum_and_no_rate():
    text = text_of(pdf.write(sheet(lines=(("Internet", None, 2500),)), catalogues.voice_of("en")))
    assert "25.00" in text
    assert "VAT" not in text
    assert "Net" not in text
