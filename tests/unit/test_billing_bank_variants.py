"""Bank files as banks of several countries really write them: the same payment read the same from each."""

from datetime import date

import pytest

from billing.banking import reading
from billing.banking.csv_lines import CsvMapping
from core import errors

IBAN = "PL61109010140000071219812874"
CAMT_02 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Id>7</Id>
<Acct><Id><IBAN>NL91ABNA0417164300</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">22.40</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-24</Dt></BookgDt><ValDt><Dt>2026-11-25</Dt></ValDt><AcctSvcrRef>R1</AcctSvcrRef>
<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>
<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">12.50</Amt></TxAmt></AmtDtls>
<RltdPties><Dbtr><Nm>Ó Briain &amp; Co</Nm></Dbtr><DbtrAcct><Id><IBAN>IE29AIBK93115212345678</IBAN></Id></DbtrAcct></RltdPties>
<RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>
<TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">17.50</Amt></TxAmt></AmtDtls><RmtInf><Ustrd>1002</Ustrd></RmtInf></TxDtls>
</NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">2.60</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-25</Dt></BookgDt><NtryDtls><TxDtls><RltdPties><Cdtr><Nm>Back</Nm></Cdtr></RltdPties>
<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


def test_camt_of_version_2_names_sums_inside_of_details_and_a_negative_opening():
    statement = reading.read(CAMT_02.encode(), mapping=None, currency="EUR")
    assert [line.amount_minor for line in statement.lines] == [1250, 1750, -260]
    first, second, back = statement.lines
    assert (first.payer_name, first.payer_account) == ("Ó Briain & Co", "IE29AIBK93115212345678")
    assert (first.message, first.reference) == ("RF18539007547034", "R1")
    assert (second.message, back.payer_name) == ("1002", "Back")
    assert (statement.opening_minor, statement.closing_minor) == (-500, 2240)
    assert statement.opening_minor + statement.total_minor == statement.closing_minor


def mt940(description, *, line=":61:2611241124CN100,00NTRFNONREF//B1", opening="C261124PLN0,00"):
    return (
        f":20:1\n:25:PL/{IBAN}\n:28C:1\n:60F:{opening}\n{line}\n:86:{description}\n:62F:C261124PLN100,00\n-\n"
    )


# What each bank's field 86 looks like: name, account, message.
STYLES = {
    "German, question marks": (
        "166?00GUTSCHRIFT?109310?20Umowa 1001 za?21 listopad?30BREXPLPW?31" + IBAN + "?32Jan Kowal?33ski",
        ("Jan Kowalski", IBAN, "Umowa 1001 za listopad"),
    ),
    "Polish, angle brackets": (
        "020<00PRZELEW PRZYCHODZACY<20Umowa 1001<21 za listopad<32Jan Kowalski<38" + IBAN,
        ("Jan Kowalski", IBAN, "Umowa 1001 za listopad"),
    ),
    "Polish, tildes over lines": (
        "020~00VE02\n~20Umowa 1001 \n~21za listopad\n~3010901014~310000071219812874\n~32Jan Kowalski\n~38"
        + IBAN,
        ("Jan Kowalski", IBAN, "Umowa 1001 za listopad"),
    ),
    "Polish, carets": (
        "020^00PRZELEW^20Umowa 1001^32Jan Kowalski^38" + IBAN,
        ("Jan Kowalski", IBAN, "Umowa 1001"),
    ),
    "Dutch, slashed words": (
        "/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/J. JANSEN/REMI/Contract 1001/EREF/NOTPROVIDED",
        ("J. JANSEN", "NL91ABNA0417164300", "Contract 1001"),
    ),
    "Dutch, the other side in one": (
        "/EREF/E5//CNTP/NL91ABNA0417164300/ABNANL2A/J. JANSEN/AMSTERDAM//REMI/USTD//Contract 1001/",
        ("J. JANSEN", "NL91ABNA0417164300", "Contract 1001"),
    ),
    "free words": ("Contract 1001 J. Jansen", ("", "", "Contract 1001 J. Jansen")),
    "words with a plus and a question": (
        "Paid + more? Contract 1001",
        ("", "", "Paid + more? Contract 1001"),
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_mt940_is_read_in_the_style_of_each_bank(style):
    description, told = STYLES[style]
    (line,) = reading.read(mt940(description).encode(), mapping=None, currency="PLN").lines
    assert (line.payer_name, line.payer_account, line.message) == told
    assert (line.amount_minor, line.currency, line.reference) == (10000, "PLN", "B1")


def test_mt940_with_a_banks_head_fields_of_its_own_reversals_and_windows_lines():
    content = (
        "ABNANL2A\n940\nABNANL2A\n"
        + mt940("x", line=":61:2611241124RD60,00NTRFNONREF\nSome more\n:NS:22Owner")
    ).replace(":86:x", ":86:taken back\n:61:261124RC10,5N078NONREF\n:86:charge back")
    lines = reading.read(content.replace("\n", "\r\n").encode(), mapping=None, currency="PLN").lines
    assert [(line.amount_minor, line.message) for line in lines] == [
        (6000, "taken back"),
        (-1050, "charge back"),
    ]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1250", "Świętosława Żółkiewska-Gąsienica"), ("cp1251", "Їжакевич Ґалина Євгенівна")],
)
def test_mt940_in_a_code_page_of_its_country_keeps_its_letters(encoding, name):
    content = mt940(f"020<20Opłata za usługę numer 1001<32{name}<38{IBAN}" if encoding == "cp1250"
                    else f"020<20Оплата послуг за договором 1001<32{name}<38{IBAN}").encode(encoding)  # fmt: skip
    (line,) = reading.read(content, mapping=None, currency="PLN").lines
    assert line.payer_name == name


# How it is written, and as what it is read: day, sum, name.
POLISH = CsvMapping(
    encoding="cp1250",
    date_format="%Y-%m-%d",
    skipped_rows=2,
    columns={"date": 1, "message": 2, "payer_name": 3, "payer_account": 4, "amount": 5},
)
UKRAINIAN = CsvMapping(
    encoding="cp1251",
    date_format="%d.%m.%Y %H:%M:%S",
    columns={"date": 1, "credit": 2, "debit": 3, "currency": 4, "payer_name": 5, "message": 6},
)
ENGLISH = CsvMapping(
    delimiter=",", date_format="%d/%m/%Y", decimal_mark=".", columns={"date": 1, "message": 2, "amount": 3}
)


def test_a_polish_csv_in_cp1250_with_its_currency_debits_and_a_foot():
    content = (
        "mBank S.A.;Lista operacji\n#Data;#Opis;#Nadawca;#Konto;#Kwota;#Saldo\n"
        '2026-11-24;"PRZELEW; umowa 1001";Żółw Łukasz;61 1090 1014 0000 0712 1981 2874;"1 234,56 PLN";9\n'
        "2026-11-24;Opłata;;;-4,99 PLN;9\n;;;;;\n;;;;;Saldo końcowe: 9,00 PLN\n"
    )
    statement = reading.read(content.encode("cp1250"), mapping=POLISH, currency="PLN")
    assert [(line.amount_minor, line.payer_name) for line in statement.lines] == [
        (123456, "Żółw Łukasz"),
        (-499, ""),
    ]
    assert statement.lines[0].message == "PRZELEW; umowa 1001"


def test_a_ukrainian_csv_in_cp1251_with_two_columns_of_sums():
    content = (
        "Дата;Кредит;Дебет;Валюта;Платник;Призначення\n"
        "24.11.2026 09:30:00;250,00;;UAH;Їжак Ґанна;Договір 1001\n"
        "24.11.2026 10:00:00;;1 000,5;UAH;Постачальник;Кабель\n"
        "25.11.2026 10:00:00;0,00;15,00;UAH;Банк;Комісія\n"
    )
    statement = reading.read(content.encode("cp1251"), mapping=UKRAINIAN, currency="EUR")
    assert [line.amount_minor for line in statement.lines] == [25000, -100050, -1500]
    assert (statement.currency, statement.lines[0].payer_name) == ("UAH", "Їжак Ґанна")
    assert statement.lines[0].booked_on == date(2026, 11, 24)


def test_an_english_csv_with_points_thousands_and_a_minus_behind():
    content = 'Date,Details,Amount\n24/11/2026,"CONTRACT 1001, NOV","1,234.50"\n25/11/2026,FEE,3.00-\n'
    statement = reading.read(content.encode(), mapping=ENGLISH, currency="GBP")
    assert [line.amount_minor for line in statement.lines] == [123450, -300]


def test_a_sum_in_another_currency_than_the_lines_is_no_sum():
    with pytest.raises(errors.Invalid):
        reading.read(
            b"h\n24.11.2026;1,00 USD\n", mapping=CsvMapping(columns={"date": 1, "amount": 2}), currency="EUR"
        )
