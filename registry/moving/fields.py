"""What a file of customers may tell, and by which headings it is known."""

import re
import unicodedata
from dataclasses import dataclass

from core.words import N_


@dataclass(frozen=True, slots=True)
class Field:
    """A thing a column may tell; `guesses` are headings, in lower case and without signs."""

    name: str
    words: str
    guesses: tuple[str, ...]
    example: str = ""


FIELDS = (
    Field("number", N_("Customer number"), ("number", "customer number", "customer no", "contract", "contract number", "account number", "номер", "номер абонента", "номер клієнта", "договір", "номер договору", "особовий рахунок", "абонент №"), "10001"),
    Field("external_id", N_("Id in the other system"), ("external id", "id", "customer id", "uid", "login", "код", "ід", "логін", "зовнішній id"), "A-17"),
    Field("last_name", N_("Last name"), ("last name", "surname", "family name", "прізвище"), "Koval"),
    Field("first_name", N_("First name"), ("first name", "given name", "ім'я", "імя", "ім’я"), "Olena"),
    Field("full_name", N_("Whole name, last name first"), ("name", "full name", "customer", "customer name", "піб", "п і б", "абонент", "клієнт", "прізвище ім'я", "прізвище ім'я по батькові"), ""),
    Field("company_name", N_("Company"), ("company", "company name", "organisation", "organization", "компанія", "організація", "назва", "юридична назва"), ""),
    Field("status", N_("Status"), ("status", "state", "статус", "стан"), "connected"),
    Field("phone", N_("Phone"), ("phone", "telephone", "mobile", "phone number", "телефон", "мобільний", "номер телефону"), "+380671234567"),
    Field("email", N_("E-mail"), ("email", "e mail", "mail", "пошта", "електронна пошта", "ел пошта", "емейл"), "olena@example.com"),
    Field("street", N_("Street"), ("street", "address", "вулиця", "адреса"), "Zelena"),
    Field("building", N_("Building"), ("building", "house", "house number", "будинок", "дім", "номер будинку"), "12"),
    Field("unit", N_("Flat"), ("unit", "flat", "apartment", "квартира", "кв"), "5"),
    Field("city", N_("City"), ("city", "town", "village", "locality", "місто", "населений пункт", "село"), "Lviv"),
    Field("postcode", N_("Postcode"), ("postcode", "zip", "zip code", "postal code", "індекс", "поштовий індекс"), "79000"),
    Field("balance", N_("Opening balance"), ("balance", "opening balance", "saldo", "deposit", "баланс", "залишок", "сальдо", "депозит"), "-120.50"),
    Field("currency", N_("Currency"), ("currency", "валюта"), ""),
    Field("plan", N_("Plan"), ("plan", "tariff", "service", "package", "тариф", "тарифний план", "послуга", "пакет"), "Home 100"),
    Field("price", N_("Price of a period"), ("price", "monthly price", "fee", "monthly fee", "ціна", "абонплата", "вартість", "щомісячна плата"), "250.00"),
    Field("vat", N_("VAT in the price, %"), ("vat", "vat rate", "vat percent", "tax", "tax rate", "пдв", "ставка пдв"), ""),
    Field("period", N_("Period of the price"), ("period", "billing period", "період", "період оплати"), "month"),
    Field("bill_day", N_("Billing day"), ("bill day", "billing day", "день оплати", "день нарахування", "розрахунковий день"), "1"),
    Field("quantity", N_("Quantity"), ("quantity", "count", "qty", "кількість"), "1"),
    Field("starts_on", N_("Service begins"), ("start", "starts", "start date", "service start", "connected on", "початок", "дата початку", "дата підключення", "підключено"), "2024-03-01"),
    Field("billed_to", N_("Billed up to (included)"), ("billed to", "paid to", "billed until", "paid until", "charged to", "нараховано до", "оплачено до", "сплачено до"), ""),
    Field("down", N_("Down, Mbit/s"), ("down", "download", "speed", "mbps", "швидкість", "завантаження"), "100"),
    Field("up", N_("Up, Mbit/s"), ("up", "upload", "вивантаження", "віддача"), "100"),
    Field("ip", N_("IP address"), ("ip", "ip address", "ipv4", "ip адреса", "айпі"), ""),
    Field("mac", N_("MAC"), ("mac", "mac address", "mac адреса", "мак"), ""),
    Field("login", N_("Login of the line"), ("ppp login", "pppoe", "pppoe login", "radius login", "user name", "username", "логін pppoe", "логін лінії"), "olha@ppp"),
    Field("note", N_("Note"), ("note", "notes", "comment", "remark", "примітка", "коментар", "нотатка"), ""),
)  # fmt: skip

BY_NAME = {field.name: field for field in FIELDS}


def plain(heading: str) -> str:
    """Return a heading as guesses are written: lower case, signs and doubled spaces gone."""
    text = unicodedata.normalize("NFC", heading).casefold()
    return " ".join(re.sub(r"[^\w'’№]+|_", " ", text).split())


def guess(headings: list[str]) -> dict[str, int]:
    """Return which column tells which field (name -> place from 0); a column is taken once."""
    found: dict[str, int] = {}
    spelled = [plain(heading) for heading in headings]
    for exact in (True, False):
        for field in FIELDS:
            if field.name in found:
                continue
            for place, heading in enumerate(spelled):
                if place in found.values() or not heading:
                    continue
                if heading in field.guesses or (not exact and _begins(heading, field.guesses)):
                    found[field.name] = place
                    break
    return found


def _begins(heading: str, guesses: tuple[str, ...]) -> bool:
    """Say whether the heading goes on after a guess of some length: "Баланс, грн", "Phone 1"."""
    return any(len(guess) >= 5 and heading.startswith(f"{guess} ") for guess in guesses)


def template() -> str:
    """Return the file to fill in, as CSV with one example."""
    fields = [field for field in FIELDS if field.example]
    head = ",".join(field.guesses[0] for field in fields)
    return f"{head}\r\n{','.join(field.example for field in fields)}\r\n"
