"""Money: whole minor units beside a currency, and the one place that rounds."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import (
    NumberFormatError,
    format_currency,
    get_currency_precision,
    get_decimal_symbol,
    parse_decimal,
)

from core import errors
from core.words import N_

LIMIT_MINOR = 10**15


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, kopiyky, fils) of a currency (ISO 4217)."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise errors.Invalid(
                N_("%(one)s and %(other)s cannot be added", one=self.currency, other=other.currency)
            )
        return other


def exponent(currency: str) -> int:
    """Return how many decimals the currency has (CLDR): 2 for EUR, 0 for JPY, 3 for KWD."""
    return int(get_currency_precision(currency))


def to_decimal(amount: Money) -> Decimal:
    """Return the amount in major units, exact."""
    return Decimal(amount.minor).scaleb(-exponent(amount.currency))


def round_minor(value: Decimal, *, half_even: bool = False) -> int:
    """Round minor units to whole ones: half away from zero as invoices are, or half to even on request."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN if half_even else ROUND_HALF_UP))


def parse(text: str, currency: str, locale: str = "en") -> Money:
    """Read what a person typed, by locale; raises Invalid on nonsense and on too many decimals."""
    try:
        value = _number(text.strip().replace("\u00a0", " ").replace(" ", ""), locale)
    except (NumberFormatError, InvalidOperation, ValueError) as error:
        raise errors.Invalid("Not an amount of money", {"amount": "Write an amount such as 12.50"}) from error
    return from_decimal(value, currency)


def from_decimal(value: Decimal, currency: str) -> Money:
    """Return an amount in major units as money; raises Invalid on too many decimals and on far too much."""
    minor = value.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        places = exponent(currency)
        raise errors.Invalid(
            "Too many decimals",
            {
                "amount": N_(
                    "%(currency)s has %(places)s decimal places, not more", currency=currency, places=places
                )
            },
        )
    if abs(minor) > LIMIT_MINOR:
        raise errors.Invalid(
            "Amount too large", {"amount": "This is more than the ledger takes in one entry"}
        )
    return Money(int(minor), currency)


def _number(text: str, locale: str) -> Decimal:
    """Take a plain point as the decimal mark in every locale; else read by the locale, strictly."""
    plain = text.lstrip("+-")
    if plain.isascii() and plain.replace(".", "", 1).isdigit() and plain.count(".") <= 1:
        return Decimal(text)
    if not all((mark.isdigit() and mark.isascii()) or mark in ".,'\u2019+-" for mark in text):
        raise ValueError(text)
    return parse_decimal(text, locale=locale, strict=True)


def as_typed(amount: Money, locale: str = "en") -> str:
    """Write the amount as a field is filled with it, bare and by locale: 1200.50, 1200,50."""
    return format(to_decimal(amount), "f").replace(".", get_decimal_symbol(locale))


def format_money(amount: Money, locale: str = "en") -> str:
    """Write the amount for people, by locale: €12.50, 12,50 €."""
    return _written(amount, locale)


# Prices and debts repeat: a plan of ten thousand debtors, or a page of customers, writes the same few sums.
@lru_cache(maxsize=8192)
def _written(amount: Money, locale: str) -> str:
    return str(format_currency(to_decimal(amount), amount.currency, locale=locale))
