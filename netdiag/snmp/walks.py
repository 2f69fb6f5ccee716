"""Recorded devices: read a walk (snmprec, or the text of `snmpwalk -On`, both also .bz2) as typed values."""

import bz2
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pysnmp.proto import rfc1902

LARGEST_FILE = 256 * 1024 * 1024

_TAGS: dict[str, Any] = {
    "2": rfc1902.Integer32,
    "4": rfc1902.OctetString,
    "6": rfc1902.ObjectIdentifier,
    "64": rfc1902.IpAddress,
    "65": rfc1902.Counter32,
    "66": rfc1902.Gauge32,
    "67": rfc1902.TimeTicks,
    "68": rfc1902.Opaque,
    "70": rfc1902.Counter64,
}
_RANGES = {"2": (32, True), "65": (32, False), "66": (32, False), "67": (32, False), "70": (64, False)}
_WALK_LINE = re.compile(
    r"^(?:\.|iso\.|\.iso\.)?(\d+(?:\.\d+)+) = (?:([A-Za-z][\w -]*?): ?|(?=\"))?(.*)$", re.DOTALL
)
_WALK_TAGS = {
    "INTEGER": "2", "Integer32": "2", "Counter32": "65", "Gauge32": "66", "Unsigned32": "66",
    "Timeticks": "67", "Counter64": "70", "OID": "6", "IpAddress": "64", "Network Address": "64",
    "Hex-STRING": "4x", "STRING": "4", "BITS": "4x", "Opaque": "68",
}  # fmt: skip
_NOTHING = ("No Such ", "No more variables", "End of MIB", "NULL")


class BadWalk(ValueError):
    """The file holds no walk this can read."""


def read(path: Path) -> dict[str, Any]:
    """Return OID -> pysnmp value of a recording, without senseless lines; raises BadWalk, OSError."""
    octets = path.read_bytes()
    if path.suffix == ".bz2":
        unpacker = bz2.BZ2Decompressor()
        try:
            octets = unpacker.decompress(octets, LARGEST_FILE)
        except (OSError, EOFError) as fault:
            raise BadWalk(f"{path.name} is no bzip2 file: {fault}") from None
    found = parse(octets.decode("utf-8", errors="surrogateescape"))
    if not found:
        raise BadWalk(f"{path.name} holds neither snmprec lines nor those of snmpwalk -On")
    return found


def parse(text: str) -> dict[str, Any]:
    """Return OID -> pysnmp value of a recording's text."""
    lines = text.split("\n")
    is_snmprec = any(re.match(r"^\.?[\d.]+\|\d+[a-z:]*\w*\|", line) for line in lines[:50])
    pairs = _snmprec(lines) if is_snmprec else _walk(lines)
    found: dict[str, Any] = {}
    for oid, tag, value in pairs:
        made = _make(tag, value)
        if made is not None:
            found[oid] = made
    return found


def _snmprec(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (OID, tag, value) of snmprec lines; of a variation module's line its first value."""
    for line in lines:
        oid, bar, rest = line.rstrip("\r").partition("|")
        tag, second_bar, value = rest.partition("|")
        if not bar or not second_bar or not re.fullmatch(r"\.?\d+(\.\d+)+", oid):
            continue
        tag, colon, _module = tag.partition(":")
        if colon:
            hit = re.search(r"(?:initial|value|hexvalue)=([^,]*)", value)
            value = hit.group(1) if hit else value
        yield oid.lstrip("."), tag, value


def _walk(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (OID, tag, value) of what snmpwalk prints; a value may go on over several lines."""
    entry: list[str] = []
    for line in [*lines, ".0.0 = NULL"]:
        if re.match(r"^(?:\.|iso\.|\.iso\.)?\d+(\.\d+)+ = ", line):
            yield from _entry("\n".join(entry).rstrip("\r\n"))
            entry = []
        entry.append(line.rstrip("\r"))


def _entry(text: str) -> Iterator[tuple[str, str, str]]:
    hit = _WALK_LINE.match(text.replace("iso.", "1.", 1) if text.lstrip(".").startswith("iso.") else text)
    if hit is None:
        return
    oid, kind, value = hit.group(1), hit.group(2), hit.group(3)
    if value.startswith(_NOTHING) and kind is None:
        return
    tag = _WALK_TAGS.get(kind or "STRING")
    if tag is None:
        return
    if tag in {"2", "65", "66", "70"}:
        number = re.search(r"-?\d+(?=\)|\b)", value[value.find("(") + 1 :] if "(" in value else value)
        value = number.group(0) if number else ""
    elif tag == "67":
        ticks = re.search(r"\((\d+)\)", value) or re.search(r"(\d+)", value)
        value = ticks.group(1) if ticks else ""
    elif tag == "4x":
        value = "".join(re.findall(r"(?<![^\s])[0-9A-Fa-f]{2}(?![^\s])", value))
    elif tag == "4" and value.startswith('"'):
        value = value[1:].removesuffix('"').replace('\\"', '"').replace("\\\\", "\\")
    yield oid, tag, value


def _make(tag: str, value: str) -> Any:
    """Return the pysnmp value, numbers brought into their type's range; None if there is none."""
    try:
        if tag in _RANGES:
            bits, is_signed = _RANGES[tag]
            number = int(value.strip()) % (1 << bits)
            return _TAGS[tag](number - (1 << bits) if is_signed and number >> (bits - 1) else number)
        made = _TAGS.get(tag.rstrip("xe"))
        return None if made is None else made(_content(tag, value))
    except Exception:
        # pyasn1 raises a dozen kinds; a line that is no value is left out.
        return None


def _content(tag: str, value: str) -> Any:
    kind = tag.rstrip("xe")
    if kind == "64":
        return _address(value, tag == "64x")
    if kind == "6":
        return value.replace("iso.", "1.").strip().lstrip(".")
    return bytes.fromhex(value) if tag.endswith("x") else value.encode("utf-8", errors="surrogateescape")


def _address(value: str, is_hex: bool) -> str:
    text = value.strip()
    if is_hex:
        return ".".join(str(byte) for byte in bytes.fromhex(text))
    if ":" in text:
        return ".".join(str(int(part, 16)) for part in text.split(":"))
    return text


def plain(value: Any) -> int | bytes | str:
    """Return a recording's value as the client reads it: number, octets, or text of an OID or address."""
    if isinstance(value, rfc1902.IpAddress):
        return ".".join(str(byte) for byte in value.asOctets())
    if isinstance(value, rfc1902.ObjectIdentifier):
        return ".".join(str(part) for part in value.asTuple())
    return bytes(value.asOctets()) if hasattr(value, "asOctets") else int(value)
