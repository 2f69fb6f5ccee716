"""Statements as MT940 (SWIFT, Customer Statement Message): fields that begin with :NN: on a line."""

import re
from datetime import date

import charset_normalizer

from billing.banking import words
from billing.banking.words import Statement, StatementLine
from core.words import N_

# Banks put fields of their own (":NS:") between those of the standard.
_FIELD = re.compile(r"^:(\d{2}[A-Z]?|NS):", re.MULTILINE)
# What is no UTF-8 is in a code page of the bank's country; its first bytes say which.
_CODE_PAGES = ["cp1250", "cp1251", "cp1252", "cp852", "iso8859_2"]
_GUESSED_BY = 20_000
_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})([\d,]{1,18})")
# Value date, booking date, mark, currency's third letter, sum, type, reference, the bank's reference.
_LINE = re.compile(
    r"(\d{6})(\d{4})?(R?[CD])([A-Z])?(\d{1,15},\d{0,3})([NFS][A-Z0-9]{3})?([^/\n]{0,34})(?://([^\n]{0,34}))?"
)
# The mark between the numbered parts: a question mark, or what the bank writes after its three digits.
_MARKED = re.compile(r"\s*(?:\d{3})?\s*([?<^~|+])(?=\d{2})")
_SLASHED = re.compile(
    r"/(NAME|IBAN|BIC|REMI|EREF|KREF|BENM|ORDP|CNTP|TRTP|TRCD|CSID|MARF|ISDT|PREF|RTRN|PURP|ULTC|ULTD|SVCL|ID)/"
)
_REMITTANCE = re.compile(r"^(USTD//|STRD/(?:CUR/)?)")


def read(content: bytes) -> Statement:
    """Read the file; raises Invalid. Several statements of one account are read as one."""
    fields = _fields(content)
    state = _State()
    for number, (tag, text) in enumerate(fields, 1):
        if tag == "25":
            state.accounts.add(words.account(text.partition("\n")[0]))
        elif tag in ("28", "28C") and not state.number:
            state.number = words.clean(text, 80)
        elif tag[:2] in ("60", "62"):
            state.balance(tag[:2], text, number)
        elif tag == "61":
            state.begin(text, number)
        elif tag == "86" and state.open:
            state.finish(text)
        if len(state.lines) > words.MOST_LINES:
            break
    state.finish("")
    if len(state.accounts) > 1 or len(state.currencies) > 1:
        raise words.refuse(N_("There is more than one account or currency in this file"))
    return words.checked(
        Statement(
            "mt940",
            min(state.currencies, default=""),
            tuple(state.lines),
            own_account=min(state.accounts, default=""),
            number=state.number,
            opening_minor=state.opening,
            closing_minor=state.closing,
        )
    )


class _State:
    """What has been read so far; `open` is a line that waits for its field 86."""

    def __init__(self) -> None:
        self.lines: list[StatementLine] = []
        self.accounts: set[str] = set()
        self.currencies: set[str] = set()
        self.number = ""
        self.opening: int | None = None
        self.closing: int | None = None
        self.open: tuple[date, int, str, str] | None = None

    def balance(self, tag: str, text: str, number: int) -> None:
        """Note an opening (60) or closing (62) balance; the first opening and the last closing stand."""
        found = _BALANCE.match(text)
        if found is None:
            raise words.refuse(N_("Field %(field)s is no balance", field=number))
        mark, _, currency, written = found.groups()
        self.currencies.add(currency)
        minor = words.amount(written, currency, ",", where=number) * (1 if mark == "C" else -1)
        if tag == "62":
            self.closing = minor
        elif self.opening is None:
            self.opening = minor

    def begin(self, text: str, number: int) -> None:
        """Read a line of the statement (field 61) up to its description."""
        self.finish("")
        found = _LINE.match(text)
        if found is None or not self.currencies:
            raise words.refuse(N_("Field %(field)s is no line of a statement", field=number))
        valued, booked, mark, _, written, _, reference, bank_reference = found.groups()
        currency = min(self.currencies)
        on = words.day(valued, "%y%m%d", where=number)
        if booked:
            on = _booked(on, booked, number)
        # A reversal of a credit takes money away, one of a debit gives it back.
        sign = 1 if mark in ("C", "RD") else -1
        minor = sign * words.amount(written, currency, ",", where=number)
        reference = reference.strip()
        self.open = on, minor, currency, bank_reference or ("" if reference == "NONREF" else reference)

    def finish(self, description: str) -> None:
        """Close the open line with its description (field 86)."""
        if self.open is None:
            return
        on, minor, currency, reference = self.open
        self.open = None
        name, source, message = _described(description)
        self.lines.append(
            words.line(
                on,
                minor,
                currency,
                payer_name=name,
                payer_account=source,
                message=message,
                reference=reference,
            )
        )


def _fields(content: bytes) -> list[tuple[str, str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        best = charset_normalizer.from_bytes(content[:_GUESSED_BY], cp_isolation=_CODE_PAGES).best()
        text = content.decode(best.encoding if best else "cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    marks = list(_FIELD.finditer(text))
    if not marks:
        raise words.refuse(N_("There is no statement in this file (MT940)"))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        (mark.group(1), text[mark.end() : end].removesuffix("-}").strip().removesuffix("\n-"))
        for mark, end in zip(marks, ends, strict=True)
    ]


def _booked(valued: date, month_day: str, number: int) -> date:
    """Return the booking day, which has no year of its own: the one nearest to the value date."""
    years = (valued.year - 1, valued.year, valued.year + 1)
    days = []
    for year in years:
        try:
            days.append(date(year, int(month_day[:2]), int(month_day[2:])))
        except ValueError:
            continue
    if not days:
        raise words.refuse(N_("Line %(line)s: not a day: %(text)s", line=number, text=month_day))
    return min(days, key=lambda one: abs((one - valued).days))


def _described(text: str) -> tuple[str, str, str]:
    """Return name, account and message of field 86: in numbered parts, in slashed words, or as it stands."""
    joined = text.replace("\n", "")[:4000]
    if mark := _MARKED.match(joined):
        return _numbered(joined[mark.start(1) :], mark.group(1))
    if marks := list(_SLASHED.finditer(joined)):
        ends = [mark.start() for mark in marks[1:]] + [len(joined)]
        return _slashed(
            {mark.group(1): joined[mark.end() : end] for mark, end in zip(marks, ends, strict=True)}, joined
        )
    return "", "", text


def _numbered(text: str, mark: str) -> tuple[str, str, str]:
    """Read parts of two digits: 20-29 and 60-63 the message, 32-33 the name, 31 the account, 38 its IBAN."""
    found: dict[str, str] = {}
    for code, value in re.findall(rf"{re.escape(mark)}(\d{{2}})([^{re.escape(mark)}]*)", text):
        found[code] = found.get(code, "") + value
    message = "".join(found[code] for code in sorted(found) if "20" <= code <= "29" or "60" <= code <= "63")
    return found.get("32", "") + found.get("33", ""), found.get("38") or found.get("31", ""), message


def _slashed(found: dict[str, str], whole: str) -> tuple[str, str, str]:
    """Read slashed words; the other side (CNTP) is account, BIC, name and city in one."""
    account, _, rest = found.get("CNTP", "").partition("/")
    name = found.get("NAME", "").strip("/") or rest.partition("/")[2].partition("/")[0]
    message = _REMITTANCE.sub("", found.get("REMI", "")).strip("/")
    return name, found.get("IBAN", "").partition("/")[0] or account, message or whole
