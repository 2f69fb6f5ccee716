"""A contract as PDF says who signed it, when and from where, in any European script; open, it has lines to sign."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pypdf

from billing.models import Seller
from core import catalogues
from desk import contract_pdf
from desk.models import Contract

KYIV = ZoneInfo("Europe/Kyiv")
AT = datetime(2026, 11, 3, 22, 30, tzinfo=UTC)
SELLER = Seller(name="Fibre Ltd", footer="Fibre Ltd, Kyiv")


def text_of(contract: Contract, language: str = "en") -> str:
    made = contract_pdf.write(contract, "4711", SELLER, catalogues.voice_of(language), KYIV)
    assert made == contract_pdf.write(contract, "4711", SELLER, catalogues.voice_of(language), KYIV)
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(made)).pages)


def contract(**more: object) -> Contract:
    content = "Між нами та Ґжегож Żółć\nΕλληνικά"
    return Contract(id=7, title="Договір № 17", content=content, author="Clerk", created_at=AT, **more)


def test_a_signed_contract_names_who_when_and_from_where() -> None:
    page = {"signed_at": AT, "signed_name": "Ivan Koval", "signed_from": "127.0.7.7", "signed_with": "page"}
    text = text_of(contract(**page))
    for words in ("Договір № 17", "Ґжегож Żółć", "Ελληνικά", "4711", "Ivan Koval", "127.0.7.7", "Fibre Ltd"):
        assert words in text
    assert "November 4, 2026" in text  # by the clock of the ISP
    on_paper = {"signed_at": AT, "signed_name": "Ivan Koval", "signed_with": "Olena"}
    assert "taken by Olena" in text_of(contract(**on_paper))
    assert "4 листопада 2026" in text_of(contract(**page), "uk")


def test_a_contract_that_is_open_has_lines_to_sign_on() -> None:
    text = text_of(contract())
    assert "...." in text
    assert "Signed by" not in text


def test_a_long_contract_goes_over_pages_and_its_signature_stays_on_one() -> None:
    long = contract(signed_at=AT, signed_name="Ivan Koval", signed_with="Olena")
    for lines in (45, 48, 51):
        long.content = "\n".join(f"{n}. A paragraph." for n in range(lines))
        made = contract_pdf.write(long, "4711", SELLER, catalogues.voice_of("en"), KYIV)
        pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(made)).pages]
        assert [text for text in pages if "Signed by" in text and "Olena" in text], lines
