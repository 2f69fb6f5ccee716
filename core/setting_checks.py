"""What single settings must be beyond their type: a known time zone, currency, locale, a usable URL."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.numbers import get_currency_precision, list_currencies


def time_zone(value: str) -> str:
    """Return the name; raises ValueError for none of the IANA database."""
    if value not in available_timezones():
        raise ValueError(f"no such time zone: {value} (an IANA name such as Europe/Kyiv)")
    ZoneInfo(value)
    return value


def currency(value: str) -> str:
    """Return the code; raises ValueError for none of ISO 4217."""
    if value not in list_currencies():
        raise ValueError(f"no such currency: {value} (an ISO 4217 code such as EUR)")
    get_currency_precision(value)
    return value


def public_url(value: str) -> str:
    """Return the URL without a slash at its end; raises ValueError for anything but http(s)://host."""
    parts = urlsplit(value)
    if value and (
        parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment
    ):
        raise ValueError("a public URL is https://host, and a path if the pages are not at its root")
    return value.rstrip("/")


def payment_url(value: str) -> str:
    """Return the URL with its places {number}, {amount} and {currency}; raises ValueError for others."""
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("a payment URL is https://host/..., with {number}, {amount} and {currency} in it")
    try:
        value.format(number="", amount="", currency="")
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError("only {number}, {amount} and {currency} are filled in") from error
    return value


def locale(value: str) -> str:
    """Return the locale's name; raises ValueError for one that CLDR does not know."""
    Locale.parse(value)
    return value
