"""Names sort as people look for them."""

import random

import pytest

from registry import names


@pytest.mark.parametrize(
    "in_order",
    [
        ["Гай", "Ґалаґан", "Єва", "Жук", "Зуб", "Іваненко", "Їжак", "Йосипенко", "Кіт", "Щур", "Юр", "Яр"],
        ["Adam", "Ądam", "Cecylia", "Ćma", "Lis", "Łoś", "Mak", "Zając", "Źrebak", "Żaba"],
        ["Zażółć", "Żz"],
        ["Andreas", "Ängström", "Bo"],
        ["Дім 9", "Дім 10", "Дім 10а"],
        ["Бойко Ірина", "Бойко Ярина", "Бойкова Анна"],
        ["Zebra", "Абрамов"],
    ],
)
def test_the_alphabet_decides_and_not_the_code_points(in_order):
    mixed = in_order[:]
    random.Random(3).shuffle(mixed)
    assert sorted(mixed, key=names.sort_key) == in_order


def test_letter_case_apostrophes_and_hyphens_do_not_matter():
    assert names.sort_key("О’Коннор") == names.sort_key("о'коннор")
    assert names.sort_key("Нечуй-Левицький") == names.sort_key("НЕЧУЙ  левицький")
    assert names.sort_key("Й") != names.sort_key("И")


def test_upper_case_of_ukrainian_and_polish_names_comes_back():
    for name in ("Ґалаґан", "Їжакевич", "Żółćiński", "Łącki"):
        assert names.sort_key(name.upper()) == names.sort_key(name)
