"""Names in the order people look for them: Ukrainian and Polish alphabets, numbers by their value."""

import re
import unicodedata

# Each alphabet in its own order; PostgreSQL then compares code points (collation "C").
_UKRAINIAN = "абвгґдеєёжзиіїйклмнопрстуфхцчшщъыьэюя"
_POLISH_LATE = {
    "ą": "a~",
    "ć": "c~",
    "ę": "e~",
    "ł": "l~",
    "ń": "n~",
    "ó": "o~",
    "ś": "s~",
    "ź": "z~",
    "ż": "z~~",
}
_PLACE = {letter: chr(ord("а") + place) for place, letter in enumerate(_UKRAINIAN)} | _POLISH_LATE
_DIGITS = re.compile(r"\d+")
_SILENT = frozenset("'’ʼ`´")
_NUMBER_WIDTH = 6


def sort_key(*parts: str) -> str:
    """Return a text whose code-point order is the order of the names, whatever the database's locale.

    A letter with its own place in the alphabet (ґ, є, і, ї; ą, ł, ż) keeps it, any other accent is left
    out, an apostrophe counts for nothing, and 9 comes before 10.
    """
    letters = unicodedata.normalize("NFC", " ".join(parts)).casefold()
    spelled = "".join(_place(letter) for letter in letters)
    padded = _DIGITS.sub(lambda digits: digits.group().zfill(_NUMBER_WIDTH), spelled)
    return " ".join(padded.split())


def _place(letter: str) -> str:
    if letter in _PLACE:
        return _PLACE[letter]
    if letter in _SILENT:
        return ""
    plain = unicodedata.normalize("NFKD", letter)
    return "".join(part if part.isalnum() else " " for part in plain if not unicodedata.combining(part))
