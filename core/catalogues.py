"""How languages are spoken outside a request: documents and letters in the language of who gets them.

The catalogues are files beside the pages (webapp/translations, docs/texts.md); nothing of the web is loaded.
"""

from datetime import date
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError, dates
from babel.support import NullTranslations, Translations

from core.sentences import Voice

FOLDER = Path(__file__).resolve().parent.parent / "webapp" / "translations"


@lru_cache(maxsize=64)
def voice_of(locale: str) -> Voice:
    """Return the voice of a locale such as uk or de_DE: English words where there is no catalogue."""
    try:
        known = str(Locale.parse(locale.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        known = "en"
    found: NullTranslations = Translations.load(str(FOLDER), [known, known.partition("_")[0]])
    return Voice(found.ugettext, found.ungettext, known, found.ugettext)


def day(value: date, voice: Voice) -> str:
    """Return the day as the voice writes it."""
    return str(dates.format_date(value, "medium", locale=voice.locale or "en"))
