"""Sentences as rows keep them: told in somebody's language, or with what is private left out.

`netdiag/text.py` writes them: {"template": "Port %(port)s has no link", "values": {"port": "sw-7 port 12"}}.
A bare string, as older rows hold, is told as it is.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from babel import dates, numbers

from core.words import Text

Stored = str | Mapping[str, Any] | None

LEFT_OUT = "…"
_KEYS = frozenset({"template", "many", "count", "values"})


def _several(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


@dataclasses.dataclass(frozen=True, slots=True)
class Voice:
    """How a language is spoken: its catalogue, what it knows of bare strings, and the formats of its locale.

    English by itself.
    """

    gettext: Callable[[str], str] = str
    ngettext: Callable[[str, str, int], str] = _several
    locale: str = ""
    kept: Callable[[str], str] = str


ENGLISH = Voice()


def keep(words: str) -> dict[str, Any]:
    """Return a sentence (see core/words.py) as a row keeps it, so that it is told in anybody's language."""
    if isinstance(words, Text) and words.values:
        return {
            "template": words.template,
            "values": {name: _kept(one) for name, one in words.values.items()},
        }
    return {"template": str(words), "values": {}}


def _kept(value: Any) -> Any:
    return keep(value) if isinstance(value, Text) else str(value)


def tell(found: Stored, voice: Voice = ENGLISH) -> str:
    """Return the sentence in words."""
    if found is None or isinstance(found, str):
        return voice.kept(found) if found else ""
    template = found["template"]
    values = {name: _value(one, voice) for name, one in found.get("values", {}).items()}
    many, count = found.get("many", ""), found.get("count", 0)
    # A value alone is nobody's to translate.
    if not template or template == "%(value)s":
        return values.get("value", "")
    told = voice.ngettext(template, many, count) if many else voice.gettext(template)
    try:
        return told % values
    except (KeyError, TypeError, ValueError):  # a translation that names a value there is not
        return _several(template, many, count) % values if many else template % values


def tell_all(found: Any, voice: Voice = ENGLISH) -> Any:
    """Return the same lists and dictionaries with every sentence in them told."""
    if isinstance(found, Mapping):
        if _is_sentence(found):
            return tell(found, voice)
        return {name: tell_all(one, voice) for name, one in found.items()}
    return [tell_all(one, voice) for one in found] if isinstance(found, list) else found


def public(found: Stored) -> Stored:
    """Return the sentence without its private values; a bare string may name anything and is left out."""
    return _without(found) if isinstance(found, Mapping) else ""


def _is_sentence(found: Mapping[str, Any]) -> bool:
    return "template" in found and found.keys() <= _KEYS


def _without(found: Any) -> Any:
    if isinstance(found, Mapping):
        return LEFT_OUT if "private" in found else {name: _without(one) for name, one in found.items()}
    return [_without(one) for one in found] if isinstance(found, list) else found


def _value(found: Any, voice: Voice) -> str:
    """Return a value in words: text, number, moment, list, or a word that is private."""
    if not isinstance(found, Mapping):
        return str(found)
    if "template" in found:
        return tell(found, voice)
    if "list" in found:
        return str(found["by"]).join(_value(one, voice) for one in found["list"])
    if "number" in found:
        return _number(found, voice)
    return _moment(found, voice) if "at" in found else voice.kept(str(found.get("private", "")))


def _number(found: Mapping[str, Any], voice: Voice) -> str:
    if not voice.locale:
        text = f"{found['number']:.{found['digits']}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    shape = f"0.{'#' * found['digits']}".rstrip(".")
    return numbers.format_decimal(found["number"], shape, locale=voice.locale)


def _moment(found: Mapping[str, Any], voice: Voice) -> str:
    at, shape = found["at"], found["shape"]
    if shape == "day":
        day = date.fromisoformat(at)
        return dates.format_date(day, "medium", locale=voice.locale) if voice.locale else day.isoformat()
    moment = datetime.fromisoformat(at)
    if not voice.locale:
        return moment.strftime("%Y-%m-%d %H:%M" if shape == "both" else "%H:%M")
    if shape == "time":
        return dates.format_time(moment, "short", tzinfo=moment.tzinfo, locale=voice.locale)
    return dates.format_datetime(moment, "medium", tzinfo=moment.tzinfo, locale=voice.locale)
