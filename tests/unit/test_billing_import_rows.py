"""Files of customers: any encoding, separator and heading; a row is right, or every fault is named."""

import io
from datetime import date

import openpyxl
import pytest

from core import errors
from registry.models import CustomerStatus
from registry.moving import fields, rows, sheets

UKRAINIAN = (
    "Номер договору;Прізвище;Ім'я;Телефон;Вулиця;Будинок;Місто;Баланс, грн;Тариф;Абонплата\r\n"
    "10001;Коваль;Олена;067 123 45 67;Зелена;12;Львів;-1 250,50;Дім 100;250\r\n"
    "10002;Гнатюк;Їжак;;Наукова;5;Львів;0;Дім 100;250\r\n"
)


def read(told, *, currency="UAH"):
    mapping = {name: place for place, name in enumerate(told)}
    return rows.read(7, list(told.values()), mapping, currency=currency, region="UA")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_a_ukrainian_file_is_read_in_any_usual_encoding(encoding):
    sheet = sheets.read(UKRAINIAN.encode(encoding))
    assert sheet.headings[1] == "Прізвище"
    assert [number for number, _ in sheet.rows] == [2, 3]
    assert sheet.rows[1][1][2] == "Їжак"


def test_an_xlsx_gives_the_rows_a_csv_would():
    book = openpyxl.Workbook()
    for row in (
        ["Number", "Balance", "Start"],
        [10001, -12.5, date(2024, 2, 29)],
        [None, None, None],
        [10002.0, 3, None],
    ):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    sheet = sheets.read(content.getvalue())
    assert sheet.headings == ["Number", "Balance", "Start"]
    assert sheet.rows == [(2, ["10001", "-12.5", "2024-02-29"]), (4, ["10002", "3", ""])]


@pytest.mark.parametrize("content", [b"", b"Number,Name\n", b"\0\1\2\3binary\0", b"PK\x03\x04 no zip"])
def test_what_is_no_table_is_refused_in_words(content):
    with pytest.raises(errors.Invalid):
        sheets.read(content)


def test_columns_are_guessed_from_headings_in_either_language():
    ukrainian = sheets.read(UKRAINIAN.encode()).headings
    assert {ukrainian[place]: name for name, place in fields.guess(ukrainian).items()} == {
        "Номер договору": "number",
        "Прізвище": "last_name",
        "Ім'я": "first_name",
        "Телефон": "phone",
        "Вулиця": "street",
        "Будинок": "building",
        "Місто": "city",
        "Баланс, грн": "balance",
        "Тариф": "plan",
        "Абонплата": "price",
    }
    assert fields.guess(["ID", "E-mail", "IP address", "Customer Name", "Whatever"]) == {
        "external_id": 0,
        "email": 1,
        "ip": 2,
        "full_name": 3,
    }


def test_the_template_is_a_file_its_own_guesses_read_whole():
    sheet = sheets.read(fields.template().encode())
    mapping = fields.guess(sheet.headings)
    assert mapping.keys() == {field.name for field in fields.FIELDS if field.example}
    ((row_no, cells),) = sheet.rows
    assert isinstance(rows.read(row_no, cells, mapping, currency="UAH", region="UA"), rows.Read)


@pytest.mark.parametrize(
    ("written", "minor"),
    [("-1 250,50", -125050), ("1,250.50", 125050), ("1.250,50", 125050), ("−3", -300), ("0", 0), ("", 0)],
)
def test_amounts_are_read_as_people_write_them(written, minor):
    found = read({"number": "1", "last_name": "Koval", "balance": written})
    assert found.balance_minor == minor


def test_a_row_becomes_a_customer_with_phone_and_whole_name():
    found = read(
        {
            "external_id": "A-17",
            "full_name": "Коваль Олена Іванівна",
            "phone": "067 123 45 67",
            "status": "Активний",
            "starts_on": "01.03.2024",
        }
    )
    assert found.row.names == ("Коваль", "Олена Іванівна")
    assert found.phone == "+380671234567"
    assert (found.row.ref, found.row.status, found.row.starts_on) == (
        "A-17",
        CustomerStatus.CONNECTED,
        date(2024, 3, 1),
    )


def test_every_fault_of_a_row_is_named_with_its_row_and_field():
    faults = read(
        {
            "number": "?",
            "last_name": "K",
            "balance": "many",
            "status": "odd",
            "mac": "12",
            "starts_on": "soon",
        }
    )
    assert {(fault.row_no, fault.field) for fault in faults} == {
        (7, name) for name in ("number", "balance", "status", "mac", "starts_on")
    }
    assert (
        next(fault.words for fault in faults if fault.field == "balance")
        == "Write an amount such as -120.50, without words"
    )


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"last_name": "Koval"}, "number"),
        ({"number": "1"}, "last_name"),
        ({"number": "1", "last_name": "K", "street": "Zelena"}, "city"),
        ({"number": "1", "last_name": "K", "price": "10"}, "plan"),
        ({"number": "1", "last_name": "K", "currency": "USD"}, "currency"),
        ({"number": "1", "last_name": "K", "balance": "1.005"}, "balance"),
        ({"number": "1", "last_name": "K", "phone": "12"}, "phone"),
    ],
)
def test_what_a_row_lacks_or_says_against_itself_is_a_fault(told, field):
    assert [fault.field for fault in read(told)] == [field]


def test_a_currency_without_decimals_takes_none():
    assert read({"number": "1", "last_name": "K", "balance": "-1200"}, currency="JPY").balance_minor == -1200
    assert [
        fault.field for fault in read({"number": "1", "last_name": "K", "balance": "12.5"}, currency="JPY")
    ] == ["balance"]
