"""Sentences that can be told in any language: a template of gettext with named values, English by itself.

    N_("Port %(port)s has no link", port="sw-7 port 12")
    NN_("%(count)s neighbour", "%(count)s neighbours", 3)

`str()` gives the English sentence, `stored()` the JSON from which another program tells it in its language.
N_ and NN_ are the keywords by which the templates are found for a catalogue (`-k N_ -k NN_:1,2`): so a
template is one literal, and a percent sign in it is doubled. A value that is Private names a person, an
address or a device of his: who shows the sentence to strangers leaves it out.
"""

import dataclasses
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Union

Value = Union[str, int, "Number", "Moment", "Text", "Joined"]


class Private(str):
    """Words that are nobody else's business: an address, a MAC, a name, what a person wrote."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """A number to be written with at most so many decimals."""

    value: float
    digits: int = 0

    def __str__(self) -> str:
        text = f"{self.value:.{self.digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """A time of day, a day, or both; aware of its zone, which is the one it is told in."""

    at: datetime | date
    has_day: bool = True

    def __str__(self) -> str:
        if not isinstance(self.at, datetime):
            return self.at.isoformat()
        return self.at.strftime("%Y-%m-%d %H:%M" if self.has_day else "%H:%M")


@dataclasses.dataclass(frozen=True, slots=True)
class Joined:
    """Several values, one after the other."""

    parts: tuple[Value, ...]
    by: str = ", "

    def __str__(self) -> str:
        return self.by.join(str(one) for one in self.parts)


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A sentence: its template, the template for several (`count` chooses), and the values by name."""

    template: str
    values: tuple[tuple[str, Value], ...] = ()
    many: str = ""
    count: int = 0

    def __str__(self) -> str:
        template = self.many if self.many and self.count != 1 else self.template
        return template % {name: str(value) for name, value in self.values}

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        found: dict[str, Any] = {"template": self.template}
        if self.many:
            found |= {"many": self.many, "count": self.count}
        if self.values:
            found["values"] = {name: _stored(value) for name, value in self.values}
        return found


def N_(template: str, **values: Value) -> Text:  # noqa: N802 - the name that gettext's tools look for
    """Return the sentence of a template and its values."""
    return Text(template, tuple(values.items()))


def NN_(one: str, many: str, count: int, **values: Value) -> Text:  # noqa: N802
    """Return a sentence that depends on a count, which is the value `count` too."""
    return Text(one, (("count", count), *values.items()), many, count)


def joined(parts: Iterable[Value], by: str = ", ") -> Joined:
    """Return the values one after the other."""
    return Joined(tuple(parts), by)


def _stored(value: Value) -> Any:
    """Return a value as JSON: bare words stay words."""
    if isinstance(value, Text):
        return value.stored()
    if isinstance(value, Joined):
        return {"list": [_stored(one) for one in value.parts], "by": value.by}
    if isinstance(value, Number):
        return {"number": value.value, "digits": value.digits}
    if isinstance(value, Moment):
        is_time = isinstance(value.at, datetime)
        return {
            "at": value.at.isoformat(),
            "shape": "day" if not is_time else "both" if value.has_day else "time",
        }
    return {"private": str(value)} if isinstance(value, Private) else value
