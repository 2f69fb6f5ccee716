"""What a sentence is in the language of the person: of our own templates, of the domain, and as it was kept.

The domain speaks English: constant words, or a core.words.Text with its values. What it kept in the database
(why somebody was cut, what a gate answered) is the English sentence alone, so its template is found again by
matching. docs/texts.md says how a text is marked and how a language is added.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from babel import Locale
from flask import current_app, has_request_context, request
from flask_babel import format_date, format_decimal, get_locale, get_translations, gettext

from core import errors, money, sentences
from core.money import Money
from core.sentences import Voice
from core.words import Text
from webapp import kept_words, runtime

SOURCE = "en"
FOLDER = Path(__file__).parent / "translations"

_PLACE = re.compile(r"%\((\w+)\)[sd]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SUM = re.compile(r"(?=.*\d)[^\w\s]?[A-Z$]{0,4}[^\w\s]?\s?-?[\d,]+(\.\d+)?")
_LEAST_WORDS = 8  # letters a template must have of its own to be looked for in a kept sentence


class Template(NamedTuple):
    """A template of the catalogue, ready to be found in a sentence."""

    words: str
    longest: str
    pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def languages() -> dict[str, str]:
    """Return the languages there are texts in, by code, each under its own name."""
    codes = [SOURCE, *sorted(path.parent.parent.name for path in FOLDER.glob("*/LC_MESSAGES/messages.po"))]
    return {code: own_name(code) for code in codes}


def own_name(code: str) -> str:
    """Return what a locale is called in its own language."""
    name = Locale.parse(code).get_display_name(code) or code
    return name[0].upper() + name[1:]


def language() -> str:
    """Return the language tag (BCP 47) of the page's words, for its `lang`."""
    locale = get_locale()
    if locale is None or locale.language not in languages():
        return SOURCE
    return str(locale).replace("_", "-")


def of_browser(usual: str) -> str:
    """Return the language a browser asks for, of those there are; else, and in its own one, the ISP's."""
    if not has_request_context():
        return usual
    own = usual.partition("_")[0]
    for tag in request.accept_languages.values():  # the best first; a region is nothing to us (RFC 4647, 3.4)
        wanted = tag.partition("-")[0].lower()
        if wanted == own:
            return usual
        if wanted in languages():
            return wanted
    return usual


def tell(words: Any) -> str:
    """Return a sentence of the domain, made now or kept, in the person's language."""
    if isinstance(words, Text):
        return _of_template(words)
    if isinstance(words, Mapping):
        return sentences.tell(words, voice())
    text = "" if words is None else str(words)
    if not text or language().startswith(SOURCE):
        return text
    said = gettext(text)
    return said if said != text else _kept(text)


def tell_all(found: Any) -> Any:
    """Return lists and dictionaries with every sentence in them told (core/sentences.py)."""
    return sentences.tell_all(found, voice())


def voice() -> Voice:
    """Return how the person's language is spoken; it may be used after the request."""
    found = get_translations()
    return Voice(found.ugettext, found.ungettext, language().replace("-", "_"), tell)


def _of_template(words: Text) -> str:
    said = gettext(words.template)
    return said % {name: _value(value) for name, value in words.values.items()} if words.values else said


def _value(value: Any) -> Any:
    """Write a value by the person's locale; what somebody typed stays as it is."""
    if isinstance(value, Text):
        return _of_template(value)
    if isinstance(value, Money):
        return money.format_money(value, str(get_locale()))
    if isinstance(value, date):
        return format_date(value, "medium")
    if isinstance(value, float):
        return format_decimal(value)
    return value


def icmp_words() -> dict[str, str]:
    """Return what the errors of ICMP are called, for the script that writes the replies of a ping."""
    return {words: gettext(words) for words in kept_words.ICMP}


# --- sentences that were kept


def _kept(sentence: str) -> str:
    found = _match(get_translations(), sentence)
    if found is not None:
        template, values = found
        return gettext(template) % {name: _kept_value(text) for name, text in values}
    for mark in ("; ", ": "):  # sentences that were put together; a place before what is wrong there
        first, found_mark, rest = sentence.partition(mark)
        if found_mark:
            return f"{_kept_value(first)}{mark}{_kept_value(rest)}"
    return sentence


def _kept_value(text: str) -> str:
    """Write a value of a kept sentence anew: a day, a sum, a sentence inside the sentence."""
    if _DAY.fullmatch(text):
        return str(format_date(date.fromisoformat(text), "medium"))
    if _SUM.fullmatch(text):
        return _sum(text)
    return tell(text) if " " in text else text


def _sum(text: str) -> str:
    """Return an amount in the house's currency by the person's locale; any other text as it is."""
    if "linecard" not in current_app.extensions:
        return text
    currency = runtime.current().settings.isp.currency
    try:
        amount = money.parse(re.sub(r"[^\d.-]", "", text), currency)
    except errors.Invalid:
        return text
    is_same = money.format_money(amount) == text
    return money.format_money(amount, str(get_locale())) if is_same else text


@lru_cache(maxsize=4096)
def _match(catalogue: Any, sentence: str) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Find the template a sentence was made of: the first that fits, those with words of
    their own at the begin and with the most of them are tried first."""
    for template in _templates(catalogue):
        if template.longest in sentence:
            found = template.pattern.fullmatch(sentence)
            if found:
                return template.words, tuple(found.groupdict().items())
    return None


@lru_cache(maxsize=8)
def _templates(catalogue: Any) -> tuple[Template, ...]:
    known = getattr(catalogue, "_catalog", {})
    texts = {key for key in known if isinstance(key, str) and _PLACE.search(key)}
    worth = [text for text in texts if len(re.findall(r"[^\W\d_]", _PLACE.sub("", text))) >= _LEAST_WORDS]
    worth.sort(key=lambda text: (text.startswith("%("), -len(_PLACE.sub("", text)), text))
    return tuple(map(_template, worth))


def _template(text: str) -> Template:
    parts, seen, pattern = _PLACE.split(text), set(), ""
    any_value = ".+?" if ";" in text else "[^;]+?"  # what ";" joins is told part by part
    for place, part in enumerate(parts):
        if place % 2 == 0:
            pattern += re.escape(part.replace("%%", "%"))
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>{any_value})"
    longest = max((part.replace("%%", "%") for part in parts[::2]), key=len)
    return Template(text, longest, re.compile(pattern, re.DOTALL))
