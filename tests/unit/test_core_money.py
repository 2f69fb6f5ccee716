"""Money: whole minor units, one rounding place, amounts as people type them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import errors, money
from core.money import Money


def test_currencies_have_their_own_number_of_decimals() -> None:
    assert [money.exponent(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]


@pytest.mark.parametrize(
    ("text", "currency", "locale", "minor"),
    [
        ("12.50", "EUR", "en", 1250),
        ("12,50", "EUR", "uk", 1250),
        ("12.5", "EUR", "uk", 1250),
        ("1 234,50", "EUR", "pl", 123450),
        ("1,234.50", "EUR", "en", 123450),
        ("500", "JPY", "en", 500),
        ("1.234", "KWD", "en", 1234),
        ("-3", "EUR", "en", -300),
    ],
)
def test_an_amount_is_read_as_the_locale_writes_it(text: str, currency: str, locale: str, minor: int) -> None:
    assert money.parse(text, currency, locale) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "NaN", "Infinity", "1e5", "12.345", "٣"])
def test_what_is_no_amount_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        money.parse(text, "EUR")
    assert "amount" in caught.value.fields


def test_more_than_the_ledger_takes_is_refused() -> None:
    with pytest.raises(errors.Invalid, match="too large"):
        money.parse("99999999999999999", "EUR")


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(errors.Invalid):
        Money(1, "EUR") + Money(1, "UAH")


def test_halves_round_away_from_zero_or_to_even() -> None:
    halves = [Decimal("0.5"), Decimal("1.5"), Decimal("-0.5"), Decimal("-2.5")]
    assert [money.round_minor(half) for half in halves] == [1, 2, -1, -3]
    assert [money.round_minor(half, half_even=True) for half in halves] == [0, 2, 0, -2]


def test_money_is_written_by_locale() -> None:
    assert money.format_money(Money(123450, "EUR"), "en") == "€1,234.50"
    assert money.format_money(Money(-5, "EUR"), "en") == "-€0.05"
    assert money.format_money(Money(123450, "UAH"), "uk").replace("\u00a0", " ") == "1 234,50 ₴"


@pytest.mark.parametrize("locale", ["en", "uk", "de", "de_CH", "fr", "sv", "pl", "el", "ar", "fa", "pt_BR"])
def test_what_fills_a_field_is_what_the_locale_types_and_reads_back(locale: str) -> None:
    for amount in (Money(-123450, "EUR"), Money(5, "UAH"), Money(1234567, "JPY"), Money(1234, "KWD")):
        assert money.parse(money.as_typed(amount, locale), amount.currency, locale) == amount
    assert money.as_typed(Money(123450, "EUR"), "uk") == "1234,50"
    assert money.as_typed(Money(123450, "JPY"), "uk") == "123450"
    assert money.as_typed(Money(1234, "KWD"), "en") == "1.234"


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD", "UAH"]))
def test_what_is_written_in_plain_digits_reads_back(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    assert money.parse(f"{money.to_decimal(amount):f}", currency) == amount


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_adding_and_taking_away_again_changes_nothing(left: int, right: int) -> None:
    assert Money(left, "EUR") + Money(right, "EUR") - Money(right, "EUR") == Money(left, "EUR")
    assert Money(0, "EUR") - (-Money(left, "EUR")) == Money(left, "EUR")
