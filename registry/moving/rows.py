"""One row of a file as a customer with a service and a balance, or what is wrong with it and what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from billing.models import PeriodKind
from core import errors, money
from core.words import N_
from registry import contacts, ip_places, logins, macs
from registry.models import CustomerStatus
from registry.moving import fields

_STATUSES = {
    CustomerStatus.CONNECTED: ("", "connected", "active", "on", "підключений", "активний", "підключено", "1"),
    CustomerStatus.WAITING: ("waiting", "new", "pending", "очікує", "новий"),
    CustomerStatus.PROSPECT: ("prospect", "interested", "lead", "зацікавлений", "потенційний"),
    CustomerStatus.FORMER: ("former", "disconnected", "off", "inactive", "відключений", "колишній", "0"),
}
_PERIODS = {
    PeriodKind.MONTH: ("", "month", "monthly", "місяць", "щомісяця", "міс"),
    PeriodKind.QUARTER: ("quarter", "quarterly", "квартал", "щокварталу"),
    PeriodKind.HALF_YEAR: ("half_year", "half year", "half-year", "півріччя", "півроку"),
    PeriodKind.YEAR: ("year", "yearly", "annual", "рік", "щороку", "річний"),
    PeriodKind.WEEK: ("week", "weekly", "тиждень", "щотижня"),
    PeriodKind.DAY: ("day", "daily", "день", "щодня"),
}
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d.%m.%y")
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z/_.-]{0,31}")
_EMAIL = re.compile(r"[^@\s<>\"']+@[^@\s<>\"']+\.[^@\s<>\"'.]{2,}")


def _wrong(words: str) -> PydanticCustomError:
    return PydanticCustomError("row", "{words}", {"words": words})


def _word(table: Mapping[Any, tuple[str, ...]], words: str) -> Any:
    def read(text: str) -> Any:
        for value, spellings in table.items():
            if text.casefold() in spellings:
                return value
        raise _wrong(words)

    return read


def _date(text: str) -> date | None:
    for form in _DATES if text else ():
        try:
            return datetime.strptime(text[:10], form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    if text:
        raise _wrong(N_("Write the day as 2026-11-25 or 25.11.2026"))
    return None


def _decimal(text: str) -> Decimal | None:
    """Read an amount, whatever marks its thousands; a single comma is the decimal mark."""
    plain = re.sub(r"[\s\u00a0\u202f'’]", "", text).replace("\u2212", "-")
    if not plain:
        return None
    if "," in plain and "." in plain:
        thousands = "," if plain.rfind(".") > plain.rfind(",") else "."
        plain = plain.replace(thousands, "")
    plain = plain.replace(",", ".") if plain.count(",") == 1 else plain.replace(",", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise _wrong(N_("Write an amount such as -120.50, without words")) from None
    if not value.is_finite():
        raise _wrong(N_("Write an amount such as -120.50, without words"))
    return value


def _percent(text: str) -> Decimal | None:
    value = _decimal(text.strip().removesuffix("%"))
    if value is not None and (not 0 <= value <= 100 or value != round(value, 2)):
        raise _wrong(N_("Write a percent from 0 to 100, with two decimals at most"))
    return value


def _whole(low: int, high: int) -> Any:
    def read(text: str) -> int | None:
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise _wrong(N_("Write a whole number from %(low)s to %(high)s", low=low, high=high))
        return int(text)

    return read


def _number(text: str) -> str:
    if text and not _NUMBER.fullmatch(text):
        raise _wrong(N_("Use at most 32 letters, digits and / _ . - and begin with a letter or digit"))
    return text


def _email(text: str) -> str:
    if text and not _EMAIL.fullmatch(text):
        raise _wrong(N_("This is no e-mail address: correct it or leave it empty"))
    return text


def _mac(text: str) -> str | None:
    if text and macs.parse(text) is None:
        raise _wrong(N_("This is no MAC: twelve hexadecimal digits"))
    return macs.parse(text) if text else None


def _ip(text: str) -> str | None:
    try:
        return ip_places.written(ip_places.read(text)) if text else None
    except errors.Invalid as error:
        raise _wrong(error.fields["address"]) from None


def _short(limit: int) -> Any:
    def check(text: str) -> str:
        if len(text) > limit:
            raise _wrong(N_("At most %(count)s characters", count=limit))
        return text

    return AfterValidator(check)


def _login(text: str) -> str:
    if text and not logins.LOGIN.fullmatch(text):
        raise _wrong(N_("Write at most 120 characters, no spaces"))
    return text


_Amount = Annotated[Decimal | None, BeforeValidator(_decimal)]
_Day = Annotated[date | None, BeforeValidator(_date)]


class Row(BaseModel):
    """A row as it was read. Whatever is left out of the file is empty."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    number: Annotated[str, AfterValidator(_number)] = ""
    external_id: Annotated[str, _short(120)] = ""
    last_name: Annotated[str, _short(120)] = ""
    first_name: Annotated[str, _short(120)] = ""
    full_name: Annotated[str, _short(240)] = ""
    company_name: Annotated[str, _short(200)] = ""
    status: Annotated[
        CustomerStatus,
        BeforeValidator(_word(_STATUSES, N_("Write connected, waiting, prospect or former"))),
    ] = Field(default=CustomerStatus.CONNECTED)
    phone: str = ""
    email: Annotated[str, _short(254), AfterValidator(_email)] = ""
    street: Annotated[str, _short(160)] = ""
    building: Annotated[str, _short(32)] = ""
    unit: Annotated[str, _short(16)] = ""
    city: Annotated[str, _short(120)] = ""
    postcode: Annotated[str, _short(16)] = ""
    balance: _Amount = None
    currency: str = ""
    plan: Annotated[str, _short(120)] = ""
    price: _Amount = None
    vat: Annotated[Decimal | None, BeforeValidator(_percent)] = None
    period: Annotated[
        PeriodKind,
        BeforeValidator(_word(_PERIODS, N_("Write month, quarter, half-year, year, week or day"))),
    ] = Field(default=PeriodKind.MONTH)
    bill_day: Annotated[int | None, BeforeValidator(_whole(0, 28))] = None
    quantity: Annotated[int | None, BeforeValidator(_whole(1, 100_000))] = None
    starts_on: _Day = None
    billed_to: _Day = None
    down: _Amount = None
    up: _Amount = None
    ip: Annotated[str | None, BeforeValidator(_ip)] = None
    mac: Annotated[str | None, BeforeValidator(_mac)] = None
    login: Annotated[str, AfterValidator(_login)] = ""
    note: Annotated[str, _short(2000)] = ""

    @property
    def ref(self) -> str:
        """What the customer is known by in the system he comes from."""
        return self.external_id or self.number

    @property
    def names(self) -> tuple[str, str]:
        """Last and first name; a whole name is split after its first word."""
        if self.last_name or not self.full_name:
            return self.last_name, self.first_name
        last, _, first = self.full_name.partition(" ")
        return last[:120], first.strip()[:120]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a cell: the row's number in the file, the field, what stands there, what to do."""

    row_no: int
    field: str
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Read:
    """A right row with its number, phone in E.164 and amounts in minor units."""

    row_no: int
    row: Row
    phone: str
    balance_minor: int
    price_minor: int | None


def read(
    row_no: int, cells: list[str], mapping: Mapping[str, int], *, currency: str, region: str
) -> Read | list[Fault]:
    """Return the row, or every fault in it; nothing is guessed silently."""
    told = {name: cells[place] if place < len(cells) else "" for name, place in mapping.items()}

    def fault(name: str, words: str) -> Fault:
        return Fault(row_no, name, told.get(name, "")[:200], words)

    try:
        row = Row.model_validate(told)
    except ValidationError as error:
        return [
            fault(str(one["loc"][0]), str(one.get("ctx", {}).get("words", one["msg"])))
            for one in error.errors()
        ]
    faults = [fault(name, words) for name, words in _missing(row)]
    own = row.currency.upper() or currency
    if own != currency:
        faults.append(
            fault("currency", N_("Balances are kept in %(currency)s: convert the sums", currency=currency))
        )
    phone, balance, price = "", 0, None
    try:
        phone = contacts.normal_phone(row.phone, region)
    except errors.Invalid as error:
        faults.append(fault("phone", error.fields.get("phone", error.message)))
    for name, amount in (("balance", row.balance), ("price", row.price)):
        try:
            minor = money.parse(format(amount, "f"), currency).minor if amount is not None else None
        except errors.Invalid as error:
            faults.append(fault(name, error.fields.get("amount", error.message)))
            continue
        if name == "balance":
            balance = minor or 0
        else:
            price = minor
    return faults or Read(row_no, row, phone, balance, price)


def _missing(row: Row) -> list[tuple[str, str]]:
    """Return what a row lacks or says against itself, as (field, words)."""
    lacks = []
    if not row.ref:
        lacks.append(("number", N_("Each customer needs a number or an id: fill it in")))
    if not row.company_name and not row.names[0]:
        lacks.append(("last_name", N_("Write the last name, or a company")))
    if bool(row.street) != bool(row.city):
        lacks.append(
            ("city", N_("An address needs a city"))
            if row.street
            else ("street", N_("An address needs a street"))
        )
    of_plans = (
        (row.vat, N_("A rate of VAT needs a plan's name")),
        (row.price, N_("A price needs a plan's name")),
        (row.login or None, N_("A login needs a plan's name")),
    )
    if not row.plan:
        lacks += [("plan", words) for value, words in of_plans if value is not None]
    if row.price is not None and row.price < 0:
        lacks.append(("price", N_("A price is zero or more")))
    if row.period is PeriodKind.WEEK and row.bill_day is not None and not 1 <= row.bill_day <= 7:
        lacks.append(("bill_day", N_("A week begins on a weekday, 1 to 7")))
    for name in ("down", "up"):
        speed = getattr(row, name)
        if speed is not None and not 0 < speed <= 1_000_000:
            lacks.append((name, N_("A speed is above zero, and at most 1 000 000 Mbit/s")))
    return lacks


def heading(name: str, mapping: Mapping[str, int], headings: list[str]) -> str:
    """Return the heading of the column that tells a field; of one that is not mapped its name."""
    place = mapping.get(name)
    return headings[place] if place is not None and place < len(headings) else fields.BY_NAME[name].guesses[0]
