"""Bank accounts as documents name them: IBAN (ISO 13616), BIC (ISO 9362), and what a bank's QR code says."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from core import money
from core.money import Money
from core.words import N_

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# EPC069-12 2.1: the sums a code may ask for, in cents.
_EPC_SUMS = range(1, 99_999_999_999 + 1)
# SPAYD 1.0: a sum has ten characters at most; ASCII stands as it is, but for what parts and escapes.
_SPAYD_SUMS = range(1, 999_999_999 + 1)
_SPAYD_PLAIN = "".join(set(map(chr, range(0x20, 0x7F))) - set("*+%"))
_QUIET = 4  # modules around a code (ISO 18004)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a code asks to pay: how much, to whom, and what to write beside it."""

    name: str
    iban: str
    bic: str
    amount: Money
    text: str


def plain_iban(text: str) -> str:
    """Return the IBAN without spaces, in capitals."""
    return "".join(text.split()).upper()


def readable_iban(iban: str) -> str:
    """Return the IBAN in groups of four, as on paper."""
    return " ".join(iban[place : place + 4] for place in range(0, len(iban), 4))


def iban_fault(iban: str) -> str | None:
    """Return what is wrong with a plain IBAN, in words; None when its check digits are right (mod 97)."""
    if not _IBAN.fullmatch(iban):
        return N_("An IBAN is two letters, two digits and 11 to 30 letters or digits")
    digits = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    return None if int(digits) % 97 == 1 else N_("The check digits do not fit: a letter or digit is wrong")


def bic_fault(bic: str) -> str | None:
    """Return what is wrong with a BIC, in words; None when it has the form of one."""
    return None if _BIC.fullmatch(bic) else N_("A BIC has 8 or 11 letters and digits, such as COBADEFFXXX")


def qr_text(transfer: Transfer) -> str | None:
    """Return what the QR code of a document says; None where no code is read.

    Euro: EPC069-12, version 2, a credit transfer. Czech crowns: SPAYD 1.0. No other currency has a code here,
    and one that the customers' programs refuse is worse than none.
    """
    if not transfer.iban or transfer.amount.minor <= 0:
        return None
    if transfer.amount.currency == "EUR":
        return _epc(transfer) if transfer.amount.minor in _EPC_SUMS else None
    if transfer.amount.currency == "CZK":
        return _spayd(transfer) if transfer.amount.minor in _SPAYD_SUMS else None
    return None


def modules(text: str) -> list[bytes]:
    """Return the rows of the QR code of a text (ISO 18004, level M), 1 is dark, the quiet zone around it.

    The text stands in it as UTF-8, as EPC069-12 says by its third line. Left to choose, an encoder writes
    what fits ISO 8859-1 in that, and a bank's program reads "Süd" as broken or not at all.
    """
    import segno

    code = segno.make(text, error="m", micro=False, boost_error=False, encoding="utf-8")
    return [bytes(row) for row in code.matrix_iter(border=_QUIET)]


def _epc(transfer: Transfer) -> str:
    """EPC069-12 table 2: twelve lines, the last ones left out when empty; 1 is UTF-8."""
    lines = ["BCD", "002", "1", "SCT", transfer.bic, _line(transfer.name, 70), transfer.iban]
    lines += [f"EUR{money.to_decimal(transfer.amount):.2f}", "", "", _line(transfer.text, 140)]
    return "\n".join(lines).rstrip("\n")


def _spayd(transfer: Transfer) -> str:
    """Short Payment Descriptor 1.0: pairs parted by stars; words are percent-encoded, but for plain ASCII."""
    account = f"{transfer.iban}+{transfer.bic}" if transfer.bic else transfer.iban
    values = {
        "ACC": account,
        "AM": f"{money.to_decimal(transfer.amount):.2f}",
        "CC": "CZK",
        "RN": _line(transfer.name, 35),
        "MSG": _line(transfer.text, 60),
    }
    for key in ("RN", "MSG"):
        values[key] = quote(values[key], safe=_SPAYD_PLAIN)
    return "*".join(["SPD", "1.0", *(f"{key}:{value}" for key, value in values.items() if value)])


def _line(text: str, limit: int) -> str:
    return " ".join(text.split())[:limit]
