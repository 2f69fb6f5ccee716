"""SNMP values as people read them: text, numbers, MAC addresses."""

import re
from collections.abc import Sequence

from netdiag.snmp.message import Value


def text(value: Value | None) -> str:
    """Return octets as text: UTF-8, else Latin-1; without zero bytes, which no database takes as text."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        plain = value.replace(b"\x00", b"")
        try:
            return plain.decode()
        except UnicodeDecodeError:
            return plain.decode("latin-1")
    return str(value)


def number(value: Value | None) -> int | None:
    """Return an integer, or None if there is none."""
    return value if isinstance(value, int) else None


def loose_number(value: Value | None) -> int | None:
    """Return an integer, also one that the agent wrote as text ("1000") or behind its word ("up(1)")."""
    if isinstance(value, bytes):
        hit = re.fullmatch(r"(?:[A-Za-z][\w-]*\()?(\d{1,19})\)?", text(value).strip())
        return int(hit.group(1)) if hit else None
    return number(value)


def mac(value: Value | None) -> str | None:
    """Return six octets as 00:11:22:33:44:55; None for anything else and for all zeros."""
    if isinstance(value, bytes) and len(value) == 6 and any(value):
        return value.hex(":")
    return None


def mac_of_index(parts: Sequence[str]) -> str:
    """Return the MAC that stands as six numbers in a row index."""
    return bytes(int(part) & 0xFF for part in parts).hex(":")


def index_of_mac(colon_mac: str) -> str:
    """Return a MAC as the six dotted numbers of a row index."""
    return ".".join(str(int(part, 16)) for part in colon_mac.split(":"))
