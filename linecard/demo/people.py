"""Who the demo's customers are: invented people and companies of three languages."""

import random
from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_UKRAINIAN_WOMEN = _words(
    "Олена Ірина Оксана Наталія Тетяна Марія Юлія Ганна Софія Дарина Катерина Леся Віра Зоряна Мирослава"
)
_UKRAINIAN_MEN = _words(
    "Тарас Андрій Олександр Іван Петро Богдан Дмитро Максим Сергій Василь Остап Юрій Роман Ярослав Михайло"
)
_UKRAINIAN_LAST = _words(
    "Коваленко Бондаренко Мельник Шевчук Ткаченко Кравець Гончар Лисенко Поліщук Савчук Марчук Романюк "
    "Ґалаґан Єфіменко Їжак Яремчук Захарчук Щербань Дорошенко Мороз Вовк Голуб Бойко Козак Гнатюк Олійник "
    "Прокопенко Стельмах Чумак Швець"
)
_POLISH_WOMEN = _words("Agnieszka Katarzyna Małgorzata Zofia Hanna Łucja Danuta Ewa Beata Żaneta")
_POLISH_MEN = _words("Piotr Krzysztof Tomasz Paweł Michał Łukasz Jakub Stanisław Wojciech Zbigniew")
# A Polish surname of this kind has a form for each sex.
_POLISH_LAST = _words("Nowak Wójcik Woźniak Łapiński Kowalczyk Żurawski Ćwik Śliwa Zieliński Dąbrowski Król")
_ENGLISH_FIRST = _words("Alice Emma Grace Hannah Olivia George Harry Jack Oliver Thomas Walter Edith Ruth")
_ENGLISH_LAST = _words(
    "Ashdown Barker Calloway Fletcher Harbottle Marlowe O'Brien Pemberton Quill Seaborne Thatcher Whitlock"
)

# Company, the name it trades under, the city's language; none of them exists.
COMPANIES: tuple[tuple[str, str, str], ...] = (
    ("ТОВ «Млин на Бистрій»", "Пекарня «Скоринка»", "uk"),
    ("ФОП Левадний О. П.", "Кав'ярня «Ліхтар»", "uk"),
    ("КНП «Міська лікарня № 2»", "", "uk"),
    ("ТОВ «Кабельний двір»", "Склад-магазин «Дріт»", "uk"),
    ("ОСББ «Яворова 12»", "", "uk"),
    ("ПП «Вільха Друк»", "Друкарня «Вільха»", "uk"),
    ("Ясенбрідська музична школа", "", "uk"),
    ("Nowobrodzka Spółdzielnia Mieszkaniowa", "", "pl"),
    ("Żuraw i Syn sp. z o.o.", "Warsztat Żuraw", "pl"),
    ("Apteka pod Lipą s.c.", "Apteka pod Lipą", "pl"),
    ("Biblioteka Publiczna w Nowym Brodzie", "", "pl"),
    ("Sandhaven Ropeworks Ltd", "The Rope Shop", "en"),
    ("Harbour Master's Office", "", "en"),
    ("Pemberton & Quill LLP", "", "en"),
    ("Lantern Row Guesthouse Ltd", "The Old Lantern", "en"),
    ("Saltmarsh Fisheries Ltd", "Saltmarsh Fish Bar", "en"),
)


@dataclass(frozen=True, slots=True)
class Party:
    """A customer's names; for a company first and last name are its representative's."""

    first_name: str
    last_name: str
    company_name: str = ""
    dba: str = ""


def person(chance: random.Random, language: str) -> Party:
    """Return an invented person of this language: uk, pl or en."""
    if language == "uk":
        women = chance.random() < 0.5
        return Party(
            chance.choice(_UKRAINIAN_WOMEN if women else _UKRAINIAN_MEN), chance.choice(_UKRAINIAN_LAST)
        )
    if language == "pl":
        women = chance.random() < 0.5
        last = chance.choice(_POLISH_LAST)
        if women and last.endswith("ski"):
            last = last[:-1] + "a"
        return Party(chance.choice(_POLISH_WOMEN if women else _POLISH_MEN), last)
    return Party(chance.choice(_ENGLISH_FIRST), chance.choice(_ENGLISH_LAST))


def company(chance: random.Random, number: int) -> tuple[Party, str]:
    """Return the company of this number with its representative, and its language."""
    name, dba, language = COMPANIES[number]
    who = person(chance, language)
    return Party(who.first_name, who.last_name, name, dba), language


_LATIN = dict(
    zip(
        "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
        _words("a b v h g d e ie zh z y i i i k l m n o p r s t u f kh ts ch sh shch _ iu ia"),
        strict=True,
    )
)
_PLAIN = str.maketrans("ąćęłńóśźż", "acelnoszz")


def mailbox(party: Party, number: str) -> str:
    """Return an address under example.net (RFC 2606) that nobody has."""
    spelled = "".join(
        _LATIN.get(letter, letter) for letter in f"{party.first_name}.{party.last_name}".lower()
    )
    plain = "".join(letter for letter in spelled.translate(_PLAIN) if letter.isascii() and letter.isalnum())
    return f"{plain}{number[-2:]}@example.net"


def phone(number: int) -> str:
    """Return a number in E.164 that nobody can have: no subscriber's number begins with a zero."""
    return f"+38044000{number:04d}"
