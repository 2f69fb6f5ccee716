"""Statements as camt.053 (ISO 20022, BankToCustomerStatement, any version): XML that may hold no DTD."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import date
from typing import Any
from xml.parsers import expat

from billing.banking import words
from billing.banking.words import Statement, StatementLine
from core.words import N_

_DEEPEST = 40
_MOST_ELEMENTS = 4_000_000
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def read(content: bytes) -> Statement:
    """Read the file; raises Invalid. Several statements of one account are read as one."""
    _refuse_tricks(content)
    try:
        root = ET.fromstring(content)  # noqa: S314 - a document type, and so any entity, was refused above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise words.refuse(N_("This is not XML that can be read")) from error
    statements = [part for part in root.iter() if _name(part) == "Stmt"]
    if not statements:
        raise words.refuse(N_("There is no statement in this file (camt.053)"))
    lines: list[StatementLine] = []
    for statement in statements:
        for entry in _all(statement, "Ntry"):
            lines += _entry(entry, len(lines) + 1)
            if len(lines) > words.MOST_LINES:
                break
    accounts = {_account(_at(part, "Acct")) for part in statements}
    if len({line.currency for line in lines}) > 1 or len(accounts) > 1:
        raise words.refuse(N_("There is more than one account or currency in this file"))
    return words.checked(
        Statement(
            "camt.053",
            lines[0].currency if lines else "",
            tuple(lines),
            own_account=accounts.pop(),
            number=words.clean(_text(statements[0], "Id"), 80),
            opening_minor=_balance(statements[0], _OPENING),
            closing_minor=_balance(statements[-1], _CLOSING),
        )
    )


def _refuse_tricks(content: bytes) -> None:
    """Refuse any document type (entities: XXE, billion laughs), and depth and size out of reason."""
    parser = expat.ParserCreate()
    depth, count = 0, 0

    def refuse_type(*_: Any) -> None:
        raise words.refuse(N_("XML with a document type is refused"))

    def begin(*_: Any) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise words.refuse(N_("This XML is nested too deep or too large"))

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse_type
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise words.refuse(N_("This is not XML that can be read")) from error


def _entry(entry: ET.Element, number: int) -> Iterator[StatementLine]:
    """Read an entry: one line for each of its transactions when they name sums that add up, else one."""
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status.strip().upper() not in ("", "BOOK"):
        return
    whole, currency = _amount(_at(entry, "Amt"), number)
    sign = -1 if _text(entry, "CdtDbtInd").strip().upper() == "DBIT" else 1
    on = _day(entry, number)
    details = [part for group in _all(entry, "NtryDtls") for part in _all(group, "TxDtls")]
    sums = [_part(part, number) for part in details]
    if len(details) > 1 and sum(part or 0 for part in sums) == whole and None not in sums:
        for part, minor in zip(details, sums, strict=True):
            yield _line(entry, part, on, sign * (minor or 0), currency)
    else:
        yield _line(entry, details[0] if len(details) == 1 else None, on, sign * whole, currency)


def _line(entry: ET.Element, part: ET.Element | None, on: date, minor: int, currency: str) -> StatementLine:
    detail = entry if part is None else part
    side, own = ("Dbtr", "Cdtr") if minor > 0 else ("Cdtr", "Dbtr")
    parties = _at(detail, "RltdPties")
    spoken = [_whole(text) for text in _deep(detail, "Ustrd")] + [_whole(ref) for ref in _deep(detail, "Ref")]
    spoken = spoken or [_text(detail, "AddtlTxInf") or _text(entry, "AddtlNtryInf")]
    end_to_end = _text(detail, "Refs/EndToEndId")
    return words.line(
        on,
        minor,
        currency,
        payer_name=_text(parties, f"{side}/Nm") or _text(parties, f"{side}/Pty/Nm"),
        payer_account=_account(_at(parties, f"{side}Acct")),
        own_account=_account(_at(parties, f"{own}Acct")),
        message=" ".join(spoken),
        reference=(end_to_end if end_to_end != "NOTPROVIDED" else "")
        or _text(detail, "Refs/AcctSvcrRef")
        or _text(entry, "AcctSvcrRef"),
    )


def _day(entry: ET.Element, number: int) -> date:
    written = ""
    for place in ("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"):
        written = written or _text(entry, place)
    return words.day(written[:10], "%Y-%m-%d", where=number)


def _part(detail: ET.Element, number: int) -> int | None:
    found = _at(detail, "Amt")
    if found is None:
        found = _at(detail, "AmtDtls/TxAmt/Amt")
    return None if found is None else _amount(found, number)[0]


def _amount(element: ET.Element | None, number: int) -> tuple[int, str]:
    if element is None:
        raise words.refuse(N_("Line %(line)s has no amount", line=number))
    currency = words.currency(element.get("Ccy", ""), where=number)
    return words.amount(element.text or "", currency, ".", where=number), currency


def _balance(statement: ET.Element, codes: tuple[str, ...]) -> int | None:
    """Return a balance of the statement by its code (ExternalBalanceType1Code)."""
    for code in codes:
        for one in _all(statement, "Bal"):
            if _text(one, "Tp/CdOrPrtry/Cd") == code:
                minor, _ = _amount(_at(one, "Amt"), 0)
                return -minor if _text(one, "CdtDbtInd") == "DBIT" else minor
    return None


def _account(element: ET.Element | None) -> str:
    return words.account(_text(element, "Id/IBAN") or _text(element, "Id/Othr/Id"))


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _all(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (child for child in element if _name(child) == name)


def _deep(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (child for child in element.iter() if _name(child) == name)


def _at(element: ET.Element | None, path: str) -> ET.Element | None:
    """Return the first element at the path of names, whatever the namespace."""
    for name in path.split("/"):
        element = None if element is None else next(_all(element, name), None)
    return element


def _text(element: ET.Element | None, path: str) -> str:
    found = _at(element, path)
    return "" if found is None else (found.text or "").strip()


def _whole(element: ET.Element) -> str:
    return (element.text or "").strip()
