"""Propose a profile for a recorded device: how to know it, where its facts stand, what else looks useful."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from netdiag.snmp import conversions, guesses, inventory, values, walks
from netdiag.snmp.message import Value

_ENTERPRISES = "1.3.6.1.4.1."
_ENTITY = "1.3.6.1.2.1.47.1.1.1.1."
_CHASSIS = 3
_ENTITY_COLUMNS = {"model": "13", "version": "10", "serial": "11"}
_SERIAL = re.compile(r"^(?=.*\d.*\d.*\d)[A-Z0-9][A-Z0-9./-]{7,24}$")
_VERSION = re.compile(r"^[vV]?\d+(\.\d+)+[\w.() -]{0,24}$")
_DBM = re.compile(r"^\s*-?\d{1,2}(\.\d+)?\s*dBm\s*$", re.IGNORECASE)
_DEGREES = re.compile(r"^\s*-?\d{1,3}(\.\d+)?\s*(°\s*C|C|deg\w*)\s*$", re.IGNORECASE)
_MOST_COMMENTS = 12
_LEAST_ROWS = 2


def propose(walk: Mapping[str, Any]) -> str:
    """Return a TOML profile for a recording (OID -> pysnmp value) with candidates as comments."""
    plain = {oid: walks.plain(made) for oid, made in walk.items()}
    description = values.text(plain.get("1.3.6.1.2.1.1.1.0")).strip()
    object_id = values.text(plain.get("1.3.6.1.2.1.1.2.0")).strip()
    own = {oid: text for oid, value in plain.items() if (text := _own_text(oid, value)) is not None}
    vendor = inventory.enterprises().get(object_id.removeprefix(_ENTERPRISES).split(".")[0])
    known = {
        "model": _entity(plain, "model") or _as_told(guesses.model(description, vendor), own),
        "version": guesses.version(description) or _entity(plain, "version"),
        "serial": _entity(plain, "serial") or guesses.serial(description),
    }
    lines = [f"# sysDescr: {_one_line(description)}", f"# sysObjectID: {object_id or '-'}"]
    lines += [f'vendor = "{_quoted(vendor or "CHANGE ME")}"', 'family = "CHANGE ME"', ""]
    lines += _match(description, object_id)
    for field, value in known.items():
        lines += ["", *_field(field, value, plain, own, description)]
    return "\n".join([*lines, "", *_candidates(plain, own)]) + "\n"


def _as_told(guess: str | None, own: Mapping[str, str]) -> str | None:
    """Return the guessed model, or the word of it that the device tells elsewhere too."""
    words = guess.split() if guess else []
    return next((text for text in own.values() if text in words), guess)


def _own_text(oid: str, value: Value) -> str | None:
    """Return a printable text of the maker's own tree."""
    if not oid.startswith(_ENTERPRISES) or not isinstance(value, bytes):
        return None
    text = values.text(value).strip()
    return text if text and text.isprintable() and len(text) <= 200 else None


def _match(description: str, object_id: str) -> list[str]:
    parts = object_id.split(".")
    if len(parts) < 8 or not object_id.startswith(_ENTERPRISES):
        word = re.match(r"\S+", description)
        return ["[[match]]", f"description = '^{_literal(word.group(0)) if word else '.'}'"]
    # The last number is most often the model; the tree above it is the family.
    prefix = (
        object_id if len(parts) == 8 or object_id.startswith("1.3.6.1.4.1.8072.") else ".".join(parts[:-1])
    )
    lines = ["[[match]]", f'object_id = "{prefix}"']
    word = re.search(r"[A-Za-z][A-Za-z-]{2,}", description)
    if object_id.startswith("1.3.6.1.4.1.8072.") and word:
        lines.append(
            f"description = '{_literal(word.group(0))}'   # many makers leave this object identifier"
        )
    return lines


def _field(
    field: str, value: str | None, plain: Mapping[str, Value], own: Mapping[str, str], description: str
) -> list[str]:
    """Return the sources of a field, the surest first, then look-alikes as comments."""
    lines = []
    if value and _entity(plain, field) == value:
        lines += [f"[[{field}]]", f'entity = "{field}"   # {_one_line(value)}']
    places = [oid for oid, text in own.items() if value and value.lower() in text.lower()]
    for oid in sorted(places, key=lambda one: (own[one] != value, not one.endswith(".0"), len(one)))[:2]:
        lines += [f"[[{field}]]", f"{_place(oid)}   # {_one_line(own[oid])}"]
    if value and value in description:
        lines += [f"[[{field}]]", f"description = '{_pattern(value, description)}'   # {_one_line(value)}"]
    pattern = {"serial": _SERIAL, "version": _VERSION}.get(field)
    others = [oid for oid, text in own.items() if pattern and pattern.match(text) and oid not in places]
    others.sort(key=lambda oid: (not oid.endswith(".0"), len(oid)))
    if not lines and others and field == "serial":
        lines += [f"[[{field}]]", f"{_place(others[0])}   # looks like one: {_one_line(own[others[0]])}"]
        others = others[1:]
    lines += [f"# {field}? {_place(oid)} is {_one_line(own[oid])}" for oid in others[:4]]
    return lines or [f"# {field}: nothing in this recording looks like one"]


def _place(oid: str) -> str:
    """Return the key for an OID: a scalar, or the column above a row's last number."""
    return f'oid = "{oid}"' if oid.endswith(".0") else f'column = "{oid.rsplit(".", 1)[0]}"'


def _pattern(value: str, description: str) -> str:
    """Return an expression that finds the value again behind the word that is before it."""
    before = re.search(r"(\w+[\s:,]*)$", description[: description.index(value)])
    lead = re.sub(r"(\\?\s)+", r"\\s+", re.escape(before.group(1))) if before else "^"
    body = _literal(value) if re.search(r"[\s,;()]", value) else r"[^\s,;()]+"
    return f"{lead}({body})"


def _literal(text: str) -> str:
    """Return an expression for a text that may stand in TOML's single quotes."""
    return re.escape(text).replace("'", ".")


def _entity(plain: Mapping[str, Value], field: str) -> str | None:
    for oid, value in plain.items():
        if oid.startswith(_ENTITY + "5.") and value == _CHASSIS:
            index = oid.removeprefix(_ENTITY + "5.")
            text = values.text(plain.get(f"{_ENTITY}{_ENTITY_COLUMNS[field]}.{index}"))
            if found := conversions.meaningful(text):
                return found
    return None


def _candidates(plain: Mapping[str, Value], own: Mapping[str, str]) -> list[str]:
    """Return comments: columns that look like light, temperature or load."""
    columns: dict[str, list[int]] = {}
    for oid, value in plain.items():
        if oid.startswith(_ENTERPRISES) and isinstance(value, int):
            columns.setdefault(oid.rsplit(".", 1)[0], []).append(value)
    lines = ["# What else looks useful; take what the maker's MIB confirms.", *_numbers(columns.items())]
    for name, pattern in (("optics, a text", _DBM), ("temperature, a text", _DEGREES)):
        hits = [oid for oid, text in own.items() if pattern.match(text)]
        lines += [f"# {name}: {_place(oid)} is {_one_line(own[oid])}" for oid in hits[:4]]
    return lines


def _numbers(columns: Iterable[tuple[str, list[int]]]) -> list[str]:
    lines = []
    for column, figures in columns:
        lit = [figure for figure in figures if figure]
        if len(lit) >= _LEAST_ROWS and all(-4500 <= figure <= -100 for figure in lit):
            lines.append(f'# optics in hundredths of dBm? column = "{column}" is {lit[:4]}')
        elif len(lit) >= _LEAST_ROWS and all(-45_000 <= figure <= -4501 for figure in lit):
            lines.append(f'# optics in thousandths of dBm? column = "{column}" is {lit[:4]}')
        elif len(figures) == 1 and 20 <= figures[0] <= 75 and len(lines) < _MOST_COMMENTS // 2:
            lines.append(f'# cpu, memory or temperature? at or under "{column}": {figures[0]}')
    return lines[:_MOST_COMMENTS]


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:120]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
