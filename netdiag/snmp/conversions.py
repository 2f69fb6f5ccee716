"""From an agent's value to what people read: numbers, units, enumerations, texts, MACs, serials."""

import datetime
import math
import re
from typing import Any

from netdiag.snmp import values
from netdiag.snmp.message import Value
from netdiag.snmp.profile_format import Reading, Source

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_ERRORS_IN_WORDS = frozenset(
    {
        "",
        "n/a",
        "na",
        "none",
        "null",
        "unknown",
        "not available",
        "unspecified",
        "not specified",
        "not applicable",
    }
    | {"-", "--", "0000", "uninitialized", "default string", "to be filled by o.e.m."}
)


def apply(reading: Reading, value: Value | None) -> Any:
    """Return what a reading makes of an agent's value; None for nothing, ignored and impossible values."""
    if value is None or _is_ignored(reading, value):
        return None
    if reading.type in {"number", "number_in_text"}:
        return _number(reading, value)
    found = _text(reading.type, value)
    if reading.convert == "date_bytes":
        found = date(value) or ""
    return finish_text(reading, found)


def finish_text(source: Reading | Source, found: str | None) -> Any:
    """Return a text through match, replace, case, map and template; None if it says nothing."""
    if found is not None and source.match is not None:
        found = group(source.match, found)
    if found is None:
        return None
    for pattern, text in source.replace:
        found = pattern.sub(text, found)
    found = found.strip()
    if source.case is not None:
        found = found.upper() if source.case == "upper" else found.lower()
    if source.map is not None:
        mapped = source.map.get(found, source.map.get("*"))
        return None if mapped is None or mapped == "" else mapped
    if found.lower() in _ERRORS_IN_WORDS:
        return None
    return source.template.replace("{}", found) if source.template else found


def meaningful(text: str) -> str | None:
    """Return a text without space around it; None for an empty one and for words that say nothing."""
    plain = text.strip()
    return None if plain.lower() in _ERRORS_IN_WORDS or not any(map(str.isalnum, plain)) else plain


def group(pattern: re.Pattern[str], text: str) -> str | None:
    """Return the first group of a match that holds something, or the whole match; None for no match."""
    hit = pattern.search(text)
    if hit is None:
        return None
    return hit.group(0) if not hit.groups() else next((one for one in hit.groups() if one), None)


def _is_ignored(reading: Reading, value: Value) -> bool:
    return bool(reading.ignore) and (value in reading.ignore or values.text(value).strip() in reading.ignore)


def _number(reading: Reading, value: Value) -> Any:
    plain: float | None
    if isinstance(value, int) and reading.match is None and reading.type == "number":
        plain = value
    else:
        text = values.text(value).strip()
        if reading.match is not None:
            text = group(reading.match, text) or ""
        plain = number_in(text) if reading.type == "number_in_text" else _strict_number(text)
    if reading.map is not None:
        # An enumeration is mapped as it is written; what is not in the map is unknown.
        key = values.text(value).strip()
        return reading.map.get(key, reading.map.get("*"))
    if plain is None:
        return None
    found = converted(reading.convert, plain * reading.scale + reading.offset, reading.floor_dbm)
    if found is None or not math.isfinite(found):
        return None
    if (reading.minimum is not None and found < reading.minimum) or (
        reading.maximum is not None and found > reading.maximum
    ):
        return None
    return tidy(found)


def tidy(number: float) -> float | int:
    """Return a number rounded to three places, whole ones as integers."""
    rounded = round(number, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _strict_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def number_in(text: str) -> float | None:
    """Return the first number in a text such as "-18.25 dBm"; None if there is none."""
    hit = _NUMBER.search(text)
    return float(hit.group(0).replace(",", ".")) if hit else None


def converted(name: str | None, number: float, floor_dbm: float | None = None) -> float | None:
    """Convert between units; no power at all has no value in dBm, unless `floor_dbm` is given for it."""
    if name in {"mw_to_dbm", "w_to_dbm"}:
        milliwatts = number * 1000 if name == "w_to_dbm" else number
        if milliwatts == 0:
            return floor_dbm
        return 10 * math.log10(milliwatts) if milliwatts > 0 else None
    if name == "fahrenheit_to_celsius":
        return (number - 32) / 1.8
    if name == "kelvin_to_celsius":
        return number - 273.15
    return number


def _text(kind: str, value: Value) -> str | None:
    octets = value if isinstance(value, bytes) else values.text(value).encode()
    if kind == "hex":
        return octets.hex()
    if kind == "mac":
        return mac(value)
    if kind == "gpon_serial":
        return gpon_serial(octets)
    if kind == "ip":
        is_address = isinstance(value, bytes) and len(value) == 4
        return ".".join(str(byte) for byte in octets) if is_address else values.text(value)
    if kind == "version_bytes":
        return ".".join(str(byte) for byte in octets)
    return values.text(value)


def mac(value: Value | None) -> str | None:
    """Return a MAC from six octets or from its text in any common writing; None for anything else."""
    if isinstance(value, bytes) and len(value) == 6:
        return values.mac(value)
    text = values.text(value).strip()
    parts = re.split(r"[:\s-]", text)
    if len(parts) == 6 and all(re.fullmatch(r"[0-9a-fA-F]{1,2}", part) for part in parts):
        # Agents that write a MAC as text leave out leading zeros.
        return values.mac(bytes(int(part, 16) for part in parts))
    digits = text.replace(".", "").replace("-", "").removeprefix("0x")
    return values.mac(bytes.fromhex(digits)) if re.fullmatch(r"[0-9a-fA-F]{12}", digits) else None


def gpon_serial(octets: bytes) -> str | None:
    """Return a GPON serial number as it is printed: four letters and eight digits (ITU-T G.984.3)."""
    if len(octets) == 8 and octets[:4].isalnum():
        return octets[:4].decode() + octets[4:].hex().upper()
    text = re.sub(r"[^0-9A-Za-z]", "", octets.decode("latin-1"))
    if len(text) == 16 and re.fullmatch(r"[0-9A-Fa-f]{16}", text):
        return gpon_serial(bytes.fromhex(text)) or text.upper()
    return text or None


def date(value: Value) -> str | None:
    """Return a DateAndTime (RFC 2579) as ISO text; None if it is no moment."""
    if not isinstance(value, bytes) or len(value) not in {8, 11} or not any(value):
        return None
    year, (month, day, hour, minute, second) = value[0] * 256 + value[1], value[2:7]
    try:
        # The device's own clock: eight octets name no zone.
        moment = datetime.datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001
    except ValueError:
        return None
    return moment.isoformat()
