"""What a statement says, whatever its format; and how its words are read. Nothing here knows a database."""

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from core import errors, money
from core.words import N_

MOST_LINES = 50_000
MOST_BYTES = 20 * 1024 * 1024
_SPACES = re.compile(r"\s+")
_NOT_ACCOUNT = re.compile(r"[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A line of a statement: minor units, above zero when the money came in."""

    booked_on: date
    amount_minor: int
    currency: str
    payer_name: str = ""
    payer_account: str = ""
    own_account: str = ""
    message: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement; the balances are what the bank says of them, None when it says nothing."""

    kind: str
    currency: str
    lines: tuple[StatementLine, ...]
    own_account: str = ""
    number: str = ""
    opening_minor: int | None = None
    closing_minor: int | None = None

    @property
    def total_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)


def refuse(text: str) -> errors.Invalid:
    """Return the error of a file that cannot be read, at the field `file`."""
    return errors.Invalid(text, {"file": text})


def clean(text: str | None, limit: int) -> str:
    """Return the text on one line, without control characters, not longer than `limit`."""
    plain = "".join(
        mark if unicodedata.category(mark)[0] != "C" else " " for mark in (text or "")[: limit * 4]
    )
    return _SPACES.sub(" ", plain).strip()[:limit]


def account(text: str | None) -> str:
    """Return a bank account number as it is compared: capitals and digits alone (ISO 13616 in print)."""
    return _NOT_ACCOUNT.sub("", (text or "")[:200].upper())[:40]


def line(
    booked_on: date,
    amount_minor: int,
    currency: str,
    *,
    payer_name: str = "",
    payer_account: str = "",
    own_account: str = "",
    message: str = "",
    reference: str = "",
) -> StatementLine:
    """Return a line with its texts cleaned and cut to what is kept."""
    return StatementLine(
        booked_on,
        amount_minor,
        currency,
        clean(payer_name, 200),
        account(payer_account),
        account(own_account),
        clean(message, 2000),
        clean(reference, 200),
    )


def amount(text: str, currency: str, decimal_mark: str, *, where: int) -> int:
    """Return minor units of a number as banks write it, the currency beside it or not; raises Invalid."""
    grouping = "." if decimal_mark == "," else ","
    plain = _SPACES.sub("", text).replace("\u2212", "-").replace("'", "").replace("\u2019", "")
    plain = plain.upper().removesuffix(currency).removeprefix(currency)
    plain = plain.replace(grouping, "").replace(decimal_mark, ".")
    if plain.endswith(("-", "+")):
        plain = plain[-1] + plain[:-1]
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{0,6})?|[+-]?\.[0-9]{1,6}", plain):
        raise refuse(N_("Line %(line)s: not an amount: %(text)s", line=where, text=clean(text, 40)))
    return minor(plain, currency, where=where)


def minor(plain: str, currency: str, *, where: int) -> int:
    """Return minor units of a plain decimal number; raises Invalid naming the line."""
    try:
        value = Decimal(plain).scaleb(money.exponent(currency))
    except InvalidOperation as error:
        raise refuse(
            N_("Line %(line)s: not an amount: %(text)s", line=where, text=clean(plain, 40))
        ) from error
    if not value.is_finite() or value != value.to_integral_value() or abs(value) > money.LIMIT_MINOR:
        raise refuse(N_("Line %(line)s: not an amount: %(text)s", line=where, text=clean(plain, 40)))
    return int(value)


def day(text: str, pattern: str, *, where: int) -> date:
    """Return a day written by the pattern (strptime's); raises Invalid naming the line."""
    try:
        found = datetime.strptime(text.strip()[:40], pattern).date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise refuse(N_("Line %(line)s: not a day: %(text)s", line=where, text=clean(text, 40))) from error
    if not 1990 <= found.year <= 2200:
        raise refuse(N_("Line %(line)s: not a day: %(text)s", line=where, text=clean(text, 40)))
    return found


def currency(text: str, *, where: int) -> str:
    """Return an ISO 4217 code; raises Invalid naming the line."""
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise refuse(N_("Line %(line)s: not a currency: %(text)s", line=where, text=clean(text, 40)))
    return code


def checked(statement: Statement) -> Statement:
    """Return the statement without lines of nothing; raises Invalid when it is empty, long or mixed."""
    lines = tuple(line for line in statement.lines if line.amount_minor)
    if not lines:
        raise refuse(N_("There is no payment in this file"))
    if len(lines) > MOST_LINES:
        raise refuse(N_("More than %(count)s lines: split the file", count=MOST_LINES))
    return replace(statement, lines=lines)


def hashes(statement: Statement) -> list[str]:
    """Return a hash for each line: the same line of another file has the same, two alike in one do not.

    Day, sum, both accounts, name, message and reference go in, and how many such lines stood before it.
    """
    seen: Counter[tuple[object, ...]] = Counter()
    made = []
    for one in statement.lines:
        facts = (
            one.booked_on.isoformat(),
            one.amount_minor,
            one.currency,
            statement.own_account,
            one.payer_account,
            one.payer_name.casefold(),
            one.message.casefold(),
            one.reference,
        )
        made.append(hashlib.sha256(repr((*facts, seen[facts])).encode()).hexdigest())
        seen[facts] += 1
    return made
