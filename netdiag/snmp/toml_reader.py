"""Read a TOML table strictly: each key is asked for by its kind, and a key nobody asked for is an error."""

import re
from collections.abc import Mapping
from typing import Any

from netdiag import errors
from netdiag.snmp import message

# An OID that begins with the device's own sysObjectID, or with its first so many numbers.
RELATIVE = re.compile(r"\{object_id(?::(\d{1,2}))?\}(?=\.|$)")


class BadProfile(ValueError):
    """A profile file is not as the format says; the text names the file, the key and the fault."""


class Table:
    """One table of a file, known by its place (`cisco_ios.toml: sensor[2]`); `end()` refuses leftovers."""

    def __init__(
        self, place: str, found: Mapping[str, Any], shared: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self._place = place
        self._left = dict(found)
        self.shared = dict(shared or {})

    def fault(self, key: str, words: str) -> BadProfile:
        """Return an error that names file, table and key."""
        return BadProfile(f"{self._place}.{key}: {words}")

    def has(self, key: str) -> bool:
        """Tell whether a key is still there."""
        return key in self._left

    def _take(self, key: str, kinds: type | tuple[type, ...], words: str) -> Any:
        if key not in self._left:
            return None
        value = self._left.pop(key)
        # No key of the format is a boolean, and Python counts booleans as integers.
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise self.fault(key, f"must be {words}, not {value!r}")
        return value

    def text(self, key: str) -> str | None:
        """Take a text that is not empty."""
        value: str | None = self._take(key, str, "a text")
        if value is not None and not value.strip():
            raise self.fault(key, "is empty")
        return value

    def between(self, key: str) -> str | None:
        """Take a text that may be nothing but spaces."""
        value: str | None = self._take(key, str, "a text")
        return value

    def word(self, key: str, allowed: frozenset[str]) -> str | None:
        """Take one of the allowed words."""
        value = self.text(key)
        if value is not None and value not in allowed:
            raise self.fault(key, f"{value!r} is none of {', '.join(sorted(allowed))}")
        return value

    def number(self, key: str) -> float | None:
        """Take a number."""
        value: float | None = self._take(key, (int, float), "a number")
        return value

    def integer(self, key: str) -> int | None:
        """Take an integer."""
        value: int | None = self._take(key, int, "an integer")
        return value

    def oid(self, key: str) -> str | None:
        """Take a numeric OID."""
        value = self.text(key)
        return None if value is None else self._oid(key, value)

    def oids(self, key: str) -> tuple[str, ...]:
        """Take one numeric OID or a list of them."""
        return tuple(self._oid(key, value) for value in self._texts(key))

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """Take a regular expression."""
        value = self.text(key)
        return None if value is None else self._pattern(key, value)

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...]:
        """Take one regular expression or a list of them."""
        return tuple(self._pattern(key, value) for value in self._texts(key))

    def replacements(self, key: str) -> tuple[tuple[re.Pattern[str], str], ...]:
        """Take a list of pairs: a regular expression, and the text that takes its place."""
        made = []
        for pair in self._take(key, list, "a list of pairs") or []:
            if not isinstance(pair, list) or [type(one) for one in pair] != [str, str]:
                raise self.fault(key, "must hold pairs of a regular expression and a text")
            pattern = self._pattern(key, pair[0])
            try:
                pattern.sub(pair[1], "")
            except re.error as fault:
                raise self.fault(key, f"{pair[1]!r} cannot take its place: {fault}") from None
            made.append((pattern, pair[1]))
        return tuple(made)

    def plain_list(self, key: str) -> tuple[Any, ...]:
        """Take a list of texts and numbers."""
        value = self._take(key, list, "a list") or []
        if not all(isinstance(one, str | int | float) for one in value):
            raise self.fault(key, "must hold texts and numbers")
        return tuple(value)

    def mapping(self, key: str) -> dict[str, Any] | None:
        """Take a table of plain values, or the one under this name in `shared`."""
        value: str | dict[str, Any] | None = self._take(
            key, (dict, str), "a table, or the name of one of [tables]"
        )
        if isinstance(value, str):
            if value not in self.shared:
                raise self.fault(key, f"there is no [tables.{value}]")
            return dict(self.shared[value])
        if value is not None and not all(isinstance(one, str | int | float) for one in value.values()):
            raise self.fault(key, "must hold texts and numbers")
        return value

    def table(self, key: str) -> "Table | None":
        """Take a table."""
        value = self._take(key, dict, "a table")
        return None if value is None else Table(f"{self._place}.{key}", value, self.shared)

    def tables(self, key: str) -> list["Table"]:
        """Take a list of tables."""
        value = self._take(key, list, "a list of tables") or []
        if not all(isinstance(one, dict) for one in value):
            raise self.fault(key, "must be a list of tables")
        return [
            Table(f"{self._place}.{key}[{position}]", one, self.shared) for position, one in enumerate(value)
        ]

    def names(self) -> list[str]:
        """Return the keys that are left."""
        return list(self._left)

    def end(self) -> None:
        """Raise BadProfile if a key was not taken."""
        if self._left:
            raise self.fault(next(iter(self._left)), "is no key of the format here")

    def _texts(self, key: str) -> list[str]:
        value = self._take(key, (str, list), "a text or a list of texts")
        if value is None:
            return []
        found = [value] if isinstance(value, str) else value
        if not found or not all(isinstance(one, str) and one for one in found):
            raise self.fault(key, "must be a text or a list of texts")
        return list(found)

    def _oid(self, key: str, value: str) -> str:
        hit = RELATIVE.match(value)
        try:
            if hit:
                message.check_oid("1.3" + value[hit.end() :])
                return value
            return message.check_oid(value)
        except errors.BadAddress:
            raise self.fault(key, f"{value!r} is not a numeric OID") from None

    def _pattern(self, key: str, value: str) -> re.Pattern[str]:
        try:
            return re.compile(value, re.MULTILINE)
        except re.error as fault:
            raise self.fault(key, f"{value!r} is no regular expression: {fault}") from None
