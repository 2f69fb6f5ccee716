"""Numbers of the evidence in words people say: spans, moments, rates, levels."""

import math
from datetime import datetime, timedelta

from netdiag.diagnosis.evidence import NotChecked, PingEvidence
from netdiag.diagnosis.outcome import Fact


def known(value: float | None) -> float | None:
    """Return the number, None for none and for what is no number."""
    return value if value is not None and math.isfinite(value) else None


def above(value: float | None, limit: float) -> bool:
    """Tell whether the number is known and above the limit."""
    found = known(value)
    return found is not None and found > limit


def span(seconds: float | None) -> str:
    """Return "3 d 4 h", "2 h 5 min", "12 min" or "40 s"; nothing for what is not known."""
    found = known(seconds)
    if found is None or found < 0:
        return ""
    whole = int(found)
    if whole >= 86_400:
        return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min" if whole >= 60 else f"{whole} s"


def since(taken_at: datetime | None, seconds: float | None) -> str:
    """Return " since 14:02 (23 min)", " for 23 min" without a clock, nothing for what is not known."""
    length = span(seconds)
    if not length or seconds is None:
        return ""
    try:
        began = taken_at - timedelta(seconds=seconds) if taken_at else None
    except OverflowError:
        began = None
    if began is None or taken_at is None:
        return f" for {length}"
    shape = "%H:%M" if began.date() == taken_at.date() else "%Y-%m-%d %H:%M"
    return f" since {began.strftime(shape)} ({length})"


def number(value: float | None, unit: str, digits: int = 1) -> str:
    """Return the number with its unit, a dash for what is not known."""
    found = known(value)
    if found is None:
        return "–"
    text = f"{found:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def speed(bps: float | None) -> str:
    """Return bits a second as people say them."""
    found = known(bps)
    if found is None:
        return "–"
    for size, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if found >= size:
            return number(found / size, unit, 2)
    return number(found, "bit/s", 0)


def count(amount: int, one: str, many: str) -> str:
    """Return "1 neighbour", "3 neighbours"."""
    return f"{amount} {one if amount == 1 else many}"


def echoes(found: PingEvidence | NotChecked) -> str:
    """Return a ping in a few words."""
    if isinstance(found, NotChecked):
        return f"not checked: {found.why}"
    if found.sent <= 0:
        return "none was sent"
    text = f"{found.received} of {found.sent} answered"
    if known(found.rtt_ms) is not None:
        text += f", {number(found.rtt_ms, 'ms', 2)}"
    return f"{text}; {'; '.join(found.reasons)}" if found.reasons else text


def snmp(found: str | NotChecked) -> str:
    """Return what became of the SNMP question."""
    if isinstance(found, NotChecked):
        return f"not checked: {found.why}"
    return {"answered": "answers", "refused": "refuses", "denied": "denies these credentials"}.get(
        found, "silent"
    )


def facts(*pairs: tuple[str, str | None]) -> list[Fact]:
    """Return the lines of evidence that have a value."""
    return [Fact(name, value) for name, value in pairs if value and value != "–"]
