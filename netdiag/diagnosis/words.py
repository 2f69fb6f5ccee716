"""Values of the evidence in words people say: spans, moments, rates, levels."""

import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from netdiag.diagnosis.evidence import NotChecked, PingEvidence
from netdiag.diagnosis.outcome import Fact
from netdiag.text import N_, Moment, Number, Private, Text, Value, joined

DASH = N_("–")
NONE = N_("none")


def known(value: float | None) -> float | None:
    """Return the number, None for none and for what is no number."""
    return value if value is not None and math.isfinite(value) else None


def above(value: float | None, limit: float) -> bool:
    """Tell whether the number is known and above the limit."""
    found = known(value)
    return found is not None and found > limit


def span(seconds: float | None) -> Text | None:
    """Return "3 d 4 h", "2 h 5 min", "12 min" or "40 s"; None for what is not known."""
    found = known(seconds)
    if found is None or found < 0:
        return None
    whole = int(found)
    if whole >= 86_400:
        return N_("%(days)s d %(hours)s h", days=whole // 86_400, hours=whole % 86_400 // 3600)
    if whole >= 3600:
        return N_("%(hours)s h %(minutes)s min", hours=whole // 3600, minutes=whole % 3600 // 60)
    if whole >= 60:
        return N_("%(minutes)s min", minutes=whole // 60)
    return N_("%(seconds)s s", seconds=whole)


def since(what: Text, taken_at: datetime | None, seconds: float | None) -> Text:
    """Return it with " since 14:02 (23 min)", " for 23 min" without a clock, alone when it is not known."""
    length = span(seconds)
    if length is None or seconds is None:
        return what
    try:
        began = taken_at - timedelta(seconds=seconds) if taken_at else None
    except OverflowError:
        began = None
    if began is None or taken_at is None:
        return N_("%(what)s for %(span)s", what=what, span=length)
    moment = Moment(began, has_day=began.date() != taken_at.date())
    return N_("%(what)s since %(moment)s (%(span)s)", what=what, moment=moment, span=length)


def moment(text: str) -> Value:
    """Return a moment written as ISO 8601 says; what is not one stays as it is."""
    try:
        return Moment(date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text))
    except ValueError:
        return text


def number(value: float | None, digits: int = 1) -> Number | Text:
    """Return the number, a dash for what is not known."""
    found = known(value)
    return DASH if found is None else Number(found, digits)


def percent(value: float | None) -> Text:
    """Return a share."""
    return DASH if known(value) is None else N_("%(number)s %%", number=number(value))


def ms(value: float | None, digits: int = 2) -> Text:
    """Return milliseconds."""
    return DASH if known(value) is None else N_("%(number)s ms", number=number(value, digits))


def dbm(value: float | None) -> Text:
    """Return a level of light."""
    return DASH if known(value) is None else N_("%(number)s dBm", number=number(value))


def metres(value: float | None) -> Text:
    """Return a distance."""
    return DASH if known(value) is None else N_("%(number)s m", number=number(value, 0))


def a_second(value: float | None) -> Text:
    """Return how often something happens."""
    return DASH if known(value) is None else N_("%(number)s a second", number=number(value, 2))


def speed(bps: float | None) -> Text:
    """Return bits a second as people say them."""
    found = known(bps)
    if found is None:
        return DASH
    if found >= 1e9:
        return N_("%(number)s Gbit/s", number=number(found / 1e9, 2))
    if found >= 1e6:
        return N_("%(number)s Mbit/s", number=number(found / 1e6, 2))
    if found >= 1e3:
        return N_("%(number)s kbit/s", number=number(found / 1e3, 2))
    return N_("%(number)s bit/s", number=number(found, 0))


def not_checked(part: NotChecked) -> Text:
    """Return that something was not checked, and why."""
    return N_("not checked: %(why)s", why=told(part.why))


def told(why: Text | str) -> Value:
    """Return a reason; what is no text of ours may name an address, so it is private."""
    return why if isinstance(why, Text) else Private(why)


def plain(value: Value) -> Text:
    """Return a sentence that is nothing but a value, and nothing to translate."""
    return Text("%(value)s", (("value", value),))


def echoes(found: PingEvidence | NotChecked) -> Text:
    """Return a ping in a few words."""
    if isinstance(found, NotChecked):
        return not_checked(found)
    if found.sent <= 0:
        return N_("none was sent")
    text = N_("%(received)s of %(sent)s answered", received=found.received, sent=found.sent)
    if known(found.rtt_ms) is not None:
        text = N_("%(what)s, %(time)s", what=text, time=ms(found.rtt_ms))
    return N_("%(what)s; %(more)s", what=text, more=private(found.reasons, "; ")) if found.reasons else text


def private(parts: Iterable[str], by: str = ", ") -> Value:
    """Return words that are nobody else's business, one after the other."""
    return joined((Private(one) for one in parts), by)


def snmp(found: str | NotChecked) -> Text:
    """Return what became of the SNMP question."""
    if isinstance(found, NotChecked):
        return not_checked(found)
    if found == "answered":
        return N_("answers")
    if found == "refused":
        return N_("refuses")
    return N_("denies these credentials") if found == "denied" else N_("silent")


def facts(*pairs: tuple[Text, Text | str | None]) -> list[Fact]:
    """Return the lines of evidence that have a value."""
    return [Fact(name, value) for name, value in pairs if value and value != DASH]
