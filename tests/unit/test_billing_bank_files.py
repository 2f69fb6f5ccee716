"""Bank files: three formats read to the cent, and any bytes end in lines or a clear refusal."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.banking import camt, csv_lines, mt940, reading, words
from billing.banking.csv_lines import CsvMapping
from core import errors
from tests import properties

MAPPING = CsvMapping(columns={"date": 1, "amount": 2, "payer_name": 3, "payer_account": 4, "message": 5})
CSV = (
    "Datum;Betrag;Name;Konto;Text\r\n"
    '24.11.2026;"1.234,56";Олена Коваль;UA21 3223 1300 0002 6007 2335 6600 1;Договір 1001\r\n'
    "25.11.2026;-5,00;Bank;;Fee\r\n"
)
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>2026-228</Id>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">157.50</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="EUR">60.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-24</Dt></BookgDt><NtryDtls>
<TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><Amt Ccy="EUR">20.00</Amt><RltdPties><Dbtr><Pty><Nm>Olha Koval</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>DE02 1203 0000 0000 2020 51</IBAN></Id></DbtrAcct><CdtrAcct><Id><Othr><Id>V-1001</Id></Othr></Id></CdtrAcct></RltdPties>
<RmtInf><Ustrd>INV/2026/000001</Ustrd><Ustrd>thanks</Ustrd></RmtInf></TxDtls>
<TxDtls><Amt Ccy="EUR">40.00</Amt><RltdPties><Dbtr><Nm>Petro Melnyk</Nm></Dbtr></RltdPties></TxDtls>
</NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">2.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><DtTm>2026-11-25T10:00:00</DtTm></BookgDt>
<AddtlNtryInf>Fee</AddtlNtryInf></Ntry>
<Ntry><Amt Ccy="EUR">9.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts></Ntry>
</Stmt></BkToCstmrStmt></Document>"""
MT940 = """{1:F01X}{4:
:20:STMT1
:25:37040044/0532013000
:28C:228/1
:60F:C261124EUR100,00
:61:2611241124CR60,00NTRFNONREF//B-77
:86:166?00CREDIT?20Contract 1001?21 November?31DE02120300000000202051?32Olha?33 Koval
:61:261231 0101D2,5NMSCREF1
:86:/NAME/Bank/REMI/Fee
:62F:C261125EUR157,50
-}""".replace("261231 0101", "2612310101")


def test_csv_is_read_by_its_mapping():
    statement = reading.read(CSV.encode("cp1251"), mapping=_encoded("cp1251"), currency="UAH")
    first, second = statement.lines
    assert (first.booked_on, first.amount_minor, first.currency) == (date(2026, 11, 24), 123456, "UAH")
    assert (first.payer_name, first.message) == ("Олена Коваль", "Договір 1001")
    assert first.payer_account == "UA213223130000026007233566001"
    assert second.amount_minor == -500


def _encoded(encoding):
    return CsvMapping(encoding=encoding, columns=MAPPING.columns)


def test_a_fault_of_a_csv_names_its_line():
    for row in ("24.11.2026;1,2,3,x;A;;", "2026-11-24;1;A;;", "24.11.2026;;A;;zero"):
        with pytest.raises(errors.Invalid) as caught:
            reading.read(f"head\n{row}\n".encode(), mapping=MAPPING, currency="EUR")
        assert "file" in caught.value.fields
    with pytest.raises(errors.Invalid, match="is not written"):
        reading.read("h\n24.11.2026;1;Ольга;;\n".encode("cp1251"), mapping=MAPPING, currency="EUR")
    with pytest.raises(errors.Invalid, match="choose a mapping"):
        reading.read(b"a;b", mapping=None, currency="EUR")


def test_camt_053_is_read_to_its_transactions_and_balances():
    statement = reading.read(CAMT.encode(), mapping=None, currency="EUR")
    assert (statement.kind, statement.number) == ("camt.053", "2026-228")
    assert [line.amount_minor for line in statement.lines] == [2000, 4000, -250]
    first = statement.lines[0]
    assert (first.payer_name, first.payer_account) == ("Olha Koval", "DE02120300000000202051")
    assert (first.own_account, first.message, first.reference) == ("V1001", "INV/2026/000001 thanks", "E1")
    assert statement.lines[2].message == "Fee"
    assert (statement.opening_minor, statement.closing_minor) == (10000, 15750)
    assert statement.opening_minor + statement.total_minor == statement.closing_minor


def test_mt940_is_read_with_its_description_in_either_style():
    statement = reading.read(MT940.encode(), mapping=None, currency="EUR")
    first, second = statement.lines
    assert (first.amount_minor, first.payer_name, first.payer_account) == (
        6000,
        "Olha Koval",
        "DE02120300000000202051",
    )
    assert (first.message, first.reference) == ("Contract 1001 November", "B-77")
    assert (second.amount_minor, second.payer_name, second.message) == (-250, "Bank", "Fee")
    assert second.booked_on == date(2027, 1, 1)  # booked in the year after its value date
    assert statement.opening_minor + statement.total_minor == statement.closing_minor


BOMBS = {
    "XXE": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>',
    "billion laughs": "<!DOCTYPE a ["
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    + "]><Document>&l9;</Document>",
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><Document/>',
    "an empty document type": "<!DOCTYPE html><Document/>",
    "depth": "<a>" * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_means_harm_is_refused(name, encoding):
    head = '<?xml version="1.0" encoding="utf-16"?>' if encoding == "utf-16" else ""
    with pytest.raises(errors.Invalid, match=r"document type|nested"):
        camt.read((head + BOMBS[name]).encode(encoding))


ANY = st.one_of(
    st.binary(max_size=600),
    st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")),
)


def outcome(read):
    """What came of reading: lines, or the words of a refusal; anything else is raised."""
    try:
        return words.hashes(read()), ""
    except errors.Invalid as error:
        return [], error.fields["file"]


@properties.money()
@given(ANY)
def test_any_bytes_are_lines_or_a_refusal(content):
    for read in (
        lambda: reading.read(content, mapping=MAPPING, currency="EUR"),
        lambda: csv_lines.read(content, MAPPING, currency="JPY"),
        lambda: camt.read(content),
        lambda: mt940.read(content),
    ):
        lines, refusal = outcome(read)
        assert lines or refusal


@properties.money()
@given(
    st.sampled_from([CSV.encode(), CAMT.encode(), MT940.encode()]),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=4)), max_size=6),
)
def test_a_damaged_file_is_lines_or_a_refusal(content, damage):
    for place, put in damage:
        at = place % len(content)
        content = content[:at] + put + content[at + 1 :]
    lines, refusal = outcome(lambda: reading.read(content, mapping=MAPPING, currency="EUR"))
    assert bool(lines) != bool(refusal)
    assert len(set(lines)) == len(lines)


def test_the_same_line_of_another_file_has_the_same_hash_and_two_alike_in_one_do_not():
    twice = CSV + "24.11.2026;7,00;A;;x\n24.11.2026;7,00;A;;x\n"
    first = words.hashes(reading.read(CSV.encode(), mapping=MAPPING, currency="EUR"))
    second = words.hashes(reading.read(twice.encode(), mapping=MAPPING, currency="EUR"))
    assert second[:2] == first
    assert len(set(second)) == 4
