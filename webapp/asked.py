"""What a list is asked for, as it stands in the URL; what is none of a filter's values narrows nothing."""

from collections.abc import Container, Iterable
from datetime import date
from enum import StrEnum
from typing import TypeVar

from flask import request

MOST_TEXT = 80

Word = TypeVar("Word", bound=StrEnum)


def text(name: str = "q") -> str:
    """Return what is looked for: without spaces around, and no longer than anything we keep is called."""
    return request.args.get(name, "").strip().replace("\0", "")[:MOST_TEXT]


def word(name: str, known: Container[str]) -> str:
    """Return one of the words there are to choose from, else nothing."""
    found = request.args.get(name, "")
    return found if found in known else ""


def choice(name: str, known: Iterable[Word]) -> Word | None:
    """Return the one called so of those there are to choose from: an enumeration, or some of it."""
    found = request.args.get(name, "")
    return next((one for one in known if one.value == found), None)


def day(name: str) -> date | None:
    """Return a day; none for anything that is no day."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def number(name: str, *, digits: int = 18) -> int | None:
    """Return a number of so many digits at most, such as an id; none for anything else."""
    found = request.args.get(name, "")
    return int(found) if found.isascii() and found.isdecimal() and len(found) <= digits else None
